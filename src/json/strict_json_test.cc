// json/strict_json_test.cc - what strict JSON refuses, and what it gives of the rest.
#include "json/strict_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>

#include "base/limits.h"
#include "json/suite_for_tests.h"

namespace jwtd::json {
namespace {

std::string why_not(std::string_view text) {
  std::string why;
  return JsonObject::parse(text, kMaxTokenJsonDepth, why) ? "accepted" : why;
}

TEST(StrictJson, MembersAreGivenAtEveryDepth) {
  std::string why;
  const auto object = JsonObject::parse(R"( {"s":"a\u00e9","i":-3,"f":1.5,"t":true,"o":{"s":"inner","in":[1]},"a":[{"s":2},"x"]} )", kMaxTokenJsonDepth, why);
  ASSERT_TRUE(object) << why;
  EXPECT_EQ(object->find("s")->text, "a\xc3\xa9");
  EXPECT_EQ(object->find("i")->number, -3);
  EXPECT_EQ(object->find("f")->number, 1.5);
  EXPECT_EQ(object->find("i")->integer, -3);
  EXPECT_EQ(object->find("f")->integer, std::nullopt);
  EXPECT_TRUE(object->find("t")->flag);
  EXPECT_EQ(object->find("o")->find("s")->text, "inner");
  EXPECT_EQ(object->find("o")->find("in")->members.at(0).integer, 1);
  EXPECT_EQ(object->find("a")->members.at(0).find("s")->integer, 2);
  EXPECT_EQ(object->find("a")->members.at(1).text, "x");
  EXPECT_FALSE(object->has("in"));
  EXPECT_FALSE(object->has(""));  // a nested value must not come up without its name either
  EXPECT_EQ(object->find("a")->find("s"), nullptr);
  EXPECT_EQ(object->members().size(), 6u);
}

TEST(StrictJson, AnIntegerIsExactOrNone) {
  std::string why;
  const auto object = JsonObject::parse(
      R"({"a":9223372036854775807,"b":9223372036854775808,"c":-9223372036854775808,"d":1.0,"e":1e2,"f":-0,"g":-9223372036854775809})", 1, why);
  ASSERT_TRUE(object) << why;
  EXPECT_EQ(object->find("a")->integer, INT64_MAX);
  EXPECT_EQ(object->find("c")->integer, INT64_MIN);
  EXPECT_EQ(object->find("f")->integer, 0);
  for (const char* name : {"b", "d", "e", "g"}) EXPECT_EQ(object->find(name)->integer, std::nullopt) << name;
}

TEST(StrictJson, TheNameStandsBehindItsEscapes) {
  std::string why;
  const auto object = JsonObject::parse(R"({"\u0061lg":"x"})", kMaxTokenJsonDepth, why);
  ASSERT_TRUE(object) << why;
  EXPECT_TRUE(object->has("alg"));
}

TEST(StrictJson, AMemberThatStandsTwiceIsRefusedAtAnyDepth) {
  EXPECT_EQ(why_not(R"({"exp":1,"exp":2})"), "the member \"exp\" stands there twice");
  EXPECT_EQ(why_not(R"({"alg":1,"\u0061lg":2})"), "the member \"alg\" stands there twice");
  EXPECT_EQ(why_not(R"({"a":[{"b":{"c":1,"c":1}}]})"), "the member \"c\" stands there twice");
}

TEST(StrictJson, OneNameInTwoObjectsIsNoDuplicate) { EXPECT_EQ(why_not(R"({"a":{"a":[{"a":1},{"a":1}]}})"), "accepted"); }

TEST(StrictJson, OnlyAnObjectWillDo) {
  for (const std::string_view text : {"", " ", "[]", "\"a\"", "1", "null", "x"}) {
    EXPECT_EQ(why_not(text), "it is not a JSON object") << text;
  }
}

TEST(StrictJson, ByteOrderMarkAndNulAreNamed) {
  EXPECT_EQ(why_not("\xef\xbb\xbf{}"), "it begins with a byte order mark");
  EXPECT_EQ(why_not(std::string_view("{}\0", 3)), "octet 3 is a NUL");
  EXPECT_EQ(why_not(std::string_view("\xff\xfe{\0}\0", 6)), "octet 4 is a NUL");
}

TEST(StrictJson, WhatIsNotJsonIsNamedByItsPlace) {
  EXPECT_EQ(why_not("{} {}"), "it is not JSON from octet 4 on");
  EXPECT_EQ(why_not(R"({"a":01})"), "it is not JSON from octet 7 on");
  for (const std::string_view text :
       {"{", R"({"a":1,})", "{'a':1}", R"({"a":NaN})", R"({"a":1e400})", R"({"a":0x10})", "{/**/}", "{\"a\":\"\n\"}"}) {
    EXPECT_THAT(why_not(text), testing::StartsWith("it is not JSON from octet ")) << text;
  }
}

TEST(StrictJson, TextThatIsNotUtf8IsRefused) {
  for (const std::string_view octets : {"\xff", "\xc0\x80", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xe2\x82", "\\ud800"}) {
    EXPECT_THAT(why_not("{\"a\":\"" + std::string(octets) + "\"}"), testing::StartsWith("it is not JSON from octet "));
  }
  EXPECT_EQ(why_not("{\"a\":\"\xf0\x9f\x98\x80\"}"), "accepted");
}

TEST(StrictJson, NestingIsBounded) {
  const auto nested = [](std::size_t depth) {  // the object itself is one
    return "{\"a\":" + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "}";
  };
  EXPECT_EQ(why_not(nested(kMaxTokenJsonDepth)), "accepted");
  EXPECT_EQ(why_not(nested(kMaxTokenJsonDepth + 1)), "it is nested more than 16 deep");
  EXPECT_EQ(why_not("{\"a\":" + std::string(100'000, '[')), "it is nested more than 16 deep");
}

TEST(StrictJson, AForeignNameIsOnlyQuotedWhenItIsHarmless) {
  EXPECT_EQ(quoted_if_harmless("none"), "\"none\"");
  EXPECT_EQ(quoted_if_harmless("\x1b[2J"), "of 4 octets");
  EXPECT_EQ(quoted_if_harmless(std::string(41, 'a')), "of 41 octets");
}

TEST(StrictJson, AForeignNameThatMayHoldAPhoneNumberIsNotQuoted) {
  for (const char* name : {"15551230000", "+1 555 123 0000", "to_1_555_123_0000", "1:555:123", "phone1234567"}) {
    const std::string text = name;
    EXPECT_EQ(quoted_if_harmless(text), "of " + std::to_string(text.size()) + " octets");
    EXPECT_EQ(why_not("{\"" + text + "\":1,\"" + text + "\":2}"), "the member of " + std::to_string(text.size()) + " octets stands there twice");
  }
  EXPECT_EQ(quoted_if_harmless("HS512-123"), "\"HS512-123\"");
  EXPECT_EQ(quoted_if_printable("FFFFFFFF-EEEE-DDDD-1234-AB1234567890"), "\"FFFFFFFF-EEEE-DDDD-1234-AB1234567890\"") << "a customer's id";
}

// The suite's texts stand as they are and as a member's value, because most of them are no objects.
struct Suite {
  std::size_t good = 0, bad = 0;
};

TEST(StrictJson, JsonTestSuite) {
  JWTD_NEEDS_SUITE();
  Suite suite;
  for (const auto& [name, text] : suite_texts()) {
    if (name.starts_with("n_")) {
      ++suite.bad;
      EXPECT_NE(why_not(text), "accepted") << name;
      EXPECT_NE(why_not("{\"v\":" + text + "}"), "accepted") << name;
    } else if (name.starts_with("y_")) {
      ++suite.good;
      const bool twice = name.starts_with("y_object_duplicated_key");  // JSON, and refused here
      EXPECT_EQ(why_not("{\"v\":" + text + "}"), twice ? "the member \"a\" stands there twice" : "accepted") << name;
    } else {
      why_not(text);  // i_: either verdict, but one
    }
  }
  EXPECT_EQ(suite.good, 95u);
  EXPECT_GE(suite.bad, 55u);
}

}  // namespace
}  // namespace jwtd::json
