// store/late_store_test.cc - refuses, says why, and serves as soon as there is something to serve from.
#include "store/late_store.h"

#include <gtest/gtest.h>

#include <vector>

#include "store/memory/memory_store.h"
#include "tests/contract/sample_records.h"

namespace jwtd::store {
namespace {

using std::chrono::milliseconds;

class LateStoreTest : public testing::Test {
 protected:
  std::unique_ptr<LateStore> late() {
    LateStore::Options options;
    options.open = [this]() -> Result<std::unique_ptr<Store>> {
      const std::lock_guard lock(mutex_);
      ++attempts_;
      changed_.notify_all();
      if (cause_) return *cause_;
      return open_memory_store({});
    };
    options.driver = "memory";
    options.on_event = [this](std::string_view event) {
      const std::lock_guard lock(mutex_);
      events_.emplace_back(event);
      changed_.notify_all();
    };
    options.first_pause = options.longest_pause = milliseconds(1);
    return std::make_unique<LateStore>(std::move(options), *cause_);
  }
  void set(std::optional<Error> cause) {
    const std::lock_guard lock(mutex_);
    cause_ = std::move(cause);
  }
  void wait_for_events(std::size_t count) {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, std::chrono::seconds(30), [&] { return events_.size() >= count; }));
  }
  void wait_for_attempts(int more) {
    std::unique_lock lock(mutex_);
    const int before = attempts_;
    ASSERT_TRUE(changed_.wait_for(lock, std::chrono::seconds(30), [&] { return attempts_ >= before + more; }));
  }
  static Status commit(Store& store) {
    Entry entry{make_record("a"), false, Outcome::kConflict, {}};
    Entry* batch[] = {&entry};
    return store.commit(batch);
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Error> cause_ = Error(kStoreUnavailable, "nobody listens");
  std::vector<std::string> events_;
  int attempts_ = 0;
};

TEST_F(LateStoreTest, RefusesEverythingAndSaysWhyUntilItIsOpen) {
  const auto store = late();
  const Status refused = commit(*store);
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(kStoreUnavailable));
  EXPECT_EQ(refused.error().detail(), "not open yet: nobody listens");
  EXPECT_TRUE(store->find(*Xid::parse("a"), kNow).error().is(kStoreUnavailable));
  EXPECT_FALSE(store->find_at_once(*Xid::parse("a"), kNow));
  EXPECT_TRUE(store->notes("ref", "", 1, kNow).error().is(kStoreUnavailable));
  EXPECT_TRUE(store->writable().error().is(kStoreUnavailable));
  EXPECT_FALSE(store->sweep(kNow));
  EXPECT_EQ(store->stats().transactions, 0u);
  EXPECT_EQ(store->driver(), "memory");

  set(std::nullopt);
  wait_for_events(2);
  EXPECT_TRUE(store->writable());
  EXPECT_TRUE(commit(*store));
  EXPECT_TRUE(*store->find(*Xid::parse("a"), kNow));
  EXPECT_TRUE(store->find_at_once(*Xid::parse("a"), kNow));
  EXPECT_EQ(events_, (std::vector<std::string>{"the store cannot be opened yet: nobody listens", "the store is open: service begins"}));
}

TEST_F(LateStoreTest, ACauseIsToldOnceAndItsCodeIsForReadyz) {
  const auto store = late();
  wait_for_attempts(3);
  set(Error(kStoreOpenFailed, "the tables are of version 9"));
  wait_for_events(2);
  EXPECT_TRUE(store->writable().error().is(kStoreOpenFailed));
  EXPECT_TRUE(commit(*store).error().is(kStoreUnavailable)) << "503, whatever it is";
  wait_for_attempts(3);
  const std::lock_guard lock(mutex_);
  const std::vector<std::string> told{"the store cannot be opened yet: nobody listens", "the store cannot be opened yet: the tables are of version 9"};
  EXPECT_EQ(events_, told);
}

TEST_F(LateStoreTest, EndsWhileItIsAway) { late().reset(); }

}  // namespace
}  // namespace jwtd::store
