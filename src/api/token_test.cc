// api/token_test.cc - the routes that mint, as a client sees them.
#include "api/token.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "store/memory/memory_store.h"
#include "tests/fakes/call_route.h"

namespace jwtd::api {
namespace {

using http::Method;
using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

constexpr UnixMillis kNow = 1'500'000'010'000;

// Lets through until it is told otherwise.
class FakeLimiter final : public limit::Limiter {
 public:
  const std::vector<limit::Rule>& rules() const override { return rules_; }
  Task<limit::Decision> acquire(const ClientKey&, Phone, Monotonic::time_point) override {
    ++asked;
    if (unavailable) co_return limit::Decision{.allowed = false, .unavailable = true, .rule = &rules_[0], .retry_after = std::chrono::seconds(1)};
    co_return limit::Decision{.allowed = !refuses, .rule = &rules_[0], .rate = &rules_[0].rates[0], .remaining = 0,
                              .retry_after = std::chrono::seconds(refuses ? 7 : 0), .reset_after = std::chrono::seconds(7)};
  }
  bool refuses = false;
  bool unavailable = false;
  int asked = 0;

 private:
  std::vector<limit::Rule> rules_{{"per-client", limit::KeyKind::kClient, {limit::Rate{1, std::chrono::seconds(10), 1}}}};
};

class TokenTest : public testing::Test {
 protected:
  TokenTest() {
    context_.now = [] { return kNow; };
    context_.observer.minted = [this](store::Outcome outcome) { outcomes_.push_back(outcome); };
    context_.observer.refused = [this](const limit::Rule& rule) { refused_ = rule.name; };
    add_token_routes(call_.router, context_);
  }

  std::string refusal(std::string_view target) {
    call_.get(target);
    return std::string(call_.response.error_id);
  }
  const http::Response& post(std::string_view body, std::string_view authorization = {}) {
    return call_.call(Method::kPost, "/v1/tokens", authorization, body);
  }

