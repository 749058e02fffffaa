// api/verify.cc - one token in, one verdict out.
#include "api/verify.h"

#include <cmath>

#include <nlohmann/json.hpp>

#include "api/answer.h"
#include "api/body.h"
#include "api/routes.h"
#include "http/problem.h"

namespace jwtd::api {
namespace {

using http::Request;
using http::Response;
using Json = nlohmann::ordered_json;

void refuse(const VerifyContext& context, const Error& error, const Request& request, Response& response) {
  refuse_and_log(context.log, LogLevel::kError, "verify_failed", error, request, response);
}

Json checks_of(const issue::Verdict& verdict) {
  Json checks = Json::array();
  for (const issue::Check& check : verdict.checks) {
    checks.push_back({{"check", check.name}, {"passed", nullptr}, {"detail", check.detail}});
    if (check.passed) checks.back()["passed"] = *check.passed;
  }
  return checks;
}

Json date(double at) { return at == std::floor(at) ? Json(static_cast<std::int64_t>(at)) : Json(at); }

// The claims that we know; others may hold anything, and are nobody's business here.
Json claims_of(const issue::Verdict& verdict, bool with_phone) {
  if (!verdict.is_signed) return nullptr;
  const jose::SignedClaims& claims = verdict.claims;
  Json json{{"iss", claims.iss}, {"iat", date(claims.iat)}, {"exp", date(claims.exp)}};
  if (claims.nbf) json["nbf"] = date(*claims.nbf);
  const Result<Phone> phone = Phone::parse(claims.phn);
  json["phn"] = with_phone ? claims.phn : phone ? phone->redacted() : "***";
  json["xid"] = claims.xid;
  return json;
}

Task<void> post_verify(const VerifyContext& context, const Request& request, Response& response) {
  const Result<Asker> asker = admit(context.callers, request);
  if (!asker) co_return refuse(context, asker.error(), request, response);
  if (!is_json(request)) co_return http::render_problem(response, http::kMediaTypeUnsupported, request.request_id);
  const std::optional<TextMember> token = only_member(request.body, {"token"});
  if (!token) co_return refuse(context, Error(kVerifyBodyMalformed), request, response);

  const bool explain = (*asker)->may(access::Scope::kVerifyExplain);
  issue::Verdict verdict;
  const Status judged = co_await context.introspector.judge(token->text, (*asker)->name, explain, context.now(), verdict);
  if (!judged) co_return refuse(context, judged.error(), request, response);

  if (!explain) {
    co_return answer_text(response, verdict.failure ? R"({"valid":false,"reason":")" + std::string(verdict.failure->title) + R"("})" : R"({"valid":true,"reason":null})");
  }
  Json json{{"valid", verdict.failure == nullptr}, {"reason", nullptr}, {"checks", checks_of(verdict)}, {"claims", claims_of(verdict, (*asker)->may(access::Scope::kReadPii))}};
  if (verdict.failure) json["reason"] = verdict.failure->title;
  answer(response, json);
}

}  // namespace

void add_verify_route(http::Router& router, const VerifyContext& context) {
  add_route(router, http::Method::kPost, "/v1/verify", [&context](const Request& request, Response& response) { return post_verify(context, request, response); });
}

}  // namespace jwtd::api
