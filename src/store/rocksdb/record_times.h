// store/rocksdb/record_times.h - the ends of the tables.
#pragma once

#include "store/record_times.h"
#include "store/rocksdb/database.h"

namespace jwtd::store {

// Exact for XIDs of our own making, whose keys are in time's order; of others the first few thousand of each epoch.
Result<std::optional<RecordTimes>> record_times_of(Database& database);

}  // namespace jwtd::store
