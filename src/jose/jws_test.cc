// jose/jws_test.cc - every check of verify(), with the numbers that it tells.
#include "jose/jws.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"
#include "jose/golden_for_tests.h"

namespace jwtd::jose {
namespace {

using testing::HasSubstr;

constexpr UnixSeconds kNow = 1500000012;
constexpr std::string_view kHeader = R"({"alg":"HS256","typ":"JWT"})";
const Policy kPolicy{std::string(golden::kIssuer), std::chrono::seconds(0)};

// A token with a right signature, whatever its header and claims say.
std::string signed_token(std::string_view header, std::string_view claims, Algorithm algorithm = Algorithm::kHs256) {
  std::string token;
  base64url_append(header, token);
  token += '.';
  base64url_append(claims, token);
  unsigned char signature[64];
  const std::size_t size = golden::key(algorithm).signer().sign(token, signature);
  token += '.';
  base64url_append({reinterpret_cast<const char*>(signature), size}, token);
  return token;
}

std::string with_header(std::string_view header) { return signed_token(header, golden::kClaimsText); }

// The golden claims with `more` at their end: ,"name":value
std::string with_claim(std::string_view more) {
  std::string claims(golden::kClaimsText);
  claims.insert(claims.size() - 1, more);
  return signed_token(kHeader, claims);
}

std::string with_times(std::string_view iat, std::string_view exp) {
  const std::string iss(golden::kIssuer);
  return signed_token(kHeader, R"({"iss":")" + iss + R"(","iat":)" + std::string(iat) + R"(,"exp":)" + std::string(exp) + "}");
}

Result<VerifiedJws> check(std::string_view token, UnixSeconds now = kNow) { return verify(token, golden::key(), kPolicy, now); }

void expect_refused(const Result<VerifiedJws>& result, const Code& code, std::string_view detail) {
  ASSERT_FALSE(result);
  EXPECT_STREQ(result.error().code().id, code.id);
  EXPECT_EQ(result.error().detail(), detail);
}

TEST(Jws, TheGoldenTokenIsValidAndGivesItsClaims) {
  const auto jws = check(golden::token());
  ASSERT_TRUE(jws) << jws.error().message();
  EXPECT_EQ(jws->algorithm, Algorithm::kHs256);
  EXPECT_EQ(jws->header_json, kHeader);
  EXPECT_EQ(jws->claims_json, golden::kClaimsText);
  EXPECT_EQ(jws->iss, golden::kIssuer);
  EXPECT_EQ(jws->iat, golden::kIat);
  EXPECT_EQ(jws->exp, golden::kExp);
  EXPECT_EQ(jws->phn, golden::kPhone);
  EXPECT_EQ(jws->xid, golden::kXid);
}

TEST(Jws, TheOrderOfHeaderMembersDoesNotMatter) { EXPECT_TRUE(check(golden::token_of_old_pyjwt())); }

TEST(Jws, EveryAlgorithmVerifiesItsOwnTokensAndNoOthers) {
  for (const Algorithm signing : {Algorithm::kHs256, Algorithm::kHs384, Algorithm::kHs512}) {
    HmacSigner signer = golden::key(signing).signer();
    const std::string token = issue(signer, golden::claims());
    for (const Algorithm verifying : {Algorithm::kHs256, Algorithm::kHs384, Algorithm::kHs512}) {
      const auto jws = verify(token, golden::key(verifying), kPolicy, kNow);
      EXPECT_EQ(jws.has_value(), signing == verifying) << name_of(signing) << " under " << name_of(verifying);
      if (!jws) {
        EXPECT_TRUE(jws.error().is(kAlgorithmMismatch));
      }
    }
  }
}

// -- shape ------------------------------------------------------------------------------------------------------------------------------

TEST(Jws, AnEmptyTextIsNoToken) { expect_refused(check(""), kTokenMalformed, "it is empty"); }

TEST(Jws, PartsAreCounted) {
  expect_refused(check("abc"), kTokenMalformed, "1 part between dots, not 3");
  expect_refused(check(golden::token() + "."), kTokenMalformed, "4 parts between dots, not 3");
  expect_refused(check("a.b.c.d.e"), kTokenMalformed, "5 parts between dots, not 3; five parts are a JWE, an encrypted token");
}

TEST(Jws, WhatWasCopiedAlongIsNamed) {
  EXPECT_THAT(check("Bearer " + golden::token()).error().detail(), HasSubstr("take the \"Bearer \" away"));
  EXPECT_THAT(check('"' + golden::token() + '"').error().detail(), HasSubstr("take the quotation marks away"));
  EXPECT_THAT(check("{\"payload\":1}").error().detail(), HasSubstr("JSON"));
}

TEST(Jws, ThePartThatIsNotBase64urlIsNamed) {
  const std::string token = golden::token();
  expect_refused(check("=" + token), kTokenMalformed, "the header is not base64url without padding");
  std::string claims = token;
  claims[40] = '+';
  expect_refused(check(claims), kTokenMalformed, "the claims part is not base64url without padding");
  expect_refused(check(token + "="), kTokenMalformed, "the signature is not base64url without padding");
}

TEST(Jws, TheSameSignatureInAnotherSpellingIsRefused) {
  std::string token = golden::token();
  ASSERT_EQ(token.back(), 'k');
  token.back() = 'l';  // differs in bits that no octet uses
  expect_refused(check(token), kTokenMalformed, "the signature is not base64url without padding");
}

// A valid token of exactly `octets`, by an extra claim.
std::string token_of_size(std::size_t octets) {
  std::size_t pad = octets / 2;  // base64url makes four out of three
  std::string token;
  while (token.size() < octets) token = with_claim(R"(,"x":")" + std::string(pad++, 'x') + '"');
  return token;
}

TEST(Jws, ATokenMayHaveExactlyTheMostOctets) {
  const std::string longest = token_of_size(kMaxTokenBytes);
  ASSERT_EQ(longest.size(), kMaxTokenBytes);
  EXPECT_TRUE(check(longest));
  const std::string longer = token_of_size(kMaxTokenBytes + 1);
  ASSERT_EQ(longer.size(), kMaxTokenBytes + 1);
  expect_refused(check(longer), kTokenMalformed, "it has 8193 octets; 8192 are the most");
}

TEST(Jws, AHeaderThatIsNotAnObjectIsRefused) {
  expect_refused(check(with_header("[]")), kTokenMalformed, "the header: it is not a JSON object");
}

TEST(Jws, ClaimsThatStandTwiceAreRefused) {
  expect_refused(check(with_claim(R"(,"exp":4102444800)")), kTokenMalformed, "the claims part: the member \"exp\" stands there twice");
}

// -- header -----------------------------------------------------------------------------------------------------------------------------

TEST(Jws, ATypIsAbsentOrJwtInAnyCase) {
  EXPECT_TRUE(check(with_header(R"({"alg":"HS256"})")));
  EXPECT_TRUE(check(with_header(R"({"alg":"HS256","typ":"jWt"})")));
  expect_refused(check(with_header(R"({"alg":"HS256","typ":"at+jwt"})")), kHeaderRefused, "\"typ\" is \"at+jwt\", not \"JWT\"");
  expect_refused(check(with_header(R"({"alg":"HS256","typ":1})")), kHeaderRefused, "\"typ\" is not a string");
}

TEST(Jws, EveryCritIsRefused) {
  for (const std::string_view crit : {R"(["exp"])", "[]", "null", R"("x")"}) {
    expect_refused(check(with_header(R"({"alg":"HS256","crit":)" + std::string(crit) + "}")), kHeaderRefused,
                   "\"crit\" asks for extensions, and there are none here");
  }
}

TEST(Jws, AnUnencodedPayloadIsRefused) {
  expect_refused(check(with_header(R"({"alg":"HS256","b64":false})")), kHeaderRefused, "\"b64\" is not supported");
}

TEST(Jws, KeysAndAddressesInTheHeaderHaveNoEffect) {
  EXPECT_TRUE(check(with_header(R"({"alg":"HS256","jku":"https://evil.example/","jwk":{"kty":"oct","k":"AAAA"},)"
                                R"("x5c":["AA"],"kid":"../../dev/null"})")));
}

TEST(Jws, AnAlgIsRequired) {
  expect_refused(check(with_header(R"({"typ":"JWT"})")), kHeaderRefused, "there is no \"alg\"");
  expect_refused(check(with_header(R"({"alg":256})")), kHeaderRefused, "\"alg\" is not a string");
}

TEST(Jws, AnotherAlgIsRefusedWithBothNames) {
  expect_refused(check(with_header(R"({"alg":"none"})")), kAlgorithmMismatch, "\"alg\" is \"none\", and the key is for HS256");
  expect_refused(check(with_header(R"({"alg":"hs256"})")), kAlgorithmMismatch, "\"alg\" is \"hs256\", and the key is for HS256");
  expect_refused(check(with_header(R"({"alg":"\u001b[31m"})")), kAlgorithmMismatch, "\"alg\" is of 5 octets, and the key is for HS256");
}

TEST(Jws, AnUnsecuredTokenIsRefusedForItsAlg) {
  std::string token;
  base64url_append(R"({"alg":"none"})", token);
  token += "." + std::string(golden::kClaimsPart) + ".";
  expect_refused(check(token), kAlgorithmMismatch, "\"alg\" is \"none\", and the key is for HS256");
}

// -- signature --------------------------------------------------------------------------------------------------------------------------

TEST(Jws, OneChangedBitAnywhereInTheSignatureIsRefused) {
  const std::string token = golden::token();
  const std::size_t begin = token.rfind('.') + 1;
  const std::string octets = *base64url_decode(std::string_view(token).substr(begin));
  for (std::size_t bit = 0; bit < octets.size() * 8; ++bit) {
    std::string changed = octets;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << (bit % 8)));
    std::string forged = token.substr(0, begin);
    base64url_append(changed, forged);
    expect_refused(check(forged), kSignatureInvalid, "it was not made with the key CrIIiW35k60");
  }
}

TEST(Jws, AChangedClaimIsRefusedBeforeItIsRead) {
  std::string token(encoded_header(Algorithm::kHs256));
  token += '.';
  base64url_append("not JSON at all", token);
  token += golden::token().substr(golden::token().rfind('.'));
  expect_refused(check(token), kSignatureInvalid, "it was not made with the key CrIIiW35k60");
}

TEST(Jws, AShortenedOrMissingSignatureIsRefusedWithItsSize) {
  const std::string token = golden::token();
  expect_refused(check(token.substr(0, token.rfind('.') + 1)), kSignatureInvalid, "it has 0 octets; HS256 has 32");
  expect_refused(check(token.substr(0, token.rfind('.') + 1 + 40)), kSignatureInvalid, "it has 30 octets; HS256 has 32");
}

TEST(Jws, SignatureMatchesLooksAtTheSignatureOnly) {
  EXPECT_TRUE(signature_matches(golden::token(), golden::key()));
  EXPECT_TRUE(signature_matches(signed_token("[]", ""), golden::key()));
  EXPECT_FALSE(signature_matches(golden::token(), golden::key(Algorithm::kHs512)));
  EXPECT_FALSE(signature_matches("x", golden::key()));
}

TEST(Jws, TheKeyTextUsedAsTheKeyIsFoundBySignatureMatches) {
  HmacKey text_key = *HmacKey::make(Algorithm::kHs256, Secret(golden::key_text()));
  HmacSigner signer = text_key.signer();
  const std::string token = issue(signer, golden::claims());
  EXPECT_FALSE(signature_matches(token, golden::key()));
  EXPECT_TRUE(signature_matches(token, text_key));
}

// -- claims -----------------------------------------------------------------------------------------------------------------------------

TEST(Jws, IssIatAndExpAreRequired) {
  expect_refused(check(signed_token(kHeader, "{}")), kClaimMissing, "\"iss\" is missing");
  expect_refused(check(signed_token(kHeader, R"({"iss":"a"})")), kClaimMissing, "\"iat\" is missing");
  expect_refused(check(signed_token(kHeader, R"({"iss":"a","iat":1})")), kClaimMissing, "\"exp\" is missing");
}

TEST(Jws, PhnAndXidMayBeAbsent) {
  const auto jws = check(with_times("1500000000", "1500000090"));
  ASSERT_TRUE(jws) << jws.error().message();
  EXPECT_EQ(jws->phn, "");
  EXPECT_EQ(jws->xid, "");
}

TEST(Jws, AClaimOfTheWrongTypeIsNamed) {
  expect_refused(check(signed_token(kHeader, R"({"iss":1})")), kClaimMissing, "\"iss\" is not a string");
  expect_refused(check(signed_token(kHeader, R"({"iss":"a","phn":15555551234})")), kClaimMissing, "\"phn\" is not a string");
  expect_refused(check(signed_token(kHeader, R"({"iss":"a","xid":null})")), kClaimMissing, "\"xid\" is not a string");
  expect_refused(check(with_times("\"1500000000\"", "1500000090")), kClaimMissing, "\"iat\" is not a number");
  expect_refused(check(with_times("1500000000", "true")), kClaimMissing, "\"exp\" is not a number");
  expect_refused(check(with_claim(R"(,"nbf":"0")")), kClaimMissing, "\"nbf\" is not a number");
}

TEST(Jws, ATimeOutsideTheCalendarIsRefused) {
  for (const std::string_view exp : {"-1", "253402300800", "9223372036854775808", "18446744073709551617", "2.001e+206"}) {
    expect_refused(check(with_times("1500000000", exp)), kClaimMissing, "\"exp\" is not a time between 1970 and 9999");
  }
  EXPECT_TRUE(check(with_times("1500000000", "253402300799")));
}

TEST(Jws, AnotherIssuerIsRefusedWithBothNames) {
  const auto jws = verify(golden::token(), golden::key(), Policy{"cust-2", {}}, kNow);
  expect_refused(jws, kIssuerMismatch, "\"iss\" is \"FFFFFFFF-EEEE-DDDD-1234-AB1234567890\", not \"cust-2\"");
}

TEST(Jws, IssuersDifferByCase) {
  const auto jws = verify(golden::token(), golden::key(), Policy{"ffffffff-eeee-dddd-1234-ab1234567890", {}}, kNow);
  ASSERT_FALSE(jws);
  EXPECT_TRUE(jws.error().is(kIssuerMismatch));
}

TEST(Jws, WithoutAnIssuerInThePolicyAnyWillDo) { EXPECT_TRUE(verify(golden::token(), golden::key(), Policy{}, kNow)); }

// -- time -------------------------------------------------------------------------------------------------------------------------------

TEST(Jws, ATokenIsValidUntilTheSecondBeforeExp) {
  EXPECT_TRUE(check(golden::token(), golden::kExp - 1));
  expect_refused(check(golden::token(), golden::kExp), kExpired, "expired 0 s ago: exp 1500000090, now 1500000090");
  expect_refused(check(golden::token(), golden::kExp + 12), kExpired, "expired 12 s ago: exp 1500000090, now 1500000102");
}

TEST(Jws, ATokenIsValidFromIatOn) {
  EXPECT_TRUE(check(golden::token(), golden::kIat));
  expect_refused(check(golden::token(), golden::kIat - 5), kNotYetValid, "issued 5 s in the future: iat 1500000000, now 1499999995");
}

TEST(Jws, ATokenIsValidFromNbfOn) {
  const std::string token = with_claim(R"(,"nbf":1500000020)");
  EXPECT_TRUE(check(token, 1500000020));
  expect_refused(check(token, 1500000013), kNotYetValid, "valid in 7 s: nbf 1500000020, now 1500000013");
}

TEST(Jws, LeewayCountsOnBothSides) {
  const Policy lenient{std::string(golden::kIssuer), std::chrono::seconds(10)};
  const auto at = [&](UnixSeconds now) { return verify(golden::token(), golden::key(), lenient, now); };
  EXPECT_TRUE(at(golden::kIat - 10));
  expect_refused(at(golden::kIat - 11), kNotYetValid, "issued 11 s in the future: iat 1500000000, now 1499999989, leeway 10 s");
  EXPECT_TRUE(verify(with_claim(R"(,"nbf":1500000030)"), golden::key(), lenient, 1500000020));
  EXPECT_FALSE(verify(with_claim(R"(,"nbf":1500000031)"), golden::key(), lenient, 1500000020));
  EXPECT_TRUE(at(golden::kExp + 9));
  expect_refused(at(golden::kExp + 10), kExpired, "expired 10 s ago: exp 1500000090, now 1500000100, leeway 10 s");
}

TEST(Jws, FractionsOfSecondsCount) {
  const std::string token = with_times("1500000000.25", "1500000090.5");
  const auto jws = check(token, 1500000090);
  ASSERT_TRUE(jws) << jws.error().message();
  EXPECT_EQ(jws->exp, 1500000090);
  expect_refused(check(token, 1500000091), kExpired, "expired 0.500 s ago: exp 1500000090.500, now 1500000091");
  expect_refused(check(token, 1500000000), kNotYetValid, "issued 0.250 s in the future: iat 1500000000.250, now 1500000000");
}

TEST(Jws, ATokenThatEndsBeforeItBeginsIsRefusedDespiteLeeway) {
  const Policy lenient{std::string(golden::kIssuer), std::chrono::seconds(100)};
  expect_refused(verify(with_times("1500000050", "1500000040"), golden::key(), lenient, 1500000045), kExpired,
                 "it never was valid: exp 1500000040 is not after iat 1500000050");
}

TEST(Jws, AnAudienceIsRefused) {
  expect_refused(check(with_claim(R"(,"aud":["x"])")), kAudienceRefused, "it names an \"aud\", and ours have none");
}

TEST(Jws, NoErrorTellsThePhoneNumber) {
  const std::string token = with_claim(R"(,"aud":"x")");
  for (const UnixSeconds now : {kNow, golden::kExp, golden::kIat - 1}) {
    const auto jws = check(token, now);
    ASSERT_FALSE(jws);
    EXPECT_THAT(jws.error().message(), testing::Not(HasSubstr(golden::kPhone)));
  }
}

// -- inspect ----------------------------------------------------------------------------------------------------------------------------

TEST(Jws, InspectShowsATokenWhateverItsSignature) {
  const auto shown = inspect(golden::token().substr(0, golden::token().size() - 3));
  ASSERT_TRUE(shown) << shown.error().message();
  EXPECT_EQ(shown->header_json, kHeader);
  EXPECT_EQ(shown->claims_json, golden::kClaimsText);
  EXPECT_EQ(shown->signature_octets, 30u);
}

TEST(Jws, InspectSaysWhichPartCannotBeRead) {
  std::string token(encoded_header(Algorithm::kHs256));
  token += '.';
  base64url_append("{,}", token);
  const auto shown = inspect(token + ".AAAA");
  ASSERT_FALSE(shown);
  EXPECT_TRUE(shown.error().is(kTokenMalformed));
  EXPECT_EQ(shown.error().detail(), "the claims part: it is not JSON from octet 2 on");
}

}  // namespace
}  // namespace jwtd::jose
