// limit/redis/breaker_test.cc - with a clock turned by hand.
#include "limit/redis/breaker.h"

#include <gtest/gtest.h>

namespace jwtd::limit {
namespace {

using namespace std::chrono_literals;

constexpr Monotonic::time_point kStart{1'000s};

Breaker opened(Monotonic::time_point now) {
  Breaker breaker(1);
  for (unsigned i = 0; i < kLimitBreakerFailures; ++i) breaker.failed(now);
  return breaker;
}

TEST(Breaker, FailuresInARowOpenIt) {
  Breaker breaker(1);
  for (int round = 0; round < 5; ++round) {
    for (unsigned i = 1; i < kLimitBreakerFailures; ++i) breaker.failed(kStart);
    EXPECT_FALSE(breaker.open());
    breaker.succeeded();
  }
  breaker = opened(kStart);
  EXPECT_TRUE(breaker.open());
  EXPECT_GE(breaker.until(), kStart + kLimitFirstPause / 2);
  EXPECT_LE(breaker.until(), kStart + kLimitFirstPause);
}

TEST(Breaker, AfterAProbeOneFailureOpensItAgainForLonger) {
  Breaker breaker = opened(kStart);
  Monotonic::duration whole = kLimitFirstPause;
  for (int i = 0; i < 10; ++i) {
    breaker.probed();
    EXPECT_FALSE(breaker.open());
    breaker.failed(kStart);
    ASSERT_TRUE(breaker.open());
    whole = std::min<Monotonic::duration>(2 * whole, kLimitLongestPause);
    EXPECT_GE(breaker.until(), kStart + whole / 2);
    EXPECT_LE(breaker.until(), kStart + whole);
  }
}

TEST(Breaker, AFailedProbeKeepsItOpenForLonger) {
  Breaker breaker = opened(kStart);
  breaker.failed(kStart + 1s);
  EXPECT_TRUE(breaker.open());
  EXPECT_GE(breaker.until(), kStart + 1s + kLimitFirstPause);
  breaker.probed();
  EXPECT_FALSE(breaker.open());
}

TEST(Breaker, ASuccessMakesAllAsBefore) {
  Breaker breaker = opened(kStart);
  breaker.failed(kStart);
  breaker.probed();
  breaker.succeeded();
  for (unsigned i = 1; i < kLimitBreakerFailures; ++i) breaker.failed(kStart);
  EXPECT_FALSE(breaker.open());
  breaker.failed(kStart);
  EXPECT_LE(breaker.until(), kStart + kLimitFirstPause);
}

}  // namespace
}  // namespace jwtd::limit
