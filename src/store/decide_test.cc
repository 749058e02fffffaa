// store/decide_test.cc - tests of store/decide.h.
#include "store/decide.h"

#include <gtest/gtest.h>

namespace jwtd::store {
namespace {

constexpr UnixSeconds kIat = 1'500'000'000;

Record record(const char* phone = "15555551234") {
  return {*Xid::parse("x"), *Phone::parse(phone), "t", "iss", "kid", kIat, kIat + 90, (kIat + 10) * 1000};
}

Record asked_at(UnixMillis when) {
  Record proposed = record();
  proposed.recorded_at = when;
  return proposed;
}

TEST(Decide, AnotherPhoneIsAConflict) { EXPECT_EQ(decide(record(), record("15555551235"), false), Outcome::kConflict); }

TEST(Decide, AnotherPhoneIsAConflictHoweverOldTheTokenIs) {
  Record proposed = record("15555551235");
  proposed.recorded_at += 86'400'000;
  EXPECT_EQ(decide(record(), proposed, false), Outcome::kConflict);
}

TEST(Decide, ATokenWithExactlyHalfItsLifeLeftIsUsedAgain) {
  EXPECT_EQ(decide(record(), asked_at((kIat + 45) * 1000), false), Outcome::kReused);
}

TEST(Decide, ATokenWithLessThanHalfItsLifeLeftIsReissued) {
  EXPECT_EQ(decide(record(), asked_at((kIat + 45) * 1000 + 1), false), Outcome::kReissued);
}

TEST(Decide, HalfOfAnOddLifetimeIsNotRounded) {
  Record standing = record();
  standing.exp = kIat + 91;
  EXPECT_EQ(decide(standing, asked_at(kIat * 1000 + 45'500), false), Outcome::kReused);
  EXPECT_EQ(decide(standing, asked_at(kIat * 1000 + 45'501), false), Outcome::kReissued);
}

TEST(Decide, AClosedTransactionTakesNoMoreTokens) {
  EXPECT_EQ(decide(record(), asked_at((kIat + 45) * 1000), true), Outcome::kClosed);
  EXPECT_EQ(decide(record(), asked_at((kIat + 1000) * 1000), true), Outcome::kClosed);
  EXPECT_EQ(decide(record(), record("15555551235"), true), Outcome::kConflict) << "another phone learns nothing";
}

TEST(Decide, AnExpiredTokenIsReissued) { EXPECT_EQ(decide(record(), asked_at((kIat + 1000) * 1000), false), Outcome::kReissued); }

TEST(Decide, AnotherKeyReissues) {
  Record proposed = record();
  proposed.kid = "other";
  EXPECT_EQ(decide(record(), proposed, false), Outcome::kReissued);
}

TEST(Decide, AnotherIssuerReissues) {
  Record proposed = record();
  proposed.iss = "other";
  EXPECT_EQ(decide(record(), proposed, false), Outcome::kReissued);
}

TEST(Decide, ANodeWhoseClockIsALittleBehindUsesTheTokenAgain) {
  EXPECT_EQ(decide(record(), asked_at((kIat - 45) * 1000), false), Outcome::kReused);
}

TEST(Decide, ATokenFromAClockFarAheadIsReissued) {
  EXPECT_EQ(decide(record(), asked_at((kIat - 45) * 1000 - 1), false), Outcome::kReissued);
  EXPECT_EQ(decide(record(), asked_at((kIat - 86'400) * 1000), false), Outcome::kReissued);
}

TEST(PastRetention, EndsOneMillisecondAfterTheLastKept) {
  EXPECT_FALSE(past_retention(1000, std::chrono::seconds(5), 6000));
  EXPECT_TRUE(past_retention(1000, std::chrono::seconds(5), 6001));
}

TEST(PastRetention, ZeroKeepsForEver) { EXPECT_FALSE(past_retention(0, std::chrono::seconds(0), 1'000'000'000'000'000)); }

TEST(PastRetention, AClockThatWentBackMakesNothingOld) { EXPECT_FALSE(past_retention(1000, std::chrono::seconds(5), -1000)); }

}  // namespace
}  // namespace jwtd::store
