// store/postgres/timeline_test.cc - events and notes where the contract does not look: nodes at the same transaction, damage, what stands in the tables.
#include <barrier>
#include <mutex>
#include <thread>

#include "store/postgres/place_for_tests.h"
#include "store/postgres/postgres_store.h"
#include "tests/contract/sample_records.h"

namespace jwtd::store {
namespace {

constexpr int kNodes = 4;
constexpr int kXids = 40;

class PostgresTimeline : public testing::Test {
 protected:
  void SetUp() override {
    JWTD_NEEDS_SERVER("postgresql");
    postgres::empty_database();
    for (int i = 0; i < kNodes; ++i) open();
  }
  void open(std::chrono::seconds retention = std::chrono::hours(24 * 30)) {
    StoreOptions options = postgres::options_for(postgres::database_url());
    options.timeout = std::chrono::seconds(30);
    options.retention = retention;
    auto store = open_postgres_store(options);
    ASSERT_TRUE(store) << store.error().message();
    stores_.push_back(*std::move(store));
  }

  static Event event(std::string key, Event::Type type = Event::Type::kCallback, std::string body = "{}") { return {type, kNow, std::move(key), std::move(body)}; }
  static Change add(std::string_view xid, Event what) { return {*Xid::parse(xid), std::move(what), false, {}, {}, Applied::kDamaged, {}}; }

  static std::vector<Change> apply(Store& store, std::vector<Change> changes) {
    std::vector<Change*> batch;
    for (Change& change : changes) batch.push_back(&change);
    const Status status = store.apply(batch);
    EXPECT_TRUE(status) << status.error().message();
    return changes;
  }
  static Outcome commit(Store& store, Record record) {
    Entry entry{std::move(record), false, Outcome::kConflict, {}};
    Entry* batch[] = {&entry};
    const Status status = store.commit(batch);
    EXPECT_TRUE(status) << status.error().message();
    return entry.outcome;
  }
  static postgres::Session session() { return postgres::Session(postgres::database_url()); }

