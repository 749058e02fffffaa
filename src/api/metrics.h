// api/metrics.h - GET /metrics: what Prometheus reads.
#pragma once

#include "http/router.h"
#include "metrics/metrics.h"

namespace jwtd::api {

// `metrics` outlives the router.
void add_metrics_route(http::Router& router, const metrics::Metrics& metrics);

}  // namespace jwtd::api
