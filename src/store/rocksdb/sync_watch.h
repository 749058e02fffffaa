// store/rocksdb/sync_watch.h - notices every failed sync of the database, whoever of its threads asked for it.
//
// A sync that failed may have thrown away what it should have written, and the next one may succeed all the same. RocksDB would go on after
// some of these; jwtd must not, so this stands between RocksDB and the file system.
#pragma once

#include <rocksdb/file_system.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

namespace jwtd::store {

class SyncWatch {
 public:
  bool failed() const { return failed_.load(std::memory_order_acquire); }
  std::string cause() const;
  void note(const char* what, const rocksdb::IOStatus& status);  // remembers the first failure

 private:
  std::atomic<bool> failed_{false};
  mutable std::mutex mutex_;
  std::string cause_;
};

std::shared_ptr<rocksdb::FileSystem> watch_syncs(const std::shared_ptr<rocksdb::FileSystem>& below, const std::shared_ptr<SyncWatch>& watch);

}  // namespace jwtd::store
