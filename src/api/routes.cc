// api/routes.cc - the table in use: at start when routes are added, at each request for the scope.
#include "api/routes.h"

#include <cstdlib>

namespace jwtd::api {
namespace {

const Route* find(http::Method method, std::string_view path) {
  const http::Method listed = method == http::Method::kHead ? http::Method::kGet : method;
  for (const Route& route : kRoutes) {
    if (route.method == listed && route.path == path) return &route;
  }
  return nullptr;
}

}  // namespace

void add_route(http::Router& router, http::Method method, std::string_view path, http::Endpoint endpoint) {
  if (!find(method, path)) std::abort();
  router.add(method, path, std::move(endpoint));
}

Result<Asker> admit(const access::Snapshot& callers, const http::Request& request) {
  const Route* const route = find(request.method, request.route);
  if (!route || !route->scope) std::abort();  // an endpoint that asks for what its line does not have
  auto snapshot = callers.get();
  const Result<const access::Caller*> caller = snapshot->authenticate(request.field("authorization"), *route->scope);
  if (!caller) return caller.error();
  return Asker(std::move(snapshot), **caller);
}

}  // namespace jwtd::api
