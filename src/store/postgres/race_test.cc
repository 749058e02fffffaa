// store/postgres/race_test.cc - two nodes on one database that want the same XIDs at the same moment.
#include <atomic>
#include <barrier>
#include <map>
#include <thread>

#include "base/limits.h"
#include "store/postgres/place_for_tests.h"
#include "store/postgres/postgres_store.h"
#include "store/postgres/schema.h"
#include "tests/contract/sample_records.h"

namespace jwtd::store {
namespace {

constexpr int kNodes = 4;  // each with a store of its own: two of them would be enough in earnest
constexpr int kRounds = 40;
constexpr int kXids = 32;  // in each batch

class PostgresRace : public testing::Test {
 protected:
  void SetUp() override {
    JWTD_NEEDS_SERVER("postgresql");
    postgres::empty_database();
    for (int i = 0; i < kNodes; ++i) {
      StoreOptions options = postgres::options_for(postgres::database_url());
      options.timeout = std::chrono::seconds(30);
      options.retention = std::chrono::hours(1);
      options.connections = 12;
      auto store = open_postgres_store(options);
      ASSERT_TRUE(store) << store.error().message();
      stores_.push_back(*std::move(store));
    }
  }

  // Every node commits a batch at the same moment, `kRounds` times; what became of each entry, by node.
  std::vector<std::vector<Entry>> race(const std::function<std::vector<Record>(int node, int round)>& records) {
    std::vector<std::vector<Entry>> entries(kNodes);
    std::barrier start(kNodes);
    std::vector<std::thread> threads;
    for (int node = 0; node < kNodes; ++node) {
      threads.emplace_back([&, node] {
        for (int round = 0; round < kRounds; ++round) {
          std::vector<Entry> mine;
          for (Record& record : records(node, round)) mine.push_back({std::move(record), false, Outcome::kConflict, {}});
          // Some from behind: who waits for whom must not depend on the order that records came in.
          if (node % 2 == 1) std::reverse(mine.begin(), mine.end());
          std::vector<Entry*> batch;
          for (Entry& entry : mine) batch.push_back(&entry);
          start.arrive_and_wait();
          const Status status = stores_[static_cast<std::size_t>(node)]->commit(batch);
          EXPECT_TRUE(status) << status.error().message();
          for (Entry& entry : mine) entries[static_cast<std::size_t>(node)].push_back(std::move(entry));
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    return entries;
  }

  static std::string xid_of(int round, int i) { return "r" + std::to_string(round) + "-" + std::to_string(i); }

  static void expect_no_xid_twice() {
    postgres::Session session(postgres::database_url());
    EXPECT_EQ(session.value("SELECT count(*) FROM (SELECT FROM jwtd.transactions GROUP BY xid HAVING count(*) > 1) twice"), "0");
  }

  std::vector<std::unique_ptr<Store>> stores_;
};

std::vector<Record> batch_of(int round, const char* phone, UnixMillis at) {
  std::vector<Record> records;
  for (int i = 0; i < kXids; ++i) records.push_back(make_record("r" + std::to_string(round) + "-" + std::to_string(i), phone, at));
  return records;
}

TEST_F(PostgresRace, ForTheSamePhoneOneRecordStandsAndAllGetIt) {
  const auto entries = race([](int node, int round) { return batch_of(round, kPhone, kNow + node); });
  std::map<std::string, std::vector<const Entry*>> by_xid;
  for (const auto& of_node : entries) {
    for (const Entry& entry : of_node) by_xid[entry.proposed.xid.text()].push_back(&entry);
  }
  EXPECT_EQ(by_xid.size(), static_cast<std::size_t>(kRounds * kXids));
  for (const auto& [xid, same] : by_xid) {
    std::set<std::string> tokens;
    int inserted = 0;
    for (const Entry* entry : same) {
      inserted += entry->outcome == Outcome::kInserted;
      EXPECT_TRUE(entry->outcome == Outcome::kInserted || entry->outcome == Outcome::kReused);
      tokens.insert(entry->standing ? entry->standing->token : entry->proposed.token);
    }
    EXPECT_EQ(inserted, 1) << xid;
    EXPECT_EQ(tokens.size(), 1u) << xid;
  }
  expect_no_xid_twice();
}

TEST_F(PostgresRace, OfDifferentPhonesOneGetsTheXid) {
  const auto entries = race([](int node, int round) { return batch_of(round, ("1555555000" + std::to_string(node)).c_str(), kNow); });
  std::map<std::string, int> inserted;
  for (const auto& of_node : entries) {
    for (const Entry& entry : of_node) {
      inserted[entry.proposed.xid.text()] += entry.outcome == Outcome::kInserted;
      EXPECT_TRUE(entry.outcome == Outcome::kInserted || entry.outcome == Outcome::kConflict);
    }
  }
  EXPECT_EQ(inserted.size(), static_cast<std::size_t>(kRounds * kXids));
  for (const auto& [xid, count] : inserted) EXPECT_EQ(count, 1) << xid;
  expect_no_xid_twice();
}

TEST_F(PostgresRace, OneNodeReissuesAndTheOthersGetWhatItMade) {
  race([](int node, int round) { return node == 0 ? batch_of(round, kPhone, kNow) : std::vector<Record>(); });
  const auto entries = race([](int node, int round) { return batch_of(round, kPhone, kNow + 60'000 + node); });
  std::map<std::string, int> reissued;
  for (const auto& of_node : entries) {
    for (const Entry& entry : of_node) {
      reissued[entry.proposed.xid.text()] += entry.outcome == Outcome::kReissued;
      EXPECT_TRUE(entry.outcome == Outcome::kReissued || entry.outcome == Outcome::kReused);
    }
  }
  for (const auto& [xid, count] : reissued) {
    EXPECT_EQ(count, 1) << xid;
    const auto found = stores_[0]->find(*Xid::parse(xid), kNow + 60'000);
    ASSERT_TRUE(found && *found);
    EXPECT_EQ((*found)->issued, 2u);
    ASSERT_EQ((*found)->earlier.size(), 1u);
    EXPECT_EQ((*found)->earlier[0].token, make_record(xid).token);
  }
  expect_no_xid_twice();
}

TEST_F(PostgresRace, AnExpiredXidGoesToOneOfThoseThatWantIt) {
  race([](int node, int round) { return node == 0 ? batch_of(round, kPhone, kNow) : std::vector<Record>(); });
  constexpr UnixMillis kExpired = kNow + 3'600'001;
  const auto entries = race([](int node, int round) { return batch_of(round, ("1555555000" + std::to_string(node)).c_str(), kExpired); });
  std::map<std::string, int> inserted;
  for (const auto& of_node : entries) {
    for (const Entry& entry : of_node) {
      inserted[entry.proposed.xid.text()] += entry.outcome == Outcome::kInserted;
      EXPECT_TRUE(entry.outcome == Outcome::kInserted || entry.outcome == Outcome::kConflict);
    }
  }
  for (const auto& [xid, count] : inserted) EXPECT_EQ(count, 1) << xid;
  expect_no_xid_twice();
}

// The unique index is each partition's own: while epochs are opened, two nodes must not put the same XID into two of them.
TEST_F(PostgresRace, NoXidStandsTwiceWhileEpochsAreOpened) {
  std::atomic<bool> over{false};
  int opened = 1;
  std::thread opener([&] {
    postgres::Session session(postgres::database_url());
    while (!over) {
      session.run("BEGIN; LOCK TABLE jwtd.epochs IN EXCLUSIVE MODE; " + postgres::open_epoch_sql(++opened) + "COMMIT");
    }
  });
  const auto entries = race([](int node, int round) { return batch_of(round, kPhone, kNow + node); });
  over = true;
  opener.join();
  std::map<std::string, int> inserted;
  for (const auto& of_node : entries) {
    for (const Entry& entry : of_node) inserted[entry.proposed.xid.text()] += entry.outcome == Outcome::kInserted;
  }
  for (const auto& [xid, count] : inserted) EXPECT_EQ(count, 1) << xid;
  expect_no_xid_twice();
  EXPECT_GT(opened, 2);
}

// One node, several batches at once.
TEST_F(PostgresRace, AStoreTakesAsManyCommitsAtOnceAsItSays) {
  Store& store = *stores_[0];
  const std::size_t threads = store.commits_at_once();
  EXPECT_EQ(threads, 3u);
  std::vector<std::thread> running;
  for (std::size_t t = 0; t < threads; ++t) {
    running.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        Entry made{make_record("t" + std::to_string(t) + "-" + std::to_string(i)), true, Outcome::kConflict, {}};
        Entry shared{make_record("s" + std::to_string(i), kPhone, kNow + static_cast<int>(t)), false, Outcome::kConflict, {}};
        Entry* batch[] = {&made, &shared};
        EXPECT_TRUE(store.commit(batch));
        EXPECT_EQ(made.outcome, Outcome::kInserted);
        EXPECT_TRUE(store.find(shared.proposed.xid, kNow));
      }
    });
  }
  for (std::thread& thread : running) thread.join();
  EXPECT_EQ(store.stats().transactions, 50 * (threads + 1));
  expect_no_xid_twice();
}

}  // namespace
}  // namespace jwtd::store
