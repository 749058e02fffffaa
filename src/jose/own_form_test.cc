// jose/own_form_test.cc - the quick reader takes our own tokens and never says anything else than the strict one.
#include "jose/own_form.h"

#include <gtest/gtest.h>

#include <random>

#include "base/base64.h"
#include "jose/golden_for_tests.h"

namespace jwtd::jose {
namespace {

const Policy kPolicy{std::string(golden::kIssuer), std::chrono::seconds(0)};

std::string signed_token(const HmacKey& key, std::string_view header, std::string_view claims) {
  std::string token(header);
  token += '.';
  base64url_append(claims, token);
  unsigned char out[64];
  const std::size_t size = key.signer().sign(token, out);
  token += '.';
  base64url_append({reinterpret_cast<const char*>(out), size}, token);
  return token;
}

// What the quick reader takes must be what the strict one reads; returns whether it took it.
bool agree(const HmacKey& key, std::string_view claims) {
  HmacSigner signer = key.signer();
  SignedClaims quick, strict;
  const std::string token = signed_token(key, encoded_header(key.algorithm()), claims);
  if (read_own_form(token, signer, quick) != OwnForm::kRead) return false;
  const Status read = read_any_form(token, signer, key.kid(), strict);
  EXPECT_TRUE(read) << claims << ": " << (read ? "" : read.error().message());
  EXPECT_EQ(quick.iss, strict.iss) << claims;
  EXPECT_EQ(quick.phn, strict.phn) << claims;
  EXPECT_EQ(quick.xid, strict.xid) << claims;
  EXPECT_EQ(quick.iat, strict.iat) << claims;
  EXPECT_EQ(quick.exp, strict.exp) << claims;
  EXPECT_EQ(quick.nbf, strict.nbf) << claims;
  EXPECT_EQ(quick.has_aud, strict.has_aud) << claims;
  EXPECT_EQ(quick.claims_json, claims);
  return true;
}

// The token is not good: whatever the quick reader says of it, the strict one says with the same words.
void expect_agreed_refusal(const HmacKey& key, const std::string& token) {
  HmacSigner signer = key.signer();
  SignedClaims claims;
  const OwnForm quick = read_own_form(token, signer, claims);
  ASSERT_NE(quick, OwnForm::kRead) << token;
  const Status strict = read_any_form(token, signer, key.kid(), claims);
  ASSERT_FALSE(strict) << token;
  if (quick != OwnForm::kWrongSignature) return;
  EXPECT_TRUE(strict.error().is(kSignatureInvalid)) << token;
  EXPECT_EQ(strict.error().detail(), "it was not made with the key " + key.kid()) << token;
}

TEST(OwnForm, TakesEveryTokenThatWeMake) {
  for (const Algorithm algorithm : {Algorithm::kHs256, Algorithm::kHs384, Algorithm::kHs512}) {
    const HmacKey key = golden::key(algorithm);
    HmacSigner signer = key.signer();
    const std::string longest_xid(Xid::kMaxSize, 'x'), longest_issuer(64, 'i');
    for (const Claims& claims : {golden::claims(), Claims{longest_issuer, 253402300000, 253402300799, *Phone::parse("999999999999999"), *Xid::parse(longest_xid)},
                                 Claims{"i", 0, 1, *Phone::parse("1234567"), *Xid::parse("x")}}) {
      SignedClaims read;
      EXPECT_EQ(read_own_form(issue(signer, claims), signer, read), OwnForm::kRead);
      EXPECT_EQ(read.iss, claims.iss);
      EXPECT_EQ(read.iat, static_cast<double>(claims.iat));
      EXPECT_EQ(read.exp, static_cast<double>(claims.exp));
      EXPECT_EQ(read.phn, claims.phn.text());
      EXPECT_EQ(read.xid, claims.xid.view());
      EXPECT_TRUE(agree(key, claims_text(claims)));
    }
  }
}

TEST(OwnForm, LeavesToTheStrictReaderWhatLooksDifferent) {
  const HmacKey key = golden::key();
  for (const char* claims :
       {R"({"iss":"a","iat":1,"exp":2,"phn":"3","xid":"4"} )", R"({"iss": "a","iat":1,"exp":2,"phn":"3","xid":"4"})", R"({"iss":"a","iat":01,"exp":2,"phn":"3","xid":"4"})",
        R"({"iss":"a","iat":1.0,"exp":2,"phn":"3","xid":"4"})", R"({"iss":"a","iat":1e0,"exp":2,"phn":"3","xid":"4"})", R"({"iss":"a","iat":-1,"exp":2,"phn":"3","xid":"4"})",
        R"({"iss":"a","iat":1,"exp":253402300800,"phn":"3","xid":"4"})", R"({"iss":"a","iat":1,"exp":9999999999999,"phn":"3","xid":"4"})",
        R"({"iss":"\u0061","iat":1,"exp":2,"phn":"3","xid":"4"})", "{\"iss\":\"\xc3\xa4\",\"iat\":1,\"exp\":2,\"phn\":\"3\",\"xid\":\"4\"}",
        R"({"iss":"a","iat":1,"exp":2,"phn":"3","xid":"4","aud":"x"})", R"({"iss":"a","iat":1,"exp":2,"phn":"3"})", R"({"iss":"a","iat":,"exp":2,"phn":"3","xid":"4"})",
        R"({"iss":"a","iat":1,"exp":2,"phn":"3","xid":"4)", R"({"iss":"a","iat":1,"exp":2,"phn":"3","xid":"4"}})", "", "{"}) {
    EXPECT_FALSE(agree(key, claims)) << claims;
  }
}

TEST(OwnForm, NeedsTheExactHeaderAndSignature) {
  const HmacKey key = golden::key();
  HmacSigner signer = key.signer();
  SignedClaims claims;
  const std::string token = golden::token();
  ASSERT_EQ(read_own_form(token, signer, claims), OwnForm::kRead);
  EXPECT_EQ(read_own_form(golden::token_of_old_pyjwt(), signer, claims), OwnForm::kOther);
  for (std::size_t i = 0; i < token.size(); ++i) {
    for (const char other : {'A', 'B', '.', '=', '\n'}) {
      std::string changed = token;
      changed[i] = other;
      if (changed == token) continue;
      expect_agreed_refusal(key, changed);
    }
    expect_agreed_refusal(key, token.substr(0, i));
  }
  expect_agreed_refusal(key, token + "A");
  const HmacKey other = golden::key(Algorithm::kHs512);
  expect_agreed_refusal(other, token);
  EXPECT_EQ(read_own_form(signed_token(other, encoded_header(Algorithm::kHs256), golden::kClaimsText), signer, claims), OwnForm::kOther);
  // Only a signature of the right size that is base64url, under claims that are, can be called wrong.
  const std::string wrong = token.substr(0, token.size() - 43) + std::string(43, 'A');
  EXPECT_EQ(read_own_form(wrong, signer, claims), OwnForm::kWrongSignature);
  EXPECT_EQ(read_own_form(token.substr(0, token.size() - 43) + std::string(42, 'A') + 'B', signer, claims), OwnForm::kOther);
}

// Claims in our form with one to three octets changed, inserted or taken away: whatever the quick reader still takes, the strict one reads the same.
TEST(OwnForm, AgreesWithTheStrictReaderOnEverythingNearOurForm) {
  const HmacKey key = golden::key();
  std::mt19937 random(20261125);
  const std::string_view alphabet = "0123456789{}\",:.\\eE+- \t\nabcissxpnhu\x01\x7f\x80";
  std::size_t taken = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string claims(golden::kClaimsText);
    for (unsigned edits = 1 + random() % 3; edits > 0; --edits) {
      const std::size_t at = random() % claims.size();
      const char with = alphabet[random() % alphabet.size()];
      switch (random() % 3) {
        case 0: claims[at] = with; break;
        case 1: claims.insert(at, 1, with); break;
        default: claims.erase(at, 1);
      }
    }
    taken += agree(key, claims);
  }
  EXPECT_GT(taken, 1'000u);
  EXPECT_LT(taken, 15'000u);
}

TEST(OwnForm, NothingOfAnEarlierTokenIsLeftInTheClaims) {
  const HmacKey key = golden::key();
  JwsReader reader(key);
  SignedClaims claims;
  ASSERT_TRUE(reader.read(signed_token(key, "eyJhbGciOiJIUzI1NiJ9", R"({"iss":"a","iat":1,"exp":2,"nbf":3,"aud":"x","phn":"long enough to be on the heap"})"), claims));
  EXPECT_TRUE(claims.has_aud && claims.nbf);
  ASSERT_TRUE(reader.read(golden::token(), claims));
  EXPECT_FALSE(claims.has_aud || claims.nbf);
  EXPECT_EQ(claims.phn, golden::kPhone);
  ASSERT_TRUE(reader.read(signed_token(key, "eyJhbGciOiJIUzI1NiJ9", R"({"iss":"a","iat":1,"exp":2})"), claims));
  EXPECT_EQ(claims.phn + claims.xid, "");
}

}  // namespace
}  // namespace jwtd::jose
