// api/limits_test.cc - the fields that tell a client how often it may come.
#include "api/limits.h"

#include <gtest/gtest.h>

#include <string>

namespace jwtd::api {
namespace {

using namespace std::chrono_literals;

// Ten a minute, three at once: a permit every 6 s.
const limit::Rule kRule{"per-client", limit::KeyKind::kClient, {limit::Rate{10, 60s, 3}}};

std::string fields_of(const limit::Decision& decision) {
  http::Response response;
  add_limit_fields(response, decision);
  return response.fields;
}

TEST(LimitFields, WithoutRulesNothingIsSaid) { EXPECT_EQ(fields_of({}), ""); }

TEST(LimitFields, WhereLimitsCannotBeCheckedOnlyTheTimeIsSaid) {
  EXPECT_EQ(fields_of({.allowed = false, .unavailable = true, .rule = &kRule, .retry_after = 1s}), "Retry-After: 1\r\n");
}

TEST(LimitFields, AnAllowedRequestLearnsWhatIsLeft) {
  const limit::Decision decision{.allowed = true, .rule = &kRule, .rate = &kRule.rates[0], .remaining = 2, .reset_after = 6s};
  EXPECT_EQ(fields_of(decision), "RateLimit-Policy: \"per-client\";q=3;w=18\r\nRateLimit: \"per-client\";r=2;t=6\r\n");
}

TEST(LimitFields, ARefusedRequestLearnsWhenToComeBack) {
  const limit::Decision decision{
      .allowed = false, .rule = &kRule, .rate = &kRule.rates[0], .remaining = 0, .retry_after = 5s, .reset_after = 17s};
  EXPECT_EQ(fields_of(decision), "RateLimit-Policy: \"per-client\";q=3;w=18\r\nRateLimit: \"per-client\";r=0;t=17\r\nRetry-After: 5\r\n");
}

TEST(LimitFields, PartsOfASecondAreRoundedUp) {
  const limit::Decision decision{
      .allowed = false, .rule = &kRule, .rate = &kRule.rates[0], .remaining = 0, .retry_after = 1ns, .reset_after = 1001ms};
  EXPECT_EQ(fields_of(decision), "RateLimit-Policy: \"per-client\";q=3;w=18\r\nRateLimit: \"per-client\";r=0;t=2\r\nRetry-After: 1\r\n");
}

}  // namespace
}  // namespace jwtd::api
