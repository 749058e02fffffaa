// store/rocksdb/retention_test.cc - epochs: what expired is gone from the disk, and everything else is found whichever epoch it lies in.
#include <gtest/gtest.h>
#include <rocksdb/db.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "store/memory/memory_store.h"
#include "store/rocksdb/epochs.h"
#include "store/rocksdb/rocksdb_store.h"
#include "store/rocksdb/temporary_folder.h"
#include "tests/contract/sample_records.h"

namespace jwtd::store {
namespace {

constexpr auto kKept = std::chrono::seconds(1000);
constexpr UnixMillis kSecond = 1000;

class Retention : public testing::Test {
 protected:
  Retention() { open(); }

  void open(std::chrono::seconds retention = kKept) {
    store_.reset();
    options_.url = "rocksdb://" + folder_.path();
    options_.retention = retention;
    auto opened = open_rocksdb_store(options_);
    EXPECT_TRUE(opened) << opened.error().message();
    store_ = *std::move(opened);
  }

  Outcome commit(const std::string& xid, UnixMillis at, const char* phone = kPhone) {
    Entry entry{make_record(xid, phone, at), false, Outcome::kConflict, {}};
    Entry* batch[] = {&entry};
    EXPECT_TRUE(store_->commit(batch));
    return entry.outcome;
  }

  Applied add_event(const std::string& xid, UnixMillis at) {
    Change change{*Xid::parse(xid), Event{Event::Type::kCallback, at, "k" + std::to_string(at), "body"}, false, {}, {}, Applied::kDamaged, {}};
    Change* changes[] = {&change};
    EXPECT_TRUE(store_->apply(changes));
    return change.applied;
  }

  std::size_t epochs() {
    std::vector<std::string> names;
    EXPECT_TRUE(rocksdb::DB::ListColumnFamilies({}, folder_.path(), &names).ok());
    return static_cast<std::size_t>(std::count_if(names.begin(), names.end(), [](const auto& name) { return parse_table_name(name).has_value(); })) / kTables;
  }

  // "ahead" was created 900 s ahead of the time to which the clock is set back then, and its epoch is closed.
  void set_clock_back() {
    commit("ahead", kNow + 900 * kSecond);
    ASSERT_TRUE(store_->sweep(kNow + 1200 * kSecond));
    ASSERT_EQ(epochs(), 2u);
  }

  // What else was written to the newest epoch at kNow is past its retention then.
  Transaction ahead_a_retention_later() {
    open();
    EXPECT_TRUE(store_->sweep(kNow + 300 * kSecond));
    EXPECT_EQ(epochs(), 3u);
    EXPECT_TRUE(store_->sweep(kNow + 1100 * kSecond));
    const auto found = store_->find(*Xid::parse("ahead"), kNow + 1100 * kSecond);
    EXPECT_TRUE(found && *found);
    return found && *found ? **found : Transaction{0, 0, make_record("none"), {}, {}};
  }

  bool finds(const std::string& xid, UnixMillis now) { return store_->find(*Xid::parse(xid), now)->has_value(); }

  std::vector<std::string> list(UnixMillis now, std::size_t limit = 2) {
    std::vector<std::string> xids;
    std::string cursor;
    do {
      const auto page = store_->find_by_phone(*Phone::parse(kPhone), limit, cursor, now);
      EXPECT_TRUE(page);
      for (const auto& transaction : page->transactions) xids.push_back(transaction.current.xid.text());
      cursor = page->next;
    } while (!cursor.empty());
    return xids;
  }

  // In tables and logs. The manifest names first and last keys of former files until it is written anew (tables.cc bounds it).
  bool on_disk(const std::string& octets) {
    for (const auto& file : std::filesystem::directory_iterator(folder_.path())) {
      if (file.path().extension() != ".sst" && file.path().extension() != ".log") continue;
      std::ostringstream content;
      content << std::ifstream(file.path(), std::ios::binary).rdbuf();
      if (content.str().find(octets) != std::string::npos) return true;
    }
    return false;
  }

