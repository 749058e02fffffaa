// api/revocations_test.cc - by transaction, phone, key and token; and one-time use.
#include <gmock/gmock.h>

#include "api/judging_for_tests.h"

namespace jwtd::api {
namespace {

using nlohmann::json;
using RevocationsTest = JudgingTest;

TEST_F(RevocationsTest, ByXidOnceAndNotAgain) {
  mint("order-1");
  EXPECT_EQ(post("/v1/revocations", "revoke", R"({"xid":"order-1"})").body, R"({"transactions":1,"already_revoked":0,"keys":0})");
  EXPECT_EQ(post("/v1/revocations", "revoke", R"({"xid":"order-1"})").body, R"({"transactions":0,"already_revoked":1,"keys":0})");
  post("/v1/revocations", "revoke", R"({"xid":"nobody"})");
  EXPECT_EQ(call_.response.error_id, "transaction_unknown");
  EXPECT_EQ(call_.response.status, 404);
  post("/v1/revocations", "revoke", R"({"xid":"a b"})");
  EXPECT_EQ(call_.response.error_id, "xid_malformed");
}

TEST_F(RevocationsTest, ByPhoneAllOfItsTransactionsOverPagesAndNobodyElses) {
  for (int i = 0; i < 250; ++i) mint("order-" + std::to_string(i));
  const std::string other = mint("of-another", "4915112345678");
  const std::string late = mint("order-249");
  EXPECT_EQ(post("/v1/revocations", "revoke", R"({"xid":"order-7"})").status, 200);
  EXPECT_EQ(post("/v1/revocations", "revoke", R"({"phone_number":"+15555551234"})").body, R"({"transactions":249,"already_revoked":1,"keys":0})");
  EXPECT_EQ(verify(late).at("valid"), false);
  EXPECT_EQ(verify(other).at("valid"), true);
  EXPECT_EQ(post("/v1/revocations", "revoke", R"({"phone_number":"15550000000"})").body, R"({"transactions":0,"already_revoked":0,"keys":0})");
  post("/v1/revocations", "revoke", R"({"phone_number":"123"})");
  EXPECT_EQ(call_.response.error_id, "phone_malformed");
}

TEST_F(RevocationsTest, ByKeyAllOfItsTokens) {
  const std::string token = mint("order-1");
  EXPECT_EQ(verify(token).at("valid"), true);
  EXPECT_EQ(post("/v1/revocations", "revoke", json{{"kid", jose::golden::key().kid()}}.dump()).body, R"({"transactions":0,"already_revoked":0,"keys":1,"kid_is":"current"})");
  EXPECT_EQ(verify(token).at("reason"), "The token was revoked");
  EXPECT_EQ(*store_.note({"revoked_key", jose::golden::key().kid()}, kNow * 1000), R"({"at":"2017-07-14T02:40:12.000Z","caller":"revoke"})");
  for (const char* kid : {"", "short", "has space 1", "twelve-chars"}) {
    post("/v1/revocations", "revoke", json{{"kid", kid}}.dump());
    EXPECT_EQ(call_.response.error_id, "kid_malformed");
  }
}

// A mistyped one is revoked as well: it may be of a key that is gone from the configuration, and only whoever asks can tell.
TEST_F(RevocationsTest, ByAKeyThatIsNotConfiguredSaysSo) {
  EXPECT_EQ(post("/v1/revocations", "revoke", R"({"kid":"AAAAAAAAAAA"})").body, R"({"transactions":0,"already_revoked":0,"keys":1,"kid_is":"unknown"})");
}

TEST_F(RevocationsTest, ByToken) {
  const std::string token = mint("order-1");
  EXPECT_EQ(post("/v1/revocations", "revoke", json{{"token", token}}.dump()).body, R"({"transactions":1,"already_revoked":0,"keys":0})");
  post("/v1/revocations", "revoke", R"({"token":"x.y.z"})");
  EXPECT_EQ(call_.response.error_id, "token_not_ours");
}

TEST_F(RevocationsTest, TheBodyNamesOneThing) {
  for (const char* body : {"{}", R"({"xid":"a","kid":"b"})", R"({"xid":1})", R"({"phone":"15555551234"})", "x"}) {
    post("/v1/revocations", "revoke", body);
    EXPECT_EQ(call_.response.error_id, "revocation_body_malformed") << body;
  }
}

TEST_F(RevocationsTest, WithoutTheStoreItIs503) {
  mint("order-1");
  store_.away = true;
  for (const char* body : {R"({"xid":"order-1"})", R"({"phone_number":"15555551234"})", R"({"kid":"AAAAAAAAAAA"})"}) {
    post("/v1/revocations", "revoke", body);
    EXPECT_EQ(call_.response.status, 503) << body;
  }
}

using ConsumeTest = JudgingTest;

TEST_F(ConsumeTest, OneWinner) {
  mint("order-1");
  EXPECT_EQ(post("/v1/transactions/order-1/consume", "verify", "").body, R"({"xid":"order-1","consumed_at":"2017-07-14T02:40:12.000Z"})");
  EXPECT_EQ(call_.response.status, 200);
  for (int i = 0; i < 3; ++i) {
    post("/v1/transactions/order-1/consume", "verify", "{}");
    EXPECT_EQ(call_.response.status, 409);
    EXPECT_EQ(call_.response.error_id, "transaction_consumed");
  }
}

TEST_F(ConsumeTest, OneWinnerOfManyAtOnce) {
  mint("order-1");
  std::vector<std::unique_ptr<fakes::Started<Result<store::Applied>>>> asked;
  for (int i = 0; i < 50; ++i) asked.push_back(std::make_unique<fakes::Started<Result<store::Applied>>>(revoker_.consume(*Xid::parse("order-1"), "verify", kNow * 1000)));
  int winners = 0;
  for (auto& one : asked) {
    while (!one->done()) call_.loop.wait_and_run();
    winners += **one->value() == store::Applied::kWritten;
  }
  EXPECT_EQ(winners, 1);
}

// A driver that says a change twice, because it lost the first answer, must not make the winner a loser.
TEST_F(ConsumeTest, AWinnerWhoseChangeWasSaidTwiceIsStillTheWinner) {
  mint("order-1");
  store::Change first = issue::consumption(*Xid::parse("order-1"), "verify", "nonce-1", kNow * 1000);
  store::Change* const batch[] = {&first};
  ASSERT_TRUE(store_.apply(batch));
  EXPECT_EQ(first.applied, store::Applied::kWritten);
  const Result<store::Applied> other = fakes::run_task(call_.loop, revoker_.consume(*Xid::parse("order-1"), "verify", kNow * 1000));
  EXPECT_EQ(*other, store::Applied::kPresent) << "another nonce is another caller";
}

TEST_F(ConsumeTest, RevokedUnknownAndMalformed) {
  mint("order-1");
  post("/v1/revocations", "revoke", R"({"xid":"order-1"})");
  post("/v1/transactions/order-1/consume", "verify", "");
  EXPECT_EQ(call_.response.status, 409);
  EXPECT_EQ(call_.response.error_id, "transaction_revoked");
  post("/v1/transactions/nobody/consume", "verify", "");
  EXPECT_EQ(call_.response.status, 404);
  post("/v1/transactions/a%20b/consume", "verify", "");
  EXPECT_EQ(call_.response.error_id, "xid_malformed");
  post("/v1/transactions/order-1/consume?x=1", "verify", "");
  EXPECT_EQ(call_.response.error_id, "query_parameter_unknown");
  post("/v1/transactions/order-1/consume", "verify", R"({"x":1})");
  EXPECT_EQ(call_.response.error_id, "consume_body_malformed");
}

}  // namespace
}  // namespace jwtd::api
