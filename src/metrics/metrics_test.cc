// metrics/metrics_test.cc - what is counted, under which names, and that no caller can make the list grow.
#include "metrics/metrics.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <string>
#include <thread>
#include <vector>

#include "metrics/process.h"

namespace jwtd::metrics {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kTokenRoute = "/v1/token/{phone_number}";

// The value of one sample, by its exact line start; -1 when it is not there.
double sample(const std::string& text, const std::string& series) {
  const auto at = ("\n" + text).find("\n" + series + " ");
  return at == std::string::npos ? -1 : std::stod(text.substr(at + series.size() + 1));
}

TEST(Metrics, RequestsAreCountedByListenerRouteAndStatus) {
  Metrics metrics("0.1.0");
  LoopMetrics& loop = metrics.add_loop();
  loop.request(Listener::kPublic, kTokenRoute, 200, 80us);
  loop.request(Listener::kPublic, kTokenRoute, 200, 80us);
  loop.request(Listener::kPublic, kTokenRoute, 429, 10us);
  loop.request(Listener::kAdmin, "/livez", 200, 10us);
  const std::string text = metrics.render();
  EXPECT_EQ(sample(text, R"(jwtd_http_requests_total{listener="public",route="/v1/token/{phone_number}",status="200"})"), 2);
  EXPECT_EQ(sample(text, R"(jwtd_http_requests_total{listener="public",route="/v1/token/{phone_number}",status="429"})"), 1);
  EXPECT_EQ(sample(text, R"(jwtd_http_requests_total{listener="admin",route="/livez",status="200"})"), 1);
}

TEST(Metrics, TheSameRouteOfTwoListenersIsTwoSeries) {
  Metrics metrics("0.1.0");
  LoopMetrics& loop = metrics.add_loop();
  const std::string_view route = "/ping";
  loop.request(Listener::kPublic, route, 200, 1us);
  loop.request(Listener::kAdmin, route, 200, 1us);
  loop.request(Listener::kAdmin, route, 200, 1us);
  const std::string text = metrics.render();
  EXPECT_EQ(sample(text, R"(jwtd_http_requests_total{listener="public",route="/ping",status="200"})"), 1);
  EXPECT_EQ(sample(text, R"(jwtd_http_requests_total{listener="admin",route="/ping",status="200"})"), 2);
}

TEST(Metrics, LoopsAreAddedUp) {
  Metrics metrics("0.1.0");
  const std::string one_router(kTokenRoute), other_router(kTokenRoute);  // each loop has a router of its own
  metrics.add_loop().request(Listener::kPublic, one_router, 200, 1us);
  metrics.add_loop().request(Listener::kPublic, other_router, 200, 1us);
  EXPECT_EQ(sample(metrics.render(), R"(jwtd_http_requests_total{listener="public",route="/v1/token/{phone_number}",status="200"})"), 2);
}

TEST(Metrics, ARouteIsKnownByItsTextWhereverItStands) {
  LoopMetrics loop;
  const std::string one(kTokenRoute), other(kTokenRoute);
  loop.request(Listener::kPublic, one, 200, 1us);
  loop.request(Listener::kPublic, other, 200, 1us);
  loop.request(Listener::kPublic, one, 200, 1us);
  ASSERT_EQ(loop.route_count(), 1u);
  EXPECT_EQ(loop.route(0).by_status[0].get(), 3u);
}

TEST(Metrics, WhatWasNotRoutedCountsAsNone) {
  Metrics metrics("0.1.0");
  metrics.add_loop().request(Listener::kPublic, "", 404, 1us);
  EXPECT_EQ(sample(metrics.render(), R"(jwtd_http_requests_total{listener="public",route="none",status="404"})"), 1);
}

TEST(Metrics, StatusesOutsideTheListShareOneSeries) {
  Metrics metrics("0.1.0");
  LoopMetrics& loop = metrics.add_loop();
  for (const int status : {-1, 0, 299, 599, 600, 1 << 30}) loop.request(Listener::kPublic, "/ping", status, 1us);
  EXPECT_EQ(sample(metrics.render(), R"(jwtd_http_requests_total{listener="public",route="/ping",status="other"})"), 6);
}

TEST(Metrics, RoutesBeyondTheBoundShareOneSeries) {
  LoopMetrics loop;
  std::vector<std::string> routes;
  for (std::size_t i = 0; i < kMaxRouteSeries + 10; ++i) routes.push_back("/route-with-a-long-name/" + std::to_string(i));
  for (const auto& route : routes) loop.request(Listener::kPublic, route, 200, 1us);
  ASSERT_EQ(loop.route_count(), kMaxRouteSeries);
  EXPECT_EQ(loop.route(kMaxRouteSeries - 1).route, "other");
  EXPECT_EQ(loop.route(kMaxRouteSeries - 1).by_status[0].get(), 11u);
}

TEST(Metrics, ADurationFallsIntoTheBucketWhoseBoundItDoesNotPass) {
  Metrics metrics("0.1.0");
  LoopMetrics& loop = metrics.add_loop();
  loop.request(Listener::kPublic, "/ping", 200, 500us);
  loop.request(Listener::kPublic, "/ping", 200, 501us);
  loop.request(Listener::kPublic, "/ping", 200, 3s);
  const std::string text = metrics.render();
  const std::string series = R"(jwtd_http_request_duration_seconds_bucket{listener="public",route="/ping",le=")";
  EXPECT_EQ(sample(text, series + "0.0005\"}"), 1);
  EXPECT_EQ(sample(text, series + "0.001\"}"), 2);
  EXPECT_EQ(sample(text, series + "2.5\"}"), 2);
  EXPECT_EQ(sample(text, series + "+Inf\"}"), 3);
  EXPECT_EQ(sample(text, R"(jwtd_http_request_duration_seconds_count{listener="public",route="/ping"})"), 3);
  EXPECT_NEAR(sample(text, R"(jwtd_http_request_duration_seconds_sum{listener="public",route="/ping"})"), 3.001001, 1e-9);
}

