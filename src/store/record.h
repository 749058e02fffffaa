// store/record.h - one token on record, and a transaction: all that is known under one XID.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/time.h"

namespace jwtd::store {

struct Record {
  Xid xid;
  Phone phone;
  std::string token;   // compact JWS, exactly as the caller got it
  std::string iss;
  std::string kid;     // names the signing key; not in the token
  UnixSeconds iat = 0;
  UnixSeconds exp = 0;
  UnixMillis recorded_at = 0;  // wall clock of the node that minted it

  friend bool operator==(const Record&, const Record&) = default;
};

struct Transaction {
  UnixMillis created_at = 0;     // recorded_at of its first token; decides its place in a phone's list and its retention
  std::uint64_t issued = 1;      // tokens minted under this XID, the current one included
  Record current;
  std::vector<Record> earlier;   // newest first, at most kMaxEarlierTokens; find_by_phone() leaves it empty
};

}  // namespace jwtd::store
