// jose/jws_vectors_test.cc - vectors and attacks made by others, from the folder in JWTD_VECTORS; counted, so that an empty file fails.
#include <gtest/gtest.h>

#include <chrono>
#include <sstream>
#include <string>

#include "base/limits.h"
#include "jose/golden_for_tests.h"
#include "jose/jws.h"
#include "jose/vectors_for_tests.h"

namespace jwtd::jose {
namespace {

using nlohmann::json;
using vectors::Vectors;
namespace fs = std::filesystem;

std::string from_hex(std::string_view hex) {
  std::string octets;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) octets += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  return octets;
}

// -- jwt_attacks ------------------------------------------------------------------------------------------------------------------------

class LibraryAttacks : public vectors::Attacks {
 protected:
  Result<VerifiedJws> verdict_on(const json& attack) const {
    const auto token = attack.at("token").get<std::string>();
    (void)inspect(token);
    return verify(token, attacked_key(), Policy{std::string(vectors::kAttackedIssuer), std::chrono::seconds(0)}, attack.at("now").get<UnixSeconds>());
  }

  void run(const std::string& group) const {
    for (const json& attack : tokens_of(group)) {
      const auto jws = verdict_on(attack);
      EXPECT_EQ(jws.has_value(), vectors::must_be_accepted(attack))
          << attack.at("id") << ' ' << attack.at("title") << ": " << (jws ? "accepted" : jws.error().message());
    }
  }

  std::string signed_with_hs(std::string_view header, std::string_view claims) const {
    std::string token;
    base64url_append(header, token);
    token += '.';
    base64url_append(claims, token);
    unsigned char out[64];
    HmacSigner signer = attacked_key().signer();
    const std::size_t size = signer.sign(token, out);
    token += '.';
    base64url_append({reinterpret_cast<const char*>(out), size}, token);
    return token;
  }

