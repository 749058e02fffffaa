// api/metrics.cc - Prometheus' text as an answer.
#include "api/metrics.h"

#include "api/routes.h"

namespace jwtd::api {
namespace {

Task<void> show(const metrics::Metrics& metrics, http::Response& response) {
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  response.add_field("Cache-Control", "no-store");
  response.body = metrics.render();
  co_return;
}

}  // namespace

void add_metrics_route(http::Router& router, const metrics::Metrics& metrics) {
  add_route(router, http::Method::kGet, "/metrics",
             [&metrics](const http::Request&, http::Response& response) { return show(metrics, response); });
}

}  // namespace jwtd::api
