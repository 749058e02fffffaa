// limit/local_limiter_bench.cc - what one decision costs: one client, many clients, several rates, several threads.
#include <benchmark/benchmark.h>

#include <cstring>
#include <memory>

#include "limit/local_limiter.h"

namespace jwtd::limit {
namespace {

using namespace std::chrono_literals;

Rate rate(std::uint32_t count, std::chrono::seconds period) { return Rate{count, period, count}; }

std::vector<Rule> rules(int count) {
  std::vector<Rule> out{Rule{"client", KeyKind::kClient, {rate(1'000'000'000, 1s)}}};
  if (count > 1) out.push_back(Rule{"phone", KeyKind::kPhone, {rate(5, 60s), rate(100, 3600s)}});
  if (count > 2) out.push_back(Rule{"all", KeyKind::kAll, {rate(1'000'000'000, 1s)}});
  return out;
}

ClientKey client(std::uint64_t number) {
  ClientKey key;
  key.octets[0] = 4;
  std::memcpy(key.octets.data() + 1, &number, 8);
  return key;
}

// Arguments: rules, clients and phones. Time moves by 1 us a decision, read from no clock. Nearly all pass, so nearly all write.
void acquire(benchmark::State& state) {
  static std::unique_ptr<LocalLimiter> limiter;
  if (state.thread_index() == 0) limiter = std::make_unique<LocalLimiter>(rules(static_cast<int>(state.range(0))));
  const auto clients = static_cast<std::uint64_t>(state.range(1));
  std::uint64_t next = static_cast<std::uint64_t>(state.thread_index()) << 40 | 1;
  Monotonic::time_point now{1'000'000s};
  for (auto _ : state) {
    next = next * 6364136223846793005u + 1442695040888963407u;
    now += 1us;
    benchmark::DoNotOptimize(
        limiter->acquire_now(client((next >> 33) % clients), *Phone::unpack(15'550'000'000 + (next >> 20) % (10 * clients)), now));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(acquire)
    ->ArgNames({"rules", "clients"})
    ->Args({1, 1})
    ->Args({1, 100'000})
    ->Args({1, 10'000'000})
    ->Args({2, 100'000})
    ->Args({3, 100'000});
BENCHMARK(acquire)->ArgNames({"rules", "clients"})->Args({1, 100'000})->Args({3, 100'000})->Threads(2)->UseRealTime();

}  // namespace
}  // namespace jwtd::limit
