// store/rocksdb/faults_test.cc - what the store does when its disk, its files or its neighbours misbehave.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/db.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <mutex>
#include <thread>

#include "store/rocksdb/damage_for_tests.h"
#include "store/rocksdb/driver.h"
#include "store/rocksdb/rocksdb_store.h"
#include "store/rocksdb/temporary_folder.h"
#include "tests/contract/paged_list.h"
#include "tests/contract/sample_records.h"

namespace jwtd::store {
namespace {

namespace fs = std::filesystem;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using testing::HasSubstr;

struct Faults {
  std::atomic<bool> syncs_fail{false};
  std::atomic<bool> disk_full{false};
  std::atomic<std::uint64_t> unreadable{0};  // table files up to this number
  mutable std::atomic<int> reads{0};
};

// Of "/folder/000012.sst": 12.
std::uint64_t file_number(const std::string& path) { return std::strtoull(fs::path(path).filename().c_str(), nullptr, 10); }

class FaultyTable final : public rocksdb::FSRandomAccessFileOwnerWrapper {
 public:
  FaultyTable(std::unique_ptr<rocksdb::FSRandomAccessFile> file, std::uint64_t number, const Faults& faults)
      : FSRandomAccessFileOwnerWrapper(std::move(file)), number_(number), faults_(faults) {}
  IOStatus Read(std::uint64_t offset, std::size_t size, const IOOptions& options, rocksdb::Slice* octets, char* scratch, IODebugContext* context) const override {
    ++faults_.reads;
    if (number_ <= faults_.unreadable) return IOStatus::IOError("test read");
    return FSRandomAccessFileOwnerWrapper::Read(offset, size, options, octets, scratch, context);
  }

 private:
  const std::uint64_t number_;
  const Faults& faults_;
};

class FaultyFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  FaultyFile(std::unique_ptr<rocksdb::FSWritableFile> file, const Faults& faults) : FSWritableFileOwnerWrapper(std::move(file)), faults_(faults) {}
  IOStatus Append(const rocksdb::Slice& octets, const IOOptions& options, IODebugContext* context) override {
    if (faults_.disk_full) return IOStatus::NoSpace("test");
    return FSWritableFileOwnerWrapper::Append(octets, options, context);
  }
  IOStatus Append(const rocksdb::Slice& octets, const IOOptions& options, const rocksdb::DataVerificationInfo& info, IODebugContext* context) override {
    if (faults_.disk_full) return IOStatus::NoSpace("test");
    return FSWritableFileOwnerWrapper::Append(octets, options, info, context);
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* context) override {
    if (faults_.syncs_fail) return IOStatus::IOError("test sync");
    return FSWritableFileOwnerWrapper::Sync(options, context);
  }

 private:
  const Faults& faults_;
};

class FaultyFiles final : public rocksdb::FileSystemWrapper {
 public:
  explicit FaultyFiles(const Faults& faults) : FileSystemWrapper(rocksdb::FileSystem::Default()), faults_(faults) {}
  const char* Name() const override { return "FaultyFiles"; }
  IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options, std::unique_ptr<rocksdb::FSWritableFile>* file,
                           IODebugContext* context) override {
    if (faults_.disk_full) return IOStatus::NoSpace("test");
    auto status = FileSystemWrapper::NewWritableFile(name, options, file, context);
    if (status.ok()) *file = std::make_unique<FaultyFile>(std::move(*file), faults_);
    return status;
  }
  IOStatus NewRandomAccessFile(const std::string& name, const rocksdb::FileOptions& options, std::unique_ptr<rocksdb::FSRandomAccessFile>* file,
                               IODebugContext* context) override {
    auto status = FileSystemWrapper::NewRandomAccessFile(name, options, file, context);
    if (status.ok()) *file = std::make_unique<FaultyTable>(std::move(*file), file_number(name), faults_);
    return status;
  }
  IOStatus ReuseWritableFile(const std::string& name, const std::string& former, const rocksdb::FileOptions& options,
                             std::unique_ptr<rocksdb::FSWritableFile>* file, IODebugContext* context) override {
    auto status = FileSystemWrapper::ReuseWritableFile(name, former, options, file, context);
    if (status.ok()) *file = std::make_unique<FaultyFile>(std::move(*file), faults_);
    return status;
  }

