// http/problem_test.cc - each fault's status, and what a problem may contain.
#include "http/problem.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace jwtd::http {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr Code kSome{"some_code", Fault::kInvalidArgument, "Some title."};

std::string fields_for(const Code& code) {
  Response response;
  render_problem(response, code, "r");
  return response.fields;
}

TEST(Problem, EachFaultHasItsStatus) {
  EXPECT_EQ(status_of(Fault::kInvalidArgument), 400);
  EXPECT_EQ(status_of(Fault::kUnauthenticated), 401);
  EXPECT_EQ(status_of(Fault::kPermissionDenied), 403);
  EXPECT_EQ(status_of(Fault::kNotFound), 404);
  EXPECT_EQ(status_of(Fault::kAlreadyExists), 409);
  EXPECT_EQ(status_of(Fault::kRateLimited), 429);
  EXPECT_EQ(status_of(Fault::kUnavailable), 503);
  EXPECT_EQ(status_of(Fault::kDeadlineExceeded), 504);
  EXPECT_EQ(status_of(Fault::kInternal), 500);
}

TEST(Problem, TheBodyIsTheFixedTextsAndTheRequestId) {
  Response response;
  render_problem(response, kSome, "req-1");
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(response.content_type, "application/problem+json");
  EXPECT_EQ(response.error_id, "some_code");
  EXPECT_EQ(response.body, R"({"type":"about:blank","title":"Some title.","status":400,"code":"some_code","request_id":"req-1"})");
}

TEST(Problem, ATitlesQuotesAreEscaped) {
  constexpr Code quoted{"quoted", Fault::kInvalidArgument, R"(Neither "." nor \.)"};
  Response response;
  render_problem(response, quoted, "r");
  EXPECT_THAT(response.body, HasSubstr(R"("title":"Neither \".\" nor \\.")"));
}

TEST(Problem, HttpsOwnRefusalsKeepTheirStatus) {
  Response response;
  render_problem(response, kTargetTooLong, "r");
  EXPECT_EQ(response.status, 414);
  EXPECT_EQ(response.error_id, "uri_too_long");
  EXPECT_THAT(response.body, HasSubstr(R"("status":414)"));
}

TEST(Problem, AProblemIsNeverCached) { EXPECT_THAT(fields_for(kSome), HasSubstr("Cache-Control: no-store\r\n")); }

TEST(Problem, WhoShouldComeBackIsToldWhen) {
  EXPECT_THAT(fields_for({"a", Fault::kUnavailable, "A."}), HasSubstr("Retry-After: 1\r\n"));
  EXPECT_THAT(fields_for({"a", Fault::kRateLimited, "A."}), HasSubstr("Retry-After: 1\r\n"));
  EXPECT_THAT(fields_for(kSome), Not(HasSubstr("Retry-After")));
}

TEST(Problem, AKnownWaitIsNotOverwritten) {
  Response response;
  response.add_field("Retry-After", "17");
  render_problem(response, Code{"a", Fault::kRateLimited, "A."}, "r");
  EXPECT_THAT(response.fields, HasSubstr("Retry-After: 17\r\n"));
  EXPECT_THAT(response.fields, Not(HasSubstr("Retry-After: 1\r\n")));
}

TEST(Problem, WhoMustAuthenticateIsToldHow) {
  EXPECT_THAT(fields_for({"a", Fault::kUnauthenticated, "A."}), HasSubstr("WWW-Authenticate: Bearer\r\n"));
  EXPECT_THAT(fields_for({"a", Fault::kPermissionDenied, "A."}), Not(HasSubstr("WWW-Authenticate")));
}

TEST(Problem, ABodyFromBeforeIsReplaced) {
  Response response;
  response.body = "secret token";
  render_problem(response, kSome, "r");
  EXPECT_THAT(response.body, Not(HasSubstr("secret")));
}

TEST(Problem, EveryStatusWeSendHasItsPhrase) {
  for (const Fault fault : {Fault::kInvalidArgument, Fault::kUnauthenticated, Fault::kPermissionDenied, Fault::kNotFound, Fault::kAlreadyExists,
                            Fault::kRateLimited, Fault::kUnavailable, Fault::kDeadlineExceeded, Fault::kInternal})
    EXPECT_NE(reason_phrase(status_of(fault)), "");
  for (const HttpCode* code : {&kBadRequest, &kRouteUnknown, &kMethodNotAllowed, &kRequestTimeout, &kBodyTooLarge, &kTargetTooLong,
                               &kMediaTypeUnsupported, &kExpectationFailed, &kHeadTooLarge, &kNotImplemented, &kVersionUnsupported})
    EXPECT_NE(reason_phrase(code->status), "") << code->code.id;
  EXPECT_EQ(reason_phrase(418), "");
}

}  // namespace
}  // namespace jwtd::http
