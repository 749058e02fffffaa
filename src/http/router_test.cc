// http/router_test.cc - which endpoint answers, and what is said when none does.
#include "http/router.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/fakes/run_task.h"

namespace jwtd::http {
namespace {

using testing::HasSubstr;

Task<void> write(Response& response, const char* name) {
  response.body = name;
  co_return;
}

Endpoint answers(const char* name) {
  return [name](const Request&, Response& response) { return write(response, name); };
}

class RouterTest : public testing::Test {
 protected:
  RouterTest() {
    router_.add(Method::kGet, "/v1/token/{phone_number}", answers("token"));
    router_.add(Method::kGet, "/v1/token/{phone_number}/{xid}", answers("token with xid"));
    router_.add(Method::kPost, "/v1/tokens", answers("tokens"));
    router_.add(Method::kGet, "/ping", answers("ping"));
  }

  // The name of the endpoint that answered, or "" when the router did.
  std::string ask(Method method, std::string_view path) {
    request_ = {};
    request_.method = method;
    request_.path = path;
    request_.request_id = "req-1";
    response_.reset();
    const Endpoint* endpoint = router_.route(request_, response_);
    if (!endpoint) return "";
    fakes::FakeLoop loop;
    fakes::run_task(loop, (*endpoint)(request_, response_));
    return response_.body;
  }

  Router router_;
  Request request_;
  Response response_;
};

TEST_F(RouterTest, AnEndpointIsFoundByMethodAndTemplate) {
  EXPECT_EQ(ask(Method::kGet, "/ping"), "ping");
  EXPECT_EQ(ask(Method::kPost, "/v1/tokens"), "tokens");
}

TEST_F(RouterTest, NamesMatchOneRawSegmentEach) {
  EXPECT_EQ(ask(Method::kGet, "/v1/token/%2B1555/a%2Fb"), "token with xid");
  EXPECT_EQ(request_.params[0], "%2B1555");
  EXPECT_EQ(request_.params[1], "a%2Fb");
}

TEST_F(RouterTest, TheRouteIsTheTemplateNotThePath) {
  ask(Method::kGet, "/v1/token/15555551234");
  EXPECT_EQ(request_.route, "/v1/token/{phone_number}");
  ask(Method::kDelete, "/v1/token/15555551234");
  EXPECT_EQ(request_.route, "/v1/token/{phone_number}");
}

TEST_F(RouterTest, AnUnknownPathIs404WithoutARoute) {
  for (const char* path : {"/", "/v1", "/v1/token", "/v1/token/", "/v1/token//x", "/v1/token/1/2/3", "/v1/token/1/", "/v1/token/1//", "/ping/",
                           "//ping", "/PING", "/v1/tokens/x", "/%70ing", "/ping%00"}) {
    EXPECT_EQ(ask(Method::kGet, path), "") << path;
    EXPECT_EQ(response_.status, 404) << path;
    EXPECT_EQ(response_.error_id, "not_found") << path;
    EXPECT_EQ(request_.route, "") << path;
  }
}

TEST_F(RouterTest, A404DoesNotRepeatThePath) {
  ask(Method::kGet, "/v1/token/15555551234/x/y");
  EXPECT_EQ(response_.body.find("15555551234"), std::string::npos);
}

TEST_F(RouterTest, AnUnknownMethodIs405WithAllow) {
  for (const Method method : {Method::kPost, Method::kPut, Method::kDelete, Method::kPatch, Method::kOther}) {
    EXPECT_EQ(ask(method, "/ping"), "");
    EXPECT_EQ(response_.status, 405);
    EXPECT_THAT(response_.fields, HasSubstr("Allow: GET, HEAD, OPTIONS\r\n"));
  }
}

TEST_F(RouterTest, HeadGoesToTheGetEndpoint) { EXPECT_EQ(ask(Method::kHead, "/ping"), "ping"); }

TEST_F(RouterTest, HeadWithoutGetIs405) {
  EXPECT_EQ(ask(Method::kHead, "/v1/tokens"), "");
  EXPECT_EQ(response_.status, 405);
  EXPECT_THAT(response_.fields, HasSubstr("Allow: POST, OPTIONS\r\n"));
}

TEST_F(RouterTest, OptionsIsAnsweredWithAllow) {
  EXPECT_EQ(ask(Method::kOptions, "/v1/token/15555551234"), "");
  EXPECT_EQ(response_.status, 204);
  EXPECT_THAT(response_.fields, HasSubstr("Allow: GET, HEAD, OPTIONS\r\n"));
  EXPECT_EQ(response_.body, "");
}

TEST_F(RouterTest, OptionsForTheWholeServerIsAnswered) {
  EXPECT_EQ(ask(Method::kOptions, "*"), "");
  EXPECT_EQ(response_.status, 204);
}

TEST_F(RouterTest, MethodsOfOneTemplateShareItsAllow) {
  router_.add(Method::kDelete, "/ping", answers("gone"));
  EXPECT_EQ(ask(Method::kDelete, "/ping"), "gone");
  EXPECT_EQ(ask(Method::kGet, "/ping"), "ping");
  ask(Method::kPatch, "/ping");
  EXPECT_THAT(response_.fields, HasSubstr("Allow: GET, HEAD, DELETE, OPTIONS\r\n"));
}

TEST_F(RouterTest, ALiteralThatWasAddedFirstGoesBeforeAName) {
  Router router;
  router.add(Method::kGet, "/a/b", answers("literal"));
  router.add(Method::kGet, "/a/{name}", answers("name"));
  request_.method = Method::kGet;
  request_.path = "/a/b";
  ASSERT_NE(router.route(request_, response_), nullptr);
  EXPECT_EQ(request_.route, "/a/b");
}

}  // namespace
}  // namespace jwtd::http
