// api/body_test.cc - forms and one-member objects, and what they may not be.
#include "api/body.h"

#include <gtest/gtest.h>

namespace jwtd::api {
namespace {

std::string text_of(std::string_view body) {
  const auto member = only_member(body, {"token", "xid"});
  return member ? std::string(member->name) + "=" + member->text : "-";
}

TEST(OnlyMember, TheShortWayAndTheStrictOneReadTheSame) {
  EXPECT_EQ(text_of(R"({"token":"a.b-c_D"})"), "token=a.b-c_D");
  EXPECT_EQ(text_of(R"({"token": "a.b-c_D"})"), "token=a.b-c_D");
  EXPECT_EQ(text_of(R"({"xid":"a"})"), "xid=a");
  EXPECT_EQ(text_of(R"({ "token" : "a" })"), "token=a");
  EXPECT_EQ(text_of(R"({"token":"\u0061 b"})"), "token=a b");
  EXPECT_EQ(text_of(R"({"token":""})"), "token=");
  EXPECT_EQ(text_of("\t{\"token\":\"a\"}\n"), "token=a");
}

TEST(OnlyMember, NothingElseIsTaken) {
  for (const char* body : {"", "{}", "[]", R"({"token":"a"}x)", R"({"token":"a"")", R"({"token":"a","xid":"b"})", R"({"token":"a","token":"a"})", R"({"tokens":"a"})", R"({"token":"a"}})",
                           R"({"token":["a"]})", R"({"token":{"token":"a"}})", R"({"token":"a\"})", R"({"token":"a"","x":""})", "{\"token\":\"a\nb\"}", R"({token:"a"})", "{\"token\":\"", R"({"token":"})"}) {
    EXPECT_EQ(text_of(body), "-") << body;
  }
}

// "name=value name=value", or "-".
std::string texts_of(std::string_view body) {
  const auto members = text_members(body, {"phone_number", "xid"});
  if (!members) return "-";
  std::string all;
  for (const TextMember& member : *members) all.append(all.empty() ? "" : " ").append(member.name).append("=").append(member.text);
  return all;
}

TEST(TextMembers, TheShortWayAndTheStrictOneReadTheSame) {
  for (const char* body : {R"({"phone_number":"15555551234","xid":"a.b"})", R"({"phone_number": "15555551234", "xid": "a.b"})", R"( {"phone_number":"15555551234","xid":"a.b"})",
                           R"({"phone_number":"15555551234" ,"xid":"a\u002eb"})"}) {
    EXPECT_EQ(texts_of(body), "phone_number=15555551234 xid=a.b") << body;
  }
  EXPECT_EQ(texts_of(R"({"xid":"a","phone_number":"+1"})"), "xid=a phone_number=+1");
  EXPECT_EQ(texts_of("{}"), "");
  for (const char* body : {R"({"xid":"a","xid":"a"})", R"({"xid":"a",})", R"({"xid":"a","phone_number":1})", R"({"xid":"a","other":"b"})", R"({"xid":"a" "phone_number":"1"})",
                           R"({"xid":"a","phone_number":"1")", R"({,"xid":"a"})", R"({"xid":"a"}})", R"({"xid":null})", R"({ ,})", "{\"xid\":\"a\",\x0b\"phone_number\":\"1\"}"}) {
    EXPECT_EQ(texts_of(body), "-") << body;
  }
}

TEST(ParseForm, NamesAndValuesAreDecodedOnce) {
  const auto form = parse_form("token=a.b%2Ec&hint=x+y%2B&&empty&none=");
  ASSERT_TRUE(form);
  EXPECT_EQ(*value_of(*form, "token"), "a.b.c");
  EXPECT_EQ(*value_of(*form, "hint"), "x y+");
  EXPECT_EQ(*value_of(*form, "empty"), "");
  EXPECT_EQ(*value_of(*form, "none"), "");
  EXPECT_EQ(value_of(*form, "x"), nullptr);
  EXPECT_EQ(*value_of(*parse_form("a=%2541"), "a"), "%41");
  EXPECT_TRUE(parse_form("")->empty());
}

TEST(ParseForm, RepeatedNamesAndBadEscapesAreRefused) {
  for (const char* body : {"a=1&a=2", "a=1&%61=2", "a=%", "a=%4", "a=%zz", "a=%0a", "a=\x80", "=a", "%zz=a"}) EXPECT_FALSE(parse_form(body)) << body;
  std::string many;
  for (int i = 0; i < 17; ++i) many += "p" + std::to_string(i) + "=1&";
  EXPECT_FALSE(parse_form(many));
}

}  // namespace
}  // namespace jwtd::api
