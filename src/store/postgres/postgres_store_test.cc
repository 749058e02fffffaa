// store/postgres/postgres_store_test.cc - the contract for the PostgreSQL driver, against a real server.
#include "store/postgres/postgres_store.h"

#include "store/postgres/place_for_tests.h"
#include "store/postgres/schema.h"
#include "tests/contract/paged_list.h"
#include "tests/contract/store_contract.h"
#include "tests/contract/timeline_contract.h"
#include "tests/contract/whole_store_contract.h"

namespace jwtd::store {
namespace {

class PostgresPlace final : public Place {
 public:
  PostgresPlace() { postgres::empty_database(); }
  std::unique_ptr<Store> open(std::chrono::seconds retention) override {
    StoreOptions options = postgres::options_for(postgres::database_url());
    options.retention = retention;
    auto store = open_postgres_store(options);
    EXPECT_TRUE(store) << store.error().message();
    return store ? *std::move(store) : nullptr;
  }
};

std::vector<Driver> drivers() {
  // Without a server nothing is listed; PostgresServer.IsThere says so.
  if (shared_server("postgresql").url.empty()) return {};
  return {Driver{"postgresql", true, [] { return std::make_unique<PostgresPlace>(); }}};
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StoreContract);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(WholeStore);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(TimelineContract);
INSTANTIATE_TEST_SUITE_P(Postgresql, StoreContract, testing::ValuesIn(drivers()), name_of_driver);
INSTANTIATE_TEST_SUITE_P(Postgresql, WholeStore, testing::ValuesIn(drivers()), name_of_driver);
INSTANTIATE_TEST_SUITE_P(Postgresql, TimelineContract, testing::ValuesIn(drivers()), name_of_driver);

class PostgresStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    JWTD_NEEDS_SERVER("postgresql");
    store_ = place_.emplace().open(std::chrono::hours(24 * 30));
    ASSERT_NE(store_, nullptr);
  }
  std::vector<Entry> commit(const std::vector<Record>& records) {
    std::vector<Entry> entries;
    for (const Record& record : records) entries.push_back({record, false, Outcome::kConflict, std::nullopt});
    std::vector<Entry*> batch;
    for (Entry& entry : entries) batch.push_back(&entry);
    const Status status = store_->commit(batch);
    EXPECT_TRUE(status) << status.error().message();
    return entries;
  }
  postgres::Session session() { return postgres::Session(postgres::database_url()); }
  std::optional<PostgresPlace> place_;
  std::unique_ptr<Store> store_;
};

// Others may write to the tables too.
TEST_F(PostgresStoreTest, ADamagedRowIsNamedAndFailsNobodyElse) {
  commit({make_record("a"), make_record("b"), make_record("c")});
  session().run("UPDATE jwtd.transactions SET token = E'\\\\oops' WHERE xid = 'b'");
  const auto entries = commit({make_record("a", kPhone, kNow + 1), make_record("b", kPhone, kNow + 1), make_record("b", kPhone, kNow + 2), make_record("d")});
  EXPECT_EQ(entries[0].outcome, Outcome::kReused);
  EXPECT_EQ(entries[1].outcome, Outcome::kDamaged);
  EXPECT_EQ(entries[2].outcome, Outcome::kDamaged);
  EXPECT_EQ(entries[3].outcome, Outcome::kInserted);
  const auto found = store_->find(*Xid::parse("b"), kNow);
  ASSERT_FALSE(found);
  EXPECT_TRUE(found.error().is(kStoreDamaged));
  EXPECT_NE(found.error().detail().find("transaction b"), std::string::npos);
  const auto slice = store_->scan(10, {}, kNow);
  ASSERT_TRUE(slice);
  EXPECT_EQ(slice->transactions.size(), 3u);
  ASSERT_EQ(slice->damaged.size(), 1u);
  EXPECT_EQ(slice->damaged[0].where, "b");
  EXPECT_EQ(session().value("SELECT token FROM jwtd.transactions WHERE xid = 'b'"), "\\oops");
}