 private:
  const Faults& faults_;
};

class Faulted : public testing::Test {
 protected:
  Result<std::unique_ptr<Store>> try_open(const std::string& path) {
    StoreOptions options;
    options.url = "rocksdb://" + path;
    options.retention = retention_;
    options.on_event = [this](std::string_view event) {
      const std::scoped_lock lock(events_mutex_);  // RocksDB's threads tell too
      events_ += std::string(event) + "\n";
    };
    return open_rocksdb_store_on(options, std::make_shared<FaultyFiles>(faults_), tuning_);
  }

  void open() {
    store_.reset();
    auto opened = try_open(folder_.path());
    ASSERT_TRUE(opened) << opened.error().message();
    store_ = *std::move(opened);
  }

  Status commit(int i) {
    Entry entry{make_record("x" + std::to_string(i), kPhone, kNow + i), i % 2 == 0, {}, {}};
    Entry* batch[] = {&entry};
    return store_->commit(batch);
  }

  static bool finds(Store& store, int i) {
    const auto found = store.find(*Xid::parse("x" + std::to_string(i)), kNow);
    return found && *found && (*found)->current.token == make_record("x" + std::to_string(i), kPhone, kNow + i).token;
  }

  std::string events() {
    const std::scoped_lock lock(events_mutex_);
    return events_;
  }
  bool said(const char* words) { return events().find(words) != std::string::npos; }

  static bool comes_to_pass(const std::function<bool()>& what) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!what()) {
      if (std::chrono::steady_clock::now() > until) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
  }

  bool tables_of(int epoch) {
    std::vector<std::string> names;
    EXPECT_TRUE(rocksdb::DB::ListColumnFamilies({}, folder_.path(), &names).ok());
    return std::find(names.begin(), names.end(), "phones." + std::to_string(epoch)) != names.end();
  }

  // As a power cut or kill -9 would leave it.
  void copy_to(const std::string& path) {
    fs::remove_all(path);
    fs::copy(folder_.path(), path, fs::copy_options::recursive);
  }

  static std::string newest_log(const std::string& path) {
    std::string newest;
    for (const auto& file : fs::directory_iterator(path)) {
      if (file.path().extension() == ".log" && fs::file_size(file.path()) > 0) newest = std::max(newest, file.path().string());
    }
    return newest;
  }

  Faults faults_;
  std::chrono::seconds retention_{0};
  Tuning tuning_{.log_space = 0};  // so that a log's size says where it ends
  TemporaryFolder folder_, elsewhere_;
  std::mutex events_mutex_;
  std::string events_;
  std::unique_ptr<Store> store_;
};

TEST_F(Faulted, WhatWasCommittedIsThereAfterAKill) {
  open();
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(commit(i));
  copy_to(elsewhere_.path());
  const auto survivor = try_open(elsewhere_.path());
  ASSERT_TRUE(survivor) << survivor.error().message();
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(finds(**survivor, i)) << i;
}

TEST_F(Faulted, ATornEndOfTheLogLosesNothingBeforeTheTear) {
  open();
  std::vector<std::uintmax_t> ends;
  std::string log;
  for (int i = 0; i < 30; ++i) {
    ASSERT_TRUE(commit(i));
    log = newest_log(folder_.path());
    ends.push_back(fs::file_size(log));
  }
  const auto whole = ends.back();
  // Every octet takes half an hour under the sanitizers; JWTD_EVERY_OCTET=1 asks for it.
  const std::uintmax_t step = std::getenv("JWTD_EVERY_OCTET") != nullptr ? 1 : 41;
  for (std::uintmax_t cut = 0; cut <= std::min<std::uintmax_t>(whole, 4096); cut += step) {
    copy_to(elsewhere_.path());
    fs::resize_file(newest_log(elsewhere_.path()), whole - cut);
    const auto survivor = try_open(elsewhere_.path());
    ASSERT_TRUE(survivor) << cut << ": " << survivor.error().message();
    for (int i = 0; i < 30; ++i) ASSERT_EQ(finds(**survivor, i), ends[static_cast<std::size_t>(i)] <= whole - cut) << i << " cut " << cut;
  }
}

