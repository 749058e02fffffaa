// app/janitor_test.cc - when the store is swept, by clocks that the test turns.
#include "app/janitor.h"

#include <gtest/gtest.h>

#include "store/memory/memory_store.h"
#include "tests/contract/sample_records.h"

namespace jwtd::app {
namespace {

using namespace std::chrono_literals;
using store::kNow;

constexpr auto kRetention = std::chrono::hours(24 * 30);

class SweeperTest : public testing::Test {
 protected:
  SweeperTest() { commit("one"); }

  void commit(const char* xid) {
    store::Entry entry{store::make_record(xid, store::kPhone, wall), false, {}, {}};
    store::Entry* batch[] = {&entry};
    ASSERT_TRUE(store->commit(batch));
  }

  // Time goes by on both clocks, then the janitor's turn comes.
  void turn_after(std::chrono::milliseconds time) {
    wall += time.count();
    now += time;
    sweeper.turn(wall, now);
  }
  void set_clock(std::chrono::milliseconds by) { wall += by.count(); }
  std::uint64_t kept() { return store->stats().transactions; }

  std::unique_ptr<Log> log = *Log::open({.level = LogLevel::kError});
  std::unique_ptr<store::Store> store = store::open_memory_store({.url = "memory:", .retention = kRetention});
  UnixMillis wall = kNow;
  Monotonic::time_point now{500s};
  Sweeper sweeper{*store, *log, kRetention, wall, now};
};

TEST_F(SweeperTest, WhatIsPastItsRetentionIsRemoved) {
  turn_after(kRetention);
  EXPECT_EQ(kept(), 1u);
  turn_after(1ms);
  EXPECT_EQ(kept(), 0u);
}

TEST_F(SweeperTest, AClockThatJumpedAheadRemovesNothingForADay) {
  set_clock(2 * kRetention);
  turn_after(5min);
  turn_after(kSweepDoubt - 1ms);
  EXPECT_EQ(kept(), 1u);
  turn_after(1ms);
  EXPECT_EQ(kept(), 0u) << "it stood by it";
}

TEST_F(SweeperTest, AClockThatComesBackIsBelievedAtOnce) {
  set_clock(2 * kRetention);
  turn_after(5min);
  set_clock(-2 * kRetention);
  turn_after(5min);
  EXPECT_EQ(kept(), 1u);
  turn_after(kRetention);
  EXPECT_EQ(kept(), 0u);
}

TEST_F(SweeperTest, AClockThatComesBackInPartIsStillInDoubt) {
  set_clock(3 * kRetention);
  turn_after(5min);
  set_clock(-kRetention);
  turn_after(kSweepDoubt - 1ms);
  EXPECT_EQ(kept(), 1u);
}

TEST_F(SweeperTest, EveryJumpBeginsTheDoubtAnew) {
  set_clock(2 * kRetention);
  turn_after(5min);
  turn_after(23h);
  set_clock(2h);
  turn_after(23h);
  EXPECT_EQ(kept(), 1u);
}

TEST_F(SweeperTest, AJumpBackIsNoReasonToWait) {
  commit("two");
  set_clock(-48h);
  turn_after(kRetention + 48h + 1ms);
  EXPECT_EQ(kept(), 0u);
}

TEST_F(SweeperTest, ASmallCorrectionIsNoReasonToWait) {
  turn_after(kRetention - 1h);
  set_clock(1h);
  turn_after(1ms);
  EXPECT_EQ(kept(), 0u);
}

TEST_F(SweeperTest, TheSizeIsAskedForMoreOftenThanTheStoreIsSwept) {
  StoreSize size;
  size.take_from(*store);
  EXPECT_EQ(size.transactions, 1u);
  Janitor janitor(*store, *log, kRetention, size, [] { FAIL() << "a sweep"; }, {.sweep = 1h, .size = 1ms});
  commit("two");
  while (size.transactions != 2) std::this_thread::yield();
}

TEST_F(SweeperTest, AfterASweepTheSizeIsWhatIsLeft) {
  StoreSize size;
  size.take_from(*store);
  std::atomic<int> swept{0};
  Janitor janitor(*store, *log, kRetention, size, [&] { ++swept; }, {.sweep = 1ms, .size = 1h});  // by the real clock, kNow is long ago
  while (size.transactions != 0) std::this_thread::yield();
  EXPECT_GT(swept, 0);
}

}  // namespace
}  // namespace jwtd::app
