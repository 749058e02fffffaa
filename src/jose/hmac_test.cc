// jose/hmac_test.cc - HMAC against RFC 4231, and what a key may be.
#include "jose/hmac.h"

#include <gtest/gtest.h>

#include <string>

#include "jose/golden_for_tests.h"

namespace jwtd::jose {
namespace {

HmacKey key_of(Algorithm algorithm, std::string octets) { return *HmacKey::make(algorithm, Secret(std::move(octets))); }

std::string hex_signature(HmacSigner& signer, std::string_view input) {
  unsigned char out[64];
  const std::size_t size = signer.sign(input, out);
  std::string hex;
  for (std::size_t i = 0; i < size; ++i) {
    constexpr char kDigits[] = "0123456789abcdef";
    hex += {kDigits[out[i] >> 4], kDigits[out[i] & 15]};
  }
  return hex;
}

constexpr std::string_view kLongKeyText = "Test Using Larger Than Block-Size Key - Hash Key First";  // RFC 4231 s4.7

TEST(Hmac, Sha256OfAKeyLongerThanItsBlock) {
  HmacSigner signer = key_of(Algorithm::kHs256, std::string(131, '\xaa')).signer();
  EXPECT_EQ(hex_signature(signer, kLongKeyText), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Hmac, Sha384OfAKeyLongerThanItsBlock) {
  HmacSigner signer = key_of(Algorithm::kHs384, std::string(131, '\xaa')).signer();
  EXPECT_EQ(hex_signature(signer, kLongKeyText),
            "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c60c2ef6ab4030fe8296248df163f44952");
}

TEST(Hmac, Sha512OfAKeyLongerThanItsBlock) {
  HmacSigner signer = key_of(Algorithm::kHs512, std::string(131, '\xaa')).signer();
  EXPECT_EQ(hex_signature(signer, kLongKeyText),
            "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352"
            "6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598");
}

TEST(Hmac, ASignerCanBeUsedAgainAndAgain) {
  HmacSigner signer = golden::key().signer();
  const std::string first = hex_signature(signer, "one");
  const std::string second = hex_signature(signer, "two");
  EXPECT_NE(first, second);
  EXPECT_EQ(hex_signature(signer, "one"), first);
  EXPECT_EQ(hex_signature(signer, "two"), second);
}

TEST(Hmac, AMovedSignerSignsAsBefore) {
  HmacSigner signer = golden::key().signer();
  const std::string before = hex_signature(signer, "text");
  HmacSigner moved = std::move(signer);
  EXPECT_EQ(hex_signature(moved, "text"), before);
}

TEST(Hmac, EveryAlgorithmWritesAsManyOctetsAsItSays) {
  for (const Algorithm algorithm : {Algorithm::kHs256, Algorithm::kHs384, Algorithm::kHs512}) {
    HmacSigner signer = golden::key(algorithm).signer();
    EXPECT_EQ(signer.algorithm(), algorithm);
    EXPECT_EQ(hex_signature(signer, "").size(), 2 * signature_octets(algorithm)) << name_of(algorithm);
  }
}

TEST(Hmac, AlgorithmNamesAreExact) {
  for (const std::string_view name : {"HS256", "HS384", "HS512"}) {
    const auto algorithm = parse_algorithm(name);
    ASSERT_TRUE(algorithm) << name;
    EXPECT_EQ(name_of(*algorithm), name);
  }
  for (const std::string_view name : {"hs256", "HS256 ", "", "none", "RS256", "HS1"}) {
    const auto algorithm = parse_algorithm(name);
    ASSERT_FALSE(algorithm) << name;
    EXPECT_TRUE(algorithm.error().is(kAlgorithmUnknown));
  }
}

TEST(Hmac, AKeyBelow32OctetsIsRefusedWithItsSize) {
  for (const Algorithm algorithm : {Algorithm::kHs256, Algorithm::kHs384, Algorithm::kHs512}) {
    const auto key = HmacKey::make(algorithm, Secret(std::string(31, 'k')));
    ASSERT_FALSE(key);
    EXPECT_TRUE(key.error().is(kKeyTooShort));
    EXPECT_EQ(key.error().detail(), "it has 31 octets");
    EXPECT_TRUE(HmacKey::make(algorithm, Secret(std::string(32, 'k'))));
  }
}

TEST(Hmac, AKeyKnowsWhetherItIsShorterThanItsHash) {
  EXPECT_FALSE(key_of(Algorithm::kHs256, std::string(32, 'k')).shorter_than_hash());
  EXPECT_TRUE(key_of(Algorithm::kHs384, std::string(47, 'k')).shorter_than_hash());
  EXPECT_FALSE(key_of(Algorithm::kHs384, std::string(48, 'k')).shorter_than_hash());
  EXPECT_TRUE(golden::key(Algorithm::kHs512).shorter_than_hash());
}

TEST(Hmac, TheKidIsTheHashOfLabelAndKey) {
  EXPECT_EQ(golden::key().kid(), "CrIIiW35k60");  // Python's hashlib: base64url(SHA-256(b"jwtd kid" + key))[:11]
  EXPECT_EQ(golden::key(Algorithm::kHs512).kid(), golden::key().kid());
  EXPECT_NE(key_of(Algorithm::kHs256, std::string(32, 'k')).kid(), golden::key().kid());
}

}  // namespace
}  // namespace jwtd::jose
