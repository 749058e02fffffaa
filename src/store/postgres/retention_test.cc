// store/postgres/retention_test.cc - what leaves the database, when, and who has to wait for it.
#include "store/postgres/retention.h"

#include <thread>

#include "store/postgres/place_for_tests.h"
#include "store/postgres/postgres_store.h"
#include "tests/contract/sample_records.h"

namespace jwtd::store {
namespace {

constexpr UnixMillis kHour = 3'600'000;

class PostgresRetention : public testing::Test {
 protected:
  void SetUp() override {
    JWTD_NEEDS_SERVER("postgresql");
    postgres::empty_database();
    store_ = open(std::chrono::hours(4));  // so an epoch lasts an hour
  }
  static std::unique_ptr<Store> open(std::chrono::seconds retention) {
    StoreOptions options = postgres::options_for(postgres::database_url());
    options.retention = retention;
    auto store = open_postgres_store(options);
    EXPECT_TRUE(store) << store.error().message();
    return store ? *std::move(store) : nullptr;
  }
  void commit(const std::string& xid, UnixMillis at) {
    Entry entry{make_record(xid, kPhone, at), false, Outcome::kConflict, {}};
    Entry* batch[] = {&entry};
    const Status status = store_->commit(batch);
    EXPECT_TRUE(status) << status.error().message();
  }
  std::string epochs() { return session().value("SELECT string_agg(epoch::text, ',' ORDER BY epoch) FROM jwtd.epochs"); }
  std::string partitions() {
    return session().value("SELECT string_agg(relname, ',' ORDER BY relname) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace "
                           "WHERE nspname = 'jwtd' AND relispartition AND relkind = 'r'");
  }
  postgres::Session session() { return postgres::Session(postgres::database_url()); }
  std::unique_ptr<Store> store_;
};

TEST_F(PostgresRetention, AnEpochIsOpenedAQuarterOfTheRetentionAfterTheFirstTransaction) {
  commit("a", kNow);
  ASSERT_TRUE(store_->sweep(kNow + kHour - 1));
  EXPECT_EQ(epochs(), "1");
  ASSERT_TRUE(store_->sweep(kNow + kHour));
  EXPECT_EQ(epochs(), "1,2");
  ASSERT_TRUE(store_->sweep(kNow + 3 * kHour));  // nothing in the second yet
  EXPECT_EQ(epochs(), "1,2");
}

TEST_F(PostgresRetention, AnEpochIsDroppedWhenItsLastTransactionIsPastRetention) {
  commit("a", kNow);
  commit("b", kNow + kHour / 2);
  commit("b", kNow + kHour / 2 + 60'000);  // an earlier token goes with its transaction
  ASSERT_TRUE(store_->sweep(kNow + kHour));
  commit("c", kNow + kHour);
  ASSERT_TRUE(store_->sweep(kNow + kHour / 2 + 4 * kHour));
  EXPECT_TRUE(store_->find(*Xid::parse("b"), kNow + kHour)->has_value());
  ASSERT_TRUE(store_->sweep(kNow + kHour / 2 + 4 * kHour + kHour / 8));  // the bound is kept in steps
  EXPECT_FALSE(store_->find(*Xid::parse("b"), kNow + kHour)->has_value());
  EXPECT_TRUE(store_->find(*Xid::parse("c"), kNow + kHour)->has_value());
  EXPECT_EQ(partitions(), "earlier_tokens_2,earlier_tokens_3,transactions_2,transactions_3");
  EXPECT_EQ(session().value("SELECT count(*) FROM jwtd.earlier_tokens"), "0");
}

TEST_F(PostgresRetention, ATransactionFromAheadOfTimeKeepsItsEpoch) {
  commit("ahead", kNow + 10 * kHour);
  commit("a", kNow);
  ASSERT_TRUE(store_->sweep(kNow + 11 * kHour));
  ASSERT_TRUE(store_->sweep(kNow + 13 * kHour));
  EXPECT_TRUE(store_->find(*Xid::parse("ahead"), kNow + 13 * kHour)->has_value());
}

TEST_F(PostgresRetention, NothingIsDroppedForEver) {
  store_ = open(std::chrono::seconds(0));
  commit("a", kNow);
  ASSERT_TRUE(store_->sweep(kNow + 100'000 * kHour));
  EXPECT_EQ(epochs(), "1");
}

TEST_F(PostgresRetention, NodesThatSweepAtTheSameTimeDoItOnce) {
  commit("a", kNow);
  const auto other = open(std::chrono::hours(4));
  std::thread thread([&] { EXPECT_TRUE(other->sweep(kNow + kHour)); });
  EXPECT_TRUE(store_->sweep(kNow + kHour));
  thread.join();
  EXPECT_EQ(epochs(), "1,2");
}

// A dump or a long SELECT holds the tables: the sweep gives up soon, and commits go on.
TEST_F(PostgresRetention, ALongReaderPutsOffTheDropAndHoldsUpNobody) {
  commit("a", kNow);
  ASSERT_TRUE(store_->sweep(kNow + kHour));
  commit("b", kNow + kHour);
  postgres::Session reader = session();
  reader.run("BEGIN; SELECT count(*) FROM jwtd.transactions");
  const auto started = Monotonic::now();
  const Status swept = store_->sweep(kNow + 6 * kHour);
  EXPECT_FALSE(swept);
  EXPECT_LT(Monotonic::now() - started, std::chrono::seconds(25)) << "postgres_store.cc: kSweepTimeout is 30 s";
  commit("c", kNow + 6 * kHour);
  reader.run("COMMIT");
  EXPECT_TRUE(store_->sweep(kNow + 6 * kHour));
  EXPECT_FALSE(store_->find(*Xid::parse("a"), kNow)->has_value());
  EXPECT_TRUE(store_->find(*Xid::parse("c"), kNow + 6 * kHour)->has_value());
}

TEST_F(PostgresRetention, TheEstimateComesNearWhenThereIsMuch) {
  session().run("INSERT INTO jwtd.transactions SELECT now(), now(), now(), now(), 15555551234, 1, 1, 'x' || i, 'iss', 'kid', repeat('t', 300) "
                "FROM generate_series(1, 20000) i");
  store_ = open(std::chrono::hours(4));
  EXPECT_NEAR(static_cast<double>(store_->stats().transactions), 20'000, 1'000);
  EXPECT_GT(store_->stats().bytes, 20'000u * 300);
}

TEST_F(PostgresRetention, APhonesListIsReadFromTheEndOfAnIndex) {
  commit("a", kNow);
  // What the sessions of the driver do to find a phone's newest: by the index of each partition, backwards, and no further than asked.
  const std::string plan = [&] {
    postgres::Session one = session();
    const postgres::Rows rows = one.run(
        "EXPLAIN SELECT * FROM jwtd.transactions t WHERE t.phone_number = 15555551234 AND t.created_at <= 'infinity' ORDER BY t.created_at DESC, t.xid DESC LIMIT 11");
    std::string lines;
    for (std::size_t row = 0; row < rows.size(); ++row) lines += std::string(rows.value(row, 0)) + "\n";
    return lines;
  }();
  EXPECT_NE(plan.find("Index Scan Backward"), std::string::npos) << plan;
  EXPECT_EQ(plan.find("Seq Scan"), std::string::npos) << plan;
}

}  // namespace
}  // namespace jwtd::store
