// http/message_test.cc - what counts as a field, a segment and a query parameter.
#include "http/message.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace jwtd::http {
namespace {

using namespace std::string_literals;

std::string decoded(std::string_view raw) {
  std::string out;
  return decode_segment(raw, out) ? out : "<refused>";
}

TEST(Message, FieldNamesAreComparedWithoutCase) {
  const std::array<Field, 2> fields{Field{"X-Request-ID", "a"}, Field{"AUTHORIZATION", "b"}};
  Request request;
  request.fields = fields;
  EXPECT_EQ(request.field("x-request-id"), "a");
  EXPECT_EQ(request.field("authorization"), "b");
}

TEST(Message, TheFirstFieldOfANameCounts) {
  const std::array<Field, 2> fields{Field{"A", "1"}, Field{"a", "2"}};
  Request request;
  request.fields = fields;
  EXPECT_EQ(request.field("a"), "1");
}

TEST(Message, AnAbsentFieldIsEmpty) {
  const std::array<Field, 1> fields{Field{"Authorization-Info", "1"}};
  Request request;
  request.fields = fields;
  EXPECT_EQ(request.field("authorization"), "");
}

TEST(Message, OnlyAsciiLettersHaveTwoCases) {
  EXPECT_TRUE(equal_ignoring_case("AZaz09-_", "azaz09-_"));
  EXPECT_FALSE(equal_ignoring_case("@", "`"));
  EXPECT_FALSE(equal_ignoring_case("[", "{"));
  EXPECT_FALSE(equal_ignoring_case("\xC4", "\xE4"));
}

TEST(Message, ASegmentIsDecodedOnce) {
  EXPECT_EQ(decoded("15555551234"), "15555551234");
  EXPECT_EQ(decoded("%2B15555551234"), "+15555551234");
  EXPECT_EQ(decoded("%2b15555551234"), "+15555551234");
  EXPECT_EQ(decoded("%2541"), "%41");
  EXPECT_EQ(decoded(""), "");
}

TEST(Message, APlusSignIsAPlusSign) { EXPECT_EQ(decoded("+1+2"), "+1+2"); }

TEST(Message, BadEscapesAreRefused) {
  for (const char* raw : {"%", "%4", "a%", "a%4", "%zz", "%4g", "%g4", "%-1", "% 1", "%%41"}) EXPECT_EQ(decoded(raw), "<refused>") << raw;
}

TEST(Message, ControlsAreRefusedHoweverTheyAreWritten) {
  for (const char* raw : {"%00", "a%00", "%0a", "%0D", "%1f", "%7f", "\x01", "\x7f"}) EXPECT_EQ(decoded(raw), "<refused>") << raw;
}

TEST(Message, AnEscapedSlashNeverMakesASegment) {
  EXPECT_EQ(decoded("a%2Fb"), "<refused>");
  EXPECT_EQ(decoded("a%2fb"), "<refused>");
}

TEST(Message, OctetsOutsideAsciiAreRefused) {
  // Overlong forms of '/', well-formed UTF-8, and a lone octet: none of them can stand in anything we serve.
  for (const char* raw : {"%C0%AF", "%e0%80%af", "%C3%A4", "%ff", "%80", "\xC3\xA4"}) EXPECT_EQ(decoded(raw), "<refused>") << raw;
}

TEST(Message, ARefusedSegmentLeavesNothingFromBefore) {
  std::string out = "before";
  EXPECT_FALSE(decode_segment("%", out));
  EXPECT_EQ(out.find("before"), std::string::npos);
}

TEST(Message, AQueryParameterIsFoundByItsWholeName) {
  std::string out;
  EXPECT_EQ(query_value("phone_number=1&limit=5", "limit", out), QueryValue::kFound);
  EXPECT_EQ(out, "5");
  EXPECT_EQ(query_value("limits=1&xlimit=2", "limit", out), QueryValue::kAbsent);
  EXPECT_EQ(query_value("", "limit", out), QueryValue::kAbsent);
}

TEST(Message, AParameterWithoutValueIsEmpty) {
  std::string out = "x";
  EXPECT_EQ(query_value("limit", "limit", out), QueryValue::kFound);
  EXPECT_EQ(out, "");
  out = "x";
  EXPECT_EQ(query_value("a=b&limit=", "limit", out), QueryValue::kFound);
  EXPECT_EQ(out, "");
}

TEST(Message, AValueIsDecodedAndKeepsItsPlusAndEquals) {
  std::string out;
  EXPECT_EQ(query_value("phone_number=%2B1555", "phone_number", out), QueryValue::kFound);
  EXPECT_EQ(out, "+1555");
  EXPECT_EQ(query_value("phone_number=+1555", "phone_number", out), QueryValue::kFound);
  EXPECT_EQ(out, "+1555");
  EXPECT_EQ(query_value("cursor=YQ==", "cursor", out), QueryValue::kFound);
  EXPECT_EQ(out, "YQ==");
}

TEST(Message, ABadlyEscapedValueIsMalformed) {
  std::string out;
  EXPECT_EQ(query_value("limit=%4", "limit", out), QueryValue::kMalformed);
  EXPECT_EQ(query_value("limit=%00", "limit", out), QueryValue::kMalformed);
}

TEST(Message, AResponseStartsAfreshAndKeepsItsMemory) {
  Response response;
  response.status = 503;
  response.content_type = "text/plain";
  response.error_id = "x";
  response.close = true;
  response.body.assign(1000, 'x');
  response.add_field("A", "b");
  const auto capacity = response.body.capacity();
  response.reset();
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.content_type, "");
  EXPECT_EQ(response.error_id, "");
  EXPECT_FALSE(response.close);
  EXPECT_EQ(response.fields, "");
  EXPECT_EQ(response.body, "");
  EXPECT_EQ(response.body.capacity(), capacity);
}

TEST(Message, FieldsAreCompleteLinesInOrder) {
  Response response;
  response.add_field("Allow", "GET");
  response.add_field("Cache-Control", "no-store");
  EXPECT_EQ(response.fields, "Allow: GET\r\nCache-Control: no-store\r\n");
}

}  // namespace
}  // namespace jwtd::http
