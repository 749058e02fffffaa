// store/mongodb/ferretdb_test.cc - what is different over FerretDB 1: no TTL, and updates that judge first and write later.
#include <mutex>
#include <vector>

#include "store/mongodb/database_for_tests.h"
#include "tests/contract/sample_records.h"
#include "tests/servers/test_server.h"

namespace jwtd::store {
namespace {

class FerretDb : public testing::Test {
 protected:
  void SetUp() override {
    JWTD_NEEDS_SERVER("ferretdb");
    database_.emplace(shared_server("ferretdb").url);
  }
  static std::vector<Entry> commit(Store& store, const std::vector<Record>& records) {
    std::vector<Entry> entries;
    for (const Record& record : records) entries.push_back({record, false, Outcome::kConflict, std::nullopt});
    std::vector<Entry*> batch;
    for (Entry& entry : entries) batch.push_back(&entry);
    const Status status = store.commit(batch);
    EXPECT_TRUE(status) << status.error().message();
    return entries;
  }
  std::optional<TestDatabase> database_;
};

TEST_F(FerretDb, HasNoTtlSoOurJanitorRemovesWhatExpired) {
  const auto store = database_->open(std::chrono::hours(1));
  ASSERT_NE(store, nullptr);
  commit(*store, {make_record("old", kPhone, kNow - 2 * 3'600'000), make_record("new", kPhone, kNow)});
  Change note{.put = {{"ref", "R", "old", kNow - 1}}};
  Change* changes[] = {&note};
  ASSERT_TRUE(store->apply(changes));
  EXPECT_EQ(database_->count(), 2);
  ASSERT_TRUE(store->sweep(kNow));
  EXPECT_EQ(database_->count(R"({"_id": "new"})"), 1);
  EXPECT_EQ(database_->count(), 1);
  EXPECT_EQ(database_->count("{}", kNotes), 0);
}

// In one command it would hang: each update keeps one of a hundred connections.
TEST_F(FerretDb, ManyReissuesInOneBatchAreSentInSmallCommands) {
  const auto store = database_->open();
  ASSERT_NE(store, nullptr);
  std::vector<Record> first, second;
  for (int i = 0; i < 150; ++i) {
    first.push_back(make_record("x" + std::to_string(i)));
    second.push_back(make_record("x" + std::to_string(i), kPhone, kNow + 60'000));
  }
  commit(*store, first);
  for (const Entry& entry : commit(*store, second)) EXPECT_EQ(entry.outcome, Outcome::kReissued);
}

TEST_F(FerretDb, IsNamedInTheLogAndOneBatchIsInFlight) {
  std::vector<std::string> events;
  std::mutex mutex;
  StoreOptions options = database_->options();
  options.connections = 16;
  options.on_event = [&](std::string_view event) {
    const std::lock_guard lock(mutex);
    events.emplace_back(event);
  };
  const auto store = database_->open(options);
  ASSERT_NE(store, nullptr);
  EXPECT_EQ(store->commits_at_once(), 1u);
  const std::lock_guard lock(mutex);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_NE(events[0].find("let one jwtd alone use this database"), std::string::npos) << events[0];
}

}  // namespace
}  // namespace jwtd::store