TEST_F(PostgresStoreTest, AListPassesOverDamageAndNamesItAndAnErasureRemovesItUnread) {
  for (int i = 0; i < 6; ++i) commit({make_record("x" + std::to_string(i), kPhone, kNow + i)});
  commit({make_record("x2", kPhone, kNow + 70'000)});
  commit({make_record("others", kOtherPhone)});
  session().run("UPDATE jwtd.transactions SET token = E'\\\\oops' WHERE xid IN ('x2', 'x5', 'others')");
  session().run("UPDATE jwtd.transactions SET events = 'oops' WHERE xid = 'x0'");
  const Phone phone = *Phone::parse(kPhone);
  const UnixMillis now = kNow + 80'000;
  for (std::size_t limit = 1; limit < 8; ++limit) {
    const auto [sound, damaged] = list_by_pages(*store_, phone, limit, now);
    EXPECT_EQ(sound, xids_of({"x4", "x3", "x1"})) << limit;
    EXPECT_EQ(damaged, xids_of({"x5", "x2", "x0"})) << limit;
  }

  const auto erase = [&](const char* xid, std::optional<Phone> of) {
    Change change{*Xid::parse(xid), std::nullopt, true, {{"erased", xid, "{}", 0}}};
    change.of = of;
    Change* const batch[] = {&change};
    const Status applied = store_->apply(batch);
    EXPECT_TRUE(applied) << applied.error().message();
    return change.applied;
  };
  EXPECT_EQ(erase("x2", std::nullopt), Applied::kDamaged) << "nobody says whose it is";
  EXPECT_EQ(erase("others", phone), Applied::kDamaged) << "it is another's";
  for (const char* xid : {"x0", "x2", "x5"}) EXPECT_EQ(erase(xid, phone), Applied::kWritten) << xid;
  EXPECT_EQ(erase("x2", phone), Applied::kAbsent);
  EXPECT_EQ(session().value("SELECT string_agg(xid, ' ' ORDER BY xid) FROM jwtd.transactions"), "others x1 x3 x4");
  EXPECT_EQ(session().value("SELECT count(*) FROM jwtd.earlier_tokens"), "0");
  EXPECT_EQ(session().value("SELECT string_agg(key, ' ' ORDER BY key) FROM jwtd.notes"), "x0 x2 x5");
}

// A row that nobody could ask for by its name, or go on behind: nothing is left out silently.
TEST_F(PostgresStoreTest, ARowWithoutAnXidFailsTheListOfItsPhoneAlone) {
  commit({make_record("a"), make_record("b", kOtherPhone)});
  session().run("UPDATE jwtd.transactions SET xid = 'no xid' WHERE xid = 'a'");
  const auto page = store_->find_by_phone(*Phone::parse(kPhone), 10, {}, kNow);
  ASSERT_FALSE(page);
  EXPECT_TRUE(page.error().is(kStoreDamaged));
  EXPECT_TRUE(store_->find_by_phone(*Phone::parse(kOtherPhone), 10, {}, kNow));
}

TEST_F(PostgresStoreTest, APhoneNumberThatIsNoneIsDamageAndNotShown) {
  commit({make_record("a")});
  session().run("UPDATE jwtd.transactions SET phone_number = 12");
  const auto found = store_->find(*Xid::parse("a"), kNow);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().detail().find("12"), std::string::npos);
}

// -- all of a store -------------------------------------------------------------------------------------------------

std::vector<Transaction> scan_all(Store& store, std::size_t limit, UnixMillis now = kNow) {
  std::vector<Transaction> all;
  std::string cursor;
  do {
    auto slice = store.scan(limit, cursor, now);
    EXPECT_TRUE(slice) << slice.error().message();
    if (!slice) return all;
    EXPECT_TRUE(slice->damaged.empty());
    EXPECT_LE(slice->transactions.size(), limit);
    for (Transaction& transaction : slice->transactions) all.push_back(std::move(transaction));
    cursor = slice->next;
  } while (!cursor.empty() && all.size() < 10'000);
  return all;
}

TEST_F(PostgresStoreTest, AScanOfAnySliceSizeSeesEachTransactionOnceThroughAllEpochs) {
  std::set<std::string> expected;
  for (int epoch = 1; epoch <= 3; ++epoch) {
    std::vector<Record> records;
    for (int i = 0; i < 7; ++i) records.push_back(make_record("e" + std::to_string(epoch) + "-" + std::to_string(i)));
    for (const Record& record : records) expected.insert(record.xid.text());
    commit(records);
    session().run("BEGIN;" + postgres::open_epoch_sql(epoch + 1) + "COMMIT");
  }
  for (const std::size_t limit : {1, 2, 6, 7, 8, 21, 22, 100}) {
    std::set<std::string> seen;
    const auto all = scan_all(*store_, limit);
    for (const Transaction& transaction : all) seen.insert(transaction.current.xid.text());
    EXPECT_EQ(seen, expected) << limit;
    EXPECT_EQ(all.size(), expected.size()) << limit;
  }
}

TEST_F(PostgresStoreTest, AScanHasAllEarlierTokensAndLeavesOutTheExpired) {
  for (int i = 0; i < static_cast<int>(kMaxEarlierTokens) + 20; ++i) commit({make_record("a", kPhone, kNow + i * 60'000), make_record("b", kPhone, kNow + i * 60'000)});
  commit({make_record("c", kPhone, kNow - 31LL * 86'400'000)});
  const auto all = scan_all(*store_, 10, kNow);
  ASSERT_EQ(all.size(), 2u);
  for (const Transaction& transaction : all) {
    EXPECT_EQ(transaction.issued, kMaxEarlierTokens + 20);
    ASSERT_EQ(transaction.earlier.size(), kMaxEarlierTokens + 19);
    expect_same(transaction.earlier.back(), make_record(transaction.current.xid.view()));
  }
}

TEST_F(PostgresStoreTest, AScansCursorIsRefusedWhenItIsNone) {
  for (const char* junk : {"x", ".", "1.", ".a", "0.a", "-1.a", "1,a", "99999999999999999999.a", "1.a/b", "1x.a"}) {
    const auto refused = store_->scan(1, junk, kNow);
    ASSERT_FALSE(refused) << junk;
    EXPECT_TRUE(refused.error().is(kCursorMalformed));
  }
}

TEST_F(PostgresStoreTest, WhatIsAdoptedComesBackAsItWas) {
  Transaction whole{kNow - 5'000'000, 3, make_record("a", kPhone, kNow), {make_record("a", kPhone, kNow - 60'000), make_record("a", kPhone, kNow - 5'000'000)}};
  const Transaction plain{kNow, 1, make_record("b"), {}};
  const Transaction given[] = {whole, plain};
  auto adopted = store_->adopt(given);
  ASSERT_TRUE(adopted) << adopted.error().message();
  EXPECT_EQ(adopted->written, 2u);
  const auto found = store_->find(*Xid::parse("a"), kNow);
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->created_at, whole.created_at);
  EXPECT_EQ((*found)->issued, 3u);
  expect_same((*found)->current, whole.current);
  ASSERT_EQ((*found)->earlier.size(), 2u);
  expect_same((*found)->earlier[0], whole.earlier[0]);
  expect_same((*found)->earlier[1], whole.earlier[1]);
  adopted = store_->adopt(given);
  ASSERT_TRUE(adopted);
  EXPECT_EQ(adopted->written, 0u);
  EXPECT_EQ(adopted->present, 2u);
  EXPECT_EQ(session().value("SELECT count(*) FROM jwtd.earlier_tokens"), "2");
}

TEST_F(PostgresStoreTest, NothingThatIsThereIsChangedByAnAdoption) {
  commit({make_record("a")});
  const Transaction given[] = {{kNow - 1, 1, make_record("a", kOtherPhone), {}}, {kNow, 1, make_record("b"), {}}, {kNow, 1, make_record("b", kOtherPhone), {}}};
  const auto adopted = store_->adopt(given);
  ASSERT_TRUE(adopted);
  EXPECT_EQ(adopted->written, 1u);
  EXPECT_EQ(adopted->different, 2u);
  expect_same((*store_->find(*Xid::parse("a"), kNow))->current, make_record("a"));
  expect_same((*store_->find(*Xid::parse("b"), kNow))->current, make_record("b"));
}

TEST_F(PostgresStoreTest, ManyTransactionsAreAdoptedAtOnce) {
  std::vector<Transaction> many;
  for (int i = 0; i < 3000; ++i) many.push_back({kNow + i, 1, make_record("m" + std::to_string(i), kPhone, kNow + i), {}});
  const auto adopted = store_->adopt(many);
  ASSERT_TRUE(adopted);
  EXPECT_EQ(adopted->written, 3000u);
  EXPECT_EQ(scan_all(*store_, 1000).size(), 3000u);
  EXPECT_TRUE(store_->adopt({}));
}

TEST_F(PostgresStoreTest, ATimeThatTheDatabaseCannotHoldIsRefused) {
  Record record = make_record("a");
  record.exp = INT64_MAX / 1000;
  const Transaction given[] = {{kNow, 1, record, {}}};
  EXPECT_FALSE(store_->adopt(given));
  Entry entry{record, true, Outcome::kConflict, {}};
  Entry* batch[] = {&entry};
  EXPECT_FALSE(store_->commit(batch));
  EXPECT_FALSE(*store_->find(*Xid::parse("a"), kNow));
}

TEST(PostgresServer, IsThere) { JWTD_NEEDS_SERVER("postgresql"); }

}  // namespace
}  // namespace jwtd::store
