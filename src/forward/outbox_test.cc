// forward/outbox_test.cc - a report as a note, and back.
#include "forward/outbox.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/limits.h"

namespace jwtd::forward {
namespace {

const Xid kXid = *Xid::parse("x-1");

telesign::Report report(const std::string& raw) { return *telesign::parse_callback(raw); }

TEST(OutboxNote, HoldsWhatIsSent) {
  const std::string raw = R"({"reference_id":"AB","external_id":"x-1","body":"tricky,\"body\":1","status":{"code":2401,"description":"ok","updated_on":"2016-10-21T14:05:36Z"}})";
  const store::Note note = outbox_note(kXid, report(raw), 1'500'000'000'123);
  EXPECT_EQ(note.kind, "outbox");
  EXPECT_TRUE(note.key.starts_with("00000001500000000123-msg_")) << note.key;
  const auto value = nlohmann::json::parse(note.value);
  EXPECT_EQ(value.at("xid"), "x-1");
  EXPECT_EQ(value.at("attempts"), 0);
  const auto& body = value.at("body");
  EXPECT_EQ(body.at("type"), "telesign.status");
  EXPECT_EQ(body.at("timestamp"), "2017-07-14T02:40:00.123Z");
  EXPECT_EQ(body.at("data").at("state"), "success");
  EXPECT_EQ(body.at("data").at("callback"), nlohmann::json::parse(raw));

  const std::optional<Delivery> delivery = delivery_of(note);
  ASSERT_TRUE(delivery);
  EXPECT_EQ(nlohmann::json::parse(delivery->body), body);
  EXPECT_EQ(note_of(*delivery, store::kOutboxNote), note);
}

TEST(OutboxNote, OneReportHasOneIdAndOthersHaveOthers) {
  const auto id = [](const Xid& xid, const std::string& raw, UnixMillis now) { return delivery_of(outbox_note(xid, report(raw), now))->id; };
  const std::string one = R"({"status":{"code":1}})", two = R"({"status":{"code":2}})";
  EXPECT_EQ(id(kXid, one, 1), id(kXid, one, 2));
  EXPECT_NE(id(kXid, one, 1), id(kXid, two, 1));
  EXPECT_NE(id(kXid, one, 1), id(*Xid::parse("x-2"), one, 1));
}

TEST(OutboxNote, TheLargestReportHasRoom) {
  const std::string head = R"({"status":{"code":-9223372036854775808,"updated_on":"2016-10-21T14:05:36.123456789+00:00","description":")" + std::string(kMaxDescriptionBytes, 'd') + R"("},"x":")";
  const std::string raw = head + std::string(kMaxReportBytes - head.size() - 2, 'x') + "\"}";
  ASSERT_EQ(raw.size(), kMaxReportBytes);
  const store::Note note = outbox_note(*Xid::parse(std::string(Xid::kMaxSize, 'x')), report(raw), INT64_MAX / 2);
  EXPECT_LE(note.value.size(), kMaxNoteBytes);
  EXPECT_LE(note.key.size(), kMaxNoteKeyBytes);
}

TEST(DeliveryOf, OtherNotesAreNone) {
  for (const char* value : {"", "{}", "x", R"({"id":1,"body":{}})", R"({"id":"a","xid":"b","attempts":-1,"next_at":0,"owner":"","body":{}})"}) {
    EXPECT_EQ(delivery_of({.kind = std::string(store::kOutboxNote), .key = "k", .value = value}), std::nullopt) << value;
  }
}

}  // namespace
}  // namespace jwtd::forward
