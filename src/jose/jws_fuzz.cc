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

// What the quick reader takes the strict one reads too, and the same. A space behind the brace is nothing to the one and too much for the other.
void check_own_form(const jose::HmacKey& key, std::string_view claims) {
  jose::SignedClaims quick, strict;
  if (!jose::read_own_claims(claims, quick)) return;
  const std::string spaced = "{ " + std::string(claims.substr(1));
  must(jose::JwsReader(key).read(signed_token(key, R"({"alg":"HS256"})", spaced), strict).has_value());
  must(quick.iss == strict.iss && quick.phn == strict.phn && quick.xid == strict.xid && quick.iat == strict.iat && quick.exp == strict.exp);
  must(!strict.nbf && !strict.has_aud);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size) {
  static const jose::HmacKey key = jose::golden::key();
  const std::string_view input(reinterpret_cast<const char*>(octets), size);
  check(key, input);
  check(key, signed_token(key, R"({"alg":"HS256"})", input));
  check(key, signed_token(key, input, jose::golden::kClaimsText));
  check_own_form(key, input);
  return 0;
}
