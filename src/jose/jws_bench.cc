// jose/jws_bench.cc - what one token costs: the signature alone, the whole token, and verifying it.
#include "jose/jws.h"

#include <benchmark/benchmark.h>
#include <openssl/hmac.h>

#include "jose/golden_for_tests.h"

namespace jwtd::jose {
namespace {

Algorithm algorithm_of(const benchmark::State& state) { return static_cast<Algorithm>(state.range(0)); }

void label(benchmark::State& state) { state.SetLabel(std::string(name_of(algorithm_of(state)))); }

void BM_Sign(benchmark::State& state) {
  HmacSigner signer = golden::key(algorithm_of(state)).signer();
  const std::string token = golden::token();
  const std::string_view input = std::string_view(token).substr(0, token.rfind('.'));
  unsigned char out[64];
  for (auto _ : state) {
    signer.sign(input, out);
    benchmark::DoNotOptimize(out);
  }
  label(state);
}
BENCHMARK(BM_Sign)->DenseRange(0, 2);

void BM_Issue(benchmark::State& state) {
  HmacSigner signer = golden::key(algorithm_of(state)).signer();
  const Claims claims = golden::claims();
  for (auto _ : state) benchmark::DoNotOptimize(issue(signer, claims));
  label(state);
}
BENCHMARK(BM_Issue)->DenseRange(0, 2);

void BM_Compact(benchmark::State& state) {
  const Claims claims = golden::claims();
  const std::string signature(signature_octets(algorithm_of(state)), 's');
  for (auto _ : state) benchmark::DoNotOptimize(compact(algorithm_of(state), claims, signature));
  label(state);
}
BENCHMARK(BM_Compact)->DenseRange(0, 2);

void BM_Verify(benchmark::State& state) {
  const HmacKey key = golden::key(algorithm_of(state));
  HmacSigner signer = key.signer();
  const std::string token = issue(signer, golden::claims());
  const Policy policy{std::string(golden::kIssuer), std::chrono::seconds(0)};
  for (auto _ : state) benchmark::DoNotOptimize(verify(token, key, policy, golden::kIat + 10));
  label(state);
}
BENCHMARK(BM_Verify)->DenseRange(0, 2);

// JwsReader and the checks of the claims: what a server does with each token. Compare with BM_Sign: the same octets under OpenSSL's HMAC alone.
void BM_ReadAndCheck(benchmark::State& state) {
  const HmacKey key = golden::key(algorithm_of(state));
  HmacSigner signer = key.signer();
  JwsReader reader(key);
  const std::string token = issue(signer, golden::claims());
  const Policy policy{std::string(golden::kIssuer), std::chrono::seconds(0)};
  SignedClaims claims;
  for (auto _ : state) {
    const Status read = reader.read(token, claims);
    bool valid = read && check_claims(claims, policy, golden::kIat + 10);
    benchmark::DoNotOptimize(valid);
  }
  label(state);
}
BENCHMARK(BM_ReadAndCheck)->DenseRange(0, 2);

// The same for a token of another library's: the strict reader.
void BM_ReadAnyForm(benchmark::State& state) {
  const HmacKey key = golden::key();
  JwsReader reader(key);
  const std::string token = golden::token_of_old_pyjwt();
  SignedClaims claims;
  for (auto _ : state) {
    bool read = reader.read(token, claims).has_value();
    benchmark::DoNotOptimize(read);
  }
}
BENCHMARK(BM_ReadAnyForm);

// OpenSSL's one-shot function, as a program that calls it for each token does.
void BM_OpenSslOneShot(benchmark::State& state) {
  const std::string token = golden::token();
  const Secret key = golden::key_octets();
  const std::string_view input = std::string_view(token).substr(0, token.rfind('.'));
  unsigned char out[64];
  for (auto _ : state) {
    unsigned size = sizeof out;
    HMAC(EVP_sha256(), key.expose().data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(input.data()), input.size(), out, &size);
    benchmark::DoNotOptimize(out);
  }
}
BENCHMARK(BM_OpenSslOneShot);

void BM_MakeSigner(benchmark::State& state) {
  const HmacKey key = golden::key(algorithm_of(state));
  for (auto _ : state) benchmark::DoNotOptimize(key.signer());
  label(state);
}
BENCHMARK(BM_MakeSigner)->DenseRange(0, 2);

}  // namespace
}  // namespace jwtd::jose
