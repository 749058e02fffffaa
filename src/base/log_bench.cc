// base/log_bench.cc - what one request line costs the thread that serves the request.
#include "base/log.h"

#include <benchmark/benchmark.h>

#include "base/log_line.h"

namespace jwtd {
namespace {

constexpr std::string_view kRequestId = "01890a5d-ac96-774b-bcce-b302099a8057";
constexpr std::string_view kRoute = "/v1/token/{phone_number}/{xid}";

void render(benchmark::State& state) {
  const auto format = static_cast<LogFormat>(state.range(0));
  UnixMillis now = 1'500'000'000'000;
  for (auto _ : state) {
    const LogLine line(format, ++now / 80, LogLevel::kInfo, "request",
                       {{"request_id", kRequestId}, {"method", "GET"}, {"route", kRoute}, {"status", 200}, {"micros", 312}});
    benchmark::DoNotOptimize(line.text());
  }
}
BENCHMARK(render)->Name("log_line_json")->Arg(static_cast<int>(LogFormat::kJson));
BENCHMARK(render)->Name("log_line_text")->Arg(static_cast<int>(LogFormat::kText));

void write(benchmark::State& state) {
  const auto log = Log::open({.format = LogFormat::kJson, .level = LogLevel::kInfo, .file = "/dev/null"}).value();
  for (auto _ : state) {
    log->info("request", {{"request_id", kRequestId}, {"method", "GET"}, {"route", kRoute}, {"status", 200}, {"micros", 312}});
  }
  state.counters["dropped"] = static_cast<double>(log->dropped());
}
BENCHMARK(write)->Name("log_write");

}  // namespace
}  // namespace jwtd
