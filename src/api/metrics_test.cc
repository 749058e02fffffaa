// api/metrics_test.cc - what Prometheus gets.
#include "api/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fakes/call_route.h"

namespace jwtd::api {
namespace {

TEST(MetricsRoute, TheTextIsLabelledAsPrometheusText) {
  metrics::Metrics metrics("0.1.0");
  fakes::CallRoute call;
  add_metrics_route(call.router, metrics);
  const auto& response = call.get("/metrics");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_THAT(response.body, testing::HasSubstr("jwtd_build_info{version=\"0.1.0\"} 1\n"));
}

}  // namespace
}  // namespace jwtd::api
