// cli/record_check_test.cc - which tokens a record may have.
#include "cli/record_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/base64.h"
#include "base/limits.h"
#include "jose/claims.h"

namespace jwtd::cli {
namespace {

using testing::HasSubstr;

std::string encoded(std::string_view text) {
  std::string out;
  base64url_append(text, out);
  return out;
}

store::Record record(std::string token = {}) {
  const jose::Claims claims{"C-1", 1'500'000'000, 1'500'000'090, *Phone::parse("15555551234"), *Xid::parse("x")};
  if (token.empty()) token = jose::compact(jose::Algorithm::kHs256, claims, std::string(32, 's'));
  return {claims.xid, claims.phn, std::move(token), "C-1", "kid", claims.iat, claims.exp, 1'500'000'010'000};
}

std::string wrong_with(const store::Record& record) {
  auto check = RecordCheck::make({});
  return check->wrong_with(record);
}

std::string token(std::string_view header, std::string_view claims, std::size_t signature = 32) {
  return encoded(header) + "." + encoded(claims) + "." + encoded(std::string(signature, 's'));
}

constexpr std::string_view kHeader = R"({"typ":"JWT","alg":"HS256"})";  // as PyJWT orders it
constexpr std::string_view kClaims = R"({"xid": "x", "phn": "15555551234", "iss": "C-1", "iat": 1500000000, "exp": 1500000090})";

TEST(RecordCheck, OurOwnTokensAreSound) { EXPECT_EQ(wrong_with(record()), ""); }

TEST(RecordCheck, AnotherProgramsOrderAndSpacesAreSound) { EXPECT_EQ(wrong_with(record(token(kHeader, kClaims))), ""); }

TEST(RecordCheck, EachClaimIsTheRecords) {
  const std::pair<const char*, const char*> kWrong[] = {{"iss", R"("C-2")"}, {"iat", "1500000001"}, {"exp", "1500000091"}, {"phn", R"("15555551235")"}, {"xid", R"("y")"}};
  for (const auto& [name, value] : kWrong) {
    std::string claims;
    for (const auto& [claim, right] : {std::pair{"iss", R"("C-1")"}, {"iat", "1500000000"}, {"exp", "1500000090"}, {"phn", R"("15555551234")"}, {"xid", R"("x")"}}) {
      claims += std::string(claims.empty() ? "{" : ",") + "\"" + claim + "\":" + (std::string(claim) == name ? value : right);
    }
    EXPECT_THAT(wrong_with(record(token(kHeader, claims + "}"))), HasSubstr(name));
  }
  EXPECT_THAT(wrong_with(record(token(kHeader, R"({"iss":"C-1","iat":"1500000000"})"))), HasSubstr("iat"));
}

TEST(RecordCheck, WhatIsNoTokenIsSaid) {
  for (const std::string& junk : {std::string("x"), std::string("a.b"), std::string("a.b.c"), std::string(100'000, 'A'), std::string("\xff\0.", 3)}) {
    EXPECT_NE(wrong_with(record(junk)), "");
  }
  EXPECT_THAT(wrong_with(record(token(R"({"alg":"none"})", kClaims))), HasSubstr("alg"));
  EXPECT_THAT(wrong_with(record(token(R"({"alg":7})", kClaims))), HasSubstr("alg"));
  EXPECT_THAT(wrong_with(record(token(kHeader, kClaims, 31))), HasSubstr("size"));
  store::Record backwards = record();
  backwards.exp = backwards.iat;
  EXPECT_THAT(wrong_with(backwards), HasSubstr("expires"));
}

TEST(RecordCheck, EventsKeepToTheirBounds) {
  using store::Event;
  const Event sound{Event::Type::kCallback, 1, "callback:1", R"({"code":2401})"}, bare{Event::Type::kVerified, 1, "verified:a", ""};
  EXPECT_EQ(wrong_with_events({sound, bare}), "");
  EXPECT_THAT(wrong_with_events({sound, bare, sound}), HasSubstr("one key"));
  EXPECT_THAT(wrong_with_events(std::vector<Event>(kMaxEvents + 1, sound)), HasSubstr("more events"));
  for (const std::string& key : {std::string(), std::string("a\n"), std::string("\xc3\xa4"), std::string(kMaxEventKeyBytes + 1, 'k')}) {
    EXPECT_THAT(wrong_with_events({{Event::Type::kCallback, 1, key, ""}}), HasSubstr("key")) << key;
  }
  for (const char* body : {"x", "[]", "{", "7"}) EXPECT_THAT(wrong_with_events({{Event::Type::kCallback, 1, "k", body}}), HasSubstr("JSON")) << body;
  EXPECT_THAT(wrong_with_events({{Event::Type::kCallback, 1, "k", std::string(kMaxEventBytes + 1, ' ')}}), HasSubstr("larger"));
}

}  // namespace
}  // namespace jwtd::cli
