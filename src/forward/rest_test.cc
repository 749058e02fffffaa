// forward/rest_test.cc - how long the operator's URL is left alone.
#include "forward/rest.h"

#include <gtest/gtest.h>

namespace jwtd::forward {
namespace {

using State = Rest::State;

class Resting : public testing::Test {
 protected:
  void fail(std::chrono::seconds asked = {}) { rest_.begin(now_, asked, random_); }
  // How long, from now.
  UnixMillis length() const {
    UnixMillis at = now_;
    while (rest_.state(at) == State::kResting) ++at;
    return at - now_;
  }
  static UnixMillis millis(std::chrono::milliseconds time) { return time.count(); }

  UnixMillis now_ = 1'500'000'000'000;
  std::minstd_rand random_;
  Rest rest_;
};

TEST_F(Resting, ItDoublesUpToItsBound) {
  EXPECT_EQ(rest_.state(now_), State::kNone);
  UnixMillis whole = millis(kForwardFirstRest);
  for (int i = 0; i < 10; ++i) {
    fail();
    EXPECT_GE(length(), whole / 2);
    EXPECT_LE(length(), whole);
    now_ += length();
    EXPECT_EQ(rest_.state(now_), State::kProbe);
    whole = std::min(2 * whole, millis(kForwardLongestRest));
  }
  EXPECT_EQ(whole, millis(kForwardLongestRest));
  rest_.end();
  EXPECT_EQ(rest_.state(now_), State::kNone);
  fail();
  EXPECT_LE(length(), millis(kForwardFirstRest));
}

TEST_F(Resting, AnOldOneSaysNothing) {
  for (int i = 0; i < 10; ++i) fail();
  now_ += length() + millis(kForwardLongestRest) + 1;
  EXPECT_EQ(rest_.state(now_), State::kNone);
  fail();
  EXPECT_LE(length(), millis(kForwardFirstRest));
}

TEST_F(Resting, TheReceiverIsHeardWithinTheBound) {
  fail(std::chrono::seconds(30));
  EXPECT_EQ(length(), 30'000);
  fail(std::chrono::seconds::max());
  EXPECT_EQ(length(), millis(kForwardLongestRest));
}

TEST_F(Resting, AClockThatIsPutBackEndsIt) {
  fail(kForwardLongestRest);
  EXPECT_EQ(rest_.state(now_ - 1), State::kProbe);
}

}  // namespace
}  // namespace jwtd::forward