  fakes::CallRoute call_;
  std::unique_ptr<store::Store> store_ = store::open_memory_store({});
  store::GroupCommit commit_{*store_, {.deadline = std::chrono::hours(1)}};
  store::Lane lane_{commit_, call_.loop};
  jose::HmacKey key_ = *jose::HmacKey::make(jose::Algorithm::kHs256, Secret(std::string(64, 'k')));
  issue::Issuer issuer_{{"CUSTOMER", std::chrono::seconds(90), std::chrono::seconds(10)}, key_, lane_};
  FakeLimiter limiter_;
  access::Snapshot callers_;
  TokenContext context_{issuer_, limiter_, callers_};
  std::vector<store::Outcome> outcomes_;
  std::string refused_;
};

TEST_F(TokenTest, TheBodyIsTheBareTokenThatIsOnRecord) {
  const auto& response = call_.get("/v1/token/15555551234/order-1");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.content_type, "text/plain");
  EXPECT_THAT(response.fields, HasSubstr("Allow: GET\r\n"));
  EXPECT_THAT(response.fields, HasSubstr("Cache-Control: no-store\r\n"));
  EXPECT_THAT(response.fields, HasSubstr("X-Transaction-Id: order-1\r\n"));
  const auto found = store_->find(*Xid::parse("order-1"), kNow);
  ASSERT_TRUE(found && found->has_value());
  EXPECT_EQ(response.body, (*found)->current.token);
}

TEST_F(TokenTest, WithoutAnXidTheAnswerTellsTheOneThatWasMade) {
  const std::string fields = call_.get("/v1/token/%2B15555551234").fields;
  const auto at = fields.find("X-Transaction-Id: ");
  ASSERT_NE(at, std::string::npos);
  const auto xid = Xid::parse(fields.substr(at + 18, 36));
  ASSERT_TRUE(xid);
  EXPECT_TRUE((*store_->find(*xid, kNow)).has_value());
}

TEST_F(TokenTest, HeadMintsNothingAndUsesUpNoLimit) {
  EXPECT_EQ(call_.call(Method::kHead, "/v1/token/15555551234/order-1", {}, {}).status, 200);
  EXPECT_FALSE((*store_->find(*Xid::parse("order-1"), kNow)).has_value());
  EXPECT_EQ(limiter_.asked, 0);
  EXPECT_EQ(call_.call(Method::kHead, "/v1/token/nonsense", {}, {}).status, 400);
}

TEST_F(TokenTest, WhatIsNotAPhoneOrAnXidIsRefusedBeforeAnythingIsCounted) {
  EXPECT_EQ(refusal("/v1/token/123"), "phone_malformed");
  EXPECT_EQ(refusal("/v1/token/1555555%00"), "phone_malformed");
  EXPECT_EQ(refusal("/v1/token/15555551234/a%2Fb"), "xid_malformed");
  EXPECT_EQ(refusal("/v1/token/15555551234/.."), "xid_malformed");
  EXPECT_EQ(limiter_.asked, 0);
}

TEST_F(TokenTest, AnXidOfAnotherPhoneIs409AndTellsNothing) {
  const std::string first = call_.get("/v1/token/15555551234/order-1").body;
  EXPECT_EQ(call_.get("/v1/token/15555559999/order-1").status, 409);
  EXPECT_EQ(call_.response.error_id, "xid_taken");
  EXPECT_EQ(outcomes_.back(), store::Outcome::kConflict);
  EXPECT_THAT(call_.response.body, Not(HasSubstr(first)));
  EXPECT_THAT(call_.response.body, Not(HasSubstr("1555555")));
}

TEST_F(TokenTest, OutcomesAreTold) {
  call_.get("/v1/token/15555551234/order-1");
  call_.get("/v1/token/15555551234/order-1");
  EXPECT_EQ(outcomes_, (std::vector{store::Outcome::kInserted, store::Outcome::kReused}));
}

TEST_F(TokenTest, ALimitRefusesWith429AndMintsNothing) {
  limiter_.refuses = true;
  EXPECT_EQ(call_.get("/v1/token/15555551234/order-1").status, 429);
  EXPECT_EQ(call_.response.error_id, "rate_limited");
  EXPECT_THAT(call_.response.fields, HasSubstr("Retry-After: 7\r\n"));
  EXPECT_EQ(refused_, "per-client");
  EXPECT_FALSE((*store_->find(*Xid::parse("order-1"), kNow)).has_value());
}

TEST_F(TokenTest, WhereLimitsCannotBeCheckedTheAnswerIs503AndNoRefusalByALimit) {
  context_.refusal_status = 403;
  limiter_.unavailable = true;
  EXPECT_EQ(call_.get("/v1/token/15555551234/order-1").status, 503);
  EXPECT_EQ(call_.response.error_id, "limits_unavailable");
  EXPECT_THAT(call_.response.fields, HasSubstr("Retry-After: 1\r\n"));
  EXPECT_THAT(call_.response.fields, Not(HasSubstr("RateLimit")));
  EXPECT_EQ(refused_, "");
  EXPECT_FALSE((*store_->find(*Xid::parse("order-1"), kNow)).has_value());
}

TEST_F(TokenTest, ByADifferentSettingALimitRefusesWithAnEmpty403) {
  context_.refusal_status = 403;
  limiter_.refuses = true;
  EXPECT_EQ(call_.get("/v1/token/15555551234").status, 403);
  EXPECT_EQ(call_.response.body, "");
}

TEST_F(TokenTest, RefusalsAreEmptyWhereTheSettingSaysSo) {
  context_.empty_errors = true;
  EXPECT_EQ(call_.get("/v1/token/nonsense").status, 400);
  EXPECT_EQ(call_.response.body, "");
}

TEST_F(TokenTest, MintingNeedsAKeyWhereTheSettingSaysSo) {
  access::Callers callers;
  const std::string minter = "Bearer " + *callers.add("minter", *access::parse_scopes("mint"), "2017-07-14T00:00:00Z");
  const std::string reader = "Bearer " + *callers.add("reader", *access::parse_scopes("read"), "2017-07-14T00:00:00Z");
  callers_.set(std::move(callers));
  context_.needs_key = true;
  EXPECT_EQ(refusal("/v1/token/nonsense"), "caller_key_missing") << "who may not ask learns nothing about the question";
  EXPECT_EQ(call_.get("/v1/token/15555551234", reader).status, 403);
  EXPECT_EQ(call_.get("/v1/token/15555551234", minter).status, 200);
  EXPECT_EQ(post(R"({"phone_number":"15555551234"})").status, 401);
  EXPECT_EQ(post(R"({"phone_number":"15555551234"})", minter).status, 201);
}

TEST_F(TokenTest, PostAnswersWithTheTokenAndItsTimes) {
  const auto& response = post(R"({"phone_number":"+15555551234","xid":"order-1"})");
  ASSERT_EQ(response.status, 201) << response.body;
  EXPECT_EQ(response.content_type, "application/json");
  const json answer = json::parse(response.body);
  EXPECT_EQ(answer["token"], (*store_->find(*Xid::parse("order-1"), kNow))->current.token);
  EXPECT_EQ(answer["xid"], "order-1");
  EXPECT_EQ(answer["phone_number"], "15555551234");
  EXPECT_EQ(answer["issued_at"], "2017-07-14T02:40:00Z");
  EXPECT_EQ(answer["expires_at"], "2017-07-14T02:41:30Z");
  EXPECT_EQ(answer.size(), 5u);
}

TEST_F(TokenTest, AnythingButTheTwoStringsIsRefused) {
  for (const char* body : {"{", "[]", "{}", "null", R"("15555551234")", R"({"phone_number":15555551234})", R"({"xid":"a"})",
                           R"({"phone_number":"15555551234","xid":1})", R"({"phone_number":"15555551234","xid":null})",
                           R"({"phone_number":"15555551234","Xid":"a"})", R"({"phone_number":"15555551234","phone_number":"15555551234"})",
                           R"({"phone_number":"15555551234"} {})", R"({"phone_number":["15555551234"]})"}) {
    EXPECT_EQ(post(body).status, 400) << body;
    EXPECT_EQ(call_.response.error_id, "body_malformed") << body;
  }
}

TEST_F(TokenTest, ABodyThatIsNotSaidToBeJsonIs415) { EXPECT_EQ(post("").status, 415); }

}  // namespace
}  // namespace jwtd::api
