// base/uuid7_bench.cc - what the two names of a transaction cost on the hot path.
#include "base/uuid7.h"

#include <benchmark/benchmark.h>

namespace jwtd {
namespace {

void make_xid(benchmark::State& state) {
  XidGenerator make;
  UnixMillis now = 1'500'000'000'000;
  int in_this_millisecond = 0;
  for (auto _ : state) {
    if (++in_this_millisecond == 80) {  // 80,000 a second
      in_this_millisecond = 0;
      ++now;
    }
    benchmark::DoNotOptimize(make.next(now));
  }
}
BENCHMARK(make_xid)->Name("xid_generator_next");

void parse_xid(benchmark::State& state) {
  const std::string text = "11111111-2222-4333-8444-555555555555";
  for (auto _ : state) benchmark::DoNotOptimize(Xid::parse(text));
}
BENCHMARK(parse_xid)->Name("xid_parse");

void parse_phone(benchmark::State& state) {
  const std::string text = "+15555551234";
  for (auto _ : state) benchmark::DoNotOptimize(Phone::parse(text));
}
BENCHMARK(parse_phone)->Name("phone_parse");

}  // namespace
}  // namespace jwtd
