// json/readers_test.cc - what the quick reader takes, the exact one takes too, and reads the same out of it.
#include "json/readers.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "base/limits.h"
#include "json/suite_for_tests.h"

namespace jwtd::json {
namespace {

void expect_same(const JsonMember& one, const JsonMember& other, const std::string& text) {
  EXPECT_EQ(one.name, other.name) << text;
  EXPECT_EQ(one.kind, other.kind) << text;
  EXPECT_EQ(one.flag, other.flag) << text;
  EXPECT_EQ(one.text, other.text) << text;
  EXPECT_EQ(one.number, other.number) << text;
  EXPECT_EQ(one.integer, other.integer) << text;
  ASSERT_EQ(one.members.size(), other.members.size()) << text;
  for (std::size_t i = 0; i < one.members.size(); ++i) expect_same(one.members[i], other.members[i], text);
}

// True: the quick one took it.
bool agree(const std::string& text) {
  if (text.starts_with("\xef\xbb\xbf")) return false;
  JsonMember quick, exact;
  std::string why;
  if (!read_quickly(text, kMaxTokenJsonDepth, quick)) return false;
  EXPECT_TRUE(read_exactly(text, kMaxTokenJsonDepth, exact, why)) << text << ": " << why;
  expect_same(quick, exact, text);
  return true;
}

const std::vector<std::string> kRight{
    R"({})",
    R"( {"s":"a\u00e9\ud83d\ude00\"\\\/\b\f\n\r\t","i":-3,"f":1.5,"t":true,"n":null,"o":{"s":"inner","in":[1]},"a":[{"s":2},"x",[],{}]} )",
    R"({"a":9223372036854775807,"b":9223372036854775808,"c":-9223372036854775808,"d":1.0,"e":1e2,"f":-0,"g":18446744073709551615,"h":-0.0,"i":1e-400,"j":0.1E+2})",
    R"({"\u0061lg":"x","":"","nul":"\u0000","a b":[false,true,null]})",
    "{\"a\":\"\xf0\x9f\x98\x80 \xc3\xa9 \xe2\x82\xac\x7f\"}",
    R"({"reference_id":"B562","errors":[],"status":{"code":2401,"description":"Verified","updated_on":"2016-10-21T14:05:36.181346Z"},"additional_info":{"price":"0.5112"}})",
};

TEST(Readers, TheQuickOneTakesWhatIsRight) {
  for (const std::string& text : kRight) EXPECT_TRUE(agree(text)) << text;
  std::string many = "{";
  for (int i = 0; i < 1000; ++i) many += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":" + std::to_string(i);
  EXPECT_TRUE(agree(many + "}"));
  EXPECT_FALSE(agree(many + ",\"500\":0}"));
}

TEST(Readers, TheyAgreeOnWhateverIsDoneToWhatIsRight) {
  const std::string_view octets = "{}[]:,\"\\ 0129eE+-.utfn/\n\x01\x7f\xc3\xa9\xff\xed";
  std::mt19937 random(20261130);
  std::size_t taken = 0;
  for (const std::string& text : kRight) {
    for (std::size_t size = 0; size < text.size(); ++size) agree(text.substr(0, size));
    for (int round = 0; round < 20'000; ++round) {
      std::string changed = text;
      for (std::size_t edits = 1 + random() % 3; edits > 0; --edits) {
        const std::size_t at = random() % (changed.size() + 1);
        const char octet = octets[random() % octets.size()];
        switch (random() % 3) {
          case 0: changed.insert(at, 1, octet); break;
          case 1: changed.erase(at, 1); break;
          default: if (at < changed.size()) changed[at] = octet;
        }
      }
      taken += agree(changed);
    }
  }
  EXPECT_GT(taken, 10'000u);  // else nothing was compared
}

TEST(Readers, TheyAgreeOnTheSuite) {
  JWTD_NEEDS_SUITE();
  std::size_t taken = 0;
  for (const auto& [name, text] : suite_texts()) {
    taken += agree(text);
    taken += agree("{\"v\":" + text + "}");
  }
  EXPECT_GE(taken, 90u);
}

TEST(Readers, WhatOnlyTheExactOneReadsIsTakenAllTheSame) {
  std::string why;
  const auto object = JsonObject::parse(R"({"huge":123456789012345678901234567890,"status":1})", kMaxTokenJsonDepth, why);
  ASSERT_TRUE(object) << why;
  EXPECT_EQ(object->find("huge")->integer, std::nullopt);
  EXPECT_EQ(object->find("huge")->number, 123456789012345678901234567890.0);
  EXPECT_EQ(object->members().size(), 2u);
}

}  // namespace
}  // namespace jwtd::json
