// store/mongodb/legacy_test.cc - the rows that the tutorial's own service has written, and still writes beside jwtd.
#include <gmock/gmock.h>

#include <cstdio>

#include "store/mongodb/database_for_tests.h"
#include "tests/contract/sample_records.h"
#include "tests/servers/test_server.h"

namespace jwtd::store {
namespace {

constexpr UnixSeconds kSecond = kNow / 1000;
// {"iss":"ISS","iat":1700000000,"exp":1700000090,"phn":"15555551234","xid":"L"}
constexpr const char* kToken = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
                               "eyJpc3MiOiJJU1MiLCJpYXQiOjE3MDAwMDAwMDAsImV4cCI6MTcwMDAwMDA5MCwicGhuIjoiMTU1NTU1NTEyMzQiLCJ4aWQiOiJMIn0.AAAA";

class LegacyRows : public testing::Test {
 protected:
  void SetUp() override {
    JWTD_NEEDS_SERVER("mongodb");
    database_ = std::make_unique<TestDatabase>(shared_server("mongodb").url);
    database_->make_plain_expiry();
    store_ = database_->open();
    ASSERT_NE(store_, nullptr);
  }

  void row(const std::string& xid, const std::string& phone, UnixSeconds second, const std::string& token = "t") {
    char id[25];
    std::snprintf(id, sizeof id, "%08llx%016x", static_cast<unsigned long long>(second), ++count_);
    database_->insert(R"({"_id": {"$oid": ")" + std::string(id) + R"("}, "xid": ")" + xid + R"(", "phone_number": ")" + phone + R"(", "token": ")" + token + R"("})");
  }

  std::optional<Transaction> find(std::string_view xid) {
    auto found = store_->find(*Xid::parse(xid), kNow);
    EXPECT_TRUE(found) << found.error().message();
    return found ? *std::move(found) : std::nullopt;
  }

  Outcome commit(Record record, bool xid_is_new = false) {
    Entry entry{std::move(record), xid_is_new, Outcome::kConflict, {}};
    Entry* batch[] = {&entry};
    const Status status = store_->commit(batch);
    EXPECT_TRUE(status) << status.error().message();
    return entry.outcome;
  }

