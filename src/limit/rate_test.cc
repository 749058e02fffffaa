// limit/rate_test.cc - the notation, by the examples of its documentation and by its edges.
#include "limit/rate.h"

#include <gtest/gtest.h>

namespace jwtd::limit {
namespace {

using namespace std::chrono_literals;
using std::chrono::seconds;

Rate only(std::string_view text) {
  const Result<std::vector<Rate>> rates = parse_rates(text);
  EXPECT_TRUE(rates) << text << ": " << (rates ? "" : rates.error().message());
  if (!rates) return Rate{};
  EXPECT_EQ(rates->size(), 1u) << text;
  return rates->front();
}

std::string refusal(std::string_view text) {
  const Result<std::vector<Rate>> rates = parse_rates(text);
  if (rates) return "accepted";
  EXPECT_TRUE(rates.error().is(kRateMalformed));
  return rates.error().detail();
}

Rate rate(std::uint32_t count, seconds period) { return Rate{count, period, count}; }

TEST(Rate, TheDocumentationsExamplesMeanTheSameHere) {
  EXPECT_EQ(only("10 per hour"), rate(10, 1h));
  EXPECT_EQ(only("10/hour"), rate(10, 1h));
  EXPECT_EQ(only("1 per second"), rate(1, 1s));
  EXPECT_EQ(only("10 per 2 days"), rate(10, 48h));
  const auto several = parse_rates("10/hour;100/day;2000 per year");
  ASSERT_TRUE(several);
  EXPECT_EQ(*several, (std::vector<Rate>{rate(10, 1h), rate(100, 24h), rate(2000, 360 * 24h)}));
  EXPECT_EQ(*parse_rates("100/day, 500/7days"), (std::vector<Rate>{rate(100, 24h), rate(500, 168h)}));
}

TEST(Rate, EveryGranularityHasTheLibrarysLength) {
  EXPECT_EQ(only("1/second").period, 1s);
  EXPECT_EQ(only("1/minute").period, 60s);
  EXPECT_EQ(only("1/hour").period, 3600s);
  EXPECT_EQ(only("1/day").period, 86'400s);
  EXPECT_EQ(only("1/month").period, 30 * 86'400s);
  EXPECT_EQ(only("1/year").period, 360 * 86'400s);
}

TEST(Rate, TheIssuesExamplesAreRead) {
  const auto rates = parse_rates("10/minute; 100 per 5 hours");
  ASSERT_TRUE(rates);
  EXPECT_EQ(*rates, (std::vector<Rate>{rate(10, 60s), rate(100, 5h)}));
  EXPECT_EQ(only("2/10 seconds"), rate(2, 10s));
}

TEST(Rate, PluralCaseAndSpacingDoNotCount) {
  for (const char* text : {"3 per 2 minutes", "3/2minutes", "3per2minute", "  3\t/ 2\n minutes ", "3 PER 2 Minutes", "3  per  2  MINUTE",
                           "0003 per 02 minutes", "3\v/\f2\rminutes"}) {
    EXPECT_EQ(only(text), rate(3, 120s)) << text;
  }
}

TEST(Rate, AnyOfTheThreeSeparatorsStandsBetweenRates) {
  for (const char* text :
       {"1/second;5/minute", "1/second,5/minute", "1/second|5/minute", "1/second ; 5/minute", " 1 per second| 5 per minute "}) {
    const auto rates = parse_rates(text);
    ASSERT_TRUE(rates) << text;
    EXPECT_EQ(*rates, (std::vector<Rate>{rate(1, 1s), rate(5, 60s)})) << text;
  }
}

TEST(Rate, BurstIsTheCountUntilConfiguredOtherwise) { EXPECT_EQ(only("7 per minute").burst, 7u); }

TEST(Rate, AnIntervalIsRoundedUpSoThatNoPeriodHoldsMoreThanItsCount) {
  EXPECT_EQ(only("1 per second").interval(), 1s);
  EXPECT_EQ(only("3 per second").interval(), 333'333'334ns);
  EXPECT_EQ(only("1000000000 per second").interval(), 1ns);
  EXPECT_EQ(only("1 per 100 years").interval(), 36'000 * 24h);
}

TEST(Rate, AWindowIsTheTimeOfTheWholeBurst) {
  EXPECT_EQ((Rate{10, 60s, 5}.window()), 30s);
  EXPECT_EQ((Rate{3, 1s, 3}.window()), 1s + 2ns);
}

TEST(Rate, AWindowStaysWithinItsBound) {
  const seconds year = 360 * 24h;
  EXPECT_EQ((Rate{1, year, 1'000'000'000}.window()), 74 * year);
  EXPECT_EQ((Rate{1, 100 * year, 1'000'000'000}.window()), 100 * year);
  EXPECT_LE((Rate{1'000'000'000, 1s, 4'294'967'295}.window()), 5s);
}

TEST(Rate, ARefusalSaysAtWhichCharacter) {
  EXPECT_EQ(refusal("10 every minute"), "at character 4 of \"10 every minute\": expected \"per\" or \"/\"");
  EXPECT_EQ(refusal("10 per fortnight"), "at character 8 of \"10 per fortnight\": expected second, minute, hour, day, month or year");
  EXPECT_EQ(refusal(""), "at character 1 of \"\": expected a count, but the text ends");
  EXPECT_EQ(refusal("1/second 5/minute"), "at character 10 of \"1/second 5/minute\": expected \";\", \",\" or \"|\" before another rate");
  EXPECT_EQ(refusal("1/second;"), "at character 10 of \"1/second;\": expected a count, but the text ends");
}

TEST(Rate, WhatTheNotationDoesNotHaveIsRefused) {
  for (const char* text : {"   ",
                           "per second",
                           "1",
                           "1 per",
                           "1/",
                           "1 second",
                           "-1 per second",
                           "1.5 per second",
                           "1 per 1.5 seconds",
                           "1 per -1 second",
                           "1 // second",
                           "1 per second;;2 per minute",
                           ";1/second",
                           "1/s",
                           "1/sec",
                           "1/secondss",
                           "1/ss",
                           "1 pe r second",
                           "1 per second:;2 per minute",
                           "1 per second 2",
                           "1 / per second",
                           "one per second",
                           "1 per per second",
                           "1 per week",
                           "1_000 per second",
                           "1 per 2 3 seconds",
                           "1 per \xC5\xBF"
                           "econd",
                           "\xD9\xA1 per second"}) {
    EXPECT_NE(refusal(text), "accepted") << text;
  }
  EXPECT_NE(refusal(std::string_view("1/second\0", 9)), "accepted");
  EXPECT_NE(refusal(std::string_view("1/\0second", 9)), "accepted");
}

TEST(Rate, NothingIsNotARate) {
  EXPECT_NE(refusal("0 per second"), "accepted");
  EXPECT_NE(refusal("1 per 0 seconds"), "accepted");
  EXPECT_NE(refusal("1 per 00 seconds"), "accepted");
}

TEST(Rate, NumbersEndAtTheirBounds) {
  EXPECT_EQ(only("1000000000/day").count, 1'000'000'000u);
  EXPECT_NE(refusal("1000000001/day"), "accepted");
  EXPECT_NE(refusal("18446744073709551617/day"), "accepted");
  EXPECT_EQ(only("1 per 3110400000 seconds").period, 100 * 360 * 86'400s);
  EXPECT_NE(refusal("1 per 3110400001 seconds"), "accepted");
  EXPECT_NE(refusal("1 per 101 years"), "accepted");
  EXPECT_NE(refusal("1 per 18446744073709551617 seconds"), "accepted");
}

TEST(Rate, TextAndNumberOfRatesAreBounded) {
  std::string text = "1/second";
  for (std::size_t i = 1; i < kMaxRatesPerText; ++i) text += ";1/second";
  ASSERT_TRUE(parse_rates(text));
  EXPECT_EQ(parse_rates(text)->size(), kMaxRatesPerText);
  EXPECT_NE(refusal(text + ";1/second"), "accepted");
  EXPECT_EQ(only("1/second" + std::string(kMaxRateTextBytes - 8, ' ')), rate(1, 1s));
  EXPECT_NE(refusal("1/second" + std::string(kMaxRateTextBytes - 7, ' ')), "accepted");
}

TEST(Rate, ARefusalPrintsNoControlCharacters) {
  const std::string detail = refusal("1\x1b[31m/second");
  EXPECT_EQ(detail.find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace jwtd::limit
