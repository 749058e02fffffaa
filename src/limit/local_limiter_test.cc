// limit/local_limiter_test.cc - GCRA against a plain oracle, floods against a small table, threads against the budget.
#include "limit/local_limiter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <map>
#include <random>
#include <thread>

namespace jwtd::limit {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr Monotonic::time_point kStart{1'000'000s};

ClientKey client(std::uint32_t number) {
  ClientKey key;
  key.octets[0] = 4;
  for (int i = 0; i < 4; ++i) key.octets[1 + i] = static_cast<std::uint8_t>(number >> (24 - 8 * i));
  return key;
}

Phone phone(std::uint64_t number = 0) { return *Phone::unpack(15'555'550'000 + number); }

Rate rate(std::uint32_t count, seconds period, std::uint32_t burst = 0) { return Rate{count, period, burst == 0 ? count : burst}; }

Rule by_client(std::vector<Rate> rates) { return Rule{"per-client", KeyKind::kClient, std::move(rates)}; }

TEST(LocalLimiter, WithoutRulesEverythingPasses) {
  LocalLimiter limiter({});
  const Decision decision = limiter.acquire_now(client(1), phone(), kStart);
  EXPECT_TRUE(decision.allowed);
  EXPECT_EQ(decision.rule, nullptr);
  EXPECT_EQ(decision.rate, nullptr);
}

TEST(LocalLimiter, OnePerSecondIsTheTutorialsBehaviour) {
  LocalLimiter limiter({by_client({rate(1, 1s)})});
  EXPECT_TRUE(limiter.acquire_now(client(1), phone(), kStart).allowed);
  EXPECT_FALSE(limiter.acquire_now(client(1), phone(), kStart).allowed);
  EXPECT_FALSE(limiter.acquire_now(client(1), phone(), kStart + 1s - 1ns).allowed);
  EXPECT_TRUE(limiter.acquire_now(client(1), phone(), kStart + 1s).allowed);
  EXPECT_FALSE(limiter.acquire_now(client(1), phone(), kStart + 1s).allowed);
}

TEST(LocalLimiter, AFreshKeyHasExactlyItsBurst) {
  LocalLimiter limiter({by_client({rate(5, 60s, 7)})});
  for (int left = 6; left >= 0; --left) {
    const Decision decision = limiter.acquire_now(client(1), phone(), kStart);
    ASSERT_TRUE(decision.allowed);
    EXPECT_EQ(decision.remaining, static_cast<std::uint64_t>(left));
    EXPECT_EQ(decision.reset_after, (7 - left) * 12s);
    EXPECT_EQ(decision.retry_after, 0ns);
  }
  EXPECT_FALSE(limiter.acquire_now(client(1), phone(), kStart).allowed);
}

TEST(LocalLimiter, RetryAfterIsTheExactWait) {
  LocalLimiter limiter({by_client({rate(3, 1s)})});
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(limiter.acquire_now(client(1), phone(), kStart).allowed);
  const auto later = kStart + 100ms;
  const Decision refused = limiter.acquire_now(client(1), phone(), later);
  ASSERT_FALSE(refused.allowed);
  EXPECT_EQ(refused.retry_after, 333'333'334ns - 100ms);
  EXPECT_EQ(refused.reset_after, 3 * 333'333'334ns - 100ms);
  EXPECT_EQ(refused.remaining, 0u);
  EXPECT_FALSE(limiter.acquire_now(client(1), phone(), later + refused.retry_after - 1ns).allowed);
  EXPECT_TRUE(limiter.acquire_now(client(1), phone(), later + refused.retry_after).allowed);
}

TEST(LocalLimiter, ABucketIsFullAgainAfterResetAfter) {
  LocalLimiter limiter({by_client({rate(4, 4s)})});
  ASSERT_TRUE(limiter.acquire_now(client(1), phone(), kStart).allowed);
  const Decision second = limiter.acquire_now(client(1), phone(), kStart);
  EXPECT_EQ(second.reset_after, 2s);
  EXPECT_EQ(limiter.acquire_now(client(1), phone(), kStart + second.reset_after).remaining, 3u);
}

TEST(LocalLimiter, ARefusedRequestCostsNothing) {
  LocalLimiter limiter({by_client({rate(1, 10s)})});
  ASSERT_TRUE(limiter.acquire_now(client(1), phone(), kStart).allowed);
  for (int i = 0; i < 100; ++i) ASSERT_FALSE(limiter.acquire_now(client(1), phone(), kStart + 9s).allowed);
  EXPECT_TRUE(limiter.acquire_now(client(1), phone(), kStart + 10s).allowed);
}

TEST(LocalLimiter, ClientsPhonesAndAllAreCountedApart) {
  LocalLimiter limiter(
      {Rule{"c", KeyKind::kClient, {rate(2, 60s)}}, Rule{"p", KeyKind::kPhone, {rate(3, 60s)}}, Rule{"a", KeyKind::kAll, {rate(5, 60s)}}});
  const auto asks = [&](std::uint32_t c, std::uint64_t p) { return limiter.acquire_now(client(c), phone(p), kStart); };
  EXPECT_TRUE(asks(1, 1).allowed);
  EXPECT_TRUE(asks(1, 2).allowed);
  EXPECT_EQ(asks(1, 3).rule->name, "c");
  EXPECT_TRUE(asks(2, 1).allowed);
  EXPECT_TRUE(asks(3, 1).allowed);
  EXPECT_EQ(asks(4, 1).rule->name, "p");
  EXPECT_TRUE(asks(4, 4).allowed);
  const Decision refused = asks(5, 5);
  EXPECT_FALSE(refused.allowed);
  EXPECT_EQ(refused.rule->name, "a");
}

TEST(LocalLimiter, OnIPv4AndIPv6TheSameOctetsAreDifferentClients) {
  LocalLimiter limiter({by_client({rate(1, 60s)})});
  ClientKey v6 = client(1);
  v6.octets[0] = 6;
  EXPECT_TRUE(limiter.acquire_now(client(1), phone(), kStart).allowed);
  EXPECT_TRUE(limiter.acquire_now(v6, phone(), kStart).allowed);
}

TEST(LocalLimiter, WhenOneRateRefusesNoneIsCharged) {
  LocalLimiter limiter({Rule{"p", KeyKind::kPhone, {rate(2, 60s)}}, Rule{"c", KeyKind::kClient, {rate(1, 1s), rate(3, 3600s)}},
                        Rule{"a", KeyKind::kAll, {rate(100, 60s)}}});
  ASSERT_TRUE(limiter.acquire_now(client(1), phone(1), kStart).allowed);
  for (int i = 0; i < 50; ++i) ASSERT_FALSE(limiter.acquire_now(client(1), phone(2), kStart).allowed);
  // Phone 2 still has both permits, the hour's rate two of three, and all 99 of 100.
  EXPECT_TRUE(limiter.acquire_now(client(1), phone(2), kStart + 1s).allowed);
  EXPECT_TRUE(limiter.acquire_now(client(1), phone(2), kStart + 2s).allowed);
  EXPECT_EQ(limiter.acquire_now(client(1), phone(3), kStart + 3s).rate->period, 3600s);
}

TEST(LocalLimiter, TheLongestWaitAmongThoseThatRefuseIsTold) {
  LocalLimiter limiter({by_client({rate(1, 1s), rate(1, 60s), rate(1, 10s)})});
  ASSERT_TRUE(limiter.acquire_now(client(1), phone(), kStart).allowed);
  const Decision refused = limiter.acquire_now(client(1), phone(), kStart + 500ms);
  ASSERT_FALSE(refused.allowed);
  EXPECT_EQ(refused.retry_after, 59'500ms);
  EXPECT_EQ(refused.rate->period, 60s);
  EXPECT_EQ(refused.rule, &limiter.rules()[0]);
}

TEST(LocalLimiter, TheFewestPermitsLeftAreTold) {
  LocalLimiter limiter({Rule{"p", KeyKind::kPhone, {rate(10, 60s)}}, Rule{"c", KeyKind::kClient, {rate(5, 60s), rate(3, 3600s)}}});
  const Decision decision = limiter.acquire_now(client(1), phone(), kStart);
  EXPECT_EQ(decision.remaining, 2u);
  EXPECT_EQ(decision.rule->name, "c");
  EXPECT_EQ(decision.rate->period, 3600s);
}

TEST(LocalLimiter, AClockThatGoesBackGivesNothingAndForgetsNothing) {
  LocalLimiter limiter({by_client({rate(1, 1s)})});
  ASSERT_TRUE(limiter.acquire_now(client(1), phone(), kStart).allowed);
  EXPECT_FALSE(limiter.acquire_now(client(1), phone(), kStart - 3600s).allowed);
  EXPECT_FALSE(limiter.acquire_now(client(1), phone(), Monotonic::time_point{}).allowed);
  EXPECT_FALSE(limiter.acquire_now(client(1), phone(), Monotonic::time_point::min()).allowed);
  EXPECT_TRUE(limiter.acquire_now(client(1), phone(), kStart + 1s).allowed);
}

TEST(LocalLimiter, AClockThatJumpsAheadGivesOneBurstNotMore) {
  LocalLimiter limiter({by_client({rate(2, 1s)})});
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(limiter.acquire_now(client(1), phone(), kStart).allowed);
  int allowed = 0;
  for (int i = 0; i < 10; ++i) allowed += limiter.acquire_now(client(1), phone(), kStart + 24h * 10'000).allowed;
  EXPECT_EQ(allowed, 2);
  allowed = 0;
  for (int i = 0; i < 10; ++i) allowed += limiter.acquire_now(client(1), phone(), Monotonic::time_point::max()).allowed;
  EXPECT_EQ(allowed, 2);
}

TEST(LocalLimiter, TheLongestRatesFitInTheirTimestamps) {
  LocalLimiter limiter({by_client({Rate{1, 360 * 100 * 24h, 4'000'000'000u}, rate(1, 360 * 100 * 24h), rate(1'000'000'000, 1s)})});
  EXPECT_TRUE(limiter.acquire_now(client(1), phone(), Monotonic::time_point::max()).allowed);
  EXPECT_FALSE(limiter.acquire_now(client(1), phone(), Monotonic::time_point::max()).allowed);
}

TEST(LocalLimiter, MoreRatesThanThereIsRoomOnTheStackStillCount) {
  std::vector<Rate> rates;
  for (int i = 0; i < 40; ++i) rates.push_back(rate(100, seconds(1000 + i)));
  rates.push_back(rate(1, 60s));
  LocalLimiter limiter({by_client(rates)});
  EXPECT_TRUE(limiter.acquire_now(client(1), phone(), kStart).allowed);
  EXPECT_FALSE(limiter.acquire_now(client(1), phone(), kStart).allowed);
}

TEST(LocalLimiter, AcquireDecidesAsAcquireNow) {
  LocalLimiter limiter({by_client({rate(1, 60s)})});
  std::vector<bool> seen;
  [](LocalLimiter& l, std::vector<bool>& out) -> Detached {
    for (int i = 0; i < 2; ++i) out.push_back((co_await l.acquire(client(1), phone(), kStart)).allowed);
  }(limiter, seen);
  EXPECT_EQ(seen, (std::vector<bool>{true, false}));
}

// What each key may have, without any bound on memory.
class Oracle {
 public:
  explicit Oracle(std::vector<Rate> rates) : rates_(std::move(rates)) {}

  bool would_allow(std::uint32_t key, Monotonic::time_point now) const {
    for (std::size_t i = 0; i < rates_.size(); ++i) {
      if (next(key, i, now) - now > rates_[i].burst * rates_[i].interval()) return false;
    }
    return true;
  }
  void charge(std::uint32_t key, Monotonic::time_point now) {
    for (std::size_t i = 0; i < rates_.size(); ++i) tat_[{key, i}] = next(key, i, now);
  }

 private:
  Monotonic::time_point next(std::uint32_t key, std::size_t i, Monotonic::time_point now) const {
    const auto it = tat_.find({key, i});
    return std::max(it == tat_.end() ? now : it->second, now) + rates_[i].interval();
  }
  std::vector<Rate> rates_;
  std::map<std::pair<std::uint32_t, std::size_t>, Monotonic::time_point> tat_;
};

TEST(LocalLimiter, WithRoomForAllItDecidesExactlyAsTheOracle) {
  const std::vector<Rate> rates{rate(2, 1s), rate(10, 20s, 6)};
  LocalLimiter limiter({by_client(rates)}, 1 << 16);
  Oracle oracle(rates);
  std::mt19937 random(1);
  auto now = kStart;
  for (int i = 0; i < 100'000; ++i) {
    now += nanoseconds(random() % 5'000'000);
    const std::uint32_t key = random() % 300;
    const bool expected = oracle.would_allow(key, now);
    ASSERT_EQ(limiter.acquire_now(client(key), phone(), now).allowed, expected) << "step " << i;
    if (expected) oracle.charge(key, now);
  }
  EXPECT_EQ(limiter.overflowed(), 0u);
}

// The rule of the whole design, on tables so small that cells are taken over and overflow all the time: whatever passes here would have
// passed with unbounded memory too.
class SmallTable : public testing::TestWithParam<std::size_t> {};

TEST_P(SmallTable, NeverAllowsWhatUnboundedMemoryWouldRefuse) {
  // The second group lets the shorter rate's cells be taken while the longer one's are still there.
  const std::array<std::vector<Rate>, 2> groups{std::vector<Rate>{rate(2, 1s), rate(1, 3s, 4), rate(20, 60s, 5)},
                                                std::vector<Rate>{rate(10, 1s), rate(1, 1s, 10)}};
  std::uint64_t overflowed = 0;
  for (unsigned seed = 1; seed <= 24; ++seed) {
    const std::vector<Rate>& rates = groups[seed % 2];
    LocalLimiter limiter({by_client(rates)}, GetParam());
    Oracle oracle(rates);
    std::mt19937 random(seed);
    auto now = kStart;
    int allowed = 0;
    for (int i = 0; i < 10'000; ++i) {
      now += nanoseconds(random() % (seed * 10'000'000));
      const std::uint32_t key = random() % 4 == 0 ? random() % 1000 : random() % 12;
      if (!limiter.acquire_now(client(key), phone(), now).allowed) continue;
      ++allowed;
      ASSERT_TRUE(oracle.would_allow(key, now)) << "seed " << seed << ", step " << i << ", key " << key;
      oracle.charge(key, now);
    }
    EXPECT_GT(allowed, 100);
    overflowed += limiter.overflowed();
  }
  EXPECT_GT(overflowed, 1000u);
}

INSTANTIATE_TEST_SUITE_P(Cells, SmallTable, testing::Values(1, 16, 64));

TEST(LocalLimiter, ARequestThatTakesItsOwnSecondCellLeavesTheOverflowCellAsHigh) {
  LocalLimiter limiter({Rule{"c", KeyKind::kClient, {rate(1, 10s, 100)}}, Rule{"p", KeyKind::kPhone, {rate(1, 10s, 3)}}}, 8);
  const auto asks = [&](std::uint32_t c, std::uint64_t p, Monotonic::time_point now) {
    return limiter.acquire_now(client(c), phone(p), now).allowed;
  };
  // Eight keys fill the one set; of them only phone 1 is free at 10.5 s.
  EXPECT_TRUE(asks(1, 1, kStart));
  for (const auto& [c, p] : {std::pair{1, 2}, {2, 3}, {3, 4}, {4, 2}}) EXPECT_TRUE(asks(c, p, kStart + 1s));
  // Phone 9 spends its whole burst in the overflow cell.
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(asks(1, 9, kStart + 1s));
  EXPECT_FALSE(asks(1, 9, kStart + 1s));
  EXPECT_EQ(limiter.overflowed(), 4u);
  // Client 9 is new and takes the cell that was phone 1's, which must overflow in the same request.
  EXPECT_TRUE(asks(9, 1, kStart + 10'500ms));
  EXPECT_FALSE(asks(1, 9, kStart + 10'500ms));
}

TEST(LocalLimiter, AFloodOfNewClientsDoesNotPushALimitedOneOut) {
  LocalLimiter limiter({by_client({rate(3, 3600s)})}, 1024);
  constexpr std::uint32_t kLimited = 0xC0A80001;
  int allowed = 0;
  auto now = kStart;
  std::uint32_t flood = 0;
  for (int round = 0; round < 200; ++round) {
    now += 1s;
    for (int i = 0; i < 500; ++i) (void)limiter.acquire_now(client(++flood), phone(), now);
    allowed += limiter.acquire_now(client(kLimited), phone(), now).allowed;
  }
  EXPECT_LE(allowed, 3);
  EXPECT_GT(limiter.overflowed(), 50'000u);
}

TEST(LocalLimiter, AfterAFloodNewClientsPassAgain) {
  LocalLimiter limiter({by_client({rate(1, 1s)})}, 64);
  for (std::uint32_t i = 0; i < 10'000; ++i) (void)limiter.acquire_now(client(i), phone(), kStart);
  int allowed = 0;
  for (std::uint32_t i = 20'000; i < 20'008; ++i) allowed += limiter.acquire_now(client(i), phone(), kStart + 3s).allowed;
  EXPECT_EQ(allowed, 8);
}

TEST(LocalLimiter, MemoryIsBoundedByTheNumberOfCells) {
  LocalLimiter limiter({by_client({rate(1, 1s), rate(100, 3600s)})}, 4096);
  EXPECT_LE(limiter.reserved_bytes(), 4096 * (16 + 2) + 70 * 1024u);
  const std::size_t before = limiter.reserved_bytes();
  for (std::uint32_t i = 0; i < 100'000; ++i) (void)limiter.acquire_now(client(i), phone(), kStart);
  EXPECT_EQ(limiter.reserved_bytes(), before);
}

TEST(LocalLimiter, TheDefaultTableTakesSixteenMebibytes) {
  LocalLimiter limiter({by_client({rate(1, 1s)})});
  EXPECT_LE(limiter.reserved_bytes(), (16u << 20) + 256 * 1024);
}

// A clock that all threads turn together stands for the real one; each reads it and arrives late, as threads do.
TEST(LocalLimiter, ThreadsTogetherNeverGetMoreThanTheBudget) {
  constexpr int kThreads = 4;
  constexpr int kAsks = 20'000;
  constexpr std::uint32_t kKeys = 3;
  const Rate each = rate(50, 1s, 5);
  const Rate all = rate(90, 1s, 7);
  LocalLimiter limiter({by_client({each}), Rule{"all", KeyKind::kAll, {all}}}, 64);
  std::atomic<std::int64_t> clock{0};
  std::array<std::atomic<int>, kKeys> allowed{};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937 random(static_cast<unsigned>(t));
      for (int i = 0; i < kAsks; ++i) {
        const auto now = kStart + nanoseconds(clock.fetch_add(100'000));
        const std::uint32_t key = random() % kKeys;
        if (limiter.acquire_now(client(key), phone(), now).allowed) ++allowed[key];
        (void)limiter.acquire_now(client(1000 + random() % 100'000), phone(), now);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const nanoseconds elapsed(clock.load());
  int sum = 0;
  for (const auto& count : allowed) {
    EXPECT_LE(count.load(), static_cast<int>(each.burst + elapsed / each.interval()));
    sum += count.load();
  }
  EXPECT_LE(sum, static_cast<int>(all.burst + elapsed / all.interval()));
}

TEST(LocalLimiter, ThreadsAtOneMomentShareExactlyTheBurst) {
  constexpr int kAsks = 100'000;  // long enough to be interrupted in the middle, also on one processor
  LocalLimiter limiter({by_client({rate(2 * kAsks, 3600s)}), Rule{"phone", KeyKind::kPhone, {rate(2 * kAsks, 3600s)}},
                        Rule{"all", KeyKind::kAll, {rate(3 * kAsks, 3600s)}}});
  std::atomic<int> allowed{0};
  std::barrier start(4);
  std::vector<std::thread> threads;
  for (std::uint32_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      int mine = 0;
      start.arrive_and_wait();
      for (int i = 0; i < kAsks; ++i) mine += limiter.acquire_now(client(t % 2), phone(t / 2), kStart).allowed;
      allowed += mine;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(allowed.load(), 3 * kAsks);
}

}  // namespace
}  // namespace jwtd::limit
