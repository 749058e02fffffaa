// telesign/breaker_test.cc - when the provider is left alone, and for how long.
#include "telesign/breaker.h"

#include <gtest/gtest.h>

namespace jwtd::telesign {
namespace {

constexpr auto kTimeout = 8s;

class Breaking : public testing::Test {
 protected:
  static Fetched failed(const Code& code, std::chrono::seconds retry_after = 0s) {
    Fetched fetched{Error(code)};
    fetched.retry_after = retry_after;
    return fetched;
  }
  void fall_silent() {
    for (unsigned i = 0; i < kProviderSilence; ++i) breaker_.outcome(failed(kProviderTimeout), now_);
  }

  Monotonic::time_point now_{1000s};
  Breaker breaker_{kTimeout};
};

TEST_F(Breaking, RetryAfterHoldsUpToABound) {
  EXPECT_FALSE(breaker_.rests(now_));
  breaker_.outcome(failed(kProviderUnavailable, 7s), now_);
  EXPECT_EQ(breaker_.end(), now_ + 7s);
  breaker_.outcome(failed(kProviderUnavailable, 3s), now_);
  EXPECT_EQ(breaker_.end(), now_ + 7s) << "the longer one";
  breaker_.outcome(Fetched(Report{}), now_);
  EXPECT_EQ(breaker_.end(), now_ + 7s) << "another question that was under way";
  EXPECT_FALSE(breaker_.rests(now_ + 7s));
  breaker_.outcome(failed(kProviderUnavailable, std::chrono::hours(24)), now_);
  EXPECT_EQ(breaker_.end(), now_ + kProviderLongestRest);
}

TEST_F(Breaking, OtherFailuresStopNothing) {
  for (int i = 0; i < 100; ++i) {
    for (const Code* code : {&kProviderUnavailable, &kProviderRefused, &kProviderReferenceUnknown}) breaker_.outcome(failed(*code), now_);
  }
  EXPECT_FALSE(breaker_.rests(now_));
}

TEST_F(Breaking, TimeoutsCountInARow) {
  for (int i = 0; i < 10; ++i) {
    for (unsigned j = 1; j < kProviderSilence; ++j) breaker_.outcome(failed(kProviderTimeout), now_);
    breaker_.outcome(failed(kProviderRefused), now_);  // an answer is an answer
  }
  EXPECT_FALSE(breaker_.rests(now_));
  fall_silent();
  EXPECT_TRUE(breaker_.rests(now_));
  EXPECT_EQ(breaker_.end(), now_ + kProviderProbe);
}

TEST_F(Breaking, ProbesGoOneAtATime) {
  fall_silent();
  now_ += kProviderProbe;
  EXPECT_FALSE(breaker_.rests(now_));
  breaker_.asking(now_);
  EXPECT_TRUE(breaker_.rests(now_ + kTimeout - 1ms)) << "one is under way";
  breaker_.outcome(failed(kProviderTimeout), now_ + 1s);  // of a question that began before
  EXPECT_TRUE(breaker_.rests(now_ + kTimeout - 1ms)) << "it still is";
  now_ += kTimeout;
  breaker_.outcome(failed(kProviderTimeout), now_);
  EXPECT_EQ(breaker_.end(), now_ + kProviderProbe) << "in vain";
  now_ += kProviderProbe;
  breaker_.asking(now_);
  breaker_.outcome(Fetched(Report{}), now_);
  EXPECT_FALSE(breaker_.rests(now_)) << "it speaks again";
  breaker_.outcome(failed(kProviderTimeout), now_);
  EXPECT_FALSE(breaker_.rests(now_)) << "counted anew";
}

}  // namespace
}  // namespace jwtd::telesign
