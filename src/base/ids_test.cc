// base/ids_test.cc - what is a Phone and what is an Xid.
#include "base/ids.h"

#include <gtest/gtest.h>

namespace jwtd {
namespace {

Phone phone(std::string_view text) { return Phone::parse(text).value(); }

TEST(Phone, KeepsItsDigits) { EXPECT_EQ(phone("15555551234").text(), "15555551234"); }

TEST(Phone, OneLeadingPlusIsDropped) { EXPECT_EQ(phone("+15555551234"), phone("15555551234")); }

TEST(Phone, TwoPlusesAreRefused) { EXPECT_FALSE(Phone::parse("++15555551234")); }

TEST(Phone, HasSevenToFifteenDigits) {
  EXPECT_FALSE(Phone::parse("290123"));
  EXPECT_TRUE(Phone::parse("2901234"));
  EXPECT_TRUE(Phone::parse("123456789012345"));
  EXPECT_FALSE(Phone::parse("1234567890123456"));
}

TEST(Phone, ThePlusIsNoDigit) {
  EXPECT_FALSE(Phone::parse("+290123"));
  EXPECT_TRUE(Phone::parse("+123456789012345"));
}

TEST(Phone, NothingIsRefused) {
  EXPECT_FALSE(Phone::parse(""));
  EXPECT_FALSE(Phone::parse("+"));
}

TEST(Phone, CountryCodesDoNotBeginWithZero) {
  EXPECT_FALSE(Phone::parse("015555551234"));
  EXPECT_FALSE(Phone::parse("+0015555551234"));
}

TEST(Phone, OnlyAsciiDigitsCount) {
  using namespace std::string_view_literals;
  for (const auto text : {"1555555 234"sv, "1555-551234"sv, "1555555123a"sv, " 15555551234"sv, "15555551234\n"sv, "1555555\0001234"sv,
                          "1555555123\xD9\xA4"sv, "1555555+1234"sv, "1555555:234"sv, "1555555/234"sv}) {
    EXPECT_FALSE(Phone::parse(text)) << text;
  }
}

TEST(Phone, TheErrorHasNoDetail) { EXPECT_EQ(Phone::parse("not a phone").error().message(), kPhoneMalformed.title); }

TEST(Phone, UnpackGivesWhatWasPacked) { EXPECT_EQ(Phone::unpack(phone("4930123456").packed()).value(), phone("4930123456")); }

TEST(Phone, UnpackRefusesWhatNeverWasOne) {
  EXPECT_FALSE(Phone::unpack(0));
  EXPECT_FALSE(Phone::unpack(999'999));
  EXPECT_TRUE(Phone::unpack(1'000'000));
  EXPECT_TRUE(Phone::unpack(999'999'999'999'999));
  EXPECT_FALSE(Phone::unpack(1'000'000'000'000'000));
}

TEST(Phone, AppendKeepsWhatWasThere) {
  std::string out = "phn=";
  phone("15555551234").append_to(out);
  EXPECT_EQ(out, "phn=15555551234");
}

TEST(Phone, RedactedShowsTheLastFour) {
  EXPECT_EQ(phone("15555551234").redacted(), "*******1234");
  EXPECT_EQ(phone("2901234").redacted(), "***1234");
}

TEST(Xid, KeepsItsText) { EXPECT_EQ(Xid::parse("AZaz09-._~").value().text(), "AZaz09-._~"); }

TEST(Xid, HasOneToAHundredCharacters) {
  EXPECT_FALSE(Xid::parse(""));
  EXPECT_TRUE(Xid::parse("x"));
  EXPECT_EQ(Xid::parse(std::string(100, 'x')).value().view().size(), 100u);
  EXPECT_FALSE(Xid::parse(std::string(101, 'x')));
}

TEST(Xid, DotSegmentsAreRefused) {
  EXPECT_FALSE(Xid::parse("."));
  EXPECT_FALSE(Xid::parse(".."));
  EXPECT_TRUE(Xid::parse("..."));
  EXPECT_TRUE(Xid::parse(".a"));
}

TEST(Xid, HoldsUnreservedCharactersOnly) {
  const std::string_view unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  for (int octet = 0; octet < 256; ++octet) {
    const std::string text{'x', static_cast<char>(octet)};
    EXPECT_EQ(Xid::parse(text).has_value(), unreserved.find(text[1]) != std::string_view::npos) << octet;
  }
}

TEST(Xid, UpperAndLowerCaseDiffer) { EXPECT_FALSE(Xid::parse("abc").value() == Xid::parse("ABC").value()); }

TEST(Xid, APrefixIsLess) { EXPECT_LT(Xid::parse("ab").value(), Xid::parse("abc").value()); }

TEST(Xid, CopiesAreEqual) {
  const Xid xid = Xid::parse("11111111-2222-4333-8444-555555555555").value();
  const Xid copy = xid;
  EXPECT_EQ(copy, xid);
}

}  // namespace
}  // namespace jwtd
