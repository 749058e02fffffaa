// store/rocksdb/backup_test.cc - copies of a folder that is being written to, and the way back.
#include "store/rocksdb/backup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "store/rocksdb/driver.h"
#include "store/rocksdb/temporary_folder.h"
#include "tests/contract/sample_records.h"

namespace jwtd::store {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class Backup : public testing::Test {
 protected:
  std::unique_ptr<Store> open(const std::string& path, std::chrono::seconds retention = std::chrono::seconds(0)) {
    StoreOptions options;
    options.url = "rocksdb://" + path;
    options.retention = retention;
    auto opened = open_rocksdb_store_on(options, rocksdb::FileSystem::Default(), tuning_);
    EXPECT_TRUE(opened) << opened.error().message();
    return opened ? *std::move(opened) : nullptr;
  }

  static void commit(Store& store, int i, UnixMillis at = kNow) {
    Entry entry{make_record("x" + std::to_string(i), kPhone, at), i % 2 == 0, {}, {}};
    Entry* batch[] = {&entry};
    const auto status = store.commit(batch);
    ASSERT_TRUE(status) << status.error().message();
  }

  static bool finds(Store& store, int i, UnixMillis at = kNow) {
    const auto found = store.find(*Xid::parse("x" + std::to_string(i)), at);
    return found && *found && (*found)->current.token == make_record("x" + std::to_string(i), kPhone, at).token;
  }

  std::string in(const std::string& name) const { return folder_.path() + "/" + name; }
  std::string db() const { return in("db"); }
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& entry : fs::directory_iterator(folder_.path())) out.push_back(entry.path().filename());
    std::sort(out.begin(), out.end());
    return out;
  }

  Tuning tuning_{.transactions_buffer = 128 << 10, .phones_buffer = 256 << 10, .log_space = 128 << 10, .max_log = 512 << 10};
  TemporaryFolder folder_;
};

