// store/read_pool_test.cc - who reads, who is refused, and where the coroutine goes on.
#include "store/read_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include "tests/fakes/run_task.h"

namespace jwtd::store {
namespace {

using fakes::FakeLoop;
using fakes::run_task;
using fakes::Started;

// Turned by hand; the pool reads it from its own threads.
std::atomic<Monotonic::rep> clock_ticks{0};
Monotonic::time_point hand_clock() { return Monotonic::time_point(Monotonic::duration(clock_ticks.load())); }
void turn_clock(Monotonic::duration by) { clock_ticks += by.count(); }

constexpr Code kBroken{"broken", Fault::kInternal, "Broken."};

template <class F>
Task<std::invoke_result_t<F&>> read(ReadPool& pool, F f) {
  co_return co_await pool.run(f);
}

// Holds one pool thread until the test lets go.
struct Gate {
  std::binary_semaphore entered{0}, open{0};
  Result<int> pass() {
    entered.release();
    open.acquire();
    return 0;
  }
};

TEST(ReadPool, TheAnswerComesBackToTheOneWhoAsked) {
  FakeLoop loop;
  ReadPool pool;
  const Result<std::string> got = run_task(loop, read(pool, [] { return Result<std::string>(std::string("found")); }));
  ASSERT_TRUE(got);
  EXPECT_EQ(*got, "found");
  EXPECT_EQ(pool.stats().reads, 1u);
}

TEST(ReadPool, AnErrorOfTheStoreComesBackAsItIs) {
  FakeLoop loop;
  ReadPool pool;
  const Result<int> got = run_task(loop, read(pool, [] { return Result<int>(Error(kBroken, "why")); }));
  ASSERT_FALSE(got);
  EXPECT_TRUE(got.error().is(kBroken));
  EXPECT_EQ(got.error().detail(), "why");
}

TEST(ReadPool, TheReadRunsOffTheLoopAndTheCoroutineGoesOnOnIt) {
  FakeLoop loop;
  ReadPool pool;
  const auto here = std::this_thread::get_id();
  std::thread::id read_on;
  const auto ask = [&]() -> Task<std::thread::id> {
    const auto note = [&]() -> Result<int> {
      read_on = std::this_thread::get_id();
      return 0;
    };
    (void)co_await pool.run(note);
    co_return std::this_thread::get_id();
  };
  EXPECT_EQ(run_task(loop, ask()), here);
  EXPECT_NE(read_on, here);
}

TEST(ReadPool, AFullQueueRefusesAtOnce) {
  FakeLoop loop;
  Gate gate;
  ReadPool pool({.threads = 1, .max_queued = 1});
  Started running(read(pool, [&] { return gate.pass(); }));
  gate.entered.acquire();
  Started waiting(read(pool, [] { return Result<int>(1); }));
  EXPECT_EQ(pool.queued(), 1u);

  Started refused(read(pool, [] { return Result<int>(2); }));
  ASSERT_TRUE(refused.done());
  ASSERT_FALSE(*refused.value());
  EXPECT_TRUE((*refused.value()).error().is(kReadQueueFull));
  EXPECT_EQ(pool.stats().refused, 1u);

  gate.open.release();
  while (!running.done() || !waiting.done()) loop.wait_and_run();
  EXPECT_EQ(**waiting.value(), 1);
}

TEST(ReadPool, AReadThatHangsInTheStoreIsAnsweredAtItsDeadline) {
  FakeLoop loop;
  Gate gate;
  auto pool = std::make_unique<ReadPool>(ReadPool::Options{.threads = 1, .deadline = std::chrono::seconds(5), .clock = &hand_clock});
  Started hanging(read(*pool, [&] { return gate.pass(); }));
  Started behind_it(read(*pool, [] { return Result<int>(1); }));
  gate.entered.acquire();
  turn_clock(std::chrono::seconds(5));
  pool->expire(hand_clock());
  EXPECT_FALSE(hanging.done());
  turn_clock(std::chrono::milliseconds(1));
  pool->expire(hand_clock());

  ASSERT_TRUE(hanging.done());
  ASSERT_FALSE(*hanging.value());
  EXPECT_TRUE((*hanging.value()).error().is(kReadTimeout));
  ASSERT_TRUE(behind_it.done());
  EXPECT_TRUE((*behind_it.value()).error().is(kReadTimeout));
  EXPECT_EQ(pool->stats().timed_out, 2u);
  EXPECT_EQ(pool->stats().hanging, 1);

  // The thread comes back and works on, and nobody hears of the late result.
  gate.open.release();
  EXPECT_EQ(*run_task(loop, read(*pool, [] { return Result<int>(2); })), 2);
  pool.reset();
  EXPECT_EQ(loop.run_posted(), 0u);
}

TEST(ReadPool, AReadThatHangsUsesNothingOfTheOneWhoWentOn) {
  FakeLoop loop;
  Gate gate;
  std::string seen;
  ReadPool pool({.threads = 1, .deadline = std::chrono::seconds(5), .clock = &hand_clock});
  const auto ask = [&]() -> Task<Result<int>> {
    const std::string local(100, 'x');  // goes with the coroutine; the sanitizer would tell
    const auto hang = [&gate, &seen, local] {
      Result<int> passed = gate.pass();
      seen = local;
      return passed;
    };
    co_return co_await pool.run(hang);
  };
  {
    Started hanging(ask());
    gate.entered.acquire();
    turn_clock(std::chrono::seconds(6));
    pool.expire(hand_clock());
    ASSERT_TRUE(hanging.done());
  }
  gate.open.release();
  EXPECT_EQ(*run_task(loop, read(pool, [] { return Result<int>(1); })), 1);
  EXPECT_EQ(seen, std::string(100, 'x'));
  EXPECT_EQ(pool.stats().hanging, 0);
}

TEST(ReadPool, ALoopAnswersOnlyItsOwn) {
  Gate gate;
  ReadPool pool({.threads = 1, .deadline = std::chrono::seconds(5), .clock = &hand_clock});
  FakeLoop loop;
  Started hanging(read(pool, [&] { return gate.pass(); }));
  gate.entered.acquire();
  turn_clock(std::chrono::seconds(6));
  std::thread([&] {
    FakeLoop other;
    pool.expire(hand_clock());
  }).join();
  EXPECT_FALSE(hanging.done());
  pool.expire(hand_clock());
  EXPECT_TRUE(hanging.done());
  gate.open.release();
}

TEST(ReadPool, AReadThatWaitedTooLongNeverTouchesTheStore) {
  FakeLoop loop;
  Gate gate;
  bool touched = false;
  ReadPool pool({.threads = 1, .deadline = std::chrono::seconds(5), .clock = &hand_clock});
  Started running(read(pool, [&] { return gate.pass(); }));
  gate.entered.acquire();
  Started late(read(pool, [&] {
    touched = true;
    return Result<int>(1);
  }));
  turn_clock(std::chrono::milliseconds(5001));
  gate.open.release();
  while (!late.done() || !running.done()) loop.wait_and_run();

  ASSERT_FALSE(*late.value());
  EXPECT_TRUE((*late.value()).error().is(kReadTimeout));
  EXPECT_FALSE(touched);
  EXPECT_TRUE(*running.value()) << "in time for the next expire()";
  EXPECT_EQ(pool.stats().timed_out, 1u);
}

TEST(ReadPool, AReadThatWaitedExactlyItsDeadlineIsStillServed) {
  FakeLoop loop;
  Gate gate;
  ReadPool pool({.threads = 1, .deadline = std::chrono::seconds(5), .clock = &hand_clock});
  Started running(read(pool, [&] { return gate.pass(); }));
  gate.entered.acquire();
  Started waiting(read(pool, [] { return Result<int>(7); }));
  turn_clock(std::chrono::seconds(5));
  gate.open.release();
  while (!waiting.done() || !running.done()) loop.wait_and_run();
  ASSERT_TRUE(*waiting.value());
  EXPECT_EQ(**waiting.value(), 7);
}

TEST(ReadPool, ReadsAreServedInTheOrderTheyCame) {
  FakeLoop loop;
  Gate gate;
  std::vector<int> order;
  ReadPool pool({.threads = 1});
  Started running(read(pool, [&] { return gate.pass(); }));
  gate.entered.acquire();
  std::vector<std::unique_ptr<Started<Result<int>>>> waiting;
  for (int i = 0; i < 5; ++i)
    waiting.push_back(std::make_unique<Started<Result<int>>>(read(pool, [&order, i] {
      order.push_back(i);
      return Result<int>(i);
    })));
  gate.open.release();
  while (!running.done() || !waiting.back()->done()) loop.wait_and_run();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4}));
}

