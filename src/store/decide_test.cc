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

constexpr std::chrono::seconds kForEver{0};

Outcome decide(const Record& standing, const Record& proposed, bool closed) { return store::decide({standing, standing.recorded_at, closed}, proposed, kForEver); }

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

// "HS256" in its header and then "HS512": who asks after the change gets a token that is verified as every new one is.
TEST(Decide, AnotherAlgorithmReissues) {
  Record standing = record(), proposed = record();
  standing.token = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.c2ln";
  proposed.token = "eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9.e30.c2ln";
  EXPECT_EQ(decide(standing, proposed, false), Outcome::kReissued);
  proposed.token = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.b3RoZXI";
  EXPECT_EQ(decide(standing, proposed, false), Outcome::kReused);
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

// Of a transaction that began with a token of 90 s and is kept for 200 s: what is proposed 40 s before the end would outlive it.
class DecideNearTheEnd : public testing::Test {
 protected:
  static constexpr std::chrono::seconds kRetention{200};
  static constexpr UnixMillis kBegan = (kIat + 10) * 1000;
  static constexpr UnixMillis kEnd = kBegan + 200'000;

  static Record token_at(UnixMillis when) {
    Record made = asked_at(when);
    made.iat = when / 1000 - 10;
    made.exp = made.iat + 90;
    return made;
  }
  static Outcome ask(const Record& standing, const Record& proposed, bool closed = false) { return store::decide({standing, kBegan, closed}, proposed, kRetention); }
};

TEST_F(DecideNearTheEnd, AsLongAsANewTokenExpiresInTimeItIsReissued) {
  EXPECT_EQ(ask(record(), token_at(kEnd - 80'000)), Outcome::kReissued);
  EXPECT_NE(ask(record(), token_at(kEnd - 79'000)), Outcome::kReissued);
}

TEST_F(DecideNearTheEnd, AStandingTokenIsUsedToItsEndAndThenTheXidBeginsAnew) {
  const Record standing = token_at(kEnd - 80'000);  // expires with the transaction
  EXPECT_EQ(ask(standing, token_at(kEnd - 30'000)), Outcome::kReused);
  EXPECT_EQ(ask(standing, token_at(kEnd - 1)), Outcome::kReused);
  const Record early = token_at(kEnd - 120'000);
  EXPECT_EQ(ask(early, token_at(kEnd - 40'001)), Outcome::kReused);
  EXPECT_EQ(ask(early, token_at(kEnd - 40'000)), Outcome::kInserted);
}

TEST_F(DecideNearTheEnd, TheTransactionStandsToItsEndForOthers) {
  Record other = token_at(kEnd);
  other.phone = *Phone::parse("15555551235");
  EXPECT_EQ(ask(token_at(kEnd - 120'000), other), Outcome::kConflict);
  other.recorded_at = kEnd + 1;
  EXPECT_EQ(ask(token_at(kEnd - 120'000), other), Outcome::kInserted);
  EXPECT_EQ(ask(token_at(kEnd - 120'000), token_at(kEnd - 1), true), Outcome::kClosed);
}

TEST_F(DecideNearTheEnd, WhereTheStandingTokenWillNotDoThereIsNone) {
  const Record standing = token_at(kEnd - 80'000);
  Record other_key = token_at(kEnd - 40'000);
  other_key.kid = "other";
  EXPECT_EQ(ask(standing, other_key), Outcome::kClosed);
}

TEST(PastRetention, EndsOneMillisecondAfterTheLastKept) {
  EXPECT_FALSE(past_retention(1000, std::chrono::seconds(5), 6000));
  EXPECT_TRUE(past_retention(1000, std::chrono::seconds(5), 6001));
}

TEST(PastRetention, ZeroKeepsForEver) { EXPECT_FALSE(past_retention(0, std::chrono::seconds(0), 1'000'000'000'000'000)); }

TEST(PastRetention, AClockThatWentBackMakesNothingOld) { EXPECT_FALSE(past_retention(1000, std::chrono::seconds(5), -1000)); }

}  // namespace
}  // namespace jwtd::store