// The same where the log's space was written before: a tear leaves zeros, and more zeros follow.
TEST_F(Faulted, ATornEndAmongZerosLosesNothingBeforeTheTear) {
  tuning_.log_space = 64 << 10;
  open();
  const auto written = [](const std::string& log) {
    std::ifstream in(log, std::ios::binary);
    const std::string octets{std::istreambuf_iterator<char>(in), {}};
    return octets.find_last_not_of('\0') + 1;
  };
  std::vector<std::uintmax_t> ends;
  for (int i = 0; i < 30; ++i) {
    ASSERT_TRUE(commit(i));
    ends.push_back(written(newest_log(folder_.path())));
  }
  ASSERT_EQ(fs::file_size(newest_log(folder_.path())), tuning_.log_space);
  for (std::uintmax_t cut = 0; cut <= std::min<std::uintmax_t>(ends.back(), 4096); cut += 41) {
    copy_to(elsewhere_.path());
    std::fstream file(newest_log(elsewhere_.path()), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(ends.back() - cut));
    file << std::string(cut, '\0');
    file.close();
    const auto survivor = try_open(elsewhere_.path());
    ASSERT_TRUE(survivor) << cut << ": " << survivor.error().message();
    for (int i = 0; i < 30; ++i) {
      const bool before_the_tear = ends[static_cast<std::size_t>(i)] <= ends.back() - cut;
      ASSERT_TRUE(!before_the_tear || finds(**survivor, i)) << i << " cut " << cut;
    }
  }
}

TEST_F(Faulted, EveryLogBeginsAsItsSpaceAndNoneIsLostWhenLogsChange) {
  tuning_.log_space = 64 << 10;
  tuning_.phones_buffer = 64 << 10;  // a new log every few hundred transactions
  open();
  constexpr int kCommits = 3000;
  for (int i = 0; i < kCommits; ++i) ASSERT_TRUE(commit(i));
  open();
  for (int i = 0; i < kCommits; ++i) ASSERT_TRUE(finds(*store_, i)) << i;
}

TEST_F(Faulted, ASpaceThatACrashLeftHalfMadeIsMadeAnew) {
  std::ofstream(folder_.path() + "/log.space") << "not zeros";
  tuning_.log_space = 64 << 10;
  open();
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(commit(i));
  copy_to(elsewhere_.path());
  const auto survivor = try_open(elsewhere_.path());
  ASSERT_TRUE(survivor) << survivor.error().message();
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(finds(**survivor, i)) << i;
}

