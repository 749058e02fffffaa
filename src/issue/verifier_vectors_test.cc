// issue/verifier_vectors_test.cc - the tokens of others (JWTD_VECTORS) through the whole verifier: every key role, and what is on record.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <initializer_list>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "issue/introspector.h"
#include "issue/verifier.h"
#include "jose/golden_for_tests.h"
#include "jose/jws.h"
#include "jose/vectors_for_tests.h"
#include "store/memory/memory_store.h"
#include "tests/fakes/run_task.h"

namespace jwtd::issue {
namespace {

namespace golden = jose::golden;
namespace vectors = jose::vectors;
using jose::Algorithm;
using jose::HmacKey;
using vectors::json;
using vectors::token_of;

constexpr UnixSeconds kNow = 1900000000;

using MakeKey = std::function<HmacKey()>;  // keys are not copied

std::vector<VerificationKey> keys_of(std::initializer_list<std::pair<KeyRole, HmacKey (*)(const MakeKey&)>> roles, const MakeKey& key) {
  std::vector<VerificationKey> keys;
  for (const auto& [role, make] : roles) keys.push_back({role, make(key), {}});
  return keys;
}

HmacKey ours(const MakeKey&) { return golden::key(); }
HmacKey theirs(const MakeKey& key) { return key(); }

// `key` as the only one, and as the one that is being replaced.
std::vector<Verifier> verifiers_of(const MakeKey& key, const std::string& issuer) {
  std::vector<Verifier> verifiers;
  verifiers.emplace_back(issuer, std::chrono::seconds(0), keys_of({{KeyRole::kCurrent, theirs}}, key));
  verifiers.emplace_back(issuer, std::chrono::seconds(0), keys_of({{KeyRole::kCurrent, ours}, {KeyRole::kRetired, theirs}}, key));
  return verifiers;
}

// `key` in every role that explains and never makes a token count.
Verifier suspecting(const MakeKey& key, const std::string& issuer) {
  return {issuer, std::chrono::seconds(0),
          keys_of({{KeyRole::kCurrent, ours}, {KeyRole::kUndecoded, theirs}, {KeyRole::kUndecodedWithNewline, theirs}, {KeyRole::kOtherAlgorithm, theirs}, {KeyRole::kOtherIssuer, theirs}}, key)};
}

bool is_accepted(Verifier& verifier, const std::string& token, UnixSeconds now = kNow) {
  Verdict plain, explained;
  verifier.look(token, now, false, plain);
  verifier.look(token, now, true, explained);
  EXPECT_EQ(plain.failure, explained.failure) << "an explanation changes no verdict";
  const bool all_passed = std::all_of(explained.checks.begin(), explained.checks.end(), [](const Check& check) { return check.passed == true; });
  EXPECT_EQ(all_passed, plain.failure == nullptr);
  if (!plain.is_signed) {
    EXPECT_FALSE(verifier.revocable(token, now)) << "only who has a token of ours may revoke it";
  }
  return plain.failure == nullptr;
}

class AttackedVerifier : public vectors::Attacks {
 protected:
  const MakeKey make_ = [this] { return attacked_key(); };

  static std::string issuer() { return std::string(vectors::kAttackedIssuer); }

