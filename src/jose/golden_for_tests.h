// jose/golden_for_tests.h - TeleSign's documentation key and the tokens that it makes (reference/telesign.md 1.5), for tests and benches.
#pragma once

#include <string>
#include <string_view>

#include "base/base64.h"
#include "base/ids.h"
#include "base/secret.h"
#include "jose/claims.h"
#include "jose/hmac.h"

namespace jwtd::jose::golden {

// As the documentation prints it: the hyphens are no base64, and TeleSign's SDKs skip them.
inline constexpr std::string_view kPrintedKey =
    "EXAMPLE----TE8sTgg45yusumoN6BYsBVkh+yRJ5czgsnCehZaOYldPJdmFh6NeX8kunZ2zU1YWaUw/0wV6xfw==";
inline constexpr std::string_view kIssuer = "FFFFFFFF-EEEE-DDDD-1234-AB1234567890";
inline constexpr std::string_view kPhone = "15555551234";
inline constexpr std::string_view kXid = "11111111-2222-4333-8444-555555555555";
inline constexpr UnixSeconds kIat = 1500000000;
inline constexpr UnixSeconds kExp = 1500000090;

inline constexpr std::string_view kClaimsText =
    R"({"iss":"FFFFFFFF-EEEE-DDDD-1234-AB1234567890","iat":1500000000,"exp":1500000090,"phn":"15555551234",)"
    R"("xid":"11111111-2222-4333-8444-555555555555"})";
inline constexpr std::string_view kClaimsPart =
    "eyJpc3MiOiJGRkZGRkZGRi1FRUVFLUREREQtMTIzNC1BQjEyMzQ1Njc4OTAiLCJpYXQiOjE1MDAwMDAwMDAsImV4cCI6MTUwMDAwMDA5MCwicGhuIjoiMTU1NTU1NTEyMzQi"
    "LCJ4aWQiOiIxMTExMTExMS0yMjIyLTQzMzMtODQ0NC01NTU1NTU1NTU1NTUifQ";

inline std::string token() {
  return "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9." + std::string(kClaimsPart) + ".Vti5_Ft4QCI1I7WqNhMNjYe_Z4UGcweceqHFd9KNd8k";
}

// The same claims under a header as PyJWT 1.x ordered it.
inline std::string token_of_old_pyjwt() {
  return "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9." + std::string(kClaimsPart) + ".bTYZaZBN-sG6aJOI7qb2zpm7Q3toQFp0az9SklORnik";
}

inline std::string key_text() {
  std::string text;
  for (const char c : kPrintedKey) {
    if (c != '-') text += c;
  }
  return text;
}

inline Secret key_octets() { return Secret(*base64_decode(key_text())); }
inline HmacKey key(Algorithm algorithm = Algorithm::kHs256) { return *HmacKey::make(algorithm, key_octets()); }
inline Claims claims() { return {kIssuer, kIat, kExp, *Phone::parse(kPhone), *Xid::parse(kXid)}; }

}  // namespace jwtd::jose::golden
