// jose/claims_test.cc - the token's text, octet for octet.
#include "jose/claims.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/limits.h"
#include "jose/golden_for_tests.h"

namespace jwtd::jose {
namespace {

std::string issue_golden(Algorithm algorithm) {
  HmacSigner signer = golden::key(algorithm).signer();
  return issue(signer, golden::claims());
}

TEST(Claims, TheGoldenTokenIsReproducedOctetForOctet) { EXPECT_EQ(issue_golden(Algorithm::kHs256), golden::token()); }

// Signatures by Python's hmac over the golden claims.
TEST(Claims, Hs384GivesTheTokenThatPythonGives) {
  EXPECT_EQ(issue_golden(Algorithm::kHs384), "eyJhbGciOiJIUzM4NCIsInR5cCI6IkpXVCJ9." + std::string(golden::kClaimsPart) +
                                                 ".e02C8gQFmKroPdO_RHhqaidBjjD8db448imY24mrnpcUoEEcb--l7L0afLd6Cnj5");
}

TEST(Claims, Hs512GivesTheTokenThatPythonGives) {
  EXPECT_EQ(issue_golden(Algorithm::kHs512),
            "eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9." + std::string(golden::kClaimsPart) +
                ".HXPhQ04vFly8pnPGQzPZWDpcO8QtvgjTPOPVETLDWQmK_xXwN0zNL_oTXbUCLq7nT-G4KRWEb02hEFpsf_BXGQ");
}

TEST(Claims, TheClaimsTextHasFixedOrderAndNoWhiteSpace) { EXPECT_EQ(claims_text(golden::claims()), golden::kClaimsText); }

TEST(Claims, TheEncodedHeaderIsAlgThenTyp) {
  for (const Algorithm algorithm : {Algorithm::kHs256, Algorithm::kHs384, Algorithm::kHs512}) {
    EXPECT_EQ(*base64url_decode(encoded_header(algorithm)), R"({"alg":")" + std::string(name_of(algorithm)) + R"(","typ":"JWT"})");
  }
}

TEST(Claims, ClaimsAndSignatureMakeTheTokenAgain) {
  for (const Algorithm algorithm : {Algorithm::kHs256, Algorithm::kHs384, Algorithm::kHs512}) {
    const std::string token = issue_golden(algorithm);
    const std::string signature = *base64url_decode(std::string_view(token).substr(token.rfind('.') + 1));
    EXPECT_EQ(compact(algorithm, golden::claims(), signature), token);
  }
}

TEST(Claims, TheLongestClaimsFitTheBuffer) {
  const std::string issuer(kMaxIssuerBytes, 'I');
  const std::string xid(Xid::kMaxSize, 'x');
  constexpr UnixSeconds kLow = std::numeric_limits<UnixSeconds>::min();
  const Claims claims{issuer, kLow, kLow, *Phone::parse("999999999999999"), *Xid::parse(xid)};
  EXPECT_EQ(claims_text(claims), R"({"iss":")" + issuer + R"(","iat":-9223372036854775808,"exp":-9223372036854775808,)" +
                                     R"("phn":"999999999999999","xid":")" + xid + R"("})");
}

TEST(Claims, AnIssuerThatIsTooLongStopsTheProgram) {
  const std::string issuer(kMaxIssuerBytes + 1, 'I');
  Claims claims = golden::claims();
  claims.iss = issuer;
  EXPECT_DEATH(claims_text(claims), "");
}

TEST(Claims, AnIssuerNameNeedsNoEscapeInJson) {
  EXPECT_TRUE(is_issuer_name(golden::kIssuer));
  EXPECT_TRUE(is_issuer_name("a b~"));
  EXPECT_TRUE(is_issuer_name(std::string(kMaxIssuerBytes, 'I')));
  EXPECT_FALSE(is_issuer_name(""));
  EXPECT_FALSE(is_issuer_name(std::string(kMaxIssuerBytes + 1, 'I')));
  for (const std::string_view name : {"a\"b", "a\\b", "a\nb", "a\x7f", "\xc3\xa9"}) EXPECT_FALSE(is_issuer_name(name)) << name;
}

}  // namespace
}  // namespace jwtd::jose
