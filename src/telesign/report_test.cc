// telesign/report_test.cc - which reports are taken, what is read out of them, and which codes end a transaction.
#include "telesign/report.h"

#include <gtest/gtest.h>

#include "base/limits.h"

namespace jwtd::telesign {
namespace {

// The body of the documentation's example (reference/telesign.md 3), with a member that nobody documented.
constexpr std::string_view kExample =
    R"({"reference_id":"B56259E45884010488343BAA15FB0002","sub_resource":"sms","errors":[],"external_id":"x-1",)"
    R"("verify":{"code_state":"UNKNOWN","code_entered":null},"submit_timestamp":"2016-01-01T01:01:01.010101Z","new":{"deep":[1,2]},)"
    R"("status":{"code":2401,"description":"Verified","updated_on":"2016-10-21T14:05:36.181346Z"},)"
    R"("additional_info":{"message_parts_count":2,"price":"0.5112","currency":"USD","mnc":"004","mcc":"310"}})";

std::string why_not(std::string_view body) {
  const Result<Report> report = parse_callback(body);
  if (report) return "accepted";
  EXPECT_TRUE(report.error().is(kCallbackMalformed));
  return report.error().detail();
}

TEST(EventOfReport, ItsKeyTellsWhatDecides) {
  for (const char* text : {R"({"reference_id":"R1","status":{"code":2401,"updated_on":"2016-10-21T14:05:36.181346Z"}})", R"({"status":{"code":-5}})",
                           R"({"reference_id":"R-2_x","status":{"code":2400,"updated_on":"once: upon"}})"}) {
    const Report report = *parse_callback(text);
    const store::Event event = event_of(report, store::Event::Type::kPolled, 1);
    const auto outline = outline_of(event);
    ASSERT_TRUE(outline) << text;
    EXPECT_EQ(outline->reference_id, report.reference_id);
    EXPECT_EQ(outline->code, report.code);
    EXPECT_EQ(outline->updated_on, report.updated_on);
    EXPECT_EQ(outline->updated_micros, report.updated_micros);
  }
  for (const char* key : {"", "k", "polled:R1:2401", "callback:R1:2401:", "polled:R1:x:", "polled:R1:1x:"}) EXPECT_FALSE(outline_of({store::Event::Type::kPolled, 1, key, "{}"})) << key;
  EXPECT_FALSE(outline_of({store::Event::Type::kVerified, 1, "verified:a:1:", "{}"}));
}

TEST(ParseCallback, TheExampleOfTheDocumentation) {
  const Result<Report> report = parse_callback(kExample);
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->reference_id, "B56259E45884010488343BAA15FB0002");
  EXPECT_EQ(report->xid, "x-1");
  EXPECT_EQ(report->code, 2401);
  EXPECT_EQ(report->description, "Verified");
  EXPECT_EQ(report->updated_on, "2016-10-21T14:05:36.181346Z");
  EXPECT_EQ(report->updated_micros, 1'477'058'736'181'346);
  EXPECT_EQ(report->raw, kExample);
}

TEST(ParseCallback, OnlyTheCodeIsNeeded) {
  const Result<Report> report = parse_callback(R"({"status":{"code":-1}})");
  ASSERT_TRUE(report);
  EXPECT_EQ(*report, (Report{.code = -1, .raw = R"({"status":{"code":-1}})"}));
  EXPECT_TRUE(parse_callback(R"({"reference_id":null,"errors":null,"verify":null,"status":{"code":1,"updated_on":null}})"));
}

TEST(ParseCallback, TheXidStandsUnderEitherName) {
  EXPECT_EQ(parse_callback(R"({"xid":"a","status":{"code":1}})")->xid, "a");
  EXPECT_EQ(parse_callback(R"({"xid":"a","external_id":"a","status":{"code":1}})")->xid, "a");
  EXPECT_EQ(parse_callback(R"({"xid":null,"external_id":"a","status":{"code":1}})")->xid, "a");
  EXPECT_EQ(why_not(R"({"xid":"a","external_id":"b","status":{"code":1}})"), "\"external_id\" and \"xid\" differ");
}

TEST(ParseCallback, ATimeThatCannotBeReadIsKeptAsAText) {
  const Result<Report> report = parse_callback(R"({"status":{"code":1,"updated_on":"yesterday"}})");
  ASSERT_TRUE(report);
  EXPECT_EQ(report->updated_on, "yesterday");
  EXPECT_EQ(report->updated_micros, Report::kNoTime);
}

TEST(ParseCallback, OtherShapesAreRefused) {
  EXPECT_EQ(why_not("{}"), "there is no object \"status\"");
  EXPECT_EQ(why_not(R"({"status":200})"), "there is no object \"status\"");
  for (const char* code : {"", R"("code":"200")", R"("code":200.0)", R"("code":2e2)", R"("code":null)", R"("code":9223372036854775808)"}) {
    EXPECT_EQ(why_not("{\"status\":{" + std::string(code) + "}}"), "\"status.code\" is not an integer") << code;
  }
  for (const char* member : {"sub_resource", "submit_timestamp"}) {
    EXPECT_EQ(why_not("{\"" + std::string(member) + R"(":1,"status":{"code":1}})"), '"' + std::string(member) + "\" is not a string");
  }
  EXPECT_EQ(why_not(R"({"errors":{},"status":{"code":1}})"), "\"errors\" is not an array");
  EXPECT_EQ(why_not(R"({"verify":[],"status":{"code":1}})"), "\"verify\" is not an object");
  EXPECT_EQ(why_not(R"({"additional_info":"x","status":{"code":1}})"), "\"additional_info\" is not an object");
  EXPECT_EQ(why_not(R"({"status":{"code":1,"updated_on":"\u0000"}})"), "\"status.updated_on\" is not printable ASCII");
}

TEST(ParseCallback, AnOddReferenceIdLosesNothing) {
  const std::string longest(kMaxReferenceBytes, 'a');
  EXPECT_EQ(parse_callback(R"({"reference_id":")" + longest + R"(","status":{"code":1}})")->reference_id, longest);
  for (const std::string& odd : {'"' + longest + "a\"", std::string(R"("a:b")"), std::string("\"R\u00e9f\""), std::string("12"), std::string("{}")}) {
    const std::string body = R"({"reference_id":)" + odd + R"(,"external_id":"x-1","status":{"code":2401}})";
    const Result<Report> report = parse_callback(body);
    ASSERT_TRUE(report) << odd;
    EXPECT_EQ(*report, (Report{.xid = "x-1", .code = 2401, .raw = body})) << odd;
  }
}

TEST(ParseCallback, AnXidThatCannotBeOursLosesNothing) {
  const std::string longest(Xid::kMaxSize, 'x');
  const auto xid = [](const std::string& members) {
    const Result<Report> report = parse_callback("{" + members + R"(,"reference_id":"R1","status":{"code":2401}})");
    return report ? report->xid : report.error().detail();
  };
  EXPECT_EQ(xid(R"("external_id":")" + longest + '"'), longest);
  EXPECT_EQ(xid(R"("external_id":12345)"), "") << "nobody minted under a number: it names nothing of ours";
  EXPECT_EQ(xid(R"("external_id":12345,"xid":"a")"), "a");
  EXPECT_EQ(xid(R"("external_id":")" + longest + R"(x","xid":"a")"), "a");
  EXPECT_EQ(xid(R"("xid":")" + longest + R"(x","external_id":"a")"), "a");
  for (const std::string& foreign : {longest + "x", longest + longest, longest + "\u20ac\u20ac", longest + "xxx\u20ac"}) {
    const std::string kept = xid(R"("external_id":")" + foreign + '"');
    EXPECT_FALSE(Xid::parse(kept)) << kept << ": cut, it must not become one of ours";
    EXPECT_LE(kept.size(), Xid::kMaxSize + 4);
    EXPECT_TRUE(parse_callback(R"({"xid":")" + kept + R"(","status":{"code":1}})")) << "it is UTF-8 still";
  }
}

TEST(ParseCallback, ALongDescriptionIsCutBetweenCharacters) {
  const auto description = [](const std::string& text) {
    const std::string body = R"({"status":{"code":2401,"description":")" + text + R"("}})";
    const Result<Report> report = parse_callback(body);
    EXPECT_EQ(report ? report->raw : "", body) << "whole";
    return report ? report->description : report.error().detail();
  };
  const std::string most(kMaxDescriptionBytes, 'd');
  EXPECT_EQ(description(most), most);
  EXPECT_EQ(description(most + 'd'), most);
  EXPECT_EQ(description(most.substr(1) + "\u00e9"), most.substr(1));
  EXPECT_EQ(description(most.substr(2) + "\u00e9\u00e9"), most.substr(2) + "\u00e9");
  EXPECT_EQ(description(most.substr(3) + "\xf0\x9f\x98\x80"), most.substr(3));
}

TEST(ParseCallback, OverlongMembersAreRefused) {
  const auto with = [](std::string_view name, std::size_t size) {
    return R"({"status":{"code":1},")" + std::string(name) + R"(":")" + std::string(size, 'a') + R"("})";
  };
  EXPECT_EQ(why_not(with("sub_resource", kMaxDescriptionBytes + 1)), "\"sub_resource\" has 1025 octets; 1024 are the most");
  EXPECT_EQ(why_not(with("unknown", 20'000)), "accepted");
  EXPECT_EQ(why_not(with("unknown", kMaxReportBytes)), "it has 24610 octets; 24576 are the most");
}

TEST(ParseCallback, TheFormIsStrict) {
  EXPECT_EQ(why_not(""), "it is not a JSON object");
  EXPECT_EQ(why_not("{'test': 123}"), "it is not JSON from octet 2 on");
  EXPECT_EQ(why_not(R"({"status":{"code":1,"code":2}})"), "the member \"code\" stands there twice");
  EXPECT_EQ(why_not(R"({"status":{"code":1},"a":")" "\xff" R"("})").substr(0, 14), "it is not JSON");
  EXPECT_EQ(why_not(R"({"status":{"code":1}} {})").substr(0, 14), "it is not JSON");
  EXPECT_EQ(why_not(R"({"status":{"code":1},"a":)" + std::string(16, '[') + std::string(16, ']') + '}'), "it is nested more than 16 deep");
  for (std::size_t size = 0; size < kExample.size(); ++size) EXPECT_NE(why_not(kExample.substr(0, size)), "accepted") << size;
}

TEST(StateOf, OnlyOneCodeIsSuccess) {
  for (std::int64_t code = -100'000; code <= 100'000; ++code) {
    EXPECT_EQ(state_of(code) == State::kSuccess, code == 2401) << code;
  }
  EXPECT_EQ(state_of(2401), State::kSuccess);
}

TEST(StateOf, WhatIsNotKnownToBeFinalIsPending) {
  for (const int code : {2400, 2406, 100, 103, 105, 200, 201, 203, 250, 251, 290, 291, 292, 295, 503, 505, 514, 599, 3001, 3101, 0, -1, 999'999}) {
    EXPECT_EQ(state_of(code), State::kPending) << code;
  }
  for (const int code : {2402, 2403, 2404, 2405, 2407, 2408, 2409, 2410, 2411, 2429, 2430, 101, 106, 107, 133, 207, 221, 233, 500, 511, 515}) {
    EXPECT_EQ(state_of(code), State::kFailure) << code;
  }
}

TEST(StateName, IsWhatTheInterfaceShows) {
  EXPECT_EQ(name_of(State::kPending), "pending");
  EXPECT_EQ(name_of(State::kSuccess), "success");
  EXPECT_EQ(name_of(State::kFailure), "failure");
}

TEST(EventOf, AReportComesBackAsItWas) {
  const Report report = *parse_callback(kExample);
  const store::Event event = event_of(report, store::Event::Type::kCallback, 17);
  EXPECT_EQ(event.type, store::Event::Type::kCallback);
  EXPECT_EQ(event.at, 17);
  EXPECT_EQ(event.key, "callback:B56259E45884010488343BAA15FB0002:2401:2016-10-21T14:05:36.181346Z");
  EXPECT_EQ(report_of(event), report);
  EXPECT_EQ(report_of(event_of(report, store::Event::Type::kPolled, 17)), report);
}

TEST(EventOf, TheKeyTellsReportsApartAndRepetitionsNot) {
  const auto key = [](std::string_view body) { return event_of(*parse_callback(body), store::Event::Type::kCallback, 0).key; };
  const std::string one = key(R"({"reference_id":"r","status":{"code":1,"updated_on":"t"}})");
  EXPECT_EQ(one, key(R"({"status":{"updated_on":"t","code":1,"description":"other"},"reference_id":"r"})"));
  EXPECT_NE(one, key(R"({"reference_id":"s","status":{"code":1,"updated_on":"t"}})"));
  EXPECT_NE(one, key(R"({"reference_id":"r","status":{"code":2,"updated_on":"t"}})"));
  EXPECT_NE(one, key(R"({"reference_id":"r","status":{"code":1,"updated_on":"u"}})"));
  const Report longest = *parse_callback(R"({"reference_id":")" + std::string(kMaxReferenceBytes, 'a') +
                                         R"(","status":{"code":-9223372036854775808,"updated_on":")" + std::string(kMaxReportTimeBytes, 't') + R"("}})");
  EXPECT_LE(event_of(longest, store::Event::Type::kCallback, 0).key.size(), kMaxEventKeyBytes);
}

TEST(ReportOf, OtherEventsAreNone) {
  using Type = store::Event::Type;
  const std::string body(kExample);
  for (const Type type : {Type::kVerified, Type::kRevoked, Type::kConsumed}) EXPECT_EQ(report_of({type, 0, "k", body}), std::nullopt);
  EXPECT_EQ(report_of({Type::kCallback, 0, "k", ""}), std::nullopt);
  EXPECT_EQ(report_of({Type::kCallback, 0, "k", "{}"}), std::nullopt);
}

}  // namespace
}  // namespace jwtd::telesign
