// store/rocksdb/crash_points_test.cc - a death before any single call that changes a file: in the first start, between a write and its
// sync, while the log changes, while tables are flushed and merged, while an epoch is made or dropped.
//
// From the chosen call on nothing reaches the files any more, as after a kill; a power cut loses besides what was not synced. Then the
// store opens by itself and has every record that was acknowledged. JWTD_FAULT_ROUNDS: how many of the points are tried (8 by default,
// spread evenly; all with a number above theirs).
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "store/rocksdb/driver.h"
#include "store/rocksdb/rocksdb_store.h"
#include "store/rocksdb/temporary_folder.h"
#include "tests/contract/sample_records.h"

namespace jwtd::store {
namespace {

namespace fs = std::filesystem;
using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

constexpr auto kRetention = std::chrono::seconds(1000);
constexpr long kNever = -1;

// When the machine dies, and what it has on its disk by then.
class Death {
 public:
  explicit Death(long at) : at_(at) {}

  // Whether the next call still takes place.
  bool survives() {
    const std::scoped_lock lock(mutex_);
    if (calls_ != at_) ++calls_;
    return calls_ != at_;
  }
  long calls() const { return calls_; }

  void wrote(const std::string& path, std::uint64_t size) { with(path, [&](Extent& file) { file.size += size; }); }
  void synced(const std::string& path) {
    with(path, [](Extent& file) {
      file.synced = file.size;
      file.covered.clear();
    });
  }
  void made(const std::string& path) { with(path, [](Extent& file) { file = {}; }); }
  void renamed(const std::string& from, const std::string& to) {
    const std::scoped_lock lock(mutex_);
    if (const auto found = files_.find(from); found != files_.end()) files_[to] = found->second;
    files_.erase(from);
  }
  // A write into what is there already (direct_log.h): what it covers is kept until the next sync.
  void will_write_over(const std::string& path, std::uint64_t offset, std::size_t size) {
    std::string former(size, '\0');
    std::ifstream in(path, std::ios::binary);
    in.seekg(static_cast<std::streamoff>(offset));
    in.read(former.data(), static_cast<std::streamsize>(size));
    with(path, [&](Extent& file) {
      file.in_place = true;
      file.covered.emplace_back(offset, std::move(former));
    });
  }
  void lose_what_was_not_synced() const {
    for (const auto& [path, file] : files_) {
      if (!fs::exists(path)) continue;
      if (!file.in_place && fs::file_size(path) > file.synced) fs::resize_file(path, file.synced);
      std::fstream out(path, std::ios::in | std::ios::out | std::ios::binary);
      for (auto former = file.covered.rbegin(); former != file.covered.rend(); ++former) {
        out.seekp(static_cast<std::streamoff>(former->first));
        out << former->second;
      }
    }
  }

 private:
  struct Extent {
    std::uint64_t size = 0, synced = 0;
    bool in_place = false;
    std::vector<std::pair<std::uint64_t, std::string>> covered;  // since the last sync
  };
  template <class F>
  void with(const std::string& path, F change) {
    const std::scoped_lock lock(mutex_);
    change(files_[path]);
  }

  const long at_;
  mutable std::mutex mutex_;
  std::atomic<long> calls_{0};
  std::map<std::string, Extent> files_;
};

IOStatus dead() { return IOStatus::IOError("dead"); }

class MortalFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  MortalFile(std::unique_ptr<rocksdb::FSWritableFile> file, std::string path, Death& death)
      : FSWritableFileOwnerWrapper(std::move(file)), path_(std::move(path)), death_(death) {}
  IOStatus Append(const rocksdb::Slice& octets, const IOOptions& options, IODebugContext* context) override {
    // The last write of a dying machine gets through by half.
    const rocksdb::Slice part = death_.survives() ? octets : torn(octets);
    IOStatus status = part.empty() ? IOStatus::OK() : FSWritableFileOwnerWrapper::Append(part, options, context);
    death_.wrote(path_, part.size());
    return part.size() == octets.size() ? status : dead();
  }
  IOStatus Append(const rocksdb::Slice& octets, const IOOptions& options, const rocksdb::DataVerificationInfo&,
                  IODebugContext* context) override {
    return Append(octets, options, context);
  }
  IOStatus PositionedAppend(const rocksdb::Slice& octets, std::uint64_t offset, const IOOptions& options, IODebugContext* context) override {
    constexpr std::size_t kBlock = 4096;  // of direct writes
    rocksdb::Slice part = death_.survives() ? octets : torn(octets);
    if (part.size() != octets.size()) part = {part.data(), part.size() / kBlock * kBlock};
    if (part.empty()) return dead();
    death_.will_write_over(path_, offset, part.size());
    IOStatus status = FSWritableFileOwnerWrapper::PositionedAppend(part, offset, options, context);
    return part.size() == octets.size() ? status : dead();
  }
  IOStatus Truncate(std::uint64_t size, const IOOptions& options, IODebugContext* context) override {
    return died_ || !death_.survives() ? dead() : FSWritableFileOwnerWrapper::Truncate(size, options, context);
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* context) override {
    if (died_ || !death_.survives()) return dead();
    IOStatus status = FSWritableFileOwnerWrapper::Sync(options, context);
    death_.synced(path_);
    return status;
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* context) override { return Sync(options, context); }

 private:
  rocksdb::Slice torn(const rocksdb::Slice& octets) { return {octets.data(), std::exchange(died_, true) ? 0 : octets.size() / 2}; }

