// store/postgres/postgres_store.h - transactions in a PostgreSQL (13 or later) that several nodes may share. docs/adr/0006-postgresql.md has the why.
//
// One commit() is one transaction and one round trip, two when it meets XIDs that stand and have to be reissued. It ends within options.timeout.
// While the server is away every function fails with kStoreUnavailable, at once once that is known; service resumes by itself.
//
// Cost: about 12 us of the server's CPU a record at 30 a batch, 9 at 100; 0.6 KiB on its disk and as much in its log.
// Thread-safety: as store.h.
#pragma once

#include <memory>

#include "base/result.h"
#include "store/store.h"

namespace jwtd::store {

// Connects, and brings the tables up when options.migrate says so. Fails with kStoreUnavailable: the server is away, another time it may do;
// kStoreOpenFailed: it will not do as it is. The detail never holds a password.
Result<std::unique_ptr<Store>> open_postgres_store(const StoreOptions& options);

// What commits_at_once() of such a store is.
std::size_t postgres_commits_at_once(const StoreOptions& options);

}  // namespace jwtd::store
