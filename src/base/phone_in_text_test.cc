// base/phone_in_text_test.cc - tests of base/phone_in_text.h.
#include "base/phone_in_text.h"

#include <gtest/gtest.h>

#include <string>

namespace jwtd {
namespace {

const Phone kPhone = *Phone::parse("15551234567");

TEST(PhoneInText, HoweverItIsWrittenItIsFound) {
  for (const char* text : {"15551234567", "+1 555 123 4567", "+1-555-123-4567", "1.555.123.4567", "+1 (555) 123-4567", "1/555/123/4567", "to +1 555\u00a0123\u202f4567.", "1\u2011555\u2013123\u20114567",
                           "call +1 555 123 4567 or 1.555.123.4567", "room 12 - 1 555 123 4567 8", "tel:+15551234567", "code 123456 / 15551234567 / 20161021"}) {
    EXPECT_TRUE(holds_phone(text, kPhone)) << text;
    EXPECT_EQ(phones_masked(text).find("1234567"), std::string::npos) << text;
    EXPECT_EQ(phones_masked(text).find("123 4567"), std::string::npos) << text;
    EXPECT_FALSE(holds_phone(phones_masked(text), kPhone)) << text;
  }
}

TEST(PhoneInText, AnotherNumberIsNot) {
  for (const char* text : {"", "1", "155512345678", "915551234567", "1 555 123 45678", "1 555 123, 4567", "1555123456a7", "1x5551234567", "+1 555 123"}) {
    EXPECT_FALSE(holds_phone(text, kPhone)) << text;
  }
}

TEST(PhoneInText, AllButTheLastFourDigitsAreMasked) {
  EXPECT_EQ(phones_masked("calling +1 555 123 4567 or +1-555-123-4567, 1.555.123.4567 (555)1234567"), "calling +* *** *** 4567 or +*-***-***-4567, *.***.***.**** (***)***4567");
  EXPECT_EQ(phones_masked("15551234567 / +1 555 123 4567"), "*******4567 / +* *** *** 4567");
  EXPECT_EQ(phones_masked("1\u00a0555\u202f1234567x"), "*\u00a0***\u202f***4567x");
  EXPECT_EQ(phones_masked("123-4567"), "***-4567");
}

TEST(PhoneInText, FewerDigitsAreShown) {
  for (const char* text : {"", "Verified", "code 123456", "123 456", "code 1234, in 5 minutes or 600 s", "\xe2\x80", "1\xe2\x80"}) {
    EXPECT_EQ(phones_masked(text), text);
  }
}

}  // namespace
}  // namespace jwtd
