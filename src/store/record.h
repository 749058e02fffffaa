// store/record.h - one token on record, what happened to it, and a transaction: all that is known under one XID.
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

// One thing that happened to a transaction after its first token. What the records tell by themselves (issued, reissued, expired) is not kept again.
struct Event {
  enum class Type : std::uint8_t {  // the numbers are stored: never change one
    kVerified = 1,  // by a caller, the first time
    kCallback = 2,  // the provider reported
    kPolled = 3,    // the provider was asked
    kRevoked = 4,
    kConsumed = 5,
  };
  Type type;
  UnixMillis at = 0;  // wall clock of the node that learnt of it
  std::string key;    // unique within the transaction: the same thing said twice is one event. 1 to kMaxEventKeyBytes of printable ASCII
  std::string body;   // a JSON object's text, or empty; at most kMaxEventBytes, valid UTF-8, no NUL

  friend bool operator==(const Event&, const Event&) = default;
};

struct Transaction {
  UnixMillis created_at = 0;     // recorded_at of its first token; decides its place in a phone's list and its retention
  std::uint64_t issued = 1;      // tokens minted under this XID, the current one included
  Record current;
  std::vector<Record> earlier;   // newest first, at most kMaxEarlierTokens; find_by_phone() leaves it empty
  std::vector<Event> events;     // in the order in which they were written; at most kMaxEvents
};

}  // namespace jwtd::store
