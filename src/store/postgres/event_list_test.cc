// store/postgres/event_list_test.cc - events to JSON and back, and what is refused.
#include "store/postgres/event_list.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace jwtd::store::postgres {
namespace {

std::string write(const std::vector<Event>& events) {
  std::vector<const Event*> list;
  for (const Event& event : events) list.push_back(&event);
  return write_event_list(list);
}

TEST(EventList, WhatIsWrittenComesBack) {
  std::string octets;
  for (int i = 0; i < 256; ++i) octets.push_back(static_cast<char>(i));
  const std::vector<Event> events{{Event::Type::kVerified, 1, "verified:a\\b\"c", ""},
                                  {Event::Type::kConsumed, INT64_MAX, "consumed", R"({"text":"äöü \u0000 \\x5c"})"},
                                  {Event::Type::kCallback, INT64_MIN, "~", octets}};
  EXPECT_EQ(read_event_list(write(events)), events);
  EXPECT_EQ(read_event_list(write({})), std::vector<Event>());
}

TEST(EventList, IsPlainAsciiForAnyDatabase) {
  const std::string text = write({{Event::Type::kCallback, 1, "k", R"({"text":"äöü \u0000"})"}});
  EXPECT_TRUE(std::all_of(text.begin(), text.end(), [](unsigned char c) { return c >= ' ' && c <= '~'; })) << text;
}

// Statements look for it.
TEST(EventList, ATypeIsSeenInTheTextAndNoTextLooksLikeOne) {
  EXPECT_NE(write({{Event::Type::kRevoked, 1, "revoked", "{}"}}).find(R"("t":4})"), std::string::npos);
  EXPECT_NE(write({{Event::Type::kConsumed, 1, "consumed", "{}"}}).find(R"("t":5})"), std::string::npos);
  EXPECT_EQ(write({{Event::Type::kCallback, 1, R"("t":4})", R"({"k":"","t":4})"}}).find(R"("t":4})"), std::string::npos);
}

TEST(EventList, WhatOthersWroteIsRefused) {
  for (const char* text : {"null", "1", "{}", "[]", ",", R"({"k":"a","t":1,"at":1})", R"({"k":"a","t":0,"at":1,"b":""})", R"({"k":"a","t":256,"at":1,"b":""})",
                           R"({"k":"a","t":1,"at":1.5,"b":""})", R"({"k":"a","t":1,"at":"1","b":""})", R"({"k":1,"t":1,"at":1,"b":""})",
                           R"({"k":"a","t":1,"at":1,"b":"\\q"})", R"({"k":"a","t":1,"at":1,"b":"")", R"({"k":"a","t":1,"at":1,"b":""},)"}) {
    EXPECT_FALSE(read_event_list(text)) << text;
  }
}

}  // namespace
}  // namespace jwtd::store::postgres
