// base/pauses_test.cc - how long attempts wait for each other.
#include "base/pauses.h"

#include <gtest/gtest.h>

namespace jwtd {
namespace {

using namespace std::chrono_literals;

constexpr Monotonic::duration kFirst = 50ms, kLongest = 2s;

TEST(Pauses, DoubleUpToTheLongestAndAreDrawnBetweenHalfAndWhole) {
  std::minstd_rand random(1);
  Pauses pauses(kFirst, kLongest);
  Monotonic::duration whole = kFirst;
  bool drawn = false;
  for (int i = 0; i < 12; ++i) {
    const auto pause = pauses.next(random);
    EXPECT_GE(pause, whole / 2);
    EXPECT_LE(pause, whole);
    drawn = drawn || (pause != whole / 2 && pause != whole);
    whole = std::min<Monotonic::duration>(2 * whole, kLongest);
  }
  EXPECT_TRUE(drawn);
  pauses.reset();
  EXPECT_LE(pauses.next(random), kFirst);
}

}  // namespace
}  // namespace jwtd