TEST(Metrics, TheBucketsAreTheOnesThatAreDocumented) {
  Metrics metrics("0.1.0");
  metrics.add_loop().request(Listener::kPublic, "/ping", 200, 1us);
  const std::string text = metrics.render();
  for (const char* bound : {"0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5"})
    EXPECT_THAT(text, HasSubstr(std::string("le=\"") + bound + "\"} 1\n"));
}

TEST(Metrics, OutcomesOfMintingAreThereBeforeTheFirstToken) {
  Metrics metrics("0.1.0");
  LoopMetrics& loop = metrics.add_loop();
  loop.minted(Minted::kInserted);
  loop.minted(Minted::kInserted);
  loop.minted(Minted::kConflict);
  const std::string text = metrics.render();
  EXPECT_EQ(sample(text, R"(jwtd_tokens_total{outcome="inserted"})"), 2);
  EXPECT_EQ(sample(text, R"(jwtd_tokens_total{outcome="reissued"})"), 0);
  EXPECT_EQ(sample(text, R"(jwtd_tokens_total{outcome="reused"})"), 0);
  EXPECT_EQ(sample(text, R"(jwtd_tokens_total{outcome="conflict"})"), 1);
}

TEST(Metrics, RefusalsAreCountedByRule) {
  Metrics metrics("0.1.0");
  LoopMetrics &one = metrics.add_loop(), &other = metrics.add_loop();
  one.limited("per-client");
  other.limited("per-client");
  other.limited("all");
  const std::string text = metrics.render();
  EXPECT_EQ(sample(text, R"(jwtd_limit_refusals_total{rule="per-client"})"), 2);
  EXPECT_EQ(sample(text, R"(jwtd_limit_refusals_total{rule="all"})"), 1);
}

TEST(Metrics, RulesBeyondTheBoundShareOneSeries) {
  LoopMetrics loop;
  for (std::size_t i = 0; i < kMaxRuleSeries + 3; ++i) loop.limited("rule-" + std::to_string(i));
  ASSERT_EQ(loop.rule_count(), kMaxRuleSeries);
  EXPECT_EQ(loop.rule(kMaxRuleSeries - 1).rule, "other");
  EXPECT_EQ(loop.rule(kMaxRuleSeries - 1).refused.get(), 4u);
}

