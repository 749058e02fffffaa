// jose/strict_json_test.cc - what strict JSON refuses, and what it gives of the rest.
#include "jose/strict_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"

namespace jwtd::jose {
namespace {

std::string why_not(std::string_view text) {
  std::string why;
  return JsonObject::parse(text, why) ? "accepted" : why;
}

TEST(StrictJson, TopMembersAreGivenAndNestedOnesAreNot) {
  std::string why;
  const auto object = JsonObject::parse(R"( {"s":"a\u00e9","i":-3,"f":1.5,"t":true,"o":{"s":"inner","in":[1]},"a":[{"s":2},"x"]} )", why);
  ASSERT_TRUE(object) << why;
  EXPECT_EQ(object->find("s")->text, "a\xc3\xa9");
  EXPECT_EQ(object->find("i")->number, -3);
  EXPECT_EQ(object->find("f")->number, 1.5);
  for (const char* name : {"t", "o", "a"}) EXPECT_EQ(object->find(name)->kind, JsonMember::Kind::kOther) << name;
  EXPECT_FALSE(object->has("in"));
  EXPECT_FALSE(object->has(""));  // a nested value must not come up without its name either
}

TEST(StrictJson, TheNameStandsBehindItsEscapes) {
  std::string why;
  const auto object = JsonObject::parse(R"({"\u0061lg":"x"})", why);
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

}  // namespace
}  // namespace jwtd::jose