  void expect_refused(const std::string& token) const {
    EXPECT_FALSE(verdict_on({{"token", token}, {"now", 1900000000}}));
  }
};

TEST_F(LibraryAttacks, Controls) { run("JA-CTL"); }
TEST_F(LibraryAttacks, AlgorithmConfusion) { run("JA-CONF"); }
TEST_F(LibraryAttacks, EncodingAndSerialisation) { run("JA-ENC"); }
TEST_F(LibraryAttacks, CriticalHeadersAndTypes) { run("JA-CRIT"); }
TEST_F(LibraryAttacks, Times) { run("JA-TIME"); }

TEST_F(LibraryAttacks, DosOnlyDots) { expect_refused(std::string(8 * 1024 * 1024, '.')); }

TEST_F(LibraryAttacks, DosNestedHeader) {
  for (const std::size_t depth : {std::size_t{1000}, std::size_t{100'000}}) {
    expect_refused(signed_with_hs(R"({"alg":"HS256","x":)" + std::string(depth, '[') + std::string(depth, ']') + "}", "{}"));
  }
}

TEST_F(LibraryAttacks, DosNestedClaims) {
  for (const std::size_t depth : {std::size_t{900}, std::size_t{100'000}}) {
    std::string claims = R"({"iss":"cust-1","iat":1700000000,"exp":4102444800,"x":)";
    for (std::size_t i = 0; i < depth; ++i) claims += "{\"a\":";
    claims += '1' + std::string(depth + 1, '}');
    expect_refused(signed_with_hs(R"({"alg":"HS256"})", claims));
  }
}

TEST_F(LibraryAttacks, DosHeaderOfWhiteSpace) { expect_refused(signed_with_hs("{" + std::string(1 << 20, ' ') + R"("alg":"HS256"})", "{}")); }

TEST_F(LibraryAttacks, DosAHundredThousandNames) {
  std::string claims = R"({"iss":"cust-1","iat":1700000000,"exp":4102444800)";
  for (int i = 0; i < 100'000; ++i) claims += ",\"k" + std::to_string(i) + "\":0";
  expect_refused(signed_with_hs(R"({"alg":"HS256"})", claims + "}"));
}

TEST_F(LibraryAttacks, DosAMillionDigits) {
  const std::string digits(1'000'000, '9');
  expect_refused(signed_with_hs(R"({"alg":"HS256"})", R"({"iss":"cust-1","iat":1700000000,"exp":4102444800,"x":)" + digits + "}"));
}

TEST_F(LibraryAttacks, DosAnEncryptedTokenWithAHugeIterationCount) {
  const std::string jwe = text_of("latchset-jose/cve-2023-50967/cve-2023-50967.jwe");
  ASSERT_FALSE(jwe.empty());
  expect_refused(jwe);
}

TEST_F(LibraryAttacks, DosTheSizeIsBoundedExactly) {
  const auto padded_to = [&](std::size_t size) {
    std::string token;
    for (std::size_t pad = size / 2; token.size() < size; ++pad) {
      const std::string xid(pad, 'x');
      token = signed_with_hs(R"({"alg":"HS256"})", R"({"iss":"cust-1","iat":1700000000,"exp":4102444800,"xid":")" + xid + "\"}");
    }
    return token;
  };
  const std::string longest = padded_to(kMaxTokenBytes - 1);
  ASSERT_LE(longest.size(), kMaxTokenBytes);
  EXPECT_TRUE(verdict_on({{"token", longest}, {"now", 1900000000}}));
  expect_refused(padded_to(kMaxTokenBytes + 1));
}

// -- Wycheproof -------------------------------------------------------------------------------------------------------------------------

// The valid token there has a payload that is not JSON, so verify() refuses all of them and signature_matches() tells them apart.
TEST_F(Vectors, WycheproofJwsWithHs256) {
  std::size_t cases = 0;
  for (const json& group : wycheproof_groups("jws_basic.json")) {
    if (group.at("private").at("kty") != "oct") continue;
    const HmacKey key = vectors::key_of_jwk(group.at("private"));
    for (const json& test : group.at("tests")) {
      ++cases;
      const auto token = test.at("jws").get<std::string>();
      EXPECT_EQ(signature_matches(token, key), test.at("result") == "valid") << test.at("tcId") << ' ' << test.at("comment");
      EXPECT_FALSE(verify(token, key, Policy{}, 1900000000));
    }
  }
  EXPECT_EQ(cases, 17u);
}

// Every other token of these files, under a key of ours.
TEST_F(Vectors, WycheproofJwsOfOtherAlgorithmsAreRefused) {
  for (const auto& [place, token] : foreign_jws()) {
    (void)inspect(token);
    EXPECT_FALSE(verify(token, golden::key(), Policy{}, 1900000000)) << place;
  }
}

TEST_F(Vectors, WycheproofHmacSha384) {
  std::size_t signed_cases = 0;
  std::size_t refused_keys = 0;
  for (const json& group : wycheproof_groups("hmac_sha384_test.json")) {
    if (group.at("tagSize") != 384) continue;  // a JWS never has a truncated tag (RFC 7518 s3.2)
    for (const json& test : group.at("tests")) {
      const auto key = HmacKey::make(Algorithm::kHs384, Secret(from_hex(test.at("key").get<std::string>())));
      if (!key) {
        EXPECT_LT(test.at("key").get<std::string>().size(), 2 * kMinHmacKeyBytes);
        ++refused_keys;
        continue;
      }
      ++signed_cases;
      unsigned char out[64];
      const std::size_t size = key->signer().sign(from_hex(test.at("msg").get<std::string>()), out);
      const bool same = std::string(reinterpret_cast<char*>(out), size) == from_hex(test.at("tag").get<std::string>());
      EXPECT_EQ(same, test.at("result") == "valid") << test.at("tcId") << ' ' << test.at("comment");
    }
  }
  EXPECT_EQ(signed_cases, 84u);
  EXPECT_EQ(refused_keys, 3u);
}

// -- secrets and tokens that are known to everybody -------------------------------------------------------------------------------------

TEST_F(Vectors, NoPublicSecretSignsOurTokensAndNoShortOneBecomesAKey) {
  std::istringstream in(text_of("jwt-secrets/jwt.secrets.list"));
  std::size_t keys = 0;
  std::size_t too_short = 0;
  const std::string token = golden::token();
  for (std::string secret; std::getline(in, secret);) {
    const std::size_t size = secret.size();
    const auto key = HmacKey::make(Algorithm::kHs256, Secret(std::move(secret)));
    ASSERT_EQ(key.has_value(), size >= kMinHmacKeyBytes);
    if (!key) {
      EXPECT_TRUE(key.error().is(kKeyTooShort));
      ++too_short;
      continue;
    }
    ++keys;
    ASSERT_FALSE(signature_matches(token, *key));
  }
  EXPECT_EQ(keys, 1919u);
  EXPECT_EQ(keys + too_short, 103'979u);
}

TEST_F(Vectors, TokensFoundInTheWildAreReadAndNeverBelieved) {
  std::size_t cases = 0;
  std::size_t readable = 0;
  for (const char* file : vectors::kHarvested) {
    for (const json& found : document("harvested/" + std::string(file) + ".json")) {
      ++cases;
      const auto token = found.at("token").get<std::string>();
      readable += inspect(token).has_value();
      for (const Algorithm algorithm : {Algorithm::kHs256, Algorithm::kHs384, Algorithm::kHs512}) {
        EXPECT_FALSE(verify(token, golden::key(algorithm), Policy{}, 1300000000));
      }
    }
  }
  EXPECT_EQ(cases, 160u);
  EXPECT_GE(readable, 80u);
}

// Each document once as a header and once as claims. y_ must be read if it is an object without duplicates; n_ must not be.
TEST_F(Vectors, JsonTestSuite) {
  std::size_t refused = 0;
  std::size_t read = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(root_ / "jsontestsuite/test_parsing")) {
    const std::string name = entry.path().filename().string();
    const std::string document = text_of(entry.path());
    if (document.size() > 4096) continue;
    for (const bool as_header : {true, false}) {
      std::string token;
      base64url_append(as_header ? document : R"({"alg":"HS256"})", token);
      token += '.';
      base64url_append(as_header ? "{}" : document, token);
      const auto shown = inspect(token + ".AAAA");
      (shown ? read : refused) += 1;
      if (name.starts_with("n_")) {
        EXPECT_FALSE(shown) << name;
      }
      if (name.starts_with("y_object") && !name.starts_with("y_object_duplicated")) {
        EXPECT_TRUE(shown) << name << ": " << shown.error().message();
      }
    }
  }
  EXPECT_GE(read, 20u);
  EXPECT_GE(refused, 100u);
}

}  // namespace
}  // namespace jwtd::jose