  // Runs `what` while another session has changed the row of "a" and not committed yet; then it commits.
  template <class What>
  void while_another_changes_it(const std::string& events, What what) {
    auto other = session();
    other.run("BEGIN; UPDATE jwtd.transactions SET events = '" + events + "' WHERE xid = 'a'");
    std::thread waiting(what);
    auto watcher = session();
    for (int i = 0; i < 3000 && watcher.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'") == "0"; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    other.run("COMMIT");
    waiting.join();
  }

  std::vector<std::unique_ptr<Store>> stores_;
};

TEST_F(PostgresTimeline, OfManyNodesOneConsumesEachTransaction) {
  for (int i = 0; i < kXids; ++i) commit(*stores_[0], make_record("x" + std::to_string(i)));
  std::vector<std::vector<Change>> done(kNodes);
  std::barrier start(kNodes);
  std::vector<std::thread> threads;
  for (int node = 0; node < kNodes; ++node) {
    threads.emplace_back([&, node] {
      std::vector<Change> changes;
      for (int i = 0; i < kXids; ++i) {
        changes.push_back(add("x" + std::to_string(i), event("consumed", Event::Type::kConsumed, "{\"node\":" + std::to_string(node) + "}")));
      }
      if (node % 2 == 1) std::reverse(changes.begin(), changes.end());  // who waits for whom must not depend on it
      start.arrive_and_wait();
      done[static_cast<std::size_t>(node)] = apply(*stores_[static_cast<std::size_t>(node)], std::move(changes));
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::map<std::string, int> winners;
  for (const auto& changes : done) {
    for (const Change& change : changes) {
      if (change.applied != Applied::kWritten) {
        EXPECT_EQ(change.applied, Applied::kPresent);
        continue;
      }
      ++winners[change.xid->text()];
      EXPECT_EQ((*stores_[0]->find(*change.xid, kNow))->events, std::vector<Event>{*change.event}) << "the winner's own stands";
    }
  }
  EXPECT_EQ(winners.size(), static_cast<std::size_t>(kXids));
  for (const auto& [xid, count] : winners) EXPECT_EQ(count, 1) << xid;
}

TEST_F(PostgresTimeline, NodesThatAddToOneTransactionLoseNothing) {
  commit(*stores_[0], make_record("a"));
  std::vector<std::thread> threads;
  for (int node = 0; node < kNodes; ++node) {
    threads.emplace_back([&, node] {
      for (int i = 0; i < 15; ++i) {
        Change change = add("a", event(std::to_string(node) + "." + std::to_string(i)));
        change.put.push_back({"outbox", change.event->key, "", 0});
        EXPECT_EQ(apply(*stores_[static_cast<std::size_t>(node)], {change})[0].applied, Applied::kWritten);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ((*stores_[0]->find(*Xid::parse("a"), kNow))->events.size(), 15u * kNodes);
  EXPECT_EQ(stores_[0]->notes("outbox", {}, 1000, kNow)->size(), 15u * kNodes);
}

// It was decided by what stood before the revocation.
TEST_F(PostgresTimeline, ATokenIsNotReissuedBehindARevocation) {
  commit(*stores_[0], make_record("a"));
  Outcome outcome = Outcome::kConflict;
  while_another_changes_it(R"([{"k":"revoked","t":4,"at":1,"b":""}])", [&] { outcome = commit(*stores_[0], make_record("a", kPhone, kNow + 80'000)); });
  EXPECT_EQ(outcome, Outcome::kClosed);
  EXPECT_EQ((*stores_[0]->find(*Xid::parse("a"), kNow))->issued, 1u);
}

TEST_F(PostgresTimeline, WhoComesSecondSeesTheFirstsEvent) {
  commit(*stores_[0], make_record("a"));
  Applied applied = Applied::kDamaged;
  while_another_changes_it(R"([{"k":"consumed","t":5,"at":1,"b":""}])",
                           [&] { applied = apply(*stores_[0], {add("a", event("consumed", Event::Type::kConsumed))})[0].applied; });
  EXPECT_EQ(applied, Applied::kPresent);
}

TEST_F(PostgresTimeline, DamagedEventsAreNamedAndStopNobodyElse) {
  for (const char* xid : {"a", "b"}) commit(*stores_[0], make_record(xid));
  for (const char* events : {"7", "{}", "[{}]", R"([{"k":"a","t":1,"at":1,"b":"\\q"}])"}) {
    session().run("UPDATE jwtd.transactions SET events = '" + std::string(events) + "' WHERE xid = 'a'");
    const auto done = apply(*stores_[0], {add("a", event("1")), add("b", event(events[0] == '7' ? "first" : events))});
    EXPECT_EQ(done[0].applied, Applied::kDamaged) << events;
    EXPECT_FALSE(done[0].transaction);
    EXPECT_NE(done[1].applied, Applied::kDamaged) << events;
    const auto found = stores_[0]->find(*Xid::parse("a"), kNow);
    ASSERT_FALSE(found);
    EXPECT_TRUE(found.error().is(kStoreDamaged));
    EXPECT_EQ(stores_[0]->scan(10, {}, kNow)->damaged.size(), 1u);
    EXPECT_EQ(session().value("SELECT events FROM jwtd.transactions WHERE xid = 'a'"), session().value("SELECT '" + std::string(events) + "'::jsonb"));
  }
}

TEST_F(PostgresTimeline, WhatIsMintedHasNoEventsToWrite) {
  commit(*stores_[0], make_record("a"));
  commit(*stores_[0], make_record("a", kPhone, kNow + 80'000));
  EXPECT_EQ(session().value("SELECT count(*) FROM jwtd.transactions WHERE events IS NULL"), "1");
}

TEST_F(PostgresTimeline, AnErasureTakesTheEarlierTokensToo) {
  for (int i = 0; i < 5; ++i) commit(*stores_[0], make_record("a", kPhone, kNow + i * 80'000));
  commit(*stores_[0], make_record("b"));
  EXPECT_EQ(session().value("SELECT count(*) FROM jwtd.earlier_tokens"), "4");
  Change change{*Xid::parse("a"), std::nullopt, true, {}, {}, Applied::kDamaged, {}};
  EXPECT_EQ(apply(*stores_[0], {change})[0].applied, Applied::kWritten);
  EXPECT_EQ(session().value("SELECT (SELECT count(*) FROM jwtd.earlier_tokens) || ' ' || (SELECT count(*) FROM jwtd.transactions)"), "0 1");
}

TEST_F(PostgresTimeline, NotesAreSweptAlsoWhereTransactionsStayForEver) {
  open(std::chrono::seconds(0));
  Change change{std::nullopt, std::nullopt, false, {}, {}, Applied::kDamaged, {}};
  for (int i = 0; i < 2500; ++i) change.put.push_back({"k", std::to_string(i), "", i < 2300 ? kNow + 1 : 0});
  apply(*stores_.back(), {change});
  ASSERT_TRUE(stores_.back()->sweep(kNow + 1));
  EXPECT_EQ(session().value("SELECT count(*) FROM jwtd.notes"), "200");
}

}  // namespace
}  // namespace jwtd::store
