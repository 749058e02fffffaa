// jose/vectors_for_tests.h - reads the tokens of others from the folder in JWTD_VECTORS, and says which of the attacks we accept.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "base/base64.h"
#include "base/secret.h"
#include "jose/hmac.h"

namespace jwtd::jose::vectors {

using nlohmann::json;
namespace fs = std::filesystem;

inline constexpr const char* kHarvested[] = {"jpadilla_pyjwt", "golang-jwt_jwt", "google_jwt_verify_lib", "Thalhammer_jwt-cpp"};
inline constexpr const char* kWycheproofJws[] = {"jws_basic.json", "json_web_crypto_test.json", "jws_ps512.json", "jws_rfc7520.json", "jws_use_keyops.json"};

// Some stand there as text, some in the JSON serialization.
inline std::string token_of(const json& one, const char* name) { return one.at(name).is_string() ? one.at(name).get<std::string>() : one.at(name).dump(); }

// A token for an algorithm or a key that is not ours.
struct ForeignJws {
  std::string place;  // file and case
  std::string token;
};

class Vectors : public testing::Test {
 protected:
  void SetUp() override {
    const char* set = std::getenv("JWTD_VECTORS");
    const fs::path beside_sources = fs::path(JWTD_SOURCE_DIR) / "../shared/vectors";
    root_ = set && *set ? fs::path(set) : beside_sources;
    if (!fs::exists(root_ / "INDEX.md")) GTEST_SKIP() << "there are no vectors in " << root_ << "; JWTD_VECTORS says where they are";
  }

  std::string text_of(const fs::path& file) const {
    std::ifstream in(root_ / file, std::ios::binary);
    EXPECT_TRUE(in) << file;
    return {std::istreambuf_iterator<char>(in), {}};
  }

  json document(const fs::path& file) const { return json::parse(text_of(file)); }

  json wycheproof_groups(const fs::path& file) const { return document("wycheproof" / file).at("testGroups"); }

  std::vector<ForeignJws> foreign_jws() const {
    std::vector<ForeignJws> found;
    for (const char* file : kWycheproofJws) {
      for (const json& group : wycheproof_groups(file)) {
        for (const json& test : group.at("tests")) {
          if (test.contains("jws")) found.push_back({std::string(file) + ' ' + test.at("tcId").dump(), token_of(test, "jws")});
        }
      }
    }
    EXPECT_GE(found.size(), 290u);
    return found;
  }

  std::vector<json> lines_of(const fs::path& file) const {
    std::vector<json> cases;
    std::istringstream in(text_of(file));
    for (std::string line; std::getline(in, line);) {
      if (!line.empty()) cases.push_back(json::parse(line));
    }
    return cases;
  }

  fs::path root_;
};

inline HmacKey key_of_jwk(const json& jwk) { return *HmacKey::make(Algorithm::kHs256, Secret(*base64url_decode(jwk.at("k").get<std::string>()))); }

// What we decided where the collection leaves it to the verifier; docs/THREATS.md says why.
inline const std::map<std::string, bool> kAcceptedByPolicy = {
    {"JA-CRIT-12", true},                                                     // zip has no effect on a JWS
    {"JA-CRIT-13", false}, {"JA-CRIT-14", false}, {"JA-CRIT-15", false},      // a typ other than JWT
    {"JA-CRIT-16", false}, {"JA-CRIT-17", false},                             //
    {"JA-TIME-06", false},                                                    // iat in the future
    {"JA-TIME-08", false}, {"JA-TIME-09", false},                             // exp or iat missing
    {"JA-TIME-18", true},  {"JA-TIME-28", true},  {"JA-TIME-29", true},       // fractions and exponents
    {"JA-TIME-21", false}, {"JA-TIME-23", false},                             // before 1970, after 9999
};

// A case for another key than ours must be refused by ours as well, whatever its own verifier should say.
inline bool must_be_accepted(const json& attack) {
  if (attack.at("key") != "hs") return false;
  const auto expect = attack.at("expect").get<std::string>();
  return expect == "policy" ? kAcceptedByPolicy.at(attack.at("id").get<std::string>()) : expect == "accept";
}

// The attacks name their issuer, and the lines that have a token; those that have to be built stand in jws_vectors_test.cc, one by one.
inline constexpr std::string_view kAttackedIssuer = "cust-1";
inline const std::map<std::string, std::size_t> kAttackGroups = {{"JA-CTL", 7}, {"JA-CONF", 28}, {"JA-ENC", 50}, {"JA-CRIT", 19}, {"JA-TIME", 36}};

class Attacks : public Vectors {
 protected:
  HmacKey attacked_key() const { return key_of_jwk(document("jwt_attacks/keys.json").at("keys").at("hs")); }

  std::vector<json> tokens_of(const std::string& group) const {
    std::vector<json> cases = lines_of("jwt_attacks/" + group + ".jsonl");
    std::erase_if(cases, [](const json& attack) { return !attack.contains("token") || attack.at("token").is_null(); });
    EXPECT_EQ(cases.size(), kAttackGroups.at(group));
    return cases;
  }
};

}  // namespace jwtd::jose::vectors
