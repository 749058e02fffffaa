// api/verify_test.cc - verdicts over HTTP: who sees what, what is written, and what happens without the store.
#include <gmock/gmock.h>

#include "api/judging_for_tests.h"

namespace jwtd::api {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;
using VerifyTest = JudgingTest;

TEST_F(VerifyTest, ATokenOnRecordIsValid) {
  const std::string token = mint("order-1");
  verify(token);
  EXPECT_EQ(call_.response.status, 200);
  EXPECT_EQ(call_.response.content_type, "application/json");
  EXPECT_EQ(call_.response.body, R"({"valid":true,"reason":null})");
  EXPECT_THAT(call_.response.fields, HasSubstr("Cache-Control: no-store"));
}

TEST_F(VerifyTest, WithoutVerifyExplainThereIsOneShortReason) {
  verify(mint("order-1", kPhone, kNow - 1000));
  EXPECT_EQ(call_.response.body, R"({"valid":false,"reason":"The token has expired"})");
  EXPECT_EQ(verify("x.y.z").at("reason"), "This is not a compact JWS");
  EXPECT_EQ(verify(jose::golden::token()).at("reason"), "The token is not on record");
  EXPECT_EQ(verify(std::string(1000, 'a')).at("valid"), false);
}

TEST_F(VerifyTest, WithVerifyExplainThereAreChecksAndClaims) {
  const std::string token = mint("order-1");
  const json verdict = verify(token, "verify,verify:explain");
  EXPECT_EQ(verdict.at("valid"), true);
  ASSERT_EQ(verdict.at("checks").size(), 13u);
  for (const json& check : verdict.at("checks")) EXPECT_EQ(check.at("passed"), true) << check;
  EXPECT_EQ(verdict.at("claims"), (json{{"iss", jose::golden::kIssuer}, {"iat", 1500000000}, {"exp", 1500000090}, {"phn", "*******1234"}, {"xid", "order-1"}}));
  EXPECT_THAT(call_.response.body, Not(HasSubstr(kPhone)));
  EXPECT_EQ(verify(token, "verify,verify:explain,read:pii").at("claims").at("phn"), kPhone);
  EXPECT_FALSE(verify(token, "verify,read:pii").contains("claims"));
}

TEST_F(VerifyTest, WhatFailsBeforeTheStoreIsExplainedWithoutIt) {
  const json verdict = verify("x.y.z", "verify,verify:explain");
  EXPECT_TRUE(verdict.at("claims").is_null());
  ASSERT_EQ(verdict.at("checks").size(), 13u);
  EXPECT_EQ(verdict.at("checks").at(0).at("passed"), false);
  EXPECT_TRUE(verdict.at("checks").at(12).at("passed").is_null());
  EXPECT_EQ(store_.reads, 0u);
}

TEST_F(VerifyTest, TheFirstVerificationByACallerIsAnEventLaterOnesAreNot) {
  const std::string token = mint("order-1");
  verify(token);
  verify(token);
  ASSERT_EQ(events("order-1").size(), 1u);
  EXPECT_EQ(events("order-1")[0].key, "verified:verify");
  EXPECT_EQ(events("order-1")[0].body, R"({"caller":"verify"})");
  EXPECT_EQ(store_.changes, 1u);
  verify(token, "verify,read:pii");
  EXPECT_EQ(events("order-1").size(), 2u);
}

TEST_F(VerifyTest, WhatIsNotValidIsNoEvent) {
  verify(mint("order-1", kPhone, kNow - 1000));
  verify(jose::golden::token());
  EXPECT_TRUE(events("order-1").empty());
  EXPECT_EQ(store_.changes, 0u);
}

TEST_F(VerifyTest, MoreVerifiersThanATransactionKeepsStillGetAnAnswer) {
  const std::string token = mint("order-1");
  for (std::size_t i = 0; i < kMaxVerifiers; ++i) {
    store::Change change;
    change.xid = *Xid::parse("order-1");
    change.event = store::Event{store::Event::Type::kVerified, kNow * 1000, "verified:someone-" + std::to_string(i), "{}"};
    store::Change* const batch[] = {&change};
    ASSERT_TRUE(store_.apply(batch));
  }
  EXPECT_EQ(verify(token).at("valid"), true);
}

TEST_F(VerifyTest, RevokedAndConsumedTokensAreNotValid) {
  const std::string revoked = mint("order-1"), used = mint("order-2");
  EXPECT_EQ(verify(revoked).at("valid"), true);
  post("/v1/revocations", "revoke", R"({"xid":"order-1"})");
  EXPECT_EQ(verify(revoked).at("reason"), "The token was revoked");
  post("/v1/transactions/order-2/consume", "verify", "");
  EXPECT_EQ(verify(used).at("reason"), "The token's transaction was used already");
}

TEST_F(VerifyTest, WithoutTheStoreThereIsNoVerdict) {
  const std::string token = mint("order-1");
  store_.away = true;
  verify(token);
  EXPECT_EQ(call_.response.status, 503);
  EXPECT_EQ(call_.response.error_id, "store_unavailable");
  EXPECT_THAT(call_.response.body, Not(HasSubstr("/secret")));
  EXPECT_EQ(verify("x.y.z").at("valid"), false) << "this needs no store";
  store_.away = false;
  store_.no_changes = true;  // the verification cannot be put on record
  verify(token);
  EXPECT_EQ(call_.response.status, 503);
  store_.no_changes = false;
  EXPECT_EQ(verify(token).at("valid"), true);
}

TEST_F(VerifyTest, TheBodyIsOneMember) {
  const std::string token = mint("order-1");
  for (const std::string& body : {std::string("{}"), std::string("[]"), std::string("x"), std::string(R"({"token":1})"), std::string(R"({"token":null})"),
                                  R"({"token":")" + token + R"(","token":")" + token + "\"}", R"({"token":")" + token + R"(","x":"y"})", R"({"Token":")" + token + "\"}",
                                  R"([{"token":")" + token + "\"}]", std::string("{\"token\":\"\xff\"}"), R"({"token":")" + token + "\"}x"}) {
    post("/v1/verify", "verify", body);
    EXPECT_EQ(call_.response.error_id, "verify_body_malformed") << body;
    EXPECT_EQ(call_.response.status, 400);
  }
  for (const std::string& body : {R"({"token": ")" + token + "\"}", R"( { "token" : ")" + token + "\" } ", R"({"\u0074oken":")" + token + "\"}"}) {
    post("/v1/verify", "verify", body);
    EXPECT_EQ(call_.response.body, R"({"valid":true,"reason":null})") << body;
  }
  call_.content_type = "text/plain";
  call_.call(http::Method::kPost, "/v1/verify", bearer("verify"), R"({"token":"x"})");
  EXPECT_EQ(call_.response.status, 415);
}

TEST_F(VerifyTest, WhoMayNotAskLearnsNothingAboutTheQuestion) {
  call_.call(http::Method::kPost, "/v1/verify", "", "nonsense");
  EXPECT_EQ(call_.response.error_id, "caller_key_missing");
  post("/v1/verify", "read", "nonsense");
  EXPECT_EQ(call_.response.error_id, "scope_missing");
}

}  // namespace
}  // namespace jwtd::api