  // Judged with the store asked, after `on_record` was put there.
  std::string reason(const std::string& token, UnixSeconds now, const store::Transaction* on_record) const {
    const auto store = store::open_memory_store(store::StoreOptions());
    if (on_record) {
      EXPECT_TRUE(store->adopt({on_record, 1}));
    }
    store::ReadPool reads{{.threads = 1, .deadline = std::chrono::hours(1)}};
    store::GroupCommit commit{*store, {.deadline = std::chrono::hours(1)}};
    fakes::FakeLoop loop;
    store::Lane lane{commit, loop};
    Verifier verifier(issuer(), std::chrono::seconds(0), keys_of({{KeyRole::kCurrent, theirs}}, make_));
    Introspector introspector(verifier, *store, reads, lane);
    Verdict verdict;
    EXPECT_TRUE(fakes::run_task(loop, introspector.judge(token, "tester", true, now * 1000, verdict)));
    return verdict.failure ? std::string(verdict.failure->id) : "";
  }
};

TEST_F(AttackedVerifier, TheVerdictIsTheOneThatTheCollectionStates) {
  std::set<std::string> chosen;
  for (const auto& [group, cases] : vectors::kAttackGroups) {
    for (const json& attack : tokens_of(group)) {
      const std::string token = token_of(attack, "token");
      const auto now = attack.at("now").get<UnixSeconds>();
      for (Verifier& verifier : verifiers_of(make_, issuer())) {
        EXPECT_EQ(is_accepted(verifier, token, now), vectors::must_be_accepted(attack)) << attack.at("id") << ' ' << attack.at("title");
      }
      Verifier suspicious = suspecting(make_, issuer());
      EXPECT_FALSE(is_accepted(suspicious, token, now)) << attack.at("id");
      if (attack.at("expect") == "policy") chosen.insert(attack.at("id").get<std::string>());
    }
  }
  EXPECT_EQ(chosen.size(), vectors::kAcceptedByPolicy.size());
}

// Every token of them once on record and once not: what fails before stays failed, what is good is valid only there.
TEST_F(AttackedVerifier, NothingOnRecordSavesAnAttackAndAGoodTokenNeedsIt) {
  std::size_t accepted = 0;
  for (const auto& [group, cases] : vectors::kAttackGroups) {
    for (const json& attack : tokens_of(group)) {
      const std::string token = token_of(attack, "token");
      const auto now = attack.at("now").get<UnixSeconds>();
      const jose::HmacKey key = attacked_key();
      jose::JwsReader reader(key);
      jose::SignedClaims claims;
      const Result<Xid> named = reader.read(token, claims) ? Xid::parse(claims.xid) : Result<Xid>(Error(kXidMalformed));
      const Xid xid = named ? *named : *Xid::parse("0123456789ABCDEF0123456789ABCDEF");
      const store::Transaction on_record{now * 1000, 1, {xid, *Phone::parse("15551234567"), token, issuer(), key.kid(), now - 10, now + 80, now * 1000}, {}, {}};
      const bool good = vectors::must_be_accepted(attack);
      EXPECT_EQ(reason(token, now, &on_record).empty(), good && named) << attack.at("id") << ' ' << attack.at("title");
      const std::string without = reason(token, now, nullptr);
      EXPECT_EQ(without == kNotOnRecord.id, good) << attack.at("id") << ' ' << without;
      accepted += good && named;
    }
  }
  EXPECT_GE(accepted, 8u);
}

class VerifierVectors : public vectors::Vectors {};

// The payload there is not JSON: a right signature is seen by what comes after it, and no token is valid.
TEST_F(VerifierVectors, WycheproofJwsWithTheirOwnKey) {
  std::size_t cases = 0;
  for (const json& group : wycheproof_groups("jws_basic.json")) {
    if (group.at("private").at("kty") != "oct") continue;
    const MakeKey make = [&] { return vectors::key_of_jwk(group.at("private")); };
    const HmacKey key = make();
    for (const json& test : group.at("tests")) {
      ++cases;
      const std::string token = token_of(test, "jws");
      const auto library = jose::verify(token, key, jose::Policy{}, kNow);
      for (Verifier& verifier : verifiers_of(make, std::string(golden::kIssuer))) {
        EXPECT_FALSE(is_accepted(verifier, token)) << test.at("tcId") << ' ' << test.at("comment");
        Verdict verdict;
        verifier.look(token, kNow, true, verdict);
        ASSERT_FALSE(library);
        EXPECT_EQ(verdict.failure->id, library.error().code().id) << test.at("tcId");
        if (test.at("result") == "valid") {
          EXPECT_NE(verdict.failure->id, jose::kSignatureInvalid.id) << test.at("tcId");
        }
      }
    }
  }
  EXPECT_EQ(cases, 17u);
}

TEST_F(VerifierVectors, WycheproofJwsOfOtherAlgorithmsAndKeysAreRefused) {
  std::vector<Verifier> verifiers = verifiers_of([] { return golden::key(); }, std::string(golden::kIssuer));
  verifiers.push_back(suspecting([] { return golden::key(Algorithm::kHs512); }, std::string(golden::kIssuer)));
  for (const auto& [place, token] : foreign_jws()) {
    for (Verifier& verifier : verifiers) EXPECT_FALSE(is_accepted(verifier, token)) << place;
  }
}

TEST_F(VerifierVectors, TokensFoundInTheWildAreNeverBelieved) {
  std::size_t cases = 0;
  for (const char* file : vectors::kHarvested) {
    for (const json& found : document("harvested/" + std::string(file) + ".json")) {
      ++cases;
      for (const Algorithm algorithm : {Algorithm::kHs256, Algorithm::kHs384, Algorithm::kHs512}) {
        for (const std::string& issuer : {std::string(golden::kIssuer), std::string("https://example.com")}) {
          for (Verifier& verifier : verifiers_of([=] { return golden::key(algorithm); }, issuer)) EXPECT_FALSE(is_accepted(verifier, token_of(found, "token"), 1300000000)) << file;
        }
      }
    }
  }
  EXPECT_EQ(cases, 160u);
}

}  // namespace
}  // namespace jwtd::issue
