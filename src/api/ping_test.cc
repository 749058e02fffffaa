// api/ping_test.cc - the sample's answer, octet for octet.
#include "api/ping.h"

#include <gtest/gtest.h>

#include "tests/fakes/call_route.h"

namespace jwtd::api {
namespace {

using fakes::CallRoute;

TEST(Ping, TheAnswerIsTheSamples) {
  CallRoute call;
  add_ping_route(call.router, [] { return std::int64_t{1'500'000'000'123'456}; });
  const auto& response = call.get("/ping");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.content_type, "application/json");
  EXPECT_EQ(response.body, R"({"pinged_on":"2017-07-14T02:40:00.123456","errors":[{"id":0,"description":""}]})");
  EXPECT_NE(response.fields.find("Allow: GET\r\n"), std::string::npos);
}

TEST(Ping, MicrosecondsAlwaysHaveSixDigits) {
  CallRoute call;
  add_ping_route(call.router, [] { return std::int64_t{1'500'000'000'000'007}; });
  EXPECT_EQ(call.get("/ping").body, R"({"pinged_on":"2017-07-14T02:40:00.000007","errors":[{"id":0,"description":""}]})");
}

}  // namespace
}  // namespace jwtd::api
