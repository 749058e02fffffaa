// store/mongodb/indexes.h - the indexes that look-ups and retention need: made at start, or only looked for.
//
// tokens: jwtd_xid {xid}, jwtd_phone {phone_number, created_at, _id}, jwtd_expiry {expires_at} as TTL;
// tokens_earlier and jwtd_notes: jwtd_expiry. An index over the same members under another name does as well. One of these names with other members or options
// is named and left alone, as is a collection that cannot keep XIDs apart (a collation) or is none (a view, capped).
#pragma once

#include "base/result.h"
#include "store/mongodb/connections.h"

namespace jwtd::store {

struct Indexes {
  bool server_expires = false;  // the server removes what has expired (TTL); otherwise sweep() does
};

// Fails with kStoreUnavailable, and with kStoreOpenFailed: what is missing or in the way, and the command that makes it.
Result<Indexes> prepare_indexes(const Lease& lease, bool create);

}  // namespace jwtd::store
