// store/rocksdb/health.cc - the store's three states.
#include "store/rocksdb/health.h"

#include <rocksdb/env.h>

#include <utility>

#include "store/rocksdb/database.h"
#include "store/store.h"

namespace jwtd::store {
namespace {

constexpr std::size_t kProbeOctets = 64 << 10;
constexpr std::uint64_t kWorthATry = 1 << 20;  // octets of new room; less would be used up by the try

std::uint64_t room_of(rocksdb::DB& db) {
  std::uint64_t room = 0;
  const auto status = db.GetEnv()->GetFileSystem()->GetFreeSpace(db.GetName(), {}, &room, nullptr);
  return status.ok() ? room : 0;
}

// Whether what is in memory would find a place now. A try that runs out of room halfway leaves RocksDB in a state that only a restart ends.
bool has_room(rocksdb::DB& db, std::uint64_t room) {
  std::uint64_t in_memory = 0;
  db.GetAggregatedIntProperty(rocksdb::DB::Properties::kCurSizeAllMemTables, &in_memory);
  if (room < in_memory + kWorthATry) return false;
  // Quotas and used-up inodes do not show in the free space. Not synced: a failed sync would end the store for good.
  const std::string probe = db.GetName() + "/ROOM";
  const bool written = rocksdb::WriteStringToFile(db.GetEnv(), std::string(kProbeOctets, '\0'), probe, false).ok();
  db.GetEnv()->DeleteFile(probe).PermitUncheckedError();
  return written;
}

}  // namespace

std::string describe(const rocksdb::Status& status) {
  const std::string text = status.ToString();
  if (text.find("key") != std::string::npos) return text.substr(0, text.find(':'));
  return text;
}

Error read_error(const rocksdb::Status& status) {
  return Error(status.IsCorruption() ? kStoreDamaged : kStoreUnavailable, describe(status));
}

Status Health::check(rocksdb::DB& db, bool insist) {
  if (state_.load(std::memory_order_acquire) == State::kFull && !watch_->failed()) resume(db, insist);
  return state();
}

Status Health::state() {
  if (watch_->failed()) become(State::kBroken, watch_->cause());
  if (state_.load(std::memory_order_acquire) == State::kSound) return {};
  const std::scoped_lock lock(mutex_);
  return Error(kStoreUnavailable, cause_);
}

Error Health::write_failed(rocksdb::DB& db, const rocksdb::Status& status) {
  if (watch_->failed()) {
    become(State::kBroken, watch_->cause());
  } else if (status.IsNoSpace()) {
    become(State::kFull, describe(status));
    const std::scoped_lock lock(resuming_);
    room_at_last_try_ = room_of(db);
  } else {
    become(State::kBroken, describe(status));
  }
  const std::scoped_lock lock(mutex_);
  return Error(kStoreUnavailable, cause_);
}

bool Health::only_a_merge(rocksdb::BackgroundErrorReason reason, const rocksdb::Status& status) const {
  if (reason != rocksdb::BackgroundErrorReason::kCompaction || watch_->failed()) return false;
  return status.IsCorruption() || (status.IsIOError() && !status.IsNoSpace());
}

// Comes before OnBackgroundError() of the same merge, which does not say of which table.
void Health::OnCompactionCompleted(rocksdb::DB*, const rocksdb::CompactionJobInfo& merge) {
  if (merge.status.ok() || !only_a_merge(rocksdb::BackgroundErrorReason::kCompaction, merge.status)) return;
  const std::scoped_lock lock(mutex_);
  if (!unmerged_.insert(merge.cf_name).second) return;
  not_yet_told_.push_back(merge.cf_name);
  some_not_told_.store(true, std::memory_order_release);
  if (on_event_) {
    on_event_("the files of table " + merge.cf_name + " cannot be merged, which is tried again at the next start; records are taken and served as before, "
              "and `jwtd store check` names what is damaged: " + describe(merge.status));
  }
}

std::vector<std::string> Health::failed_merges() {
  if (!some_not_told_.load(std::memory_order_acquire)) return {};
  const std::scoped_lock lock(mutex_);
  some_not_told_.store(false, std::memory_order_relaxed);
  return std::exchange(not_yet_told_, {});
}

void Health::OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* status) {
  if (watch_->failed()) {
    become(State::kBroken, watch_->cause());
  } else if (only_a_merge(reason, *status)) {
    *status = rocksdb::Status::OK();  // RocksDB's way to be told to go on
  } else {
    become(status->IsNoSpace() ? State::kFull : State::kBroken, describe(*status));
  }
}

void Health::become(State state, std::string cause) {
  const std::scoped_lock lock(mutex_);
  const State former = state_.load();
  if (former == state || former == State::kBroken) return;
  state_.store(state, std::memory_order_release);
  cause_ = std::move(cause);
  if (!on_event_) return;
  if (state == State::kSound) on_event_("the store takes records again");
  if (state == State::kFull) on_event_("the store takes no records until there is room on its disk: " + cause_);
  if (state == State::kBroken) on_event_("the store takes no more records until jwtd is started again: " + cause_);
}

void Health::resume(rocksdb::DB& db, bool insist) {
  const std::unique_lock lock(resuming_, std::try_to_lock);
  if (!lock || state_.load() != State::kFull) return;
  const std::uint64_t room = room_of(db);
  if (!insist && room < room_at_last_try_ + kWorthATry) return;
  room_at_last_try_ = room;
  if (!has_room(db, room)) return;
  rocksdb::Status status = db.Resume();
  if (status.ok()) status = keep_log_switchable(db);
  if (status.ok() && !watch_->failed()) become(State::kSound, {});
  if (status.severity() >= rocksdb::Status::Severity::kFatalError) become(State::kBroken, describe(status));
}

rocksdb::Status keep_log_switchable(rocksdb::DB& db) {
  return db.Put(durable(), "switch", "");
}

}  // namespace jwtd::store
