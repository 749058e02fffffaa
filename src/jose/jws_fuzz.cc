// jose/jws_fuzz.cc - any octets as a token, and as the claims of a token that is rightly signed: nothing crashes, and what is called valid
// is exactly what the key signs.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "jose/golden_for_tests.h"
#include "jose/jws.h"
#include "jose/own_form.h"

namespace {

using namespace jwtd;

constexpr UnixSeconds kNow = jose::golden::kIat + 10;

std::string signed_token(const jose::HmacKey& key, std::string_view header, std::string_view claims) {
  std::string token;
  base64url_append(header, token);
  token += '.';
  base64url_append(claims, token);
  unsigned char signature[64];
  const std::size_t size = key.signer().sign(token, signature);
  token += '.';
  base64url_append({reinterpret_cast<const char*>(signature), size}, token);
  return token;
}

void must(bool ok) {
  if (!ok) std::abort();
}

void check(const jose::HmacKey& key, std::string_view token) {
  const auto shown = jose::inspect(token);
  const auto jws = jose::verify(token, key, jose::Policy{}, kNow);
  if (!jws) return;
  must(shown && shown->header_json == jws->header_json && shown->claims_json == jws->claims_json);
  must(jose::signature_matches(token, key));
  must(jws->iat <= kNow && jws->exp >= kNow);
  must(signed_token(key, jws->header_json, jws->claims_json) == token);  // one token has one text
}

// What the quick reader takes the strict one reads too, and the same.
void check_own_form(const jose::HmacKey& key, std::string_view claims) {
  jose::SignedClaims quick, strict;
  if (!jose::read_own_claims(claims, quick)) return;
  jose::HmacSigner signer = key.signer();
  must(jose::read_any_form(signed_token(key, R"({"alg":"HS256"})", claims), signer, key.kid(), strict).has_value());
  must(quick.iss == strict.iss && quick.phn == strict.phn && quick.xid == strict.xid && quick.iat == strict.iat && quick.exp == strict.exp);
  must(!strict.nbf && !strict.has_aud);
}

// A signature that the quick reader calls wrong is wrong to the strict one.
void check_wrong_signature(const jose::HmacKey& key, std::string_view token) {
  jose::HmacSigner signer = key.signer();
  jose::SignedClaims claims;
  if (jose::read_own_form(token, signer, claims) != jose::OwnForm::kWrongSignature) return;
  const Status strict = jose::read_any_form(token, signer, key.kid(), claims);
  must(!strict && strict.error().is(jose::kSignatureInvalid));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size) {
  static const jose::HmacKey key = jose::golden::key();
  const std::string_view input(reinterpret_cast<const char*>(octets), size);
  check(key, input);
  check_wrong_signature(key, input);
  check_wrong_signature(key, std::string(jose::encoded_header(key.algorithm())) + '.' + std::string(input));
  check(key, signed_token(key, R"({"alg":"HS256"})", input));
  check(key, signed_token(key, input, jose::golden::kClaimsText));
  check_own_form(key, input);
  return 0;
}
