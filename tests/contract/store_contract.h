// tests/contract/store_contract.h - what a store is: the tests that every driver passes (src/store/store.h in executable form).
//
// A driver's test file lists this once:
//   INSTANTIATE_TEST_SUITE_P(Memory, StoreContract, testing::Values(Driver{...}), name_of_driver);
// and the same for WholeStore, whole_store_contract.h.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/limits.h"
#include "store/cursor.h"
#include "store/store.h"
#include "tests/contract/sample_records.h"

namespace jwtd::store {

// One empty place for data; removed with this object.
class Place {
 public:
  virtual ~Place() = default;
  // The store over what this place holds. One at a time.
  virtual std::unique_ptr<Store> open(std::chrono::seconds retention) = 0;
};

struct Driver {
  std::string name;
  bool survives_reopening;
  std::function<std::unique_ptr<Place>()> make_place;
};

inline std::string name_of_driver(const testing::TestParamInfo<Driver>& info) { return info.param.name; }

class StoreContract : public testing::TestWithParam<Driver> {
 protected:
  void SetUp() override { open(); }

  void open(std::chrono::seconds retention = std::chrono::hours(24 * 30)) {
    store_.reset();
    if (!place_) place_ = GetParam().make_place();
    store_ = place_->open(retention);
    ASSERT_NE(store_, nullptr);
  }

  std::vector<Entry> commit_all(std::vector<Record> records, bool xid_is_new = false) {
    std::vector<Entry> entries;
    for (Record& record : records) entries.push_back({std::move(record), xid_is_new, Outcome::kConflict, std::nullopt});
    std::vector<Entry*> batch;
    for (Entry& entry : entries) batch.push_back(&entry);
    const Status status = store_->commit(batch);
    EXPECT_TRUE(status) << status.error().message();
    return entries;
  }

  Entry commit(Record record, bool xid_is_new = false) { return commit_all({std::move(record)}, xid_is_new)[0]; }

  std::optional<Transaction> find(std::string_view xid, UnixMillis now = kNow) {
    auto found = store_->find(*Xid::parse(xid), now);
    EXPECT_TRUE(found) << found.error().message();
    return found ? *std::move(found) : std::nullopt;
  }

  Page page(std::string_view phone, std::size_t limit = kMaxPageRecords, std::string_view cursor = {}, UnixMillis now = kNow) {
    auto found = store_->find_by_phone(*Phone::parse(phone), limit, cursor, now);
    EXPECT_TRUE(found) << found.error().message();
    return found ? *std::move(found) : Page();
  }

