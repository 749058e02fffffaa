// store/decide.h - what happens to a token that is proposed under an XID that is taken. One rule, for every driver.
#pragma once

#include "store/store.h"

namespace jwtd::store {

// `standing` is the XID's current record, not past retention; `closed`: events.h is_closed() of its transaction. Never returns kInserted.
// A token is used again while at least half its life (exp - iat) is left at proposed.recorded_at, under the same issuer and key.
// One with more than one and a half lives left was made under a clock that ran ahead: nobody would accept it yet, so it is reissued.
Outcome decide(const Record& standing, const Record& proposed, bool closed);

// Whether a transaction is older than the retention at `now`. Zero keeps for ever.
bool past_retention(UnixMillis created_at, std::chrono::seconds retention, UnixMillis now);

}  // namespace jwtd::store
