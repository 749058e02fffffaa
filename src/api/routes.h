// api/routes.h - every route and the scope that it needs, in one table. What has no line here cannot be served; who has no scope for it is refused.
//
// A new route: its line in kRoutes, add_route() in its add_..._routes(), and admit() as the first thing that its endpoint does. routes_test.cc walks
// all routes with all scopes.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "access/snapshot.h"
#include "base/result.h"
#include "http/router.h"

namespace jwtd::api {

enum class Listener : std::uint8_t { kPublic, kAdmin };

struct Route {
  Listener listener;
  http::Method method;
  std::string_view path;               // template
  std::optional<access::Scope> scope;  // nullopt: nobody has to say who he is
  bool open_by_setting = false;        // auth.mint = "open", the default: the scope is not asked for
};

inline constexpr Route kRoutes[] = {
    {Listener::kPublic, http::Method::kGet, "/v1/token/{phone_number}", access::Scope::kMint, true},
    {Listener::kPublic, http::Method::kGet, "/v1/token/{phone_number}/{xid}", access::Scope::kMint, true},
    {Listener::kPublic, http::Method::kPost, "/v1/tokens", access::Scope::kMint, true},
    {Listener::kPublic, http::Method::kGet, "/ping", std::nullopt},
    {Listener::kPublic, http::Method::kPost, "/v1/callbacks/telesign", std::nullopt},  // signed by the provider
    {Listener::kAdmin, http::Method::kGet, "/v1/transactions/{xid}", access::Scope::kRead},
    {Listener::kAdmin, http::Method::kGet, "/v1/transactions", access::Scope::kRead},
    {Listener::kAdmin, http::Method::kDelete, "/v1/transactions", access::Scope::kAdmin},
    {Listener::kAdmin, http::Method::kGet, "/v1/transactions/{xid}/status", access::Scope::kRead},
    {Listener::kAdmin, http::Method::kPost, "/v1/transactions/{xid}/consume", access::Scope::kVerify},
    {Listener::kAdmin, http::Method::kPost, "/v1/verify", access::Scope::kVerify},
    {Listener::kAdmin, http::Method::kPost, "/v1/introspect", access::Scope::kVerify},
    {Listener::kAdmin, http::Method::kPost, "/v1/revoke", access::Scope::kRevoke},
    {Listener::kAdmin, http::Method::kPost, "/v1/revocations", access::Scope::kRevoke},
    {Listener::kAdmin, http::Method::kGet, "/v1/callbacks", access::Scope::kCallbacks},
    {Listener::kAdmin, http::Method::kGet, "/livez", std::nullopt},
    {Listener::kAdmin, http::Method::kGet, "/readyz", std::nullopt},
    {Listener::kAdmin, http::Method::kGet, "/metrics", std::nullopt},
};

// As Router::add(). A route without a line in kRoutes is a broken invariant: the program stops.
void add_route(http::Router& router, http::Method method, std::string_view path, http::Endpoint endpoint);

// Who asks: stays good while it is held, whatever becomes of the callers file.
class Asker {
 public:
  Asker(std::shared_ptr<const access::Callers> callers, const access::Caller& caller) : callers_(std::move(callers)), caller_(&caller) {}
  const access::Caller* operator->() const { return caller_; }

 private:
  std::shared_ptr<const access::Callers> callers_;
  const access::Caller* caller_;
};

// The caller of a request to a route that needs a scope, which is the table's. Fails with what Callers::authenticate() fails with.
Result<Asker> admit(const access::Snapshot& callers, const http::Request& request);

}  // namespace jwtd::api
