// metrics/metrics_bench.cc - what counting costs a request, and what a rendering costs the loop that does it.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "metrics/metrics.h"

namespace {

using namespace std::chrono_literals;
using namespace jwtd::metrics;

void count_one_route(benchmark::State& state) {
  LoopMetrics loop;
  const std::string route = "/v1/token/{phone_number}/{xid}";
  for (auto _ : state) loop.request(Listener::kPublic, route, 200, 700us);
}
BENCHMARK(count_one_route);

void count_many_routes(benchmark::State& state) {
  LoopMetrics loop;
  std::vector<std::string> routes;
  for (int i = 0; i < 12; ++i) routes.push_back("/v1/some-route/{phone_number}/" + std::to_string(i));
  std::size_t next = 0;
  for (auto _ : state) loop.request(Listener::kPublic, routes[next++ % routes.size()], 200, 700us);
}
BENCHMARK(count_many_routes);

void render(benchmark::State& state) {
  Metrics metrics("0.1.0");
  std::vector<std::string> routes;
  for (int i = 0; i < 12; ++i) routes.push_back("/v1/some-route/{phone_number}/" + std::to_string(i));
  for (int l = 0; l < 4; ++l) {
    LoopMetrics& loop = metrics.add_loop();
    for (const auto& route : routes) loop.request(Listener::kPublic, route, 200, 700us);
  }
  for (auto _ : state) benchmark::DoNotOptimize(metrics.render());
}
BENCHMARK(render);

}  // namespace
