// base/uuid7_test.cc - the layout of made XIDs, and that they only ever increase.
#include "base/uuid7.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>
#include <string>

namespace jwtd {
namespace {

constexpr UnixMillis kNow = 0x0123'4567'89AB;  // in 2009; its digits are easy to find in an id

std::uint64_t millis_of(const Xid& xid) {
  const std::string text = xid.text();
  return std::stoull(text.substr(0, 8) + text.substr(9, 4), nullptr, 16);
}

TEST(XidGenerator, WritesLowerCaseHexInFiveGroups) {
  XidGenerator make;
  const std::string text = make.next(kNow).text();
  ASSERT_EQ(text.size(), 36u);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i == 8 || i == 13 || i == 18 || i == 23) {
      EXPECT_EQ(text[i], '-') << i;
    } else {
      EXPECT_NE(std::string_view("0123456789abcdef").find(text[i]), std::string_view::npos) << i;
    }
  }
}

TEST(XidGenerator, BeginsWithTheMilliseconds) {
  XidGenerator make;
  EXPECT_EQ(make.next(kNow).text().substr(0, 13), "01234567-89ab");
}

TEST(XidGenerator, SaysVersionSevenAndTheVariantOfTheRfc) {
  XidGenerator make;
  for (int i = 0; i < 1000; ++i) {
    const std::string text = make.next(kNow + i).text();
    EXPECT_EQ(text[14], '7');
    EXPECT_NE(std::string_view("89ab").find(text[19]), std::string_view::npos) << text;
  }
}

TEST(XidGenerator, WhatItMakesIsAnXid) {
  XidGenerator make;
  const Xid made = make.next(kNow);
  EXPECT_EQ(Xid::parse(made.view()).value(), made);
}

TEST(XidGenerator, IncreasesWithinAMillisecond) {
  XidGenerator make;
  Xid last = make.next(kNow);
  for (int i = 0; i < 2000; ++i) {
    const Xid next = make.next(kNow);
    ASSERT_LT(last, next);
    last = next;
  }
}

TEST(XidGenerator, AtLeastTwoThousandIdsFitIntoOneMillisecond) {
  XidGenerator make;
  for (UnixMillis now = kNow; now < kNow + 40; ++now) {  // each begins its counter anew
    for (int i = 0; i < 2048; ++i) ASSERT_EQ(millis_of(make.next(now)), static_cast<std::uint64_t>(now));
  }
}

TEST(XidGenerator, AUsedUpMillisecondBorrowsFromTheNext) {
  XidGenerator make;
  Xid last = make.next(kNow);
  for (int i = 0; i < 10'000; ++i) {
    const Xid next = make.next(kNow);
    ASSERT_LT(last, next);
    last = next;
  }
  EXPECT_GT(millis_of(last), static_cast<std::uint64_t>(kNow));
  EXPECT_LT(millis_of(last), static_cast<std::uint64_t>(kNow) + 10);
}

TEST(XidGenerator, IncreasesWhenTheClockGoesBack) {
  XidGenerator make;
  const Xid before = make.next(kNow);
  const Xid after = make.next(kNow - 3'600'000);
  EXPECT_LT(before, after);
}

TEST(XidGenerator, FollowsTheClockAgainAfterBorrowing) {
  XidGenerator make;
  for (int i = 0; i < 5'000; ++i) make.next(kNow);
  EXPECT_EQ(millis_of(make.next(kNow + 1000)), static_cast<std::uint64_t>(kNow) + 1000);
}

TEST(XidGenerator, TwoGeneratorsDoNotMeet) {
  XidGenerator one;
  XidGenerator other;
  std::set<std::string> seen;
  for (int i = 0; i < 5'000; ++i) {
    EXPECT_TRUE(seen.insert(one.next(kNow).text()).second);
    EXPECT_TRUE(seen.insert(other.next(kNow).text()).second);
  }
}

TEST(XidGenerator, ClocksOutOfRangeStillGiveIds) {
  XidGenerator early;
  EXPECT_EQ(millis_of(early.next(-1)), 0u);
  XidGenerator late;
  EXPECT_EQ(millis_of(late.next(std::numeric_limits<UnixMillis>::max())), 0xFFFF'FFFF'FFFFu);
}

}  // namespace
}  // namespace jwtd
