// base/clock_watch_test.cc - what is a jump of the wall clock and what is not.
#include "base/clock_watch.h"

#include <gtest/gtest.h>

namespace jwtd {
namespace {

using namespace std::chrono_literals;

constexpr UnixMillis kWall = 1'700'000'000'000;
constexpr Monotonic::time_point kStart{500s};

TEST(ClockWatch, TheFirstLookAndASteadyClockAreNoJump) {
  ClockWatch watch(2s);
  EXPECT_EQ(watch.jumped(kWall, kStart), 0ms);
  EXPECT_EQ(watch.jumped(kWall + 1000, kStart + 1s), 0ms);
  EXPECT_EQ(watch.jumped(kWall + 100'000, kStart + 100s), 0ms);
}

TEST(ClockWatch, AJumpIsToldOnceAndWithItsDirection) {
  ClockWatch watch(2s);
  watch.jumped(kWall, kStart);
  EXPECT_EQ(watch.jumped(kWall + 86'400'000, kStart), 24h);
  EXPECT_EQ(watch.jumped(kWall + 86'401'000, kStart + 1s), 0ms);
  EXPECT_EQ(watch.jumped(kWall - 3'600'000 + 1000, kStart + 1s), -25h);
}

TEST(ClockWatch, SmallCorrectionsAreAllowed) {
  ClockWatch watch(2s);
  watch.jumped(kWall, kStart);
  EXPECT_EQ(watch.jumped(kWall + 2000, kStart), 0ms);
  EXPECT_EQ(watch.jumped(kWall, kStart), 0ms);
  EXPECT_EQ(watch.jumped(kWall + 2001, kStart), 2001ms);
}

TEST(ClockWatch, AStillMachineIsAJumpOnlyIfTheMonotonicClockStoodStill) {
  ClockWatch watch(2s);
  watch.jumped(kWall, kStart);
  EXPECT_EQ(watch.jumped(kWall + 3'600'000, kStart + 1h), 0ms);     // SIGSTOP
  EXPECT_EQ(watch.jumped(kWall + 7'200'000, kStart + 1h + 1s), 1h - 1s);  // suspended
}

}  // namespace
}  // namespace jwtd