  const std::string path_;
  Death& death_;
  bool died_ = false;
};

class MortalFiles final : public rocksdb::FileSystemWrapper {
 public:
  explicit MortalFiles(Death& death) : FileSystemWrapper(rocksdb::FileSystem::Default()), death_(death) {}
  const char* Name() const override { return "MortalFiles"; }
  IOStatus NewWritableFile(const std::string& path, const FileOptions& options, std::unique_ptr<rocksdb::FSWritableFile>* file,
                           IODebugContext* context) override {
    if (!death_.survives()) return dead();
    IOStatus status = FileSystemWrapper::NewWritableFile(path, options, file, context);
    if (!status.ok()) return status;
    death_.made(path);
    *file = std::make_unique<MortalFile>(std::move(*file), path, death_);
    return status;
  }
  IOStatus ReuseWritableFile(const std::string& path, const std::string& former, const FileOptions& options,
                             std::unique_ptr<rocksdb::FSWritableFile>* file, IODebugContext* context) override {
    if (!death_.survives()) return dead();
    IOStatus status = FileSystemWrapper::ReuseWritableFile(path, former, options, file, context);
    if (status.ok()) *file = std::make_unique<MortalFile>(std::move(*file), path, death_);
    return status;
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& options, IODebugContext* context) override {
    if (!death_.survives()) return dead();
    death_.renamed(from, to);
    return FileSystemWrapper::RenameFile(from, to, options, context);
  }
  IOStatus DeleteFile(const std::string& path, const IOOptions& options, IODebugContext* context) override {
    return death_.survives() ? FileSystemWrapper::DeleteFile(path, options, context) : dead();
  }

 private:
  Death& death_;
};

struct Way {
  const char* name;
  bool power_cut;
  std::size_t log_space;  // 0: logs are appended to; else they are written into their space, past the page cache
};

class CrashPoints : public testing::TestWithParam<Way> {
 protected:
  Result<std::unique_ptr<Store>> open(const std::shared_ptr<rocksdb::FileSystem>& files) {
    StoreOptions options;
    options.url = "rocksdb://" + folder_->path();
    options.retention = kRetention;
    // Small buffers: logs change and tables are written within a few hundred records.
    const Tuning small{.transactions_buffer = 64 << 10, .phones_buffer = 64 << 10, .log_space = GetParam().log_space, .merge_width = 2};
    return open_rocksdb_store_on(options, files, small);
  }

  // Two starts, records, and a step of the clock that begins a new epoch; ends early when the machine dies.
  void live(Death& death) {
    for (int start = 0; start < 2; ++start) {
      const auto store = open(std::make_shared<MortalFiles>(death));
      if (!store) return;
      for (int i = 0; i < 8; ++i) {
        if (!commit(**store, 100)) return;
      }
      now_ += 300'000;
      if (!(*store)->sweep(now_) || !commit(**store, 10)) return;
    }
  }

  bool commit(Store& store, int records) {
    std::vector<Entry> entries;
    std::vector<Entry*> batch;
    entries.reserve(static_cast<std::size_t>(records));
    for (int i = 0; i < records; ++i, ++number_) {
      entries.push_back({make_record("x" + std::to_string(number_), kPhone, now_ + number_), number_ % 2 == 0, {}, {}});
      batch.push_back(&entries.back());
    }
    if (!store.commit(batch)) return false;
    for (Entry& entry : entries) acknowledged_.push_back(std::move(entry.proposed));
    return true;
  }

  void begin() {
    folder_ = std::make_unique<TemporaryFolder>();
    acknowledged_.clear();
    number_ = 0;
    now_ = kNow;
  }

  std::unique_ptr<TemporaryFolder> folder_;
  std::vector<Record> acknowledged_;
  UnixMillis now_ = kNow;
  int number_ = 0;
};

TEST_P(CrashPoints, WhateverTheCallEveryAcknowledgedRecordIsThereAfterwards) {
  begin();
  Death none(kNever);
  live(none);
  ASSERT_EQ(acknowledged_.size(), 1620u);
  const long calls = none.calls();
  ASSERT_GT(calls, 60);

  const char* wanted = std::getenv("JWTD_FAULT_ROUNDS");
  const long rounds = std::min(calls, wanted != nullptr ? std::max(1L, std::atol(wanted)) : 8L);
  for (long round = 0; round < rounds; ++round) {
    const long at = 1 + round * calls / rounds;
    SCOPED_TRACE("death at call " + std::to_string(at) + " of about " + std::to_string(calls));
    begin();
    Death death(at);
    live(death);
    if (GetParam().power_cut) death.lose_what_was_not_synced();
    const auto survivor = open(rocksdb::FileSystem::Default());
    ASSERT_TRUE(survivor) << survivor.error().message();
    for (const Record& record : acknowledged_) {
      const auto found = (*survivor)->find(record.xid, now_);
      ASSERT_TRUE(found) << found.error().message();
      ASSERT_TRUE(*found) << record.xid.view() << ", one of " << acknowledged_.size();
      ASSERT_EQ((*found)->current.token, record.token);
    }
    ASSERT_TRUE(commit(**survivor, 1));
  }
  std::printf("NOTE %ld of %ld crash points tried\n", rounds, calls);
}

INSTANTIATE_TEST_SUITE_P(Deaths, CrashPoints,
                         testing::Values(Way{"Kill", false, 0}, Way{"PowerCut", true, 0}, Way{"KillWithSpace", false, 128 << 10},
                                         Way{"PowerCutWithSpace", true, 128 << 10}),
                         [](const auto& way) { return way.param.name; });

}  // namespace
}  // namespace jwtd::store
