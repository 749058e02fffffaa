// base/base64_bench.cc - base64url at the sizes of a token's parts.
#include <benchmark/benchmark.h>

#include <string>

#include "base/base64.h"

namespace jwtd {
namespace {

std::string some_octets(std::size_t count) {
  std::string octets;
  for (std::size_t i = 0; i < count; ++i) octets.push_back(static_cast<char>(i * 151 + 7));
  return octets;
}

// 32: an HMAC-SHA256; 170: the claims.
void encode(benchmark::State& state) {
  const std::string in = some_octets(static_cast<std::size_t>(state.range(0)));
  char out[1024];
  for (auto _ : state) {
    benchmark::DoNotOptimize(base64url_encode({reinterpret_cast<const unsigned char*>(in.data()), in.size()}, out));
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(encode)->Name("base64url_encode")->Arg(32)->Arg(170)->Arg(512);

void decode(benchmark::State& state) {
  std::string text;
  base64url_append(some_octets(static_cast<std::size_t>(state.range(0))), text);
  for (auto _ : state) benchmark::DoNotOptimize(base64url_decode(text));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(decode)->Name("base64url_decode")->Arg(32)->Arg(170)->Arg(512);

}  // namespace
}  // namespace jwtd
