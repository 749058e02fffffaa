// store/rocksdb/database.h - the open database: its folder, its epochs, the names in it, its health.
//
// Ownership: members are destroyed in the reverse of their order here, handles before the database, the folder's lock last.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/env.h>

#include <memory>
#include <mutex>
#include <string>

#include "base/result.h"
#include "store/rocksdb/epochs.h"
#include "store/rocksdb/folder.h"
#include "store/rocksdb/health.h"
#include "store/rocksdb/names.h"
#include "store/rocksdb/tables.h"
#include "store/store.h"

namespace jwtd::store {

// For every write: log_check.h relies on it.
inline rocksdb::WriteOptions durable() {
  rocksdb::WriteOptions options;
  options.sync = true;
  return options;
}

class Database {
 public:
  static Result<std::unique_ptr<Database>> open(const StoreOptions& options, const std::shared_ptr<rocksdb::FileSystem>& files,
                                                const Tuning& tuning);

  rocksdb::DB& db() { return *db_; }
  rocksdb::ColumnFamilyHandle* notes() { return notes_.get(); }
  Health& health() { return *health_; }
  Names& names() { return names_; }

  // Before a write: health's check(), and what it found out is seen to.
  Status check(bool insist);

  std::shared_ptr<const EpochList> epochs() const;
  // One more, in front. Blocks writes for some milliseconds.
  rocksdb::Status add_epoch();
  // Takes closed epochs out of the list and unlinks their files.
  rocksdb::Status drop(const EpochList& gone);
  rocksdb::Status flush_all();

  // Makes the pair's number durable before any record uses it.
  rocksdb::Status add_name(const std::string& iss, const std::string& kid);

  // Held by commit() and apply(), and by sweep() while it closes an epoch: after that nothing more is written to it.
  std::mutex& writing() { return writing_; }

 private:
  Database(Folder folder, const Tuning& tuning) : folder_(std::move(folder)), tuning_(tuning) {}
  Status open_files(const StoreOptions& options, const std::shared_ptr<rocksdb::FileSystem>& files);
  Status read_default_table();
  void keep_notes(rocksdb::ColumnFamilyHandle* handle);
  rocksdb::Status complete(Epoch& epoch);
  void replace(EpochList list);
  void merge_no_more(const std::string& table);

  Folder folder_;
  const Tuning tuning_;
  std::shared_ptr<rocksdb::Cache> cache_;
  std::unique_ptr<rocksdb::Env> env_;
  std::shared_ptr<Health> health_;
  std::unique_ptr<rocksdb::DB> db_;
  std::shared_ptr<rocksdb::ColumnFamilyHandle> notes_;
  Names names_;
  std::mutex writing_;
  mutable std::mutex epochs_mutex_;
  std::shared_ptr<const EpochList> epochs_;
};

}  // namespace jwtd::store