TEST(Metrics, CallbacksAreReadAtEachRendering) {
  Metrics metrics("0.1.0");
  double batches = 1;
  metrics.counter("jwtd_commit_batches_total", "Batches.", {}, [&] { return batches; });
  EXPECT_EQ(sample(metrics.render(), "jwtd_commit_batches_total"), 1);
  batches = 16'777'217;  // one more than a float holds
  EXPECT_THAT(metrics.render(), HasSubstr("\njwtd_commit_batches_total 16777217\n"));
}

TEST(Metrics, OneNameWithSeveralLabelsIsOneFamily) {
  Metrics metrics("0.1.0");
  metrics.gauge("jwtd_connections", "Open connections.", {{"listener", "public"}}, [] { return 5.0; });
  metrics.gauge("jwtd_commit_queue_records", "Waiting.", {}, [] { return 0.0; });
  metrics.gauge("jwtd_connections", "Open connections.", {{"listener", "admin"}}, [] { return 1.0; });
  const std::string text = metrics.render();
  EXPECT_EQ(sample(text, R"(jwtd_connections{listener="public"})"), 5);
  EXPECT_EQ(sample(text, R"(jwtd_connections{listener="admin"})"), 1);
  EXPECT_EQ(text.find("# TYPE jwtd_connections gauge"), text.rfind("# TYPE jwtd_connections gauge"));
}

TEST(Metrics, AnUnknownValueIsLeftOut) {
  Metrics metrics("0.1.0");
  metrics.gauge("jwtd_tls_certificate_expiry_seconds", "Expiry.", {}, [] { return std::nan(""); });
  EXPECT_THAT(metrics.render(), Not(HasSubstr("jwtd_tls_certificate_expiry_seconds")));
}

TEST(Metrics, TheVersionIsALabel) {
  EXPECT_EQ(sample(Metrics("0.1.0").render(), R"(jwtd_build_info{version="0.1.0"})"), 1);
}

TEST(Metrics, TheProcessTellsAboutItself) {
  const std::string text = Metrics("0.1.0").render();
  EXPECT_GT(sample(text, "process_resident_memory_bytes"), 1e6);
  EXPECT_GT(sample(text, "process_cpu_seconds_total"), 0);
  EXPECT_GE(sample(text, "process_open_fds"), 3);
  EXPECT_GE(sample(text, "process_max_fds"), sample(text, "process_open_fds"));
  EXPECT_GT(sample(text, "process_start_time_seconds"), 1.6e9);
}

TEST(Metrics, OpenDescriptorsAreCountedExactly) {
  const auto asked_one_by_one = [] {
    int count = 0;
    for (int fd = 0; fd < 4096; ++fd) count += fcntl(fd, F_GETFD) != -1;
    return count;
  };
  EXPECT_EQ(process_open_fds(), asked_one_by_one());
  const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  ASSERT_GE(fd, 0);
  EXPECT_EQ(process_open_fds(), asked_one_by_one());
  close(fd);
}

TEST(Metrics, RenderingWhileALoopCountsLosesNothing) {
  Metrics metrics("0.1.0");
  LoopMetrics& loop = metrics.add_loop();
  std::vector<std::string> routes;
  for (int i = 0; i < 20; ++i) routes.push_back("/a-route-that-needs-its-own-memory/" + std::to_string(i));
  std::thread writer([&] {
    for (int i = 0; i < 20'000; ++i) loop.request(Listener::kPublic, routes[static_cast<std::size_t>(i % 1000 / 50)], 200, 1us);
  });
  for (int i = 0; i < 20; ++i) EXPECT_THAT(metrics.render(), HasSubstr("jwtd_tokens_total"));
  writer.join();
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < loop.route_count(); ++i) sum += loop.route(i).by_status[0].get();
  EXPECT_EQ(sum, 20'000u);
}

}  // namespace
}  // namespace jwtd::metrics