  std::vector<std::string> list(std::string_view phone, std::size_t limit) {
    std::vector<std::string> xids;
    std::string cursor;
    do {
      auto page = store_->find_by_phone(*Phone::parse(phone), limit, cursor, kNow + 100'000);
      EXPECT_TRUE(page) << page.error().message();
      if (!page) break;
      EXPECT_LE(page->transactions.size(), limit);
      for (const auto& transaction : page->transactions) xids.push_back(transaction.current.xid.text());
      cursor = page->next;
    } while (!cursor.empty() && xids.size() < 1000);
    return xids;
  }

  std::unique_ptr<TestDatabase> database_;
  std::unique_ptr<Store> store_;
  unsigned count_ = 0;
};

using Xids = std::vector<std::string>;

TEST_F(LegacyRows, ARowIsFoundWithTheClaimsOfItsToken) {
  row("L", kPhone, kSecond, kToken);
  const auto found = find("L");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->current.token, kToken);
  EXPECT_EQ(found->current.phone.text(), kPhone);
  EXPECT_EQ(found->current.iss, "ISS");
  EXPECT_EQ(found->current.iat, kSecond);
  EXPECT_EQ(found->current.exp, kSecond + 90);
  EXPECT_EQ(found->created_at, kSecond * 1000);
}

TEST_F(LegacyRows, RowsOfOneXidAreOneTransaction) {
  row("L", kPhone, kSecond, "first");
  row("L", kPhone, kSecond + 5, "third");
  row("L", kPhone, kSecond + 2, "second");
  const auto found = find("L");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->issued, 3u);
  EXPECT_EQ(found->created_at, kSecond * 1000);
  EXPECT_EQ(found->current.token, "third");
  ASSERT_EQ(found->earlier.size(), 2u);
  EXPECT_EQ(found->earlier[0].token, "second");
  EXPECT_EQ(found->earlier[1].token, "first");
  EXPECT_EQ(list(kPhone, 10), Xids{"L"});
}

TEST_F(LegacyRows, TheyStandForEver) {
  row("L", kPhone, kSecond - 10 * 365 * 86'400);
  EXPECT_TRUE(find("L"));
  EXPECT_EQ(list(kPhone, 10), Xids{"L"});
  ASSERT_TRUE(store_->sweep(kNow));
  EXPECT_EQ(database_->count(), 1);
}

TEST_F(LegacyRows, AnotherPhoneIsAConflict) {
  row("L", kPhone, kSecond);
  row("bad", "call me", kSecond);
  EXPECT_EQ(commit(make_record("L", kOtherPhone)), Outcome::kConflict);
  EXPECT_EQ(commit(make_record("bad", kPhone)), Outcome::kConflict);
  EXPECT_EQ(database_->count(), 2);
}

TEST_F(LegacyRows, AnXidWithRowsOfTwoPhonesIsNobodysAnyMore) {
  row("L", kPhone, kSecond, "ours");
  row("L", kOtherPhone, kSecond + 1, "theirs");
  EXPECT_EQ(commit(make_record("L", kPhone)), Outcome::kConflict);
  EXPECT_EQ(commit(make_record("L", kOtherPhone)), Outcome::kConflict);
  const auto found = find("L");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->current.token, "ours");
  EXPECT_TRUE(found->earlier.empty());
}

TEST_F(LegacyRows, TheSamePhoneGetsANewTokenAndTheRowsBecomeItsEarlierOnes) {
  row("L", std::string("+") + kPhone, kSecond - 100, "first");
  row("L", kPhone, kSecond - 50, "second");
  const std::string rows = database_->show();
  EXPECT_EQ(commit(make_record("L")), Outcome::kReissued);
  EXPECT_EQ(commit(make_record("L", kPhone, kNow + 1)), Outcome::kReused);
  EXPECT_EQ(commit(make_record("L", kPhone, kNow + 60'000)), Outcome::kReissued);
  EXPECT_EQ(commit(make_record("L", kOtherPhone, kNow + 60'000)), Outcome::kConflict);
  const auto found = find("L");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->issued, 4u);
  EXPECT_EQ(found->created_at, kNow);
  expect_same(found->current, make_record("L", kPhone, kNow + 60'000));
  ASSERT_EQ(found->earlier.size(), 3u);
  expect_same(found->earlier[0], make_record("L"));
  EXPECT_EQ(found->earlier[1].token, "second");
  EXPECT_EQ(found->earlier[2].token, "first");
  EXPECT_EQ(list(kPhone, 10), Xids{"L"});
  EXPECT_EQ(database_->show(R"({"_id": {"$ne": "L"}})"), rows);
}

// -- what happens to them -------------------------------------------------------------------------------------------

Applied apply(Store& store, Change change) {
  Change* batch[] = {&change};
  const Status status = store.apply(batch);
  EXPECT_TRUE(status) << status.error().message();
  return change.applied;
}
Change add(std::string_view xid, std::string key, Event::Type type = Event::Type::kCallback) {
  return {*Xid::parse(xid), Event{type, kNow, std::move(key), R"({"code":2401})"}, false, {}, {}, Applied::kDamaged, {}};
}

TEST_F(LegacyRows, ARowKeepsItsEventsInADocumentBesideIt) {
  row("L", kPhone, kSecond - 100, "first");
  row("L", kPhone, kSecond - 50, kToken);
  const std::string rows = database_->show();
  EXPECT_EQ(apply(*store_, add("L", "1")), Applied::kWritten);
  EXPECT_EQ(apply(*store_, add("L", "1")), Applied::kPresent);
  EXPECT_EQ(apply(*store_, add("L", "2")), Applied::kWritten);
  const auto found = find("L");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->events.size(), 2u);
  EXPECT_EQ(found->issued, 2u);
  EXPECT_EQ(found->created_at, (kSecond - 100) * 1000);
  EXPECT_EQ(found->current.token, kToken);
  ASSERT_EQ(found->earlier.size(), 1u);
  EXPECT_EQ(found->earlier[0].token, "first");
  EXPECT_EQ(list(kPhone, 10), Xids{"L"});
  EXPECT_EQ(database_->show(R"({"_id": {"$ne": "L"}})"), rows) << "nothing ever changes one";

  EXPECT_EQ(commit(make_record("L", kPhone, kNow + 60'000)), Outcome::kReissued);
  const auto reissued = find("L");
  EXPECT_EQ(reissued->issued, 3u);
  ASSERT_EQ(reissued->earlier.size(), 2u);
  EXPECT_EQ(reissued->earlier[0].token, kToken);
  EXPECT_EQ(reissued->earlier[1].token, "first");
  EXPECT_EQ(reissued->events.size(), 2u);
}

TEST_F(LegacyRows, ARevokedRowTakesNoMoreTokens) {
  row("L", kPhone, kSecond - 50);
  EXPECT_EQ(apply(*store_, add("L", "revoked", Event::Type::kRevoked)), Applied::kWritten);
  EXPECT_EQ(commit(make_record("L")), Outcome::kClosed);
  EXPECT_EQ(commit(make_record("L", kOtherPhone)), Outcome::kConflict);
}

TEST_F(LegacyRows, AnErasureTakesThemToo) {
  for (const bool has_document : {false, true}) {
    row("L", std::string("+") + kPhone, kSecond - 100, "first");
    row("L", kPhone, kSecond - 50, "second");
    row("other", kPhone, kSecond - 50);
    if (has_document) {
      EXPECT_EQ(commit(make_record("L")), Outcome::kReissued);
    }
    EXPECT_EQ(apply(*store_, {*Xid::parse("L"), std::nullopt, true, {}, {}, Applied::kDamaged, {}}), Applied::kWritten);
    EXPECT_FALSE(find("L"));
    EXPECT_EQ(database_->count(R"({"xid": "L"})"), 0);
    EXPECT_EQ(database_->count(R"({"xid": "other"})"), has_document ? 2 : 1);
    EXPECT_EQ(apply(*store_, {*Xid::parse("L"), std::nullopt, true, {}, {}, Applied::kDamaged, {}}), Applied::kAbsent);
  }
}

TEST_F(LegacyRows, NothingIsWrittenUnderTwoPhonesXid) {
  row("L", kPhone, kSecond - 100);
  row("L", kOtherPhone, kSecond - 50);
  EXPECT_EQ(apply(*store_, add("L", "1")), Applied::kDamaged);
  EXPECT_EQ(database_->count(), 2);
}

TEST_F(LegacyRows, APhonesListMixesBothByTime) {
  Xids expected;
  for (int i = 0; i < 12; ++i) {
    const std::string xid = "x" + std::to_string(100 + i);
    if (i % 3 == 0) commit(make_record(xid, kPhone, kNow + i * 1000 + 1));
    else row(xid, i % 3 == 1 ? kPhone : std::string("+") + kPhone, kSecond + i);
    expected.insert(expected.begin(), xid);
  }
  row("z", kOtherPhone, kSecond + 3);
  // Later rows of an XID do not move it.
  row("x101", kPhone, kSecond + 50);
  for (std::size_t limit : {1, 2, 3, 5, 11, 12, 13, 100}) EXPECT_EQ(list(kPhone, limit), expected) << limit;
}

TEST_F(LegacyRows, RowsOfOneSecondComeByXidDescending) {
  Xids expected;
  for (const char* xid : {"b", "a", "d", "c", "f", "e"}) row(xid, kPhone, kSecond);
  row("older", kPhone, kSecond - 1);
  for (std::size_t limit : {1, 2, 3, 7, 10}) EXPECT_EQ(list(kPhone, limit), (Xids{"f", "e", "d", "c", "b", "a", "older"})) << limit;
}

TEST_F(LegacyRows, TheyStandInTheWayOfAnAdoptionToo) {
  row("L", kPhone, kSecond, "t");
  Record same = make_record("L");
  same.token = "t";
  auto adopted = store_->adopt(std::vector<Transaction>{{kNow, 1, same, {}}});
  ASSERT_TRUE(adopted);
  EXPECT_EQ(adopted->present, 1u);
  adopted = store_->adopt(std::vector<Transaction>{{kNow, 1, make_record("L", kOtherPhone), {}}});
  ASSERT_TRUE(adopted);
  EXPECT_EQ(adopted->different, 1u);
  EXPECT_EQ(database_->count(), 1);
}

TEST_F(LegacyRows, AScanHasThemOnceAndNamesWhatItCannotTake) {
  commit(make_record("ours"));
  for (int i = 0; i < 5; ++i) row("L" + std::to_string(i), kPhone, kSecond + i, "first");
  row("L2", kPhone, kSecond + 20, "second");
  row("ours", kPhone, kSecond - 5, "before");
  row("bad", "call me", kSecond);
  row("not an xid", kPhone, kSecond);
  std::string long_id;
  for (int i = 0; i < 100; ++i) long_id += "\u20AC";  // longer than a cursor, and a slice must not end within a character
  database_->insert(R"({"_id": ")" + long_id + R"("})");
  for (std::size_t limit : {1, 2, 3, 100}) {
    std::vector<Transaction> all;
    std::size_t damaged = 0;
    std::string cursor;
    do {
      auto slice = store_->scan(limit, cursor, kNow);
      ASSERT_TRUE(slice) << slice.error().message();
      for (auto& transaction : slice->transactions) all.push_back(std::move(transaction));
      damaged += slice->damaged.size();
      cursor = slice->next;
    } while (!cursor.empty());
    ASSERT_EQ(all.size(), 6u) << limit;
    EXPECT_EQ(damaged, 3u) << limit;
    EXPECT_EQ(all[0].current.xid.text(), "ours");
    ASSERT_EQ(all[0].earlier.size(), 1u);
    EXPECT_EQ(all[0].earlier[0].token, "before");
    const auto two = std::find_if(all.begin(), all.end(), [](const Transaction& one) { return one.current.xid.text() == "L2"; });
    ASSERT_NE(two, all.end());
    EXPECT_EQ(two->current.token, "second");
    EXPECT_EQ(two->earlier.at(0).token, "first");
  }
}

}  // namespace
}  // namespace jwtd::store
