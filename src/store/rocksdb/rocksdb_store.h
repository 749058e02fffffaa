// store/rocksdb/rocksdb_store.h - transactions in an embedded RocksDB, in one folder of this machine. docs/adr/0003 has the design.
//
// Durability: one write-ahead log entry and one fdatasync a batch. Opening needs no human after a crash or a power cut: a torn end of the
// log is dropped (nobody was answered for it); damage before the end is an error.
// After a failed sync the store takes nothing more until the process is started again: what such a sync lost cannot be known. A full disk is
// no failed sync: the store goes on once there is room, tried again by commit() and recover().
// Retention: exact for readers; on disk a record is gone after one and a quarter times the retention, and the next sweep().
#pragma once

#include <memory>

#include "base/result.h"
#include "store/store.h"

namespace jwtd::store {

// options.url is "rocksdb://" and an absolute path; the last folder is made (0700) where it is missing. Fails with kStoreLocked,
// kStoreOpenFailed, kStoreDamaged; the detail names the folder and the cause. A store in use by another jwtd is not touched.
Result<std::unique_ptr<Store>> open_rocksdb_store(const StoreOptions& options);

}  // namespace jwtd::store
