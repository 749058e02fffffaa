// api/introspect_test.cc - RFC 7662 and RFC 7009, with the words that OAuth clients expect.
#include <gmock/gmock.h>

#include "api/judging_for_tests.h"
#include "base/base64.h"

namespace jwtd::api {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

class IntrospectTest : public JudgingTest {
 protected:
  json introspect(const std::string& token, const std::string& scopes = "verify") {
    post_form("/v1/introspect", bearer(scopes), "token=" + token);
    return json::parse(call_.response.body);
  }
};

TEST_F(IntrospectTest, AGoodTokenIsActiveWithItsClaims) {
  const std::string token = mint("order-1");
  const json answer = introspect(token);
  EXPECT_EQ(call_.response.status, 200);
  EXPECT_EQ(answer, (json{{"active", true}, {"token_type", "urn:ietf:params:oauth:token-type:jwt"}, {"iss", jose::golden::kIssuer}, {"iat", 1500000000}, {"exp", 1500000090}, {"xid", "order-1"}}));
  EXPECT_THAT(call_.response.fields, HasSubstr("Cache-Control: no-store"));
  EXPECT_EQ(introspect(token, "verify,read:pii").at("phn"), kPhone);
  EXPECT_EQ(introspect(token, "verify,read:pii").at("sub"), kPhone);
}

TEST_F(IntrospectTest, AnyOtherTokenIsInactiveAndNothingElse) {
  for (const std::string& token : {std::string("x"), jose::golden::token(), mint("order-1", kPhone, kNow - 1000)}) {
    introspect(token);
    EXPECT_EQ(call_.response.status, 200);
    EXPECT_EQ(call_.response.body, R"({"active":false})");
  }
}

TEST_F(IntrospectTest, WithoutTheStoreItIs503AndNeverInactive) {
  const std::string token = mint("order-1");
  store_.away = true;
  introspect(token);
  EXPECT_EQ(call_.response.status, 503);
  EXPECT_THAT(call_.response.body, Not(HasSubstr("active\"")));
  EXPECT_EQ(json::parse(call_.response.body).at("error"), "temporarily_unavailable");
  EXPECT_THAT(call_.response.fields, HasSubstr("Retry-After: 1"));
  EXPECT_THAT(call_.response.body, Not(HasSubstr("/secret")));
}

TEST_F(IntrospectTest, TheCallerMayShowItselfAsAnOAuthClientDoes) {
  const std::string token = mint("order-1");
  post_form("/v1/introspect", "Basic " + base64_encode("verify:" + keys_.at("verify")), "token=" + token + "&token_type_hint=access_token");
  EXPECT_EQ(json::parse(call_.response.body).at("active"), true);
  post_form("/v1/introspect", "Basic " + base64_encode("read:" + keys_.at("verify")), "token=" + token);
  EXPECT_EQ(call_.response.status, 401);
  EXPECT_EQ(json::parse(call_.response.body).at("error"), "invalid_client");
  EXPECT_THAT(call_.response.fields, HasSubstr("WWW-Authenticate: Basic realm=\"jwtd\"\r\n"));
  post_form("/v1/introspect", "", "token=" + token);
  EXPECT_EQ(call_.response.status, 401);
  EXPECT_THAT(call_.response.fields, HasSubstr("WWW-Authenticate: Bearer realm=\"jwtd\"\r\n"));
  post_form("/v1/introspect", bearer("read"), "token=" + token);
  EXPECT_EQ(call_.response.status, 403);
  EXPECT_EQ(json::parse(call_.response.body).at("error"), "insufficient_scope");
}

TEST_F(IntrospectTest, AMalformedFormIsAnInvalidRequest) {
  std::string many;
  for (int i = 0; i < 20; ++i) many += "&p" + std::to_string(i) + "=1";
  for (const char* route : {"/v1/introspect", "/v1/revoke"}) {
    for (const std::string& body : {std::string("x=y"), std::string("token="), std::string("token=a&token=a"), std::string("token=%zz"), std::string("token=%00"),
                                    std::string("token=\xff"), std::string("=a&token=b"), "token=a" + many, std::string(R"({"token":"a"})")}) {
      post_form(route, bearer(route[4] == 'i' ? "verify" : "revoke"), body);
      EXPECT_EQ(call_.response.status, 400) << route << body;
      EXPECT_EQ(json::parse(call_.response.body).at("error"), "invalid_request");
    }
    call_.content_type = "application/json";
    call_.call(http::Method::kPost, route, bearer(route[4] == 'i' ? "verify" : "revoke"), "token=a");
    EXPECT_EQ(call_.response.status, 400);
  }
}

TEST_F(IntrospectTest, ARevokedTokenIsInactiveFromThenOn) {
  const std::string token = mint("order-1");
  EXPECT_EQ(introspect(token).at("active"), true);
  post_form("/v1/revoke", bearer("revoke"), "token=" + token);
  EXPECT_EQ(call_.response.status, 200);
  EXPECT_EQ(introspect(token).at("active"), false);
  post_form("/v1/revoke", bearer("revoke"), "token=" + token + "&token_type_hint=refresh_token");
  EXPECT_EQ(call_.response.status, 200) << "again is fine";
  const auto revoked = events("order-1").back();
  EXPECT_EQ(revoked.key, "revoked");
  EXPECT_EQ(revoked.body, R"({"caller":"revoke","by":"token"})");
}

TEST_F(IntrospectTest, AnExpiredTokenRevokesItsTransactionToo) {
  const std::string old = mint("order-1", kPhone, kNow - 1000), current = mint("order-1");
  post_form("/v1/revoke", bearer("revoke"), "token=" + old);
  EXPECT_EQ(introspect(current).at("active"), false);
}

// A node whose clock is behind must not say that it is done, and leave a token that counts a second later.
TEST_F(IntrospectTest, ATokenThatIsNotValidYetRevokesItsTransactionToo) {
  const std::string early = mint("order-1", kPhone, kNow + 60);
  EXPECT_EQ(introspect(early).at("active"), false);
  post_form("/v1/revoke", bearer("revoke"), "token=" + early);
  EXPECT_EQ(call_.response.status, 200);
  ASSERT_EQ(events("order-1").size(), 1u);
  EXPECT_EQ(events("order-1")[0].key, "revoked");
}

TEST_F(IntrospectTest, RevokingWhatIsNoTokenOfOursIsFineAndChangesNothing) {
  mint("order-1");
  jose::HmacSigner foreign = jose::HmacKey::make(jose::Algorithm::kHs256, Secret(std::string(40, 'x')))->signer();
  const std::string forged = jose::issue(foreign, {jose::golden::kIssuer, jose::golden::kIat, jose::golden::kExp, *Phone::parse(kPhone), *Xid::parse("order-1")});
  for (const std::string& token : {std::string("x"), forged, jose::golden::token()}) {
    post_form("/v1/revoke", bearer("revoke"), "token=" + token);
    EXPECT_EQ(call_.response.status, 200);
  }
  EXPECT_TRUE(events("order-1").empty());
}

TEST_F(IntrospectTest, ARevocationThatCannotBeRecordedIs503) {
  const std::string token = mint("order-1");
  store_.away = true;
  post_form("/v1/revoke", bearer("revoke"), "token=" + token);
  EXPECT_EQ(call_.response.status, 503);
}

}  // namespace
}  // namespace jwtd::api
