// issue/verifier_test.cc - each check passes, fails and is explained; the verdict without a store is jose::verify()'s.
#include "issue/verifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <optional>
#include <random>
#include <thread>

#include "jose/golden_for_tests.h"

namespace jwtd::issue {
namespace {

namespace golden = jose::golden;
using jose::Algorithm;
using jose::HmacKey;
using testing::HasSubstr;

constexpr UnixSeconds kNow = golden::kIat + 12;
constexpr std::string_view kRetiredOctets = "a retired key of at least 32 octets, honestly";

HmacKey key_of(std::string_view octets, Algorithm algorithm = Algorithm::kHs256) { return *HmacKey::make(algorithm, Secret(std::string(octets))); }

std::vector<VerificationKey> all_keys() {
  std::vector<VerificationKey> keys;
  keys.push_back({KeyRole::kRetired, key_of(kRetiredOctets), {}});  // out of order on purpose
  keys.push_back({KeyRole::kCurrent, golden::key(), {}});
  keys.push_back({KeyRole::kUndecoded, key_of(golden::key_text()), {}});
  keys.push_back({KeyRole::kOtherAlgorithm, golden::key(Algorithm::kHs512), {}});
  keys.push_back({KeyRole::kOtherIssuer, key_of("the key of another issuer, long enough"), "OTHER-1"});
  return keys;
}

std::string signed_by(const HmacKey& key, const jose::Claims& claims = golden::claims()) {
  jose::HmacSigner signer = key.signer();
  return jose::issue(signer, claims);
}

std::string signed_text(std::string_view header, std::string_view claims, const HmacKey& key = golden::key()) {
  std::string token;
  base64url_append(header, token);
  token += '.';
  base64url_append(claims, token);
  unsigned char out[64];
  const std::size_t size = key.signer().sign(token, out);
  token += '.';
  base64url_append({reinterpret_cast<const char*>(out), size}, token);
  return token;
}

class VerifierTest : public testing::Test {
 protected:
  const Verdict& look(std::string_view token, UnixSeconds now = kNow, bool explain = true) {
    verifier_.look(token, now, explain, verdict_);
    return verdict_;
  }

  const Check& check(std::string_view name) const {
    static const Check kNone{};
    for (const Check& check : verdict_.checks) {
      if (check.name == name) return check;
    }
    ADD_FAILURE() << "no check " << name;
    return kNone;
  }

  std::string_view failure() const { return verdict_.failure ? verdict_.failure->id : ""; }

  store::Transaction on_record(const std::string& token) const {
    store::Transaction transaction{kNow * 1000, 1, {*Xid::parse(golden::kXid), *Phone::parse(golden::kPhone), token, std::string(golden::kIssuer), golden::key().kid(), golden::kIat, golden::kExp, kNow * 1000}, {}, {}};
    return transaction;
  }

