// api/judging_for_tests.h - the routes that judge tokens and end them, over a store in memory, with a caller for each set of scopes.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "api/consume.h"
#include "api/introspect.h"
#include "api/revocations.h"
#include "api/verify.h"
#include "jose/golden_for_tests.h"
#include "store/memory/memory_store.h"
#include "tests/fakes/call_route.h"

namespace jwtd::api {

// A store that can go away, in whole or for changes only.
class FailingStore final : public store::Store {
 public:
  bool away = false, no_changes = false;
  std::size_t reads = 0, changes = 0;

  Status commit(std::span<store::Entry* const> batch) override { return kept_->commit(batch); }
  Status apply(std::span<store::Change* const> batch) override {
    changes += batch.size();
    if (away || no_changes) return Error(store::kStoreUnavailable, "/secret/path");
    return kept_->apply(batch);
  }
  Result<std::optional<std::string>> note(const store::NoteName& name, UnixMillis now) override { return kept_->note(name, now); }
  Result<std::vector<store::Note>> notes(std::string_view kind, std::string_view after, std::size_t limit, UnixMillis now) override { return kept_->notes(kind, after, limit, now); }
  Result<std::optional<store::Transaction>> find(const Xid& xid, UnixMillis now) override {
    ++reads;
    if (away) return Error(store::kStoreUnavailable, "/secret/path");
    return kept_->find(xid, now);
  }
  Result<store::Page> find_by_phone(const Phone& phone, std::size_t limit, std::string_view cursor, UnixMillis now) override {
    if (away) return Error(store::kStoreUnavailable, "/secret/path");
    return kept_->find_by_phone(phone, limit, cursor, now);
  }
  Status writable() override { return {}; }
  Status sweep(UnixMillis) override { return {}; }
  Result<store::Slice> scan(std::size_t limit, std::string_view cursor, UnixMillis now) override { return kept_->scan(limit, cursor, now); }
  Result<store::Adopted> adopt(std::span<const store::Transaction>) override { return Error(store::kStoreUnavailable); }
  store::Stats stats() override { return {}; }
  std::string_view driver() const override { return "failing"; }

 private:
  std::unique_ptr<store::Store> kept_ = store::open_memory_store(store::StoreOptions());
};

class JudgingTest : public testing::Test {
 protected:
  static constexpr UnixSeconds kNow = jose::golden::kIat + 12;
  static constexpr const char* kPhone = "15555551234";

  JudgingTest() {
    access::Callers callers;
    for (const char* scopes : {"mint", "read", "read:pii", "verify", "verify:explain", "revoke", "callbacks", "admin", "verify,verify:explain", "verify,verify:explain,read:pii",
                               "verify,read:pii"}) {
      std::string name = scopes;
      for (char& c : name) c = c == ',' || c == ':' ? '-' : c;
      keys_[scopes] = *callers.add(name, *access::parse_scopes(scopes), "2017-07-14T00:00:00Z");
    }
    callers_.set(std::move(callers));
    add_verify_route(call_.router, verify_);
    add_introspect_routes(call_.router, introspect_);
    add_revocations_route(call_.router, revocations_);
    add_consume_route(call_.router, consume_);
  }

  static std::vector<issue::VerificationKey> verification_keys() {
    std::vector<issue::VerificationKey> keys;
    keys.push_back({issue::KeyRole::kCurrent, jose::golden::key(), {}});
    return keys;
  }

  std::string bearer(const std::string& scopes) const { return "Bearer " + keys_.at(scopes); }

  // Puts a token under `xid` on record and returns it.
  std::string mint(const std::string& xid, const std::string& phone = kPhone, UnixSeconds iat = jose::golden::kIat) {
    jose::HmacSigner signer = jose::golden::key().signer();
    const jose::Claims claims{jose::golden::kIssuer, iat, iat + 90, *Phone::parse(phone), *Xid::parse(xid)};
    store::Entry entry{.proposed = {claims.xid, claims.phn, jose::issue(signer, claims), std::string(claims.iss), jose::golden::key().kid(), claims.iat, claims.exp, (iat + 10) * 1000},
                       .xid_is_new = false, .outcome = {}, .standing = {}};
    store::Entry* const batch[] = {&entry};
    EXPECT_TRUE(store_.commit(batch));
    return entry.proposed.token;
  }

  const http::Response& post(const std::string& target, const std::string& scopes, const std::string& body) {
    call_.content_type = "application/json";
    return call_.call(http::Method::kPost, target, bearer(scopes), body);
  }

  const http::Response& post_form(const std::string& target, const std::string& authorization, const std::string& body) {
    call_.content_type = "application/x-www-form-urlencoded";
    return call_.call(http::Method::kPost, target, authorization, body);
  }

  nlohmann::json verify(const std::string& token, const std::string& scopes = "verify") {
    post("/v1/verify", scopes, nlohmann::json{{"token", token}}.dump());
    return nlohmann::json::parse(call_.response.body);
  }

  std::vector<store::Event> events(const std::string& xid) { return (**store_.find(*Xid::parse(xid), kNow * 1000)).events; }

  FailingStore store_;
  access::Snapshot callers_;
  std::map<std::string, std::string> keys_;
  fakes::CallRoute call_;
  store::ReadPool reads_{{.threads = 1}};
  store::GroupCommit commit_{store_, {}};
  store::Lane lane_{commit_, call_.loop};
  issue::Verifier verifier_{std::string(jose::golden::kIssuer), std::chrono::seconds(0), verification_keys()};
  issue::Introspector introspector_{verifier_, store_, reads_, lane_};
  issue::Revoker revoker_{store_, reads_, lane_};
  VerifyContext verify_{introspector_, callers_, nullptr, [] { return kNow * 1000; }};
  IntrospectContext introspect_{introspector_, verifier_, revoker_, callers_, nullptr, [] { return kNow * 1000; }};
  RevocationsContext revocations_{verifier_, revoker_, callers_, nullptr, [] { return kNow * 1000; }};
  ConsumeContext consume_{revoker_, callers_, nullptr, [] { return kNow * 1000; }};
};

}  // namespace jwtd::api
