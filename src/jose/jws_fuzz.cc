// jose/jws_fuzz.cc - any octets as a token: nothing crashes, and what is called valid is exactly what the key signs.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "jose/golden_for_tests.h"
#include "jose/jws.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size) {
  using namespace jwtd::jose;
  static const HmacKey key = golden::key();
  const std::string_view token(reinterpret_cast<const char*>(octets), size);

  const auto shown = inspect(token);
  const auto jws = verify(token, key, Policy{}, golden::kIat + 10);
  if (!jws) return 0;

  if (!shown || shown->header_json != jws->header_json || shown->claims_json != jws->claims_json) std::abort();
  if (!signature_matches(token, key) || jws->iat > golden::kIat + 10 || jws->exp < golden::kIat + 10) std::abort();
  // One token has one text: encoding and signing what was read gives it back.
  std::string again;
  jwtd::base64url_append(jws->header_json, again);
  again += '.';
  jwtd::base64url_append(jws->claims_json, again);
  unsigned char signature[64];
  const std::size_t signature_size = key.signer().sign(again, signature);
  again += '.';
  jwtd::base64url_append({reinterpret_cast<const char*>(signature), signature_size}, again);
  if (again != token) std::abort();
  return 0;
}