  Verifier verifier_{std::string(golden::kIssuer), std::chrono::seconds(0), all_keys()};
  Verdict verdict_;
};

TEST_F(VerifierTest, AGoodTokenPassesEveryCheckWithItsDistances) {
  look(golden::token());
  EXPECT_EQ(failure(), "");
  EXPECT_TRUE(verdict_.is_signed);
  EXPECT_EQ(verdict_.kid, golden::key().kid());
  EXPECT_EQ(verdict_.claims.xid, golden::kXid);
  ASSERT_EQ(verdict_.checks.size(), 10u);
  for (const Check& check : verdict_.checks) EXPECT_EQ(check.passed, true) << check.name;
  EXPECT_THAT(check("key").detail, HasSubstr("the current key"));
  EXPECT_EQ(check("iat").detail, "issued 12 s ago: iat 1500000000, now 1500000012, leeway 0 s");
  EXPECT_EQ(check("exp").detail, "expires in 78 s: exp 1500000090, now 1500000012, leeway 0 s");
}

TEST_F(VerifierTest, AKeyIdIsThatOfTheCurrentTheFormerOrNoKey) {
  EXPECT_EQ(verifier_.kid_is(golden::key().kid()), "current");
  EXPECT_EQ(verifier_.for_another_thread().kid_is(key_of(kRetiredOctets).kid()), "former");
  EXPECT_EQ(verifier_.kid_is(key_of(golden::key_text()).kid()), "unknown") << "what the key is mistaken for signs nothing";
  EXPECT_EQ(verifier_.kid_is("AAAAAAAAAAA"), "unknown");
}

TEST_F(VerifierTest, WithoutAnExplanationThereAreNoChecks) {
  EXPECT_TRUE(look(golden::token(), kNow, false).checks.empty());
  EXPECT_EQ(failure(), "");
  EXPECT_TRUE(look("x", kNow, false).checks.empty());
  EXPECT_EQ(failure(), "token_malformed");
}

TEST_F(VerifierTest, ARetiredKeyCountsAndIsNamed) {
  look(signed_by(key_of(kRetiredOctets)));
  EXPECT_EQ(failure(), "");
  EXPECT_EQ(verdict_.kid, key_of(kRetiredOctets).kid());
  EXPECT_THAT(check("key").detail, HasSubstr("a retired key"));
  look(signed_by(key_of(kRetiredOctets)), golden::kExp + 1);
  EXPECT_EQ(failure(), "token_expired");
}

TEST_F(VerifierTest, AKeyThatIsNotOursIsExplained) {
  look(signed_by(key_of(golden::key_text())));
  EXPECT_EQ(failure(), "token_signature_invalid");
  EXPECT_EQ(check("key").passed, false);
  EXPECT_THAT(check("key").detail, HasSubstr("matches this issuer's key if it is not base64-decoded"));
  EXPECT_EQ(check("signature").passed, false);
  EXPECT_EQ(check("exp").passed, std::nullopt);

  look(signed_by(key_of("the key of another issuer, long enough")));
  EXPECT_EQ(failure(), "token_signature_invalid");
  EXPECT_THAT(check("key").detail, HasSubstr("OTHER-1, another issuer that is configured here"));

  look(signed_by(golden::key(Algorithm::kHs512)));
  EXPECT_EQ(failure(), "token_algorithm_mismatch");
  EXPECT_EQ(check("algorithm").passed, false);
  EXPECT_THAT(check("key").detail, HasSubstr("under HS512"));

  look(signed_by(key_of("the key of nobody in particular, long enough")));
  EXPECT_EQ(check("key").detail, "matches no key that is known here");
  EXPECT_FALSE(verdict_.is_signed);
}

TEST_F(VerifierTest, AnExplanationNeverMakesATokenValid) {
  for (const VerificationKey& key : all_keys()) {
    const std::string token = signed_by(key.key);
    const bool counts = key.role == KeyRole::kCurrent || key.role == KeyRole::kRetired;
    for (const bool explain : {true, false}) EXPECT_EQ(look(token, kNow, explain).failure == nullptr, counts);
  }
}

TEST_F(VerifierTest, EachCheckFailsOnItsOwn) {
  const auto failed = [&](std::string_view token, UnixSeconds now = kNow) {
    look(token, now);
    std::string names;
    for (const Check& check : verdict_.checks) names += check.passed == false ? std::string(check.name) + " " : "";
    EXPECT_EQ(names.empty(), verdict_.failure == nullptr);
    EXPECT_EQ(verdict_.checks.size(), 10u);
    return names;
  };
  constexpr const char* kHeader = R"({"alg":"HS256"})";
  EXPECT_EQ(failed("x.y"), "form ");
  EXPECT_EQ(failed(signed_text(kHeader, "[]")), "form ");
  EXPECT_EQ(failed(signed_text(R"({"alg":"HS256","crit":["x"]})", golden::kClaimsText)), "header ");
  EXPECT_EQ(failed(signed_text(R"({"alg":"none"})", golden::kClaimsText)), "algorithm ");
  EXPECT_EQ(failed(golden::token().substr(0, golden::token().size() - 7)), "key signature ");
  EXPECT_EQ(failed(signed_text(kHeader, R"({"iss":"x","iat":1})")), "claims ");
  EXPECT_EQ(failed(signed_text(kHeader, R"({"iss":"x","iat":1500000000,"exp":1500000090})")), "issuer ");
  EXPECT_EQ(failed(golden::token(), golden::kIat - 5), "iat ");
  EXPECT_EQ(failed(golden::token(), golden::kExp), "exp ");
  EXPECT_EQ(failed(signed_text(kHeader, R"({"iss":"FFFFFFFF-EEEE-DDDD-1234-AB1234567890","iat":1500000000,"exp":1500000090,"aud":"x"})")), "audience ");
  EXPECT_EQ(failed(signed_text(kHeader, R"({"iss":"x","iat":1500000000,"exp":1500000001,"aud":"x"})")), "issuer exp audience ");
}

TEST_F(VerifierTest, NoDetailHoldsThePhoneNumber) {
  const std::string phone(golden::kPhone);
  for (const std::string& claims : {R"({"iss":")" + phone + R"(","iat":1500000000,"exp":1500000090,"phn":")" + phone + "\"}", R"({"iss":"x","iat":")" + phone + "\",\"exp\":1}"}) {
    look(signed_text(R"({"alg":"HS256"})", claims));
    EXPECT_NE(failure(), "");
    EXPECT_EQ(verdict_.detail.find(phone), std::string::npos);
    for (const Check& check : verdict_.checks) EXPECT_EQ(check.detail.find(phone), std::string::npos) << check.name;
  }
}

