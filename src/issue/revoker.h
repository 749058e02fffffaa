// issue/revoker.h - ends tokens before their time: one transaction, all of a phone, all of a key; and uses a transaction up.
//
// A revoked transaction has an event "revoked", a used one an event "consumed": keys that a transaction has once, so of many who ask at the same
// time, on one node or several, one is told that it was the one. A revoked key is a note that verification looks for.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"
#include "base/task.h"
#include "base/time.h"
#include "store/group_commit.h"
#include "store/read_pool.h"
#include "store/store.h"

namespace jwtd::issue {

inline constexpr Code kKidMalformed{"kid_malformed", Fault::kInvalidArgument, "A key id is 11 characters out of A-Z a-z 0-9 - _."};

// HmacKey::kid()
bool is_kid(std::string_view text);

struct Revoked {
  std::uint64_t transactions = 0;  // by this call
  std::uint64_t already = 0;       // were before
  std::uint64_t unknown = 0;       // 1: nothing is on record under the XID
};

// {"caller":"...","by":"..."}; a caller's name needs no escape.
store::Change revocation(const Xid& xid, std::string_view caller, std::string_view by, UnixMillis now);
// `nonce` tells the winner that it was the one, even if the driver had to say it twice.
store::Change consumption(const Xid& xid, std::string_view caller, std::string_view nonce, UnixMillis now);
// The note behind a revoked key: {"at":"...","caller":"..."}.
store::Change key_revocation(std::string_view kid, std::string_view caller, UnixMillis now);

class Revoker {
 public:
  // All outlive it.
  Revoker(store::Store& store, store::ReadPool& reads, store::Lane& lane) : store_(store), reads_(reads), lane_(lane) {}

  // All three fail with what the store, the read pool and the lane fail with; some may be revoked then, and to ask again is safe. What is minted
  // for the phone or with the key afterwards is another matter: the first is not concerned, the second is.
  Task<Result<Revoked>> transaction(Xid xid, std::string_view caller, std::string_view by, UnixMillis now);
  Task<Result<Revoked>> phone(Phone phone, std::string_view caller, UnixMillis now);
  Task<Status> key(std::string_view kid, std::string_view caller, UnixMillis now);

  // kWritten: this call is the one winner; kPresent, kClosed, kAbsent: as store.h has them. Fails besides with store::kStoreDamaged.
  Task<Result<store::Applied>> consume(Xid xid, std::string_view caller, UnixMillis now);

 private:
  store::Store& store_;
  store::ReadPool& reads_;
  store::Lane& lane_;
};

}  // namespace jwtd::issue
