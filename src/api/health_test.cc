// api/health_test.cc - when a supervisor sees green, and what it is told when not.
#include "api/health.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fakes/call_route.h"

namespace jwtd::api {
namespace {

using fakes::CallRoute;
using testing::HasSubstr;
using testing::Not;

constexpr Code kStoreDown{"store_down", Fault::kUnavailable, "The store is down."};

Status ok() { return {}; }
Status store_down() { return Error(kStoreDown, "/var/lib/jwtd: No space left"); }
Status draining() { return Error(kDraining); }

TEST(Health, AliveIsWhoAnswers) {
  CallRoute call;
  add_health_routes(call.router, {{"store", store_down}});
  EXPECT_EQ(call.get("/livez").status, 200);
  EXPECT_EQ(call.response.body, R"({"status":"ok"})");
  EXPECT_EQ(call.response.content_type, "application/json");
}

TEST(Health, ReadyIsWhoPassesEveryCheck) {
  CallRoute call;
  add_health_routes(call.router, {{"store", ok}, {"keys", ok}});
  EXPECT_EQ(call.get("/readyz").status, 200);
  EXPECT_EQ(call.response.body, R"({"status":"ok","checks":{"store":{"ok":true,"reason":""},"keys":{"ok":true,"reason":""}}})");
  EXPECT_EQ(call.response.error_id, "");
}

TEST(Health, OneFailedCheckIsEnoughAndAllAreShown) {
  CallRoute call;
  add_health_routes(call.router, {{"keys", ok}, {"store", store_down}, {"draining", draining}});
  EXPECT_EQ(call.get("/readyz").status, 503);
  EXPECT_EQ(call.response.content_type, "application/json");
  EXPECT_EQ(call.response.body,
            R"({"status":"failing","checks":{"keys":{"ok":true,"reason":""},"store":{"ok":false,"reason":"store_down"},)"
            R"("draining":{"ok":false,"reason":"draining"}}})");
  EXPECT_EQ(call.response.error_id, "store_down");
}

TEST(Health, ACheckThatDoesNotDecideIsShownAndNothingMore) {
  CallRoute call;
  add_health_routes(call.router, {{"limits", store_down, false}, {"keys", ok}});
  EXPECT_EQ(call.get("/readyz").status, 200);
  EXPECT_EQ(call.response.body, R"({"status":"ok","checks":{"limits":{"ok":false,"reason":"store_down"},"keys":{"ok":true,"reason":""}}})");
}

TEST(Health, PathsOfTheMachineAreNotShown) {
  CallRoute call;
  add_health_routes(call.router, {{"store", store_down}});
  EXPECT_THAT(call.get("/readyz").body, Not(HasSubstr("/var/lib")));
}

TEST(Health, ChecksAreMadeAfreshForEachAnswer) {
  static bool is_draining;
  is_draining = false;
  CallRoute call;
  add_health_routes(call.router, {{"draining", []() -> Status { return is_draining ? draining() : ok(); }}});
  EXPECT_EQ(call.get("/readyz").status, 200);
  is_draining = true;
  EXPECT_EQ(call.get("/readyz").status, 503);
  is_draining = false;
  EXPECT_EQ(call.get("/readyz").status, 200);
}

TEST(Health, NoAnswerIsCached) {
  CallRoute call;
  add_health_routes(call.router, {});
  EXPECT_THAT(call.get("/livez").fields, HasSubstr("Cache-Control: no-store\r\n"));
  EXPECT_THAT(call.get("/readyz").fields, HasSubstr("Cache-Control: no-store\r\n"));
}

}  // namespace
}  // namespace jwtd::api
