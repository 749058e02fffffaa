// api/health.cc - runs the checks and shows each.
#include "api/health.h"

#include <memory>

#include <nlohmann/json.hpp>

#include "api/answer.h"
#include "api/routes.h"

namespace jwtd::api {
namespace {

using http::Request;
using http::Response;
using Json = nlohmann::ordered_json;

Task<void> livez(Response& response) {
  answer_text(response, R"({"status":"ok"})");
  co_return;
}

Task<void> readyz(const std::vector<Check>& checks, Response& response) {
  Json shown = Json::object();
  for (const Check& check : checks) {
    const Status status = check.run();
    shown[check.name] = {{"ok", status.has_value()}, {"reason", status ? "" : status.error().code().id}};
    if (status || !check.decides || response.status == 503) continue;
    response.status = 503;
    response.error_id = status.error().code().id;
  }
  answer(response, {{"status", response.status == 200 ? "ok" : "failing"}, {"checks", std::move(shown)}});
  co_return;
}

}  // namespace

void add_health_routes(http::Router& router, std::vector<Check> checks) {
  add_route(router, http::Method::kGet, "/livez", [](const Request&, Response& response) { return livez(response); });
  // Shared, because a std::function and with it the endpoint may be copied while a task still reads the checks.
  const auto kept = std::make_shared<const std::vector<Check>>(std::move(checks));
  add_route(router, http::Method::kGet, "/readyz", [kept](const Request&, Response& response) { return readyz(*kept, response); });
}

}  // namespace jwtd::api