  // The XIDs of all pages.
  std::vector<std::string> list(std::string_view phone, std::size_t limit = kMaxPageRecords, UnixMillis now = kNow) {
    std::vector<std::string> xids;
    std::string cursor;
    do {
      const Page part = page(phone, limit, cursor, now);
      EXPECT_LE(part.transactions.size(), limit);
      for (const Transaction& transaction : part.transactions) xids.push_back(transaction.current.xid.text());
      cursor = part.next;
    } while (!cursor.empty() && xids.size() < 100'000);
    return xids;
  }

  std::unique_ptr<Place> place_;
  std::unique_ptr<Store> store_;
};

using Xids = std::vector<std::string>;

// -- one token ------------------------------------------------------------------------------------------------------

TEST_P(StoreContract, ANewXidIsInserted) {
  const Entry entry = commit(make_record("a"));
  EXPECT_EQ(entry.outcome, Outcome::kInserted);
  EXPECT_FALSE(entry.standing);
}

TEST_P(StoreContract, WhatWasCommittedIsFoundFieldByField) {
  const Record record = make_record("a");
  commit(record);
  const auto found = find("a");
  ASSERT_TRUE(found);
  expect_same(found->current, record);
  EXPECT_EQ(found->created_at, record.recorded_at);
  EXPECT_EQ(found->issued, 1u);
  EXPECT_TRUE(found->earlier.empty());
}

TEST_P(StoreContract, AnUnknownXidIsNotFound) { EXPECT_FALSE(find("a")); }

TEST_P(StoreContract, AnEmptyBatchIsFine) { EXPECT_TRUE(store_->commit({})); }

TEST_P(StoreContract, AnyXidIsKeptExactly) {
  Xids xids = {"0", "~", "..a", "a", "A", "a.", "a-", "a_", "aa", "11111111-2222-4333-8444-55555555555a", "11111111-2222-4333-8444-55555555555A",
               "11111111222243338444555555555555", "018bcfe5-6800-7abc-8def-0123456789ab", "018BCFE5-6800-7ABC-8DEF-0123456789AB",
               "018bcfe5-6800-7abc-8def-0123456789abc", "018bcfe5-6800-7abc-8def-0123456789a", "018bcfe56-800-7abc-8def-0123456789ab"};
  for (std::size_t size = 3; size <= Xid::kMaxSize; ++size) xids.push_back(std::string(size, 'x'));
  for (const auto& xid : xids) EXPECT_EQ(commit(make_record(xid)).outcome, Outcome::kInserted) << xid;
  for (const auto& xid : xids) {
    const auto found = find(xid);
    ASSERT_TRUE(found) << xid;
    EXPECT_EQ(found->current.xid.text(), xid);
    EXPECT_EQ(found->current.token, make_record(xid).token);
  }
  EXPECT_EQ(list(kPhone).size(), xids.size());
}

TEST_P(StoreContract, ExtremeValuesAreKeptExactly) {
  Record record = make_record("a", "999999999999999");
  record.iat = 4'102'444'800;  // past 2038
  record.exp = record.iat + 86'400 * 365;
  record.recorded_at = kNow + 999;
  record.token = std::string(4096, 't') + '"' + '\0' + '\xff';
  record.iss = std::string(kMaxIssuerBytes, 'i');
  record.kid = "";
  commit(record);
  const auto found = find("a");
  ASSERT_TRUE(found);
  expect_same(found->current, record);
}

TEST_P(StoreContract, ATimeBefore1970IsKeptExactly) {
  open(std::chrono::seconds(0));
  Record record = make_record("a", kPhone, -1);
  record.iat = -11;
  record.exp = 79;
  commit(record);
  const auto found = find("a");
  ASSERT_TRUE(found);
  expect_same(found->current, record);
  EXPECT_EQ(list(kPhone), Xids{"a"});
}

// -- an XID used again ----------------------------------------------------------------------------------------------

TEST_P(StoreContract, TheFirstRecordForAnXidStands) {
  const Record first = make_record("a");
  commit(first);
  const Entry retry = commit(make_record("a", kPhone, kNow + 1000));
  EXPECT_EQ(retry.outcome, Outcome::kReused);
  ASSERT_TRUE(retry.standing);
  expect_same(*retry.standing, first);
  const auto found = find("a");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->issued, 1u);
  expect_same(found->current, first);
  EXPECT_EQ(list(kPhone), Xids{"a"});
}

TEST_P(StoreContract, ATokenPastHalfItsLifeIsReissuedAndTheEarlierOneKept) {
  const Record first = make_record("a");
  const Record second = make_record("a", kPhone, kNow + 60'000);
  commit(first);
  const Entry entry = commit(second);
  EXPECT_EQ(entry.outcome, Outcome::kReissued);
  EXPECT_FALSE(entry.standing);
  const auto found = find("a", kNow + 60'000);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->issued, 2u);
  EXPECT_EQ(found->created_at, kNow);
  expect_same(found->current, second);
  ASSERT_EQ(found->earlier.size(), 1u);
  expect_same(found->earlier[0], first);
}

TEST_P(StoreContract, AReissuedTransactionKeepsItsPlaceInThePhonesList) {
  commit(make_record("a"));
  commit(make_record("b", kPhone, kNow + 1));
  commit(make_record("a", kPhone, kNow + 60'000));
  EXPECT_EQ(list(kPhone, 10, kNow + 60'000), (Xids{"b", "a"}));
  const Page both = page(kPhone, 10, {}, kNow + 60'000);
  EXPECT_EQ(both.transactions[1].issued, 2u);
  EXPECT_EQ(both.transactions[1].current.recorded_at, kNow + 60'000);
  EXPECT_TRUE(both.transactions[1].earlier.empty());
}

TEST_P(StoreContract, EarlierTokensComeNewestFirst) {
  for (int i = 0; i < 5; ++i) commit(make_record("a", kPhone, kNow + i * 60'000));
  const auto found = find("a", kNow + 240'000);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->issued, 5u);
  ASSERT_EQ(found->earlier.size(), 4u);
  for (int i = 0; i < 4; ++i) expect_same(found->earlier[i], make_record("a", kPhone, kNow + (3 - i) * 60'000));
}

TEST_P(StoreContract, TheEarlierTokensShownAreBoundedAndTheNewest) {
  const int count = static_cast<int>(kMaxEarlierTokens) + 5;
  for (int i = 0; i < count; ++i) commit(make_record("a", kPhone, kNow + i * 60'000));
  const auto found = find("a", kNow + count * 60'000);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->issued, static_cast<std::uint64_t>(count));
  ASSERT_EQ(found->earlier.size(), kMaxEarlierTokens);
  expect_same(found->earlier.front(), make_record("a", kPhone, kNow + (count - 2) * 60'000));
}

TEST_P(StoreContract, EarlierTokensComeInTheOrderTheyWereIssuedAlsoWhenTheClockWentBack) {
  Record first = make_record("a", kPhone, kNow);
  Record second = make_record("a", kPhone, kNow - 3'600'000);
  Record third = make_record("a", kPhone, kNow - 1'800'000);
  commit(first);
  EXPECT_EQ(commit(second).outcome, Outcome::kReissued);
  EXPECT_EQ(commit(third).outcome, Outcome::kReissued);
  const auto found = find("a");
  ASSERT_TRUE(found);
  ASSERT_EQ(found->earlier.size(), 2u);
  expect_same(found->earlier[0], second);
  expect_same(found->earlier[1], first);
}

TEST_P(StoreContract, EarlierTokensOfNeighbouringXidsDoNotMix) {
  const Xids xids = {"a", "a-", "a.", "aa", "a0", "b", "018bcfe5-6800-7abc-8def-0123456789ab", "018bcfe5-6800-7abc-8def-0123456789ac"};
  for (const auto& xid : xids) commit(make_record(xid));
  for (const auto& xid : xids) commit(make_record(xid, kPhone, kNow + 60'000));
  for (const auto& xid : xids) {
    const auto found = find(xid, kNow + 60'000);
    ASSERT_TRUE(found) << xid;
    ASSERT_EQ(found->earlier.size(), 1u) << xid;
    expect_same(found->earlier[0], make_record(xid));
  }
}

TEST_P(StoreContract, AnotherKeyReissues) {
  commit(make_record("a"));
  Record other = make_record("a", kPhone, kNow + 1);
  other.kid = "rotated";
  EXPECT_EQ(commit(other).outcome, Outcome::kReissued);
  const auto found = find("a");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->current.kid, "rotated");
  EXPECT_EQ(found->earlier.at(0).kid, "kid");
}

TEST_P(StoreContract, AnotherPhoneIsAConflictAndWritesNothing) {
  const Record first = make_record("a");
  commit(first);
  const Entry entry = commit(make_record("a", kOtherPhone, kNow + 1));
  EXPECT_EQ(entry.outcome, Outcome::kConflict);
  EXPECT_FALSE(entry.standing);
  expect_same(find("a")->current, first);
  EXPECT_EQ(find("a")->issued, 1u);
  EXPECT_TRUE(list(kOtherPhone).empty());
  EXPECT_EQ(list(kPhone), Xids{"a"});
}

// -- batches --------------------------------------------------------------------------------------------------------

TEST_P(StoreContract, EntriesOfOneBatchThatShareAnXidAreDecidedInOrder) {
  const auto entries = commit_all({make_record("a"), make_record("a", kPhone, kNow + 1), make_record("a", kOtherPhone, kNow + 2),
                                   make_record("a", kPhone, kNow + 60'000), make_record("a", kPhone, kNow + 60'001),
                                   make_record("a", kPhone, kNow + 120'000)});
  EXPECT_EQ(entries[0].outcome, Outcome::kInserted);
  EXPECT_EQ(entries[1].outcome, Outcome::kReused);
  expect_same(entries[1].standing.value(), make_record("a"));
  EXPECT_EQ(entries[2].outcome, Outcome::kConflict);
  EXPECT_EQ(entries[3].outcome, Outcome::kReissued);
  EXPECT_EQ(entries[4].outcome, Outcome::kReused);
  expect_same(entries[4].standing.value(), make_record("a", kPhone, kNow + 60'000));
  EXPECT_EQ(entries[5].outcome, Outcome::kReissued);
  const auto found = find("a", kNow + 120'000);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->issued, 3u);
  expect_same(found->current, make_record("a", kPhone, kNow + 120'000));
  ASSERT_EQ(found->earlier.size(), 2u);
  expect_same(found->earlier[0], make_record("a", kPhone, kNow + 60'000));
  expect_same(found->earlier[1], make_record("a"));
  EXPECT_EQ(list(kPhone), Xids{"a"});
}

TEST_P(StoreContract, ABatchOverAStandingTransactionSeesItsOwnReissue) {
  commit(make_record("a"));
  const auto entries = commit_all({make_record("a", kPhone, kNow + 60'000), make_record("a", kPhone, kNow + 60'001)});
  EXPECT_EQ(entries[0].outcome, Outcome::kReissued);
  EXPECT_EQ(entries[1].outcome, Outcome::kReused);
  expect_same(entries[1].standing.value(), make_record("a", kPhone, kNow + 60'000));
}

TEST_P(StoreContract, ABatchMayMixNewAndGivenXids) {
  commit(make_record("given"));
  std::vector<Entry> entries = {{make_record("made"), true, Outcome::kConflict, {}},
                                {make_record("given", kPhone, kNow + 1), false, Outcome::kConflict, {}},
                                {make_record("made", kPhone, kNow + 1), false, Outcome::kConflict, {}}};
  std::vector<Entry*> batch = {&entries[0], &entries[1], &entries[2]};
  ASSERT_TRUE(store_->commit(batch));
  EXPECT_EQ(entries[0].outcome, Outcome::kInserted);
  EXPECT_EQ(entries[1].outcome, Outcome::kReused);
  EXPECT_EQ(entries[2].outcome, Outcome::kReused);
}

TEST_P(StoreContract, TheLargestBatchIsTaken) {
  std::vector<Record> records;
  for (std::size_t i = 0; i < kMaxBatchRecords; ++i) records.push_back(make_record("x" + std::to_string(i)));
  for (const Entry& entry : commit_all(records, true)) EXPECT_EQ(entry.outcome, Outcome::kInserted);
  for (const Entry& entry : commit_all(records)) EXPECT_EQ(entry.outcome, Outcome::kReused);
  EXPECT_EQ(list(kPhone).size(), kMaxBatchRecords);
}

TEST_P(StoreContract, OutcomesOfAnEntryThatIsCommittedAgainAreFresh) {
  Entry entry{make_record("a"), false, Outcome::kConflict, make_record("stale")};
  Entry* batch[] = {&entry};
  ASSERT_TRUE(store_->commit(batch));
  EXPECT_EQ(entry.outcome, Outcome::kInserted);
  EXPECT_FALSE(entry.standing);
}

// -- a phone's list -------------------------------------------------------------------------------------------------

TEST_P(StoreContract, APhonesListIsNewestFirst) {
  commit(make_record("old", kPhone, kNow - 2000));
  commit(make_record("new", kPhone, kNow));
  commit(make_record("middle", kPhone, kNow - 1000));
  EXPECT_EQ(list(kPhone), (Xids{"new", "middle", "old"}));
}

TEST_P(StoreContract, TransactionsOfTheSameMillisecondComeByXidDescending) {
  commit_all({make_record("b"), make_record("a.b"), make_record("c"), make_record("a"), make_record("ab"), make_record("aa")});
  EXPECT_EQ(list(kPhone), (Xids{"c", "b", "ab", "aa", "a.b", "a"}));
}

TEST_P(StoreContract, XidsOfAllFormsAreOrderedAsText) {
  const Xids sorted = {"~", "z", "018bcfe5-6800-7abc-8def-0123456789ac", "018bcfe5-6800-7abc-8def-0123456789ab",
                       "018bcfe5-6800-7abc-8def-0123456789aB", "018BCFE5", "018", "0", "-"};
  for (auto it = sorted.rbegin(); it != sorted.rend(); ++it) commit(make_record(*it));
  EXPECT_EQ(list(kPhone, 2), sorted);
}

TEST_P(StoreContract, APhonesListHoldsNoOtherPhone) {
  for (const char* phone : {"1555555", "15555551", "15555551234", "15555551235", "155555512340", "999999999999999"}) {
    commit(make_record(std::string("x") + phone, phone));
  }
  EXPECT_EQ(list("15555551234"), Xids{"x15555551234"});
  EXPECT_EQ(list("1555555"), Xids{"x1555555"});
  EXPECT_EQ(list("999999999999999"), Xids{"x999999999999999"});
  EXPECT_TRUE(list("15555551233").empty());
}

TEST_P(StoreContract, AListedTransactionIsWhole) {
  const Record record = make_record("a");
  commit(record);
  const Page found = page(kPhone);
  ASSERT_EQ(found.transactions.size(), 1u);
  expect_same(found.transactions[0].current, record);
  EXPECT_EQ(found.transactions[0].created_at, kNow);
  EXPECT_EQ(found.transactions[0].issued, 1u);
  EXPECT_TRUE(found.next.empty());
}

TEST_P(StoreContract, PagesOfAnySizeGiveTheSameList) {
  Xids expected;
  for (int i = 0; i < 23; ++i) {
    const std::string xid = "x" + std::to_string(i);
    commit(make_record(xid, kPhone, kNow + i / 3));
    expected.push_back(xid);
  }
  std::sort(expected.begin(), expected.end(), [](const std::string& a, const std::string& b) {
    const int of_a = std::stoi(a.substr(1)) / 3, of_b = std::stoi(b.substr(1)) / 3;
    return of_a != of_b ? of_a > of_b : a > b;
  });
  for (std::size_t limit : {1, 2, 3, 7, 22, 23, 24, 100}) EXPECT_EQ(list(kPhone, limit, kNow + 10), expected) << limit;
}

TEST_P(StoreContract, TheLastPageHasNoCursor) {
  commit_all({make_record("a"), make_record("b")});
  EXPECT_TRUE(page(kPhone, 2).next.empty());
  EXPECT_FALSE(page(kPhone, 1).next.empty());
}

TEST_P(StoreContract, ANewTransactionBetweenTwoPagesNeitherShiftsNorRepeats) {
  commit_all({make_record("a", kPhone, kNow), make_record("b", kPhone, kNow + 1), make_record("c", kPhone, kNow + 2)});
  const Page first = page(kPhone, 2);
  ASSERT_EQ(first.transactions.size(), 2u);
  commit(make_record("d", kPhone, kNow + 3));
  const Page second = page(kPhone, 2, first.next);
  ASSERT_EQ(second.transactions.size(), 1u);
  EXPECT_EQ(second.transactions[0].current.xid.text(), "a");
}

TEST_P(StoreContract, AnotherPhonesCursorIsRefused) {
  commit_all({make_record("a"), make_record("b")});
  const Page first = page(kPhone, 1);
  const auto refused = store_->find_by_phone(*Phone::parse(kOtherPhone), 1, first.next, kNow);
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(kCursorMalformed));
}

TEST_P(StoreContract, ACursorThatWasNotGivenOutIsRefused) {
  commit(make_record("a"));
  for (const std::string& junk : {std::string("x"), std::string("AAAA"), std::string("%00"), std::string(1, '\0'), std::string(10'000, 'A')}) {
    const auto refused = store_->find_by_phone(*Phone::parse(kPhone), 1, junk, kNow);
    ASSERT_FALSE(refused);
    EXPECT_TRUE(refused.error().is(kCursorMalformed));
  }
}

// -- retention ------------------------------------------------------------------------------------------------------

constexpr auto kRetention = std::chrono::seconds(3600);
constexpr UnixMillis kLastKept = kNow + 3'600'000;
constexpr UnixMillis kExpired = kLastKept + 1;

TEST_P(StoreContract, AnExpiredTransactionIsNotFound) {
  open(kRetention);
  commit(make_record("a"));
  EXPECT_TRUE(find("a", kLastKept));
  EXPECT_FALSE(find("a", kExpired));
  EXPECT_EQ(list(kPhone, 10, kLastKept), Xids{"a"});
  EXPECT_TRUE(list(kPhone, 10, kExpired).empty());
}

TEST_P(StoreContract, AnExpiredXidIsNewAgain) {
  open(kRetention);
  commit(make_record("a"));
  commit(make_record("a", kPhone, kNow + 60'000));
  const Record anew = make_record("a", kPhone, kExpired);
  EXPECT_EQ(commit(anew).outcome, Outcome::kInserted);
  const auto found = find("a", kExpired);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->created_at, kExpired);
  EXPECT_EQ(found->issued, 1u);
  EXPECT_TRUE(found->earlier.empty());
  expect_same(found->current, anew);
  EXPECT_EQ(list(kPhone, 10, kExpired), Xids{"a"});
}

TEST_P(StoreContract, AnExpiredXidMayGoToAnotherPhone) {
  open(kRetention);
  commit(make_record("a"));
  EXPECT_EQ(commit(make_record("a", kOtherPhone, kExpired)).outcome, Outcome::kInserted);
  EXPECT_EQ(list(kOtherPhone, 10, kExpired), Xids{"a"});
  EXPECT_TRUE(list(kPhone, 10, kExpired).empty());
  EXPECT_TRUE(list(kPhone, 10, kNow).empty());
}

TEST_P(StoreContract, AnExpiredXidUsedTwiceInOneBatchIsInsertedOnce) {
  open(kRetention);
  commit(make_record("a"));
  const auto entries = commit_all({make_record("a", kPhone, kExpired), make_record("a", kPhone, kExpired + 1)});
  EXPECT_EQ(entries[0].outcome, Outcome::kInserted);
  EXPECT_EQ(entries[1].outcome, Outcome::kReused);
  EXPECT_EQ(list(kPhone, 10, kExpired), Xids{"a"});
}

TEST_P(StoreContract, AReissueDoesNotProlongATransaction) {
  open(kRetention);
  commit(make_record("a"));
  EXPECT_EQ(commit(make_record("a", kPhone, kLastKept - 80'000)).outcome, Outcome::kReissued) << "it expires with its transaction";
  EXPECT_TRUE(find("a", kLastKept));
  EXPECT_FALSE(find("a", kExpired));
}

TEST_P(StoreContract, ATokenThatWouldOutliveItsTransactionBeginsAnother) {
  open(kRetention);
  commit_all({make_record("a"), make_record("b")});
  EXPECT_EQ(commit(make_record("a", kOtherPhone, kLastKept)).outcome, Outcome::kConflict);
  const auto entries = commit_all({make_record("a", kPhone, kLastKept), make_record("b", kPhone, kLastKept - 79'000), make_record("a", kPhone, kLastKept + 1)});
  EXPECT_EQ(entries[0].outcome, Outcome::kInserted);
  EXPECT_EQ(entries[1].outcome, Outcome::kInserted);
  EXPECT_EQ(entries[2].outcome, Outcome::kReused);
  ASSERT_TRUE(store_->sweep(kExpired));
  const auto anew = find("a", kExpired);
  ASSERT_TRUE(anew);
  EXPECT_EQ(anew->created_at, kLastKept);
  EXPECT_EQ(anew->issued, 1u);
  EXPECT_TRUE(anew->earlier.empty());
  EXPECT_EQ(list(kPhone, 10, kExpired), (Xids{"a", "b"}));
}

TEST_P(StoreContract, NearItsTransactionsEndATokenIsUsedAsLongAsItIsValid) {
  open(kRetention);
  commit(make_record("a"));
  const Record last = make_record("a", kPhone, kLastKept - 100'000);
  EXPECT_EQ(commit(last).outcome, Outcome::kReissued);
  const Entry again = commit(make_record("a", kPhone, kLastKept - 30'000));
  EXPECT_EQ(again.outcome, Outcome::kReused);
  ASSERT_TRUE(again.standing);
  EXPECT_EQ(again.standing->token, last.token);
  EXPECT_EQ(commit(make_record("a", kPhone, kLastKept - 20'000)).outcome, Outcome::kInserted) << "it has expired";
  EXPECT_EQ(find("a", kExpired)->issued, 1u);
}

TEST_P(StoreContract, APageEndsBeforeTheExpired) {
  open(kRetention);
  commit_all({make_record("a", kPhone, kNow), make_record("b", kPhone, kNow + 1), make_record("c", kPhone, kNow + 2)});
  const Page found = page(kPhone, 2, {}, kLastKept + 1);
  EXPECT_EQ(found.transactions.size(), 2u);
  EXPECT_TRUE(found.next.empty());
}

TEST_P(StoreContract, SweepLeavesWhatIsNotExpired) {
  open(kRetention);
  commit_all({make_record("a", kPhone, kNow), make_record("b", kPhone, kNow + 1)});
  commit(make_record("b", kPhone, kNow + 60'001));
  ASSERT_TRUE(store_->sweep(kExpired));
  EXPECT_FALSE(find("a", kExpired));
  const auto kept = find("b", kExpired);
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->issued, 2u);
  EXPECT_EQ(kept->earlier.size(), 1u);
  EXPECT_EQ(list(kPhone, 10, kExpired), Xids{"b"});
}

TEST_P(StoreContract, AnXidCanBeUsedAgainAfterASweep) {
  open(kRetention);
  commit(make_record("a"));
  ASSERT_TRUE(store_->sweep(kExpired));
  EXPECT_EQ(commit(make_record("a", kOtherPhone, kExpired)).outcome, Outcome::kInserted);
  ASSERT_TRUE(store_->sweep(kExpired));
  EXPECT_EQ(list(kOtherPhone, 10, kExpired), Xids{"a"});
}

TEST_P(StoreContract, WithoutRetentionNothingExpires) {
  open(std::chrono::seconds(0));
  commit(make_record("a"));
  constexpr UnixMillis kFar = kNow + 1000LL * 86'400'000;
  ASSERT_TRUE(store_->sweep(kFar));
  EXPECT_TRUE(find("a", kFar));
  EXPECT_EQ(commit(make_record("a", kOtherPhone, kFar)).outcome, Outcome::kConflict);
}

// -- the whole ------------------------------------------------------------------------------------------------------

TEST_P(StoreContract, EverythingIsThereAfterReopening) {
  if (!GetParam().survives_reopening) GTEST_SKIP() << GetParam().name << " keeps nothing";
  commit(make_record("a"));
  commit(make_record("a", kPhone, kNow + 60'000));
  commit(make_record("b", kPhone, kNow + 60'001), true);
  open();
  const auto found = find("a", kNow + 60'001);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->issued, 2u);
  expect_same(found->current, make_record("a", kPhone, kNow + 60'000));
  ASSERT_EQ(found->earlier.size(), 1u);
  expect_same(found->earlier[0], make_record("a"));
  EXPECT_EQ(list(kPhone, 10, kNow + 60'001), (Xids{"b", "a"}));
  EXPECT_EQ(commit(make_record("b", kPhone, kNow + 60'002)).outcome, Outcome::kReused);
  EXPECT_EQ(commit(make_record("b", kOtherPhone, kNow + 60'002)).outcome, Outcome::kConflict);
}

TEST_P(StoreContract, APageCanBeContinuedAfterReopening) {
  if (!GetParam().survives_reopening) GTEST_SKIP() << GetParam().name << " keeps nothing";
  commit_all({make_record("a"), make_record("b")});
  const Page first = page(kPhone, 1);
  open();
  const Page second = page(kPhone, 1, first.next);
  ASSERT_EQ(second.transactions.size(), 1u);
  EXPECT_EQ(second.transactions[0].current.xid.text(), "a");
}

TEST_P(StoreContract, AFreshStoreIsWritable) { EXPECT_TRUE(store_->writable()); }

TEST_P(StoreContract, TheTransactionsAreCountedRoughly) {
  EXPECT_EQ(store_->stats().transactions, 0u);
  std::vector<Record> records;
  for (int i = 0; i < 100; ++i) records.push_back(make_record("x" + std::to_string(i)));
  commit_all(records);
  const auto count = store_->stats().transactions;
  EXPECT_GE(count, 50u);
  EXPECT_LE(count, 200u);
}

TEST_P(StoreContract, TheDriverHasAName) { EXPECT_FALSE(store_->driver().empty()); }

TEST_P(StoreContract, ReadersSeeWhatIsCommittedWhileOthersCommit) {
  std::atomic<int> committed{-1};
  std::atomic<int> misses{0};
  constexpr int kRecords = 300;
  auto read = [&] {
    for (int last = -1; last + 1 < kRecords;) {
      last = committed.load();
      if (last < 0) continue;
      const auto found = store_->find(*Xid::parse("x" + std::to_string(last)), kNow);
      if (!found || !*found) ++misses;
      const auto listed = store_->find_by_phone(*Phone::parse(kPhone), 1, {}, kNow + kRecords);
      if (!listed || listed->transactions.size() != 1 || listed->transactions[0].created_at < kNow + last) ++misses;
    }
  };
  std::thread one(read), two(read);
  for (int i = 0; i < kRecords; ++i) {
    commit(make_record("x" + std::to_string(i), kPhone, kNow + i), i % 2 == 0);
    committed = i;
  }
  one.join();
  two.join();
  EXPECT_EQ(misses, 0);
}

}  // namespace jwtd::store