TEST_F(Faulted, ADamagedLastBatchIsATornEnd) {
  open();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(commit(i));
  copy_to(elsewhere_.path());
  const std::string log = newest_log(elsewhere_.path());
  std::fstream file(log, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(-5, std::ios::end);
  file.put('\x55');
  file.close();
  const auto survivor = try_open(elsewhere_.path());
  ASSERT_TRUE(survivor) << survivor.error().message();
  for (int i = 0; i < 9; ++i) EXPECT_TRUE(finds(**survivor, i));
  EXPECT_FALSE(finds(**survivor, 9));
}

TEST_F(Faulted, ADamagedOctetInTheMiddleOfTheLogIsNamed) {
  open();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(commit(i));
  const auto size = fs::file_size(newest_log(folder_.path()));
  for (std::uintmax_t at = 0; at + 300 < size; at += 97) {
    copy_to(elsewhere_.path());
    const std::string log = newest_log(elsewhere_.path());
    flip(log, at);
    const auto refused = try_open(elsewhere_.path());
    ASSERT_FALSE(refused) << at;
    EXPECT_TRUE(refused.error().is(kStoreDamaged));
    EXPECT_THAT(refused.error().message(), HasSubstr(log));
  }
}

TEST_F(Faulted, ADamagedTableFileNeverYieldsAnotherToken) {
  open();
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(commit(i));
  open();  // what the log held is in table files now
  copy_to(elsewhere_.path());
  const std::string largest = largest_table(elsewhere_.path());
  const TemporaryFolder damaged;
  int named = 0;
  const auto size = fs::file_size(largest);
  for (std::uintmax_t at = 0; at < size; at += size / 60) {
    fs::remove_all(damaged.path());
    fs::copy(elsewhere_.path(), damaged.path(), fs::copy_options::recursive);
    flip(damaged.path() + "/" + fs::path(largest).filename().string(), at);
    const auto opened = try_open(damaged.path());
    if (!opened) {
      ++named;
      continue;
    }
    for (int i = 0; i < 200; ++i) {
      const auto found = (*opened)->find(*Xid::parse("x" + std::to_string(i)), kNow);
      if (!found) {
        ++named;
        EXPECT_TRUE(found.error().is(kStoreDamaged)) << found.error().message();
      } else {
        ASSERT_TRUE(*found) << i << " at " << at;
        ASSERT_EQ((*found)->current.token, make_record("x" + std::to_string(i), kPhone, kNow + i).token);
      }
    }
  }
  EXPECT_GT(named, 10);
}

TEST_F(Faulted, ADamagedRecordFailsOnlyTheEntriesThatLookItUp) {
  open();
  for (int i = 0; i < 400; ++i) ASSERT_TRUE(commit(i));
  open();  // what the log held is in table files now
  store_.reset();
  flip(largest_table(folder_.path()), 1000);  // one block of several
  open();

  std::deque<Entry> entries;
  for (int i = 0; i < 400; ++i) entries.push_back({make_record("x" + std::to_string(i), kPhone, kNow + i), false, {}, {}});
  for (int i = 400; i < 500; ++i) entries.push_back({make_record("x" + std::to_string(i), kPhone, kNow + i), i % 2 == 0, Outcome::kDamaged, {}});
  std::vector<Entry*> batch;
  for (Entry& entry : entries) batch.push_back(&entry);
  const auto committed = store_->commit(batch);
  ASSERT_TRUE(committed) << committed.error().message();

  int damaged = 0;
  for (int i = 0; i < 400; ++i) {
    const Entry& entry = entries[static_cast<std::size_t>(i)];
    if (entry.outcome == Outcome::kDamaged) {
      ++damaged;
      const auto found = store_->find(entry.proposed.xid, kNow);
      ASSERT_FALSE(found) << "written over " << i;
      EXPECT_TRUE(found.error().is(kStoreDamaged));
    } else {
      ASSERT_EQ(entry.outcome, Outcome::kReused) << i;
      EXPECT_EQ(entry.standing->token, entry.proposed.token) << i;
    }
  }
  EXPECT_GT(damaged, 0);
  EXPECT_LT(damaged, 400);
  for (int i = 400; i < 500; ++i) EXPECT_TRUE(finds(*store_, i)) << i;
  EXPECT_TRUE(store_->writable());
}

TEST_F(Faulted, AListPassesOverDamageAndNamesItAndAnErasureRemovesItUnread) {
  open();
  for (int i = 0; i < 400; ++i) ASSERT_TRUE(commit(i));
  open();
  store_.reset();
  flip(largest_table(folder_.path()), 1000);
  open();
  const Phone phone = *Phone::parse(kPhone);
  const auto [sound, damaged] = list_by_pages(*store_, phone, 7, kNow + 400);
  EXPECT_GT(damaged.size(), 0u);
  EXPECT_EQ(sound.size() + damaged.size(), 400u);
  for (const Xid& xid : sound) EXPECT_TRUE(store_->find(xid, kNow + 400));
  for (const Xid& xid : damaged) EXPECT_FALSE(store_->find(xid, kNow + 400));

  const auto erase = [&](const Xid& xid, std::optional<Phone> of) {
    Change change{xid, std::nullopt, true, {{"erased", xid.text(), "{}", 0}}};
    change.of = of;
    Change* const batch[] = {&change};
    EXPECT_TRUE(store_->apply(batch));
    return change.applied;
  };
  EXPECT_EQ(erase(damaged[0], std::nullopt), Applied::kDamaged) << "nobody says whose it is";
  for (const Xid& xid : damaged) EXPECT_EQ(erase(xid, phone), Applied::kWritten);
  EXPECT_EQ(erase(damaged[0], phone), Applied::kAbsent);
  EXPECT_EQ(erase(sound[0], phone), Applied::kWritten);
  for (int round = 0; round < 2; ++round) {
    const auto [left, broken] = list_by_pages(*store_, phone, 7, kNow + 400);
    EXPECT_EQ(left.size(), sound.size() - 1);
    EXPECT_TRUE(broken.empty());
    for (const Xid& xid : damaged) {
      const auto found = store_->find(xid, kNow + 400);
      ASSERT_TRUE(found) << found.error().message();
      EXPECT_FALSE(*found);
      EXPECT_EQ(*store_->note({"erased", xid.text()}, kNow), "{}");
    }
    open();
  }
  // The damaged block itself cannot be merged away: said at each sweep, and no reason to stop taking records.
  const auto swept = store_->sweep(kNow + 400);
  ASSERT_FALSE(swept);
  EXPECT_TRUE(swept.error().is(kStoreDamaged)) << swept.error().message();
  EXPECT_TRUE(store_->writable());
  EXPECT_TRUE(commit(400));
  EXPECT_FALSE(store_->sweep(kNow + 400));
}

TEST_F(Faulted, AMergeThatMeetsADamagedBlockEndsMergingThereAndNoWriting) {
  open();
  for (int i = 0; i < 400; ++i) ASSERT_TRUE(commit(i));
  open();  // what the log held is in table files now
  store_.reset();
  for (const auto& file : fs::directory_iterator(folder_.path())) {
    if (file.path().extension() == ".sst" && fs::file_size(file.path()) > 8'000) flip(file.path(), 1000);
  }
  int next = 400;
  for (int files = 1; files < 4; ++files) {
    open();
    for (int i = 0; i < 400; ++i) ASSERT_TRUE(commit(next++));
  }
  tuning_.merge_width = 2;
  open();  // four files of one size in each table: to be merged
  ASSERT_TRUE(comes_to_pass([this] { return said("phones.1 cannot be merged"); })) << events();
  EXPECT_TRUE(said("checksum"));
  EXPECT_TRUE(store_->writable());
  const auto commit_ten = [&] {
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(commit(next++));
  };
  commit_ten();

  // RocksDB tries again each second, unless it is told not to: by a commit, or by the janitor.
  store_->recover();
  const auto nothing_is_read = [this] {
    const int reads = faults_.reads;
    std::this_thread::sleep_for(std::chrono::milliseconds(2500));  // with tries that go on there would be two
    return faults_.reads == reads;
  };
  EXPECT_TRUE(comes_to_pass(nothing_is_read));  // one may be under way
  EXPECT_FALSE(said("takes no")) << events();

  // What comes from now on goes to tables of their own.
  EXPECT_TRUE(tables_of(1) && !tables_of(2));
  ASSERT_TRUE(store_->sweep(kNow));
  EXPECT_TRUE(tables_of(1) && tables_of(2));
  commit_ten();
  ASSERT_TRUE(store_->sweep(kNow));
  EXPECT_FALSE(tables_of(3)) << "once is enough";
  open();
  ASSERT_TRUE(store_->sweep(kNow));
  commit_ten();
  int damaged = 0;
  for (int i = 0; i < next; ++i) {
    const auto found = store_->find(*Xid::parse("x" + std::to_string(i)), kNow);
    if (found) {
      EXPECT_TRUE(*found && (*found)->current.token == make_record("x" + std::to_string(i), kPhone, kNow + i).token) << i;
    } else {
      EXPECT_TRUE(found.error().is(kStoreDamaged)) << found.error().message();
      ++damaged;
    }
  }
  EXPECT_GT(damaged, 0);
  EXPECT_LT(damaged, 450) << "of the first 400, and some whose filter sends a look-up to a damaged block in vain";
  EXPECT_FALSE(said("takes no")) << events();
}

TEST_F(Faulted, AMergeThatCannotReadItsFilesEndsMergingThereAndNoWriting) {
  tuning_.merge_width = 2;
  tuning_.phones_buffer = 64 << 10;
  open();
  int next = 0;
  for (; next < 400; next += 2) ASSERT_TRUE(commit(next));
  open();
  for (const auto& file : fs::directory_iterator(folder_.path())) {
    if (file.path().extension() == ".sst") faults_.unreadable = std::max<std::uint64_t>(faults_.unreadable, file_number(file.path()));
  }
  const auto merge_failed = [this] { return said("phones.1 cannot be merged"); };
  {
    // So many files come so fast here that RocksDB may hold a commit up for a merge that fails; the janitor tells it to merge there no more.
    std::jthread janitor([this](const std::stop_token& stop) {
      for (; !stop.stop_requested(); std::this_thread::sleep_for(std::chrono::milliseconds(5))) store_->recover();
    });
    for (; next < 20'000 && !merge_failed(); next += 2) ASSERT_TRUE(commit(next));  // XIDs of jwtd's own: nothing is looked up
    EXPECT_TRUE(comes_to_pass(merge_failed)) << events();
  }
  faults_.unreadable = 0;
  EXPECT_TRUE(store_->writable());
  for (int i = 0; i < next; i += 50) EXPECT_TRUE(finds(*store_, i)) << i;
  EXPECT_FALSE(said("takes no")) << events();
}

TEST_F(Faulted, AfterAFailedSyncNothingIsTakenAnyMore) {
  tuning_.log_space = 64 << 10;
  open();
  ASSERT_TRUE(commit(1));
  faults_.syncs_fail = true;
  const auto failed = commit(2);
  ASSERT_FALSE(failed);
  EXPECT_TRUE(failed.error().is(kStoreUnavailable));
  EXPECT_FALSE(store_->writable());
  faults_.syncs_fail = false;
  EXPECT_FALSE(commit(3));
  EXPECT_FALSE(store_->writable());
  EXPECT_THAT(store_->writable().error().detail(), HasSubstr("sync"));
  EXPECT_THAT(events(), HasSubstr("until jwtd is started again"));
  EXPECT_TRUE(finds(*store_, 1));
  EXPECT_FALSE(finds(*store_, 3));
  open();
  EXPECT_TRUE(finds(*store_, 1));
  EXPECT_FALSE(finds(*store_, 3));
  EXPECT_TRUE(commit(4));
}

TEST_F(Faulted, AFullDiskIsLeftWithoutARestartOnceThereIsRoom) {
  open();
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(commit(i));
  faults_.disk_full = true;
  ASSERT_FALSE(commit(20));
  EXPECT_FALSE(store_->writable());
  store_->recover();
  EXPECT_FALSE(store_->writable());
  EXPECT_FALSE(commit(21));
  faults_.disk_full = false;
  EXPECT_FALSE(store_->writable()) << "asking touches no file";
  store_->recover();
  const auto writable = store_->writable();
  ASSERT_TRUE(writable) << writable.error().message();
  EXPECT_THAT(events(), HasSubstr("takes records again"));
  for (int i = 22; i < 40; ++i) ASSERT_TRUE(commit(i));
  copy_to(elsewhere_.path());
  const auto survivor = try_open(elsewhere_.path());
  ASSERT_TRUE(survivor) << survivor.error().message();
  for (int i = 0; i < 40; ++i) {
    if (i == 20 || i == 21) continue;
    EXPECT_TRUE(finds(**survivor, i)) << i;
  }
}

TEST_F(Faulted, ADiskThatIsFullAtTheFirstCommitIsLeftToo) {
  open();
  for (int round = 0; round < 3; ++round) {
    faults_.disk_full = true;
    ASSERT_FALSE(commit(0));
    faults_.disk_full = false;
    store_->recover();
    const auto writable = store_->writable();
    ASSERT_TRUE(writable) << writable.error().message();
  }
  EXPECT_TRUE(commit(1));
  EXPECT_TRUE(finds(*store_, 1));
}

// The bound of an epoch in memory must not be ahead of the one on disk, or the epoch goes too early after a restart.
TEST_F(Faulted, ABatchThatFailedOnANewNameMovesNoBound) {
  retention_ = std::chrono::seconds(1000);
  open();
  const auto commit_at = [&](std::vector<Record> records) {
    std::vector<Entry> entries;
    for (Record& record : records) entries.push_back({std::move(record), false, {}, {}});
    std::vector<Entry*> batch;
    for (Entry& entry : entries) batch.push_back(&entry);
    return store_->commit(batch);
  };
  ASSERT_TRUE(commit_at({make_record("a")}));
  faults_.disk_full = true;
  Record other = make_record("c", kPhone, kNow + 100'000);
  other.kid = "new";
  ASSERT_FALSE(commit_at({make_record("b", kPhone, kNow + 100'000), other}));
  faults_.disk_full = false;
  store_->recover();
  ASSERT_TRUE(store_->writable());
  ASSERT_TRUE(commit_at({make_record("d", kPhone, kNow + 110'000)}));
  open();
  ASSERT_TRUE(store_->sweep(kNow + 1'050'000));
  const auto found = store_->find(*Xid::parse("d"), kNow + 1'050'000);
  ASSERT_TRUE(found);
  EXPECT_TRUE(*found);
}

TEST_F(Faulted, AnEventThatCouldNotBeWrittenMovesNoBound) {
  retention_ = std::chrono::seconds(1000);
  open();
  const auto commit_at = [&](const char* xid, UnixMillis at) {
    Entry entry{make_record(xid, kPhone, at), false, {}, {}};
    Entry* batch[] = {&entry};
    return store_->commit(batch);
  };
  const auto add_event = [&] {
    Change change{*Xid::parse("ahead"), Event{Event::Type::kCallback, kNow, "k", "body"}, false, {}, {}, Applied::kDamaged, {}};
    Change* changes[] = {&change};
    return store_->apply(changes);
  };
  ASSERT_TRUE(commit_at("ahead", kNow + 900'000));
  ASSERT_TRUE(store_->sweep(kNow + 1'200'000));  // another epoch
  ASSERT_TRUE(commit_at("now", kNow));
  faults_.disk_full = true;
  ASSERT_FALSE(add_event());
  faults_.disk_full = false;
  store_->recover();
  ASSERT_TRUE(store_->writable());
  ASSERT_TRUE(add_event());
  open();
  ASSERT_TRUE(store_->sweep(kNow + 300'000));  // and another, so that the one before it can go
  ASSERT_TRUE(store_->sweep(kNow + 1'100'000));
  const auto found = store_->find(*Xid::parse("ahead"), kNow + 1'100'000);
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->events.size(), 1u);
}

TEST_F(Faulted, ASecondStoreOnTheSameFolderIsRefusedAndTheFirstGoesOn) {
  open();
  const auto second = try_open(folder_.path());
  ASSERT_FALSE(second);
  EXPECT_TRUE(second.error().is(kStoreLocked));
  EXPECT_THAT(second.error().message(), HasSubstr(folder_.path()));
  EXPECT_TRUE(commit(1));
}

}  // namespace
}  // namespace jwtd::store
