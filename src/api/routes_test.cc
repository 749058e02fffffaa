// api/routes_test.cc - all routes with all scopes: without a key 401, with another scope 403, with the right one anything else.
#include "api/routes.h"

#include <gmock/gmock.h>

#include "api/callback_queue.h"
#include "api/callbacks.h"
#include "api/erasure.h"
#include "api/health.h"
#include "api/judging_for_tests.h"
#include "api/metrics.h"
#include "api/ping.h"
#include "api/status.h"
#include "api/token.h"
#include "api/transactions.h"

namespace jwtd::api {
namespace {

constexpr const char* kScopes[] = {"mint", "read", "read:pii", "verify", "verify:explain", "revoke", "callbacks", "admin"};

class NoLimiter final : public limit::Limiter {
 public:
  const std::vector<limit::Rule>& rules() const override { return rules_; }
  Task<limit::Decision> acquire(const ClientKey&, Phone, Monotonic::time_point) override { co_return limit::Decision{}; }

 private:
  std::vector<limit::Rule> rules_;
};

class RoutesTest : public JudgingTest {
 protected:
  RoutesTest() {
    token_.needs_key = true;
    add_token_routes(call_.router, token_);
    add_ping_route(call_.router);
    add_callback_route(call_.router, callbacks_);
    add_transaction_routes(call_.router, transactions_);
    add_status_route(call_.router, status_);
    add_unmatched_route(call_.router, unmatched_);
    add_callback_queue_routes(call_.router, queue_);
    add_erasure_route(call_.router, erasure_);
    add_health_routes(call_.router, {});
    add_metrics_route(call_.router, metrics_);
  }

  // A request that at least matches the route's template.
  int ask(const Route& route, const std::string& authorization, bool head = false) {
    std::string target(route.path);
    for (const auto& [name, value] : {std::pair<std::string_view, std::string_view>{"{phone_number}", "15555551234"}, {"{xid}", "some-xid"}}) {
      if (const auto at = target.find(name); at != std::string::npos) target.replace(at, name.size(), value);
    }
    const http::Response& response = call_.call(head ? http::Method::kHead : route.method, target, authorization, "");
    EXPECT_NE(response.error_id, "not_found") << target << " is in the table, and nobody answers it";
    EXPECT_NE(response.error_id, "method_not_allowed") << target;
    return response.status;
  }

  static std::string name(access::Scope scope) { return access::Caller{"x", static_cast<std::uint8_t>(scope), "", ""}.scope_names().at(0); }

  jose::HmacKey key_ = jose::golden::key();
  issue::Issuer issuer_{{"CUSTOMER", std::chrono::seconds(90), std::chrono::seconds(10)}, key_, lane_};
  NoLimiter limiter_;
  TokenContext token_{issuer_, limiter_, callers_};
  store::ReadPool polls_{{.threads = 1, .deadline = std::chrono::hours(1)}};
  timeline::UnmatchedCount count_{0};
  timeline::Placing placing_{store_, reads_, lane_, count_, {}};
  telesign::CallbackCheck signature_{"CUSTOMER", {&key_, 1}};
  CallbackContext callbacks_{placing_, signature_, nullptr, {}};
  AdminContext unmatched_{store_, reads_, callers_};
  CallbackQueueContext queue_{{store_, reads_, callers_}, lane_};
  StatusContext status_{{store_, reads_, callers_}, polls_, placing_, {}};
  ErasureContext erasure_{{store_, reads_, callers_}, lane_, std::chrono::seconds(0)};
  TransactionsContext transactions_{{store_, reads_, callers_}};
  metrics::Metrics metrics_{"test"};
};

TEST_F(RoutesTest, EveryRouteWithEveryScope) {
  std::size_t guarded = 0;
  for (const Route& route : kRoutes) {
    if (!route.scope) continue;
    ++guarded;
    for (const bool head : {false, true}) {
      if (head && route.method != http::Method::kGet) continue;
      EXPECT_EQ(ask(route, "", head), 401) << route.path;
      EXPECT_EQ(ask(route, "Bearer jwtd_" + std::string(43, 'A'), head), 401) << route.path;
      for (const char* scope : kScopes) {
        const int status = ask(route, bearer(scope), head);
        if (scope == name(*route.scope)) {
          EXPECT_NE(status, 401) << route.path << ' ' << scope;
          EXPECT_NE(status, 403) << route.path << ' ' << scope;
        } else {
          EXPECT_EQ(status, 403) << route.path << ' ' << scope;
        }
      }
    }
  }
  EXPECT_GE(guarded, 13u);
}

TEST_F(RoutesTest, RoutesWithoutAScopeAskForNoCallerKey) {
  for (const Route& route : kRoutes) {
    if (route.scope) continue;
    const int status = ask(route, "");
    if (route.path == "/v1/callbacks/telesign") EXPECT_EQ(status, 401) << "of the provider it wants a signature";
    else EXPECT_EQ(status, 200) << route.path;
  }
}

TEST_F(RoutesTest, OnlyWhatMintsMayBeOpenBySetting) {
  token_.needs_key = false;
  for (const Route& route : kRoutes) {
    if (!route.scope) continue;
    EXPECT_EQ(route.open_by_setting, route.scope == access::Scope::kMint) << route.path;
    const int status = ask(route, "");
    if (route.open_by_setting) EXPECT_NE(status, 401) << route.path;
    else EXPECT_EQ(status, 401) << route.path;
  }
}

TEST_F(RoutesTest, NoLineStandsTwice) {
  for (const Route& a : kRoutes) {
    int lines = 0;
    for (const Route& b : kRoutes) lines += a.method == b.method && a.path == b.path;
    EXPECT_EQ(lines, 1) << a.path;
  }
}

TEST(AddRouteDeathTest, ARouteWithoutALineCannotBeServed) {
  http::Router router;
  EXPECT_DEATH(add_route(router, http::Method::kGet, "/v1/secret", {}), "");
}

}  // namespace
}  // namespace jwtd::api
