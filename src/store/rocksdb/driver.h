// store/rocksdb/driver.h - the driver as its own tests and benchmarks see it: over a file system of their choice, with settings of their choice.
#pragma once

#include <rocksdb/file_system.h>

#include <memory>

#include "base/result.h"
#include "store/rocksdb/tables.h"
#include "store/store.h"

namespace jwtd::store {

Result<std::unique_ptr<Store>> open_rocksdb_store_on(const StoreOptions& options, const std::shared_ptr<rocksdb::FileSystem>& files,
                                                     const Tuning& tuning);

}  // namespace jwtd::store