TEST_F(VerifierTest, TheLeewayIsToldWhereItSaves) {
  Verifier lenient(std::string(golden::kIssuer), std::chrono::seconds(6), all_keys());
  lenient.look(golden::token(), golden::kExp + 5, true, verdict_);
  EXPECT_EQ(failure(), "");
  EXPECT_EQ(check("exp").detail, "expired 5 s ago: exp 1500000090, now 1500000095, leeway 6 s, which saves it");
  lenient.look(golden::token(), golden::kExp + 6, true, verdict_);
  EXPECT_EQ(failure(), "token_expired");
}

// The verdict without a store is the library's: over changed tokens, changed claims, and times around the edges.
TEST_F(VerifierTest, TheVerdictIsThatOfTheLibrary) {
  std::mt19937 random(5);
  const std::string token = golden::token();
  const jose::Policy policy{std::string(golden::kIssuer), std::chrono::seconds(0)};
  std::size_t valid = 0;
  for (int round = 0; round < 3'000; ++round) {
    std::string changed;
    if (round % 3 == 0) {
      changed = token;
      changed[random() % changed.size()] = "AB._-e0="[random() % 8];
    } else {
      std::string claims(golden::kClaimsText);
      claims[random() % claims.size()] = "01259\"{}:, abe."[random() % 15];
      changed = signed_text(random() % 2 ? R"({"alg":"HS256","typ":"JWT"})" : R"({"typ":"jwt","alg":"HS256"})", claims);
    }
    const UnixSeconds now = golden::kIat - 2 + static_cast<UnixSeconds>(random() % 95);
    const auto says = jose::verify(changed, golden::key(), policy, now);
    for (const bool explain : {true, false}) {
      look(changed, now, explain);
      ASSERT_EQ(verdict_.failure == nullptr, says.has_value()) << changed;
    }
    valid += says.has_value();
  }
  EXPECT_GT(valid, 200u);
}

// -- what the store knows -----------------------------------------------------------------------------------------------------------------

TEST_F(VerifierTest, TheTokenOnRecordCountsTheCurrentOneAndEarlierOnes) {
  store::Transaction transaction = on_record(golden::token());
  look(golden::token());
  hold_against(golden::token(), transaction, false, true, verdict_);
  EXPECT_EQ(failure(), "");
  EXPECT_EQ(check("on_record").detail, "the transaction's current token");

  transaction.earlier.push_back(std::exchange(transaction.current, on_record("another").current));
  look(golden::token());
  hold_against(golden::token(), transaction, false, true, verdict_);
  EXPECT_EQ(failure(), "");
  EXPECT_EQ(check("on_record").detail, "an earlier token of its transaction");
}

TEST_F(VerifierTest, ARightlySignedTokenThatIsNotOnRecordIsNotValid) {
  for (const std::optional<store::Transaction>& found : {std::optional<store::Transaction>(), std::optional(on_record("another"))}) {
    look(golden::token());
    hold_against(golden::token(), found, false, true, verdict_);
    EXPECT_EQ(failure(), "token_not_on_record");
    EXPECT_EQ(check("on_record").passed, false);
    EXPECT_EQ(check("revoked").passed, std::nullopt);
  }
  // The same claims under another library's header are another token.
  look(golden::token_of_old_pyjwt());
  EXPECT_EQ(failure(), "");
  hold_against(golden::token_of_old_pyjwt(), on_record(golden::token()), false, false, verdict_);
  EXPECT_EQ(failure(), "token_not_on_record");
}

