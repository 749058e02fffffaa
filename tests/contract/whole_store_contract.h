// tests/contract/whole_store_contract.h - what scan() and adopt() are: all of a store out, and into another one.
//
// A driver's test file instantiates WholeStore beside StoreContract; it needs the module store_memory among its TEST_DEPS.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "store/memory/memory_store.h"
#include "store/record_times.h"
#include "tests/contract/store_contract.h"

namespace jwtd::store {

class WholeStore : public StoreContract {
 protected:
  static constexpr std::size_t kMostSlices = 100'000;  // a cursor that goes in circles ends a test

  static Slice slice_of(Store& store, std::size_t limit, std::string_view cursor, UnixMillis now) {
    auto slice = store.scan(limit, cursor, now);
    EXPECT_TRUE(slice) << slice.error().message();
    return slice ? *std::move(slice) : Slice();
  }

  // Everything, by XID; each one once.
  static std::map<std::string, Transaction> scan_all(Store& store, std::size_t limit = 7, UnixMillis now = kNow) {
    std::map<std::string, Transaction> all;
    std::string cursor;
    std::size_t slices = 0;
    do {
      Slice slice = slice_of(store, limit, cursor, now);
      EXPECT_LE(slice.transactions.size(), limit);
      EXPECT_TRUE(slice.damaged.empty()) << slice.damaged[0].where << ": " << slice.damaged[0].what;
      for (Transaction& transaction : slice.transactions) {
        const std::string xid = transaction.current.xid.text();
        EXPECT_TRUE(all.emplace(xid, std::move(transaction)).second) << xid << " came twice";
      }
      cursor = std::move(slice.next);
    } while (!cursor.empty() && ++slices < kMostSlices);
    EXPECT_LT(slices, kMostSlices);
    return all;
  }

  static void expect_same_transaction(const Transaction& a, const Transaction& b) {
    expect_same(a.current, b.current);
    EXPECT_EQ(a.created_at, b.created_at) << a.current.xid.view();
    EXPECT_EQ(a.issued, b.issued) << a.current.xid.view();
    ASSERT_EQ(a.earlier.size(), b.earlier.size()) << a.current.xid.view();
    for (std::size_t i = 0; i < a.earlier.size(); ++i) expect_same(a.earlier[i], b.earlier[i]);
  }

  static void expect_same_whole(const std::map<std::string, Transaction>& a, const std::map<std::string, Transaction>& b) {
    ASSERT_EQ(a.size(), b.size());
    for (const auto& [xid, transaction] : a) {
      const auto other = b.find(xid);
      ASSERT_NE(other, b.end()) << xid;
      expect_same_transaction(transaction, other->second);
    }
  }

  Adopted adopt(const std::vector<Transaction>& transactions) {
    auto adopted = store_->adopt(transactions);
    EXPECT_TRUE(adopted) << adopted.error().message();
    return adopted ? *adopted : Adopted();
  }

  // As another store would hand it over: made at `times`, the last of which is the current token's.
  static Transaction made(std::string_view xid, const std::vector<UnixMillis>& times, const char* phone = kPhone) {
    Transaction transaction{times.front(), times.size(), make_record(xid, phone, times.back()), {}};
    for (auto it = times.rbegin() + 1; it != times.rend(); ++it) transaction.earlier.push_back(make_record(xid, phone, *it));
    return transaction;
  }

