// base/time_test.cc - the two date formats.
#include "base/time.h"

#include <gtest/gtest.h>

#include <limits>

namespace jwtd {
namespace {

TEST(FormatRfc3339, TheEpochIsMidnight) { EXPECT_EQ(format_rfc3339(0), "1970-01-01T00:00:00Z"); }

TEST(FormatRfc3339, AllPartsHaveTheirWidth) { EXPECT_EQ(format_rfc3339(1'095'379'199'000), "2004-09-16T23:59:59Z"); }

TEST(FormatRfc3339, MillisecondsAreCutWithoutAsking) { EXPECT_EQ(format_rfc3339(1'500'000'000'999), "2017-07-14T02:40:00Z"); }

TEST(FormatRfc3339, MillisecondsHaveThreeDigits) { EXPECT_EQ(format_rfc3339(1'500'000'000'007, true), "2017-07-14T02:40:00.007Z"); }

TEST(FormatRfc3339, LeapDaysExist) { EXPECT_EQ(format_rfc3339(1'709'164'800'000), "2024-02-29T00:00:00Z"); }

TEST(FormatRfc3339, MomentsBeforeTheEpochRoundDown) { EXPECT_EQ(format_rfc3339(-1, true), "1969-12-31T23:59:59.999Z"); }

TEST(FormatRfc3339, YearsThatDoNotFitAreShownAsTheNearest) {
  EXPECT_EQ(format_rfc3339(std::numeric_limits<UnixMillis>::max(), true), "9999-12-31T23:59:59.999Z");
  EXPECT_EQ(format_rfc3339(std::numeric_limits<UnixMillis>::min(), true), "0000-01-01T00:00:00.000Z");
}

TEST(ParseRfc3339, WithItsFractionAndOffset) {
  EXPECT_EQ(parse_rfc3339_micros("2016-10-21T14:05:36.181346Z"), 1'477'058'736'181'346);
  EXPECT_EQ(parse_rfc3339_micros("2016-10-21T14:05:36Z"), 1'477'058'736'000'000);
  EXPECT_EQ(parse_rfc3339_micros("2016-10-21T14:05:36"), 1'477'058'736'000'000);
  EXPECT_EQ(parse_rfc3339_micros("2016-10-21T16:05:36.1813469+02:00"), 1'477'058'736'181'346);
  EXPECT_EQ(parse_rfc3339_micros("2016-10-21 10:35:36-03:30"), 1'477'058'736'000'000);
  EXPECT_EQ(parse_rfc3339_micros("1969-12-31T23:59:59.5z"), -500'000);
  EXPECT_EQ(parse_rfc3339_micros("2016-12-31T23:59:60Z"), parse_rfc3339_micros("2016-12-31T23:59:59Z"));
}

TEST(ParseRfc3339, WhatIsNoTimeIsNone) {
  for (const char* text : {"", "now", "2016-10-21", "2016-10-21T14:05", "2016-10-21T14:05:36.Z", "2016-02-30T00:00:00Z", "2016-10-21T24:00:00Z",
                           "2016-10-21T14:05:36+0200", "2016-10-21T14:05:36+02", "2016-10-21T14:05:36Z ", "2016-10-21T14:05:36.1.1Z",
                           "2016-1a-21T14:05:36Z", "2016-00-21T14:05:36Z"}) {
    EXPECT_EQ(parse_rfc3339_micros(text), std::nullopt) << text;
  }
}

TEST(FormatImfFixdate, TheExampleOfRfc9110) { EXPECT_EQ(format_imf_fixdate(784'111'777), "Sun, 06 Nov 1994 08:49:37 GMT"); }

TEST(FormatImfFixdate, TheEpochWasAThursday) { EXPECT_EQ(format_imf_fixdate(0), "Thu, 01 Jan 1970 00:00:00 GMT"); }

TEST(FormatImfFixdate, YearsThatDoNotFitAreShownAsTheNearest) {
  EXPECT_EQ(format_imf_fixdate(std::numeric_limits<UnixSeconds>::max()), "Fri, 31 Dec 9999 23:59:59 GMT");
}

}  // namespace
}  // namespace jwtd
