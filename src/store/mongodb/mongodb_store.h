// store/mongodb/mongodb_store.h - transactions in a MongoDB that the user runs, shared by any number of nodes. docs/adr/0007 has the design.
//
// The collection is the tutorial's, jwt_db.tokens: what reads xid, phone_number and token there goes on working, and the rows that the tutorial's
// service wrote can be looked up and stand: none of their XIDs ever gets a second phone.
// Durability: every write is confirmed by a majority that has it in its journal. While the server is away everything fails at once with
// kStoreUnavailable, and goes on by itself when it is back.
// Retention: exact for readers; documents are removed by the server's TTL index, or by sweep() where it has none.
#pragma once

#include <memory>

#include "base/result.h"
#include "store/store.h"

namespace jwtd::store {

// options.url is mongodb://[user[:password]@]host[,host]/[database][?options] or mongodb+srv://; the database is jwt_db where none is named.
// Connects, checks the collections and makes or checks their indexes. Fails with kStoreUnavailable: the server is away, another time it may do;
// kStoreOpenFailed: it will not do as it is. The detail says what is in the way, and holds no password.
Result<std::unique_ptr<Store>> open_mongodb_store(const StoreOptions& options);

// What commits_at_once() of such a store is, unless the server bears one writer only.
std::size_t mongodb_commits_at_once(const StoreOptions& options);

}  // namespace jwtd::store