TEST_F(VerifierTest, RevokedConsumedAndRevokedKeysEndAToken) {
  store::Transaction revoked = on_record(golden::token());
  revoked.events.push_back({store::Event::Type::kRevoked, kNow * 1000, "revoked", "{}"});
  look(golden::token());
  hold_against(golden::token(), revoked, false, true, verdict_);
  EXPECT_EQ(failure(), "token_revoked");
  EXPECT_EQ(check("revoked").detail, "its transaction was revoked at 2017-07-14T02:40:12.000Z");
  EXPECT_EQ(check("consumed").passed, true);

  store::Transaction consumed = on_record(golden::token());
  consumed.events.push_back({store::Event::Type::kConsumed, kNow * 1000, "consumed", "{}"});
  look(golden::token());
  hold_against(golden::token(), consumed, false, true, verdict_);
  EXPECT_EQ(failure(), "token_consumed");
  EXPECT_EQ(check("revoked").passed, true);

  look(golden::token());
  hold_against(golden::token(), on_record(golden::token()), true, true, verdict_);
  EXPECT_EQ(failure(), "token_revoked");
  EXPECT_THAT(check("revoked").detail, HasSubstr(golden::key().kid()));
}

TEST_F(VerifierTest, VerifiersOfOthersDoNotEndAToken) {
  store::Transaction transaction = on_record(golden::token());
  transaction.events.push_back({store::Event::Type::kVerified, kNow * 1000, "verified:someone", "{}"});
  look(golden::token());
  hold_against(golden::token(), transaction, false, false, verdict_);
  EXPECT_EQ(failure(), "");
}

TEST_F(VerifierTest, AnotherThreadHasItsOwnWithTheSameKeys) {
  std::optional<Verifier> first(std::in_place, std::string(golden::kIssuer), std::chrono::seconds(0), all_keys());
  std::vector<Verifier> others;
  for (int i = 0; i < 3; ++i) others.push_back(first->for_another_thread());
  first.reset();  // the keys stay as long as one of them
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (Verifier& other : others) {
    threads.emplace_back([&other, &right] {
      Verdict verdict;
      const std::string current = signed_by(golden::key()), retired = signed_by(key_of(kRetiredOctets)), undecoded = signed_by(key_of(golden::key_text()));
      for (int i = 0; i < 200; ++i) {
        other.look(current, kNow, false, verdict);
        const bool accepts_current = verdict.failure == nullptr;
        other.look(retired, kNow, false, verdict);
        const bool accepts_retired = verdict.failure == nullptr;
        other.look(undecoded, kNow, true, verdict);
        if (accepts_current && accepts_retired && verdict.failure && !verdict.hint.empty()) ++right;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 600);
}

// -- keys from files ------------------------------------------------------------------------------------------------------------------------

TEST(LoadVerificationKeys, TheCurrentKeyThePreviousOneAndWhatTheyAreMistakenFor) {
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / ("jwtd-verifier-" + std::to_string(::getpid()));
  std::filesystem::create_directory(folder);
  std::ofstream(folder / "key") << golden::key_text() << "\n";
  std::ofstream(folder / "previous") << base64_encode(kRetiredOctets) << "\n";
  auto keys = load_verification_keys(folder / "key", folder / "previous", Algorithm::kHs256);
  ASSERT_TRUE(keys) << keys.error().message();
  Verifier verifier(std::string(golden::kIssuer), std::chrono::seconds(0), *std::move(keys));
  Verdict verdict;
  const std::pair<std::string, bool> cases[] = {{signed_by(golden::key()), true}, {signed_by(key_of(kRetiredOctets)), true}, {signed_by(key_of(golden::key_text())), false},
                                                {signed_by(key_of(golden::key_text() + "\n")), false}};
  for (const auto& [token, counts] : cases) {
    verifier.look(token, kNow, true, verdict);
    EXPECT_EQ(verdict.failure == nullptr, counts);
    EXPECT_EQ(verdict.hint.empty(), counts);
  }
  EXPECT_FALSE(load_verification_keys(folder / "key", folder / "missing", Algorithm::kHs256));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace jwtd::issue
