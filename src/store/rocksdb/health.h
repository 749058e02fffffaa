// store/rocksdb/health.h - whether the database may be written to, and the way back from a full disk.
//
// Three states. Sound: commits are tried. Full: a write found no room; nothing was lost, since only appends failed and RocksDB writes all it
// has in memory to new files, and starts a new log, before it takes more. Broken: a sync failed, or a write for any other reason; for good.
// Thread-safety: all functions from any thread.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/listener.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

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
  // What a failed write means.
  Error write_failed(rocksdb::DB& db, const rocksdb::Status& status);

  void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* status) override;
  // RocksDB's own tries come every five seconds, and ours would find it busy.
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status, bool* by_itself) override { *by_itself = false; }

 private:
  enum class State : std::uint8_t { kSound, kFull, kBroken };
  void become(State state, std::string cause);
  void resume(rocksdb::DB& db, bool insist);

  const std::shared_ptr<SyncWatch> watch_;
  const std::function<void(std::string_view)> on_event_;
  std::atomic<State> state_{State::kSound};
  std::mutex mutex_;  // below
  std::string cause_;
  std::mutex resuming_;
  std::uint64_t room_at_last_try_ = 0;  // guarded by resuming_
};

// RocksDB switches its log only together with a memtable that is not empty. Call when all may be empty, or a full disk could not be left.
rocksdb::Status keep_log_switchable(rocksdb::DB& db);

}  // namespace jwtd::store
