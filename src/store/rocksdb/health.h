// store/rocksdb/health.h - whether the database may be written to, and the way back from a full disk.
//
// Three states. Sound: commits are tried. Full: a write found no room; nothing was lost, since only appends failed and RocksDB writes all it
// has in memory to new files, and starts a new log, before it takes more. Broken: a sync failed, or a write for any other reason; for good.
//
// A merge that cannot read its files, or not write the new one, changes no state: what it was to replace stays as it is. RocksDB would take no more writes, and
// try again each second; here the writes go on, and failed_merges() says which table is to be merged no more.
// Thread-safety: all functions from any thread.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/listener.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/rocksdb/sync_watch.h"

namespace jwtd::store {

// A status as text without any key: those hold phone numbers.
std::string describe(const rocksdb::Status& status);
// Of a failed read: kStoreDamaged or kStoreUnavailable.
Error read_error(const rocksdb::Status& status);
inline std::string_view view(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

class Health final : public rocksdb::EventListener {
 public:
  Health(std::shared_ptr<SyncWatch> watch, std::function<void(std::string_view)> on_event)
      : watch_(std::move(watch)), on_event_(std::move(on_event)) {}

  // Ok, or kStoreUnavailable with the cause. When full, tries to go on: if room has appeared since the last try, or if `insist`.
  Status check(rocksdb::DB& db, bool insist);
  // The state alone: no file is touched.
  Status state();
  // What a failed write means.
  Error write_failed(rocksdb::DB& db, const rocksdb::Status& status);

  // The names of tables whose merges failed since it was last asked, each told once.
  std::vector<std::string> failed_merges();

  void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* status) override;
  void OnCompactionCompleted(rocksdb::DB* db, const rocksdb::CompactionJobInfo& merge) override;
  // RocksDB's own tries come every five seconds, and ours would find it busy.
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status, bool* by_itself) override { *by_itself = false; }

 private:
  enum class State : std::uint8_t { kSound, kFull, kBroken };
  void become(State state, std::string cause);
  bool only_a_merge(rocksdb::BackgroundErrorReason reason, const rocksdb::Status& status) const;
  void resume(rocksdb::DB& db, bool insist);

  const std::shared_ptr<SyncWatch> watch_;
  const std::function<void(std::string_view)> on_event_;
  std::atomic<State> state_{State::kSound};
  std::mutex mutex_;  // below
  std::string cause_;
  std::set<std::string> unmerged_;        // all that were ever told
  std::vector<std::string> not_yet_told_;
  std::atomic<bool> some_not_told_{false};  // asked at each commit
  std::mutex resuming_;
  std::uint64_t room_at_last_try_ = 0;  // guarded by resuming_
};

// RocksDB switches its log only together with a memtable that is not empty. Call when all may be empty, or a full disk could not be left.
rocksdb::Status keep_log_switchable(rocksdb::DB& db);

}  // namespace jwtd::store