  // XIDs of all forms, several phones, some reissued, some of one millisecond.
  void fill() {
    for (int i = 0; i < 10; ++i) {
      const char* phone = i % 3 == 0 ? kOtherPhone : kPhone;
      commit(make_record("x" + std::to_string(i), phone, kNow + i / 2));
      commit(make_record("018bcfe5-6800-7abc-8def-0123456789a" + std::to_string(i), phone, kNow - i), true);
      commit(make_record("11111111-2222-4333-8444-55555555555" + std::to_string(i), phone, kNow));
    }
    for (const char* xid : {"x1", "018bcfe5-6800-7abc-8def-0123456789a4", "11111111-2222-4333-8444-555555555557"}) {
      commit(make_record(xid, kPhone, kNow + 60'000));
      commit(make_record(xid, kPhone, kNow + 120'000));
    }
    commit(make_record("~", kPhone, kNow));
    commit(make_record("A", kPhone, kNow));
    commit(make_record("a", kPhone, kNow));
    commit(make_record(std::string(Xid::kMaxSize, 'z'), "999999999999999", kNow));
  }
  static constexpr std::size_t kFilled = 34;
};

// -- scan -----------------------------------------------------------------------------------------------------------

TEST_P(WholeStore, AnEmptyStoreHasOneEmptySlice) {
  const Slice slice = slice_of(*store_, 10, {}, kNow);
  EXPECT_TRUE(slice.transactions.empty());
  EXPECT_TRUE(slice.damaged.empty());
  EXPECT_TRUE(slice.next.empty());
}

TEST_P(WholeStore, SlicesOfAnySizeShowEachTransactionOnceAsFindDoes) {
  fill();
  for (const std::size_t limit : {1, 2, 3, 7, 33, 34, 35, 1000}) {
    const auto all = scan_all(*store_, limit, kNow + 120'000);
    ASSERT_EQ(all.size(), kFilled) << limit;
    for (const auto& [xid, transaction] : all) expect_same_transaction(transaction, find(xid, kNow + 120'000).value());
  }
}

TEST_P(WholeStore, AScannedTransactionHasAllItsEarlierTokens) {
  const int count = static_cast<int>(kMaxEarlierTokens) + 5;
  for (int i = 0; i < count; ++i) commit(make_record("a", kPhone, kNow + i * 60'000));
  const auto all = scan_all(*store_, 1, kNow + count * 60'000);
  ASSERT_EQ(all.size(), 1u);
  const Transaction& a = all.at("a");
  EXPECT_EQ(a.issued, static_cast<std::uint64_t>(count));
  EXPECT_EQ(a.created_at, kNow);
  ASSERT_EQ(a.earlier.size(), static_cast<std::size_t>(count - 1));
  for (int i = 0; i + 1 < count; ++i) expect_same(a.earlier[static_cast<std::size_t>(i)], make_record("a", kPhone, kNow + (count - 2 - i) * 60'000));
}

TEST_P(WholeStore, AScanLeavesOutWhatExpired) {
  open(kRetention);
  commit_all({make_record("a", kPhone, kNow), make_record("b", kPhone, kNow + 1), make_record("c", kPhone, kNow + 2)});
  EXPECT_EQ(scan_all(*store_, 1, kLastKept).size(), 3u);
  const auto all = scan_all(*store_, 1, kExpired);
  EXPECT_EQ(all.size(), 2u);
  EXPECT_FALSE(all.contains("a"));
}

TEST_P(WholeStore, OfAnXidThatExpiredAndCameAnewTheNewLifeIsShown) {
  open(kRetention);
  commit(make_record("a"));
  commit(make_record("a", kPhone, kNow + 60'000));
  commit(make_record("a", kOtherPhone, kExpired));
  const auto all = scan_all(*store_, 1, kExpired);
  ASSERT_EQ(all.size(), 1u);
  expect_same_transaction(all.at("a"), made("a", {kExpired}, kOtherPhone));
}

TEST_P(WholeStore, WhatStoodBeforeAScanIsShownOnceWhateverIsCommittedMeanwhile) {
  fill();
  std::map<std::string, int> seen;
  std::string cursor;
  int round = 0;
  do {
    const Slice slice = slice_of(*store_, 3, cursor, kNow + 120'000);
    for (const Transaction& transaction : slice.transactions) ++seen[transaction.current.xid.text()];
    cursor = slice.next;
    commit(make_record("during-" + std::to_string(round), kPhone, kNow + 120'000 + round));
    commit(make_record("x" + std::to_string(round % 10), round % 10 % 3 == 0 ? kOtherPhone : kPhone, kNow + 200'000 + round * 60'000));  // a reissue
  } while (!cursor.empty() && ++round < 1000);
  std::size_t old = 0;
  for (const auto& [xid, times] : seen) {
    EXPECT_EQ(times, 1) << xid;
    if (!xid.starts_with("during-")) ++old;
  }
  EXPECT_EQ(old, kFilled);
}

TEST_P(WholeStore, AScanCanBeContinuedAfterReopening) {
  if (!GetParam().survives_reopening) GTEST_SKIP() << GetParam().name << " keeps nothing";
  fill();
  std::map<std::string, int> seen;
  std::string cursor;
  int rounds = 0;
  do {
    const Slice slice = slice_of(*store_, 10, cursor, kNow + 120'000);
    for (const Transaction& transaction : slice.transactions) ++seen[transaction.current.xid.text()];
    cursor = slice.next;
    open();
  } while (!cursor.empty() && ++rounds < 1000);
  EXPECT_EQ(seen.size(), kFilled);
  for (const auto& [xid, times] : seen) EXPECT_EQ(times, 1) << xid;
}

TEST_P(WholeStore, AScanCursorThatWasNotGivenOutIsRefused) {
  commit(make_record("a"));
  for (const std::string& junk : {std::string("x"), std::string("AAAA"), std::string("%00"), std::string(1, '\0'), std::string(10'000, 'A')}) {
    const auto refused = store_->scan(1, junk, kNow);
    ASSERT_FALSE(refused);
    EXPECT_TRUE(refused.error().is(kCursorMalformed));
  }
}

// A copy keeps its cursor in a file: one that was edited, or cut off, must not pass over half a store.
TEST_P(WholeStore, AScanCursorThatWasChangedIsRefused) {
  for (const char* xid : {"a", "b", "018bcfe5-6800-7abc-8def-0123456789ab", "018bcfe5-6800-7abc-8def-0123456789ac"}) commit(make_record(xid));
  const auto slice = store_->scan(2, {}, kNow);
  ASSERT_TRUE(slice);
  const std::string cursor = slice->next;
  ASSERT_FALSE(cursor.empty());
  for (std::size_t at = 0; at < cursor.size(); ++at) {
    std::string changed = cursor;
    changed[at] = changed[at] == 'b' ? 'c' : 'b';
    const auto refused = store_->scan(2, changed, kNow);
    ASSERT_FALSE(refused) << changed;
    EXPECT_TRUE(refused.error().is(kCursorMalformed));
    if (at == 0) continue;
    const auto cut = store_->scan(2, cursor.substr(0, at), kNow);
    ASSERT_FALSE(cut) << at;
    EXPECT_TRUE(cut.error().is(kCursorMalformed));
  }
}

// -- adopt ----------------------------------------------------------------------------------------------------------

TEST_P(WholeStore, TheOldestAndTheNewestAreTold) {
  auto* telling = dynamic_cast<TellsRecordTimes*>(store_.get());
  if (telling == nullptr) GTEST_SKIP() << GetParam().name << " has no cheap way";
  EXPECT_FALSE(*telling->record_times());
  commit(make_record("b", kPhone, kNow));
  commit(make_record("a", kPhone, kNow + 7));
  commit(make_record("c", kOtherPhone, kNow - 5));
  commit(make_record("018bcfe5-6800-7abc-8def-0123456789ab", kPhone, kNow + 3));
  auto told = telling->record_times();
  ASSERT_TRUE(told && *told);
  EXPECT_EQ((*told)->oldest, kNow - 5);
  EXPECT_EQ((*told)->newest, kNow + 7);
  commit(make_record("018bcfe5-6800-7abc-8def-0123456789ac", kPhone, kNow + 9));
  EXPECT_EQ((*telling->record_times())->newest, kNow + 9);
}

TEST_P(WholeStore, AdoptingNothingIsFine) {
  const Adopted adopted = adopt({});
  EXPECT_EQ(adopted.written + adopted.present + adopted.different, 0u);
}

TEST_P(WholeStore, AnAdoptedTransactionIsFoundAsItStood) {
  const Transaction source = made("a", {kNow - 86'400'000, kNow - 50'000'000, kNow - 1'000'000});
  EXPECT_EQ(adopt({source}).written, 1u);
  expect_same_transaction(find("a").value(), source);
  const Page listed = page(kPhone);
  ASSERT_EQ(listed.transactions.size(), 1u);
  expect_same(listed.transactions[0].current, source.current);
  EXPECT_EQ(listed.transactions[0].created_at, source.created_at);
  EXPECT_EQ(listed.transactions[0].issued, 3u);
}

TEST_P(WholeStore, ACopyShowsTheSameAsItsSource) {
  open(std::chrono::seconds(0));
  StoreOptions options;
  options.url = "memory:";
  options.retention = std::chrono::seconds(0);
  const auto source = open_memory_store(options);
  // Out of order, far apart, and some with the values that a row of the tutorial's collection has.
  for (int i = 0; i < 40; ++i) {
    std::vector<Transaction> one{made("x" + std::to_string(i * 7 % 40), {kNow - i % 5 * 86'400'000LL}, i % 2 == 0 ? kPhone : kOtherPhone)};
    if (i % 4 == 0) one[0] = made(one[0].current.xid.view(), {kNow - 9'000'000, kNow - 6'000'000, kNow}, kPhone);
    if (i % 8 == 1) one[0].current.kid = "";
    ASSERT_TRUE(source->adopt(one));
  }
  std::string cursor;
  std::uint64_t written = 0;
  do {
    const Slice slice = slice_of(*source, 7, cursor, kNow);
    written += adopt(slice.transactions).written;
    cursor = slice.next;
  } while (!cursor.empty());
  EXPECT_EQ(written, 40u);
  expect_same_whole(scan_all(*store_), scan_all(*source));
  for (const char* phone : {kPhone, kOtherPhone}) {
    const auto theirs = source->find_by_phone(*Phone::parse(phone), kMaxPageRecords, {}, kNow);
    const Page ours = page(phone);
    ASSERT_EQ(ours.transactions.size(), theirs->transactions.size());
    for (std::size_t i = 0; i < ours.transactions.size(); ++i) expect_same(ours.transactions[i].current, theirs->transactions[i].current);
  }
}

TEST_P(WholeStore, AllEarlierTokensAreAdopted) {
  std::vector<UnixMillis> times;
  for (int i = 0; i < static_cast<int>(kMaxEarlierTokens) + 5; ++i) times.push_back(kNow - 9'000'000 + i * 60'000);
  const Transaction source = made("a", times);
  EXPECT_EQ(adopt({source}).written, 1u);
  expect_same_transaction(scan_all(*store_).at("a"), source);
  EXPECT_EQ(find("a")->earlier.size(), kMaxEarlierTokens);
}

TEST_P(WholeStore, AdoptingAgainChangesNothing) {
  const std::vector<Transaction> source{made("a", {kNow - 2000, kNow}), made("b", {kNow - 1000})};
  EXPECT_EQ(adopt(source).written, 2u);
  const auto before = scan_all(*store_);
  const Adopted again = adopt(source);
  EXPECT_EQ(again.written, 0u);
  EXPECT_EQ(again.present, 2u);
  EXPECT_EQ(again.different, 0u);
  expect_same_whole(scan_all(*store_), before);
  EXPECT_EQ(list(kPhone), (Xids{"b", "a"}));
}

TEST_P(WholeStore, AnInterruptedAdoptionIsFinishedByTheNext) {
  EXPECT_EQ(adopt({made("a", {kNow})}).written, 1u);
  const Adopted rest = adopt({made("a", {kNow}), made("b", {kNow}), made("c", {kNow, kNow + 60'000})});
  EXPECT_EQ(rest.written, 2u);
  EXPECT_EQ(rest.present, 1u);
  EXPECT_EQ(scan_all(*store_, 7, kNow + 60'000).size(), 3u);
}

TEST_P(WholeStore, WhatStandsAlreadyWithSomethingElseIsLeftAlone) {
  commit(make_record("phone", kPhone));
  commit(make_record("token", kPhone));
  const auto before = scan_all(*store_);
  const Adopted adopted =
      adopt({made("phone", {kNow - 5000}, kOtherPhone), made("token", {kNow - 60'000, kNow - 5000}), made("new", {kNow - 5000}, kOtherPhone)});
  EXPECT_EQ(adopted.written, 1u);
  EXPECT_EQ(adopted.present, 0u);
  EXPECT_EQ(adopted.different, 2u);
  auto after = scan_all(*store_);
  EXPECT_EQ(after.erase("new"), 1u);
  expect_same_whole(after, before);
  EXPECT_EQ(list(kOtherPhone), Xids{"new"});
}

TEST_P(WholeStore, OfOneXidTwiceInOneAdoptionTheFirstIsTaken) {
  const Adopted adopted = adopt({made("a", {kNow}), made("a", {kNow}), made("a", {kNow + 1})});
  EXPECT_EQ(adopted.written, 1u);
  EXPECT_EQ(adopted.present, 1u);
  EXPECT_EQ(adopted.different, 1u);
  expect_same_transaction(find("a").value(), made("a", {kNow}));
  EXPECT_EQ(list(kPhone), Xids{"a"});
}

TEST_P(WholeStore, ACommitAfterAnAdoptionIsDecidedAsEver) {
  adopt({made("a", {kNow - 60'000, kNow}), made("b", {kNow})});
  const Entry reused = commit(make_record("a", kPhone, kNow + 1));
  EXPECT_EQ(reused.outcome, Outcome::kReused);
  expect_same(reused.standing.value(), make_record("a", kPhone, kNow));
  EXPECT_EQ(commit(make_record("b", kOtherPhone, kNow + 1)).outcome, Outcome::kConflict);
  EXPECT_EQ(commit(make_record("a", kPhone, kNow + 60'000)).outcome, Outcome::kReissued);
  const auto found = find("a", kNow + 60'000);
  ASSERT_TRUE(found);
  expect_same_transaction(*found, made("a", {kNow - 60'000, kNow, kNow + 60'000}));
  EXPECT_EQ(list(kPhone, 10, kNow + 60'000), (Xids{"b", "a"}));
}

TEST_P(WholeStore, AnAdoptedTransactionExpiresByItsOwnTime) {
  open(kRetention);
  adopt({made("old", {kNow - 1'000'000, kNow}), made("new", {kNow})});
  EXPECT_TRUE(find("old", kLastKept - 1'000'000));
  EXPECT_FALSE(find("old", kExpired - 1'000'000));
  EXPECT_TRUE(find("new", kExpired - 1'000'000));
  EXPECT_EQ(list(kPhone, 10, kExpired - 1'000'000), Xids{"new"});
  ASSERT_TRUE(store_->sweep(kExpired - 1'000'000));
  EXPECT_TRUE(find("new", kLastKept));
  EXPECT_EQ(commit(make_record("old", kOtherPhone, kExpired)).outcome, Outcome::kInserted);
}

TEST_P(WholeStore, AnExpiredTransactionDoesNotStandInTheWayOfAnAdoption) {
  open(kRetention);
  commit(make_record("a"));
  commit(make_record("a", kPhone, kNow + 60'000));
  EXPECT_EQ(adopt({made("a", {kExpired}, kOtherPhone)}).written, 1u);
  expect_same_transaction(find("a", kExpired).value(), made("a", {kExpired}, kOtherPhone));
  EXPECT_TRUE(list(kPhone, 10, kExpired).empty());
}

TEST_P(WholeStore, WhatWasAdoptedIsThereAfterReopening) {
  if (!GetParam().survives_reopening) GTEST_SKIP() << GetParam().name << " keeps nothing";
  const Transaction source = made("a", {kNow - 2'000'000, kNow - 1'000'000, kNow});
  adopt({source});
  open();
  expect_same_transaction(find("a").value(), source);
  expect_same_transaction(scan_all(*store_).at("a"), source);
  EXPECT_EQ(adopt({source}).present, 1u);
}

}  // namespace jwtd::store