TEST(ReadPool, ThreadsReadAtTheSameTime) {
  FakeLoop loop;
  std::binary_semaphore first{0}, second{0};
  ReadPool pool({.threads = 2});
  // Each waits for the other: one thread alone would never get through.
  Started one(read(pool, [&] { first.release(); second.acquire(); return Result<int>(1); }));
  Started two(read(pool, [&] { second.release(); first.acquire(); return Result<int>(2); }));
  while (!one.done() || !two.done()) loop.wait_and_run();
  EXPECT_EQ(**one.value() + **two.value(), 3);
}

TEST(ReadPool, ItsEndFinishesWhatIsQueued) {
  FakeLoop loop;
  Gate gate;
  auto pool = std::make_unique<ReadPool>(ReadPool::Options{.threads = 1});
  Started running(read(*pool, [&] { return gate.pass(); }));
  gate.entered.acquire();
  Started waiting(read(*pool, [] { return Result<int>(1); }));
  gate.open.release();
  pool.reset();
  while (!running.done() || !waiting.done()) loop.wait_and_run();
  EXPECT_EQ(**waiting.value(), 1);
}

TEST(ReadPool, ManyReadsFromTwoLoopsAllComeHome) {
  auto pool = std::make_unique<ReadPool>(ReadPool::Options{.threads = 4});
  const auto ask_many = [&pool](FakeLoop& loop) {
    int sum = 0;
    for (int i = 0; i < 500; ++i) sum += *run_task(loop, read(*pool, [i] { return Result<int>(i); }));
    return sum;
  };
  std::binary_semaphore asked{0}, pool_gone{0};
  int there = 0;
  std::thread other([&] {
    FakeLoop loop;
    there = ask_many(loop);
    asked.release();
    pool_gone.acquire();  // a loop outlives the pool
  });
  FakeLoop loop;
  EXPECT_EQ(ask_many(loop), 124750);
  asked.acquire();
  EXPECT_EQ(there, 124750);
  pool.reset();
  pool_gone.release();
  other.join();
}

}  // namespace
}  // namespace jwtd::store