  TemporaryFolder folder_;
  StoreOptions options_;
  std::unique_ptr<Store> store_;
};

TEST_F(Retention, WhatExpiredIsGoneFromTablesAndLogsAfterASweep) {
  for (int i = 0; i < 100; ++i) commit("expires-" + std::to_string(i), kNow + i);
  commit("expires-1", kNow + 60 * kSecond);
  ASSERT_TRUE(on_disk("expires-1"));
  ASSERT_TRUE(store_->sweep(kNow + 400 * kSecond));
  commit("stays-1", kNow + 500 * kSecond);
  EXPECT_TRUE(on_disk("expires-1"));
  ASSERT_TRUE(store_->sweep(kNow + 1300 * kSecond));
  EXPECT_FALSE(on_disk("expires-"));
  EXPECT_TRUE(on_disk("stays-1"));
  EXPECT_TRUE(finds("stays-1", kNow + 1300 * kSecond));
  EXPECT_EQ(list(kNow + 1300 * kSecond), (std::vector<std::string>{"stays-1"}));
}

TEST_F(Retention, WhatWasErasedIsGoneFromTablesAndLogsAfterASweep) {
  for (const UnixMillis at : {kNow, kNow + 300 * kSecond}) {  // in two epochs
    commit("erased-1", at);
    commit("stays-1", at);
    ASSERT_TRUE(store_->sweep(at + kSecond));
  }
  Change event{*Xid::parse("erased-1"), Event{Event::Type::kCallback, kNow + 301 * kSecond, "k", "erased-body"}, false, {}, {}, Applied::kDamaged, {}};
  Change* events[] = {&event};
  ASSERT_TRUE(store_->apply(events));
  ASSERT_EQ(event.applied, Applied::kWritten);
  EXPECT_TRUE(on_disk("erased-body"));
  Change erase{*Xid::parse("erased-1"), {}, true, {}, {}, Applied::kDamaged, {}};
  Change* changes[] = {&erase};
  ASSERT_TRUE(store_->apply(changes));
  open();  // the mark is on disk
  ASSERT_TRUE(store_->sweep(kNow + 310 * kSecond));
  EXPECT_FALSE(on_disk("erased-"));
  EXPECT_TRUE(on_disk("stays-1"));
  EXPECT_EQ(list(kNow + 310 * kSecond), (std::vector<std::string>{"stays-1"}));
}

TEST_F(Retention, AServiceThatSleptThroughTheRetentionForgetsAtTheFirstSweep) {
  commit("expires-1", kNow);
  open();
  ASSERT_TRUE(store_->sweep(kNow + 5000 * kSecond));
  EXPECT_FALSE(on_disk("expires-1"));
  EXPECT_EQ(store_->stats().transactions, 0u);
}

TEST_F(Retention, ASweepBeforeTheRetentionIsOverRemovesNothing) {
  for (int i = 0; i <= 40; ++i) {
    commit("x" + std::to_string(i), kNow + i * 25 * kSecond);
    ASSERT_TRUE(store_->sweep(kNow + i * 25 * kSecond));
  }
  for (int i = 0; i <= 40; ++i) EXPECT_TRUE(finds("x" + std::to_string(i), kNow + 1000 * kSecond)) << i;
  EXPECT_EQ(list(kNow + 1000 * kSecond).size(), 41u);
}

TEST_F(Retention, ADroppedEpochStaysDroppedAndTheOthersOpenAgain) {
  for (int i = 0; i < 80; ++i) {
    commit("x" + std::to_string(i), kNow + i * 25 * kSecond);
    ASSERT_TRUE(store_->sweep(kNow + i * 25 * kSecond));
  }
  const UnixMillis now = kNow + 79 * 25 * kSecond;
  const auto before = list(now);
  EXPECT_EQ(before.size(), 41u);
  open();
  EXPECT_EQ(list(now), before);
  EXPECT_LE(store_->stats().transactions, 41u + 80u / 8);
}

TEST_F(Retention, ATransactionReissuedInALaterEpochIsWhole) {
  commit("a", kNow);
  commit("a", kNow + 100 * kSecond);
  ASSERT_TRUE(store_->sweep(kNow + 300 * kSecond));
  EXPECT_EQ(commit("a", kNow + 301 * kSecond), Outcome::kReissued);
  EXPECT_EQ(commit("a", kNow + 302 * kSecond), Outcome::kReused);
  const auto found = store_->find(*Xid::parse("a"), kNow + 302 * kSecond);
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->issued, 3u);
  ASSERT_EQ((*found)->earlier.size(), 2u);
  EXPECT_EQ((*found)->earlier[0].recorded_at, kNow + 100 * kSecond);
  EXPECT_EQ((*found)->earlier[1].recorded_at, kNow);
  EXPECT_EQ(list(kNow + 302 * kSecond).size(), 1u);
}

TEST_F(Retention, AnXidOfAnEarlierEpochStillConflicts) {
  commit("a", kNow);
  ASSERT_TRUE(store_->sweep(kNow + 300 * kSecond));
  EXPECT_EQ(commit("a", kNow + 301 * kSecond, kOtherPhone), Outcome::kConflict);
}

TEST_F(Retention, AClockThatGoesBackLosesNothing) {
  commit("future", kNow + 900 * kSecond);
  commit("a", kNow);
  ASSERT_TRUE(store_->sweep(kNow + 1200 * kSecond));
  ASSERT_TRUE(store_->sweep(kNow + 1300 * kSecond));
  EXPECT_TRUE(finds("future", kNow + 1300 * kSecond));
  EXPECT_FALSE(finds("a", kNow + 1300 * kSecond));
}

TEST_F(Retention, AReissueIsKeptAsLongAsATransactionThatWasCreatedAheadOfIt) {
  set_clock_back();
  commit("now", kNow);
  EXPECT_EQ(commit("ahead", kNow + kSecond), Outcome::kReissued);
  const auto left = ahead_a_retention_later();
  EXPECT_EQ(left.issued, 2u);
  EXPECT_EQ(left.current.recorded_at, kNow + kSecond);
  EXPECT_EQ(left.earlier.size(), 1u);
}

TEST_F(Retention, AReissueThatIsTheFirstOfItsEpochIsKeptAsLongToo) {
  set_clock_back();
  EXPECT_EQ(commit("ahead", kNow), Outcome::kReissued);
  commit("now", kNow + kSecond);
  EXPECT_EQ(ahead_a_retention_later().issued, 2u);
}

TEST_F(Retention, AnEventIsKeptAsLongAsATransactionThatWasCreatedAheadOfIt) {
  for (const bool first : {true, false}) {
    store_.reset();
    std::filesystem::remove_all(folder_.path());
    open();
    set_clock_back();
    if (!first) commit("now", kNow);
    EXPECT_EQ(add_event("ahead", kNow + kSecond), Applied::kWritten);
    if (first) commit("now", kNow + kSecond);
    EXPECT_EQ(ahead_a_retention_later().events.size(), 1u) << first;
  }
}

TEST_F(Retention, WhatWasCreatedLongAgoDoesNotMakeANewEpochOld) {
  commit("a", kNow);
  ASSERT_TRUE(store_->sweep(kNow + 300 * kSecond));
  EXPECT_EQ(commit("a", kNow + 301 * kSecond), Outcome::kReissued);
  EXPECT_EQ(add_event("a", kNow + 302 * kSecond), Applied::kWritten);
  ASSERT_TRUE(store_->sweep(kNow + 303 * kSecond));
  EXPECT_EQ(epochs(), 2u);
  open();
  ASSERT_TRUE(store_->sweep(kNow + 304 * kSecond));
  EXPECT_EQ(epochs(), 2u);
}

TEST_F(Retention, ABoundHoldsForRecordsAfterARestart) {
  commit("a", kNow);
  open();
  commit("late", kNow + 800 * kSecond);
  open();
  ASSERT_TRUE(store_->sweep(kNow + 1100 * kSecond));
  EXPECT_TRUE(finds("late", kNow + 1100 * kSecond));
  EXPECT_EQ(list(kNow + 1100 * kSecond), (std::vector<std::string>{"late"}));
}

TEST_F(Retention, EpochsAreBoundedHoweverTheClockJumps) {
  for (int i = 0; i < 40; ++i) {
    commit("x" + std::to_string(i), kNow + (i % 2 == 0 ? 0 : -100'000 * kSecond));
    ASSERT_TRUE(store_->sweep(kNow));
  }
  EXPECT_TRUE(finds("x0", kNow));
  EXPECT_TRUE(finds("x38", kNow));
}

TEST_F(Retention, BehavesAsTheMemoryStoreUnderRandomUse) {
  std::mt19937 random(20261123);
  StoreOptions options;
  options.retention = kKept;
  const auto model = open_memory_store(options);
  UnixMillis now = kNow;
  for (int round = 0; round < 400; ++round) {
    now += random() % (20 * kSecond);
    std::vector<Entry> ours;
    for (std::size_t i = 0; i < 1 + random() % 8; ++i) {
      const std::string xid = random() % 2 == 0 ? "x" + std::to_string(random() % 40) : "018bcfe5-6800-7abc-8def-0000000000" + std::to_string(10 + random() % 40);
      ours.push_back({make_record(xid, random() % 10 == 0 ? kOtherPhone : kPhone, now + static_cast<UnixMillis>(i)), false, {}, {}});
    }
    std::vector<Entry> theirs = ours;
    std::vector<Entry*> our_batch, their_batch;
    for (auto& entry : ours) our_batch.push_back(&entry);
    for (auto& entry : theirs) their_batch.push_back(&entry);
    ASSERT_TRUE(store_->commit(our_batch));
    ASSERT_TRUE(model->commit(their_batch));
    for (std::size_t i = 0; i < ours.size(); ++i) {
      ASSERT_EQ(ours[i].outcome, theirs[i].outcome) << round;
      ASSERT_EQ(ours[i].standing.has_value(), theirs[i].standing.has_value());
      if (ours[i].standing) expect_same(*ours[i].standing, *theirs[i].standing);
    }
    if (round % 9 == 0) {
      ASSERT_TRUE(store_->sweep(now));
    }
    if (round % 97 == 0) open();
    const Xid xid = ours[0].proposed.xid;
    const auto our_find = store_->find(xid, now), their_find = model->find(xid, now);
    ASSERT_EQ((*our_find).has_value(), (*their_find).has_value());
    if (*our_find) {
      EXPECT_EQ((*our_find)->issued, (*their_find)->issued);
      EXPECT_EQ((*our_find)->created_at, (*their_find)->created_at);
      expect_same((*our_find)->current, (*their_find)->current);
      ASSERT_EQ((*our_find)->earlier.size(), (*their_find)->earlier.size());
      for (std::size_t i = 0; i < (*our_find)->earlier.size(); ++i) expect_same((*our_find)->earlier[i], (*their_find)->earlier[i]);
    }
    const auto our_page = store_->find_by_phone(*Phone::parse(kPhone), 100, {}, now), their_page = model->find_by_phone(*Phone::parse(kPhone), 100, {}, now);
    ASSERT_EQ(our_page->transactions.size(), their_page->transactions.size()) << round;
    for (std::size_t i = 0; i < our_page->transactions.size(); ++i) expect_same(our_page->transactions[i].current, their_page->transactions[i].current);
  }
}

}  // namespace
}  // namespace jwtd::store
