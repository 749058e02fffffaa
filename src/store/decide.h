// store/decide.h - what happens to a token that is proposed under an XID that is taken. One rule, for every driver.
#pragma once

#include <chrono>

#include "store/store.h"

namespace jwtd::store {

// What an XID's transaction is when a token is proposed under it.
struct Claimed {
  const Record& current;
  UnixMillis created_at;
  bool closed;  // events.h is_closed()
};

// A token is used again while at least half its life (exp - iat) is left at proposed.recorded_at, under the same issuer, key and algorithm.
// One with more than one and a half lives left was made under a clock that ran ahead: nobody would accept it yet, so it is reissued.
//
// No token outlives its record. A transaction goes at the end of its retention, whatever was issued under it last; so where a new token would be
// valid beyond that, the standing one is used to its end, and then the XID begins anew.
//
// kInserted: the XID is free, `proposed` begins a transaction. kClosed also where the standing token cannot be used (another key, or a clock ahead)
// and there is no room for a new one: for less than a lifetime.
Outcome decide(const Claimed& claimed, const Record& proposed, std::chrono::seconds retention);

// Whether a transaction is older than the retention at `now`. Zero keeps for ever.
bool past_retention(UnixMillis created_at, std::chrono::seconds retention, UnixMillis now);

}  // namespace jwtd::store