// Tables, logs and epochs come and go all the time.
TEST_F(Backup, HoldsAllThatWasCommittedBeforeItBeganWhileMoreIsCommitted) {
  constexpr auto kKept = std::chrono::seconds(1000);
  const auto store = open(db(), kKept);
  std::atomic<int> committed{0};
  const auto at = [](int i) { return kNow + i * 100; };  // 10,000 are kept, a quarter of them in an epoch
  std::jthread writer([&](const std::stop_token& stop) {
    for (int i = 0; !stop.stop_requested(); ++i) {
      commit(*store, i, at(i));
      committed = i + 1;
      if (i % 1000 != 999) continue;
      EXPECT_TRUE(store->sweep(at(i)));
    }
  });
  std::uint64_t linked = 0;
  for (int round = 0; round < 5; ++round) {
    for (const int from = committed; committed < from + 700;) std::this_thread::yield();
    const int before = committed;
    const auto done = backup_rocksdb_store("rocksdb://" + db(), in("backup"));
    ASSERT_TRUE(done) << done.error().message();
    const int after = committed;
    linked += done->linked;
    const auto copy = open(in("backup"), kKept);
    ASSERT_TRUE(copy);
    // What came meanwhile may have sent older ones past their retention.
    const int since = std::max({0, before - 5000, after - 10'000});
    int missing = 0, first = -1;
    for (int i = since; i < before; ++i) {
      if (!finds(*copy, i, at(i)) && missing++ == 0) first = i;
    }
    EXPECT_EQ(missing, 0) << "of " << before << " in round " << round << ", the first is " << first;
    fs::remove_all(in("backup"));
  }
  writer.request_stop();
  writer.join();
  std::printf("NOTE backup: 5 while %d transactions were committed, %d files linked\n", committed.load(), static_cast<int>(linked));
  EXPECT_GT(linked, 0u);
}

// Between the look at the manifest and that at the files, what the log held goes to a table, and the log goes.
TEST_F(Backup, BeginsAgainWhenTheStoreWentOnBetweenItsLooks) {
  constexpr auto kKept = std::chrono::seconds(1000);
  const auto store = open(db(), kKept);
  for (int i = 0; i < 100; ++i) commit(*store, i, kNow);
  int looks = 0;
  const auto done = backup_rocksdb_store("rocksdb://" + db(), in("backup"), [&] {
    if (++looks > 3) return;
    EXPECT_TRUE(store->sweep(kNow + 400'000));  // a new epoch, and with it a flush of all
    commit(*store, 100 + looks, kNow + looks);
  });
  ASSERT_TRUE(done) << done.error().message();
  EXPECT_GT(looks, 1);
  const auto copy = open(in("backup"), kKept);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(finds(*copy, i, kNow)) << i;
}

TEST_F(Backup, IsWholeAlsoWhenNobodyHasTheStoreOpen) {
  auto store = open(db());
  for (int i = 0; i < 300; ++i) commit(*store, i);
  store.reset();
  ASSERT_TRUE(backup_rocksdb_store("rocksdb://" + db(), in("backup")));
  const auto copy = open(in("backup"));
  for (int i = 0; i < 300; ++i) EXPECT_TRUE(finds(*copy, i));
  EXPECT_EQ(names(), (std::vector<std::string>{"backup", "db"}));
}

TEST_F(Backup, WhatTheStoreAndItsBackupDoLaterIsNotSeenInTheOther) {
  auto store = open(db());
  for (int i = 0; i < 2000; ++i) commit(*store, i);
  ASSERT_TRUE(backup_rocksdb_store("rocksdb://" + db(), in("backup")));
  const auto copy = open(in("backup"));
  for (int i = 2000; i < 4000; ++i) commit(*store, i);
  for (int i = 4000; i < 6000; ++i) commit(*copy, i);
  for (int i = 0; i < 6000; ++i) {
    ASSERT_EQ(finds(*store, i), i < 4000) << i;
    ASSERT_EQ(finds(*copy, i), i < 2000 || i >= 4000) << i;
  }
}

TEST_F(Backup, ALogThatIsBeingWrittenIsTakenUpToItsFirstHole) {
  auto store = open(db());
  for (int i = 0; i < 10; ++i) commit(*store, i);
  fs::copy(db(), in("db2"), fs::copy_options::recursive);
  store.reset();
  // As if a reader had come by between two pages: a batch missing, the next there.
  std::string log;
  std::size_t hole = std::string::npos;
  for (const auto& file : fs::directory_iterator(in("db2"))) {
    if (file.path().extension() != ".log" || hole != std::string::npos) continue;
    log = file.path();
    std::ifstream in_log(log, std::ios::binary);
    hole = std::string{std::istreambuf_iterator<char>(in_log), {}}.find("x7");
  }
  ASSERT_NE(hole, std::string::npos);
  std::fstream file(log, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(hole));
  file << std::string(8, '\0');
  file.close();
  const auto done = backup_rocksdb_store("rocksdb://" + in("db2"), in("backup"));
  ASSERT_TRUE(done) << done.error().message();
  const auto copy = open(in("backup"));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(finds(*copy, i), i < 7) << i;
}

TEST_F(Backup, AFolderThatHoldsSomethingIsRefused) {
  open(db());
  fs::create_directory(in("backup"));
  EXPECT_TRUE(backup_rocksdb_store("rocksdb://" + db(), in("backup")));
  const auto again = backup_rocksdb_store("rocksdb://" + db(), in("backup"));
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error().message(), HasSubstr(in("backup")));
  const auto nothing = backup_rocksdb_store("rocksdb://" + in("nothing"), in("other"));
  ASSERT_FALSE(nothing);
  EXPECT_THAT(nothing.error().message(), HasSubstr("no jwtd store"));
  EXPECT_EQ(names(), (std::vector<std::string>{"backup", "db"}));
}

TEST_F(Backup, IsRestoredIntoANewFolderOnly) {
  auto store = open(db());
  for (int i = 0; i < 500; ++i) commit(*store, i);
  ASSERT_TRUE(backup_rocksdb_store("rocksdb://" + db(), in("backup")));
  ASSERT_FALSE(restore_rocksdb_store(in("backup"), "rocksdb://" + db(), nullptr));
  const auto done = restore_rocksdb_store(in("backup"), "rocksdb://" + in("new"), [](Store& copy) { return finds(copy, 499) ? Status() : Error(kStoreDamaged); });
  ASSERT_TRUE(done) << done.error().message();
  EXPECT_EQ(done->linked, 0u);
  const auto restored = open(in("new"));
  for (int i = 0; i < 500; ++i) EXPECT_TRUE(finds(*restored, i));
}

TEST_F(Backup, NothingAppearsWhenTheCheckOfARestoreFails) {
  open(db());
  ASSERT_TRUE(backup_rocksdb_store("rocksdb://" + db(), in("backup")));
  const auto refused = restore_rocksdb_store(in("backup"), "rocksdb://" + in("new"), [](Store&) { return Error(kStoreDamaged, "test"); });
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(kStoreDamaged));
  EXPECT_EQ(names(), (std::vector<std::string>{"backup", "db"}));
}

TEST_F(Backup, ADamagedStoreGivesNoBackup) {
  auto store = open(db());
  for (int i = 0; i < 10; ++i) commit(*store, i);
  store.reset();
  for (const auto& file : fs::directory_iterator(db())) {
    if (file.path().filename().string().starts_with("MANIFEST")) fs::resize_file(file.path(), 10);
  }
  EXPECT_FALSE(backup_rocksdb_store("rocksdb://" + db(), in("backup")));
  EXPECT_EQ(names(), (std::vector<std::string>{"db"}));
}

}  // namespace
}  // namespace jwtd::store
