// store/rocksdb/scan.h - all of a database in the order of the XIDs' keys, a slice at a time, around what is damaged.
//
// Sound tables are read from one end to the other, all epochs merged, and every checksum on the way is verified. Where a block cannot be read,
// the index by phone number tells which XIDs there are, and each is tried on its own: so the damaged ones have names, and their neighbours
// come. That costs one pass over the index for each slice that touches damage. The last slice verifies every file once more as a whole: the
// index by phone number, filters and what else no transaction is read from.
#pragma once

#include <chrono>
#include <string_view>

#include "base/result.h"
#include "store/rocksdb/database.h"
#include "store/store.h"

namespace jwtd::store {

// As Store::scan(). `after`: the last XID's key that was handled; empty: from the beginning.
Result<Slice> scan_database(Database& database, std::size_t limit, std::string_view after, std::chrono::seconds retention, UnixMillis now);

}  // namespace jwtd::store
