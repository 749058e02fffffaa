// api/introspect.cc - RFC 7662 and RFC 7009 over issue/.
#include "api/introspect.h"

#include <string>

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

constexpr std::string_view kTokenType = "urn:ietf:params:oauth:token-type:jwt";  // RFC 8693 s3

// RFC 6749 s5.2; `id` is for log and metrics.
void oauth_error(Response& response, int status, std::string_view error, std::string_view description, std::string_view id) {
  response.status = status;
  response.error_id = id;
  answer(response, Json{{"error", error}, {"error_description", description}});
}

// By the scheme that the client tried (RFC 6749 s5.2).
std::string_view challenge(const Request& request) {
  const std::string_view authorization = request.field("authorization");
  return http::equal_ignoring_case(authorization.substr(0, 5), "basic") ? "Basic realm=\"jwtd\"" : "Bearer realm=\"jwtd\"";
}

void refuse(const IntrospectContext& context, const Error& error, const Request& request, Response& response) {
  const Code& code = error.code();
  if (context.log && !error.detail().empty()) context.log->error("introspect_failed", {{"code", code.id}, {"detail", error.detail()}, {"request_id", request.request_id}});
  switch (code.fault) {
    case Fault::kUnauthenticated:
      response.add_field("WWW-Authenticate", challenge(request));
      return oauth_error(response, 401, "invalid_client", code.title, code.id);
    case Fault::kPermissionDenied: return oauth_error(response, 403, "insufficient_scope", code.title, code.id);  // RFC 6750 s3.1
    case Fault::kInvalidArgument: return oauth_error(response, 400, "invalid_request", code.title, code.id);
    case Fault::kUnavailable:
      response.add_field("Retry-After", "1");
      return oauth_error(response, 503, "temporarily_unavailable", code.title, code.id);  // RFC 6749 s4.1.2.1
    default: return oauth_error(response, http::status_of(code.fault), "server_error", code.title, code.id);
  }
}

Result<std::string> token_of(const Request& request) {
  if (!is_form(request)) return Error(kFormMalformed);
  const std::optional<Form> form = parse_form(request.body);
  const std::string* const token = form ? value_of(*form, "token") : nullptr;
  if (!token || token->empty()) return Error(kFormMalformed);
  return *token;
}

Task<void> introspect(const IntrospectContext& context, const Request& request, Response& response) {
  const Result<Asker> asker = admit(context.callers, request);
  if (!asker) co_return refuse(context, asker.error(), request, response);
  const Result<std::string> token = token_of(request);
  if (!token) co_return refuse(context, token.error(), request, response);

  issue::Verdict verdict;
  const Status judged = co_await context.introspector.judge(*token, (*asker)->name, /*explain=*/false, context.now(), verdict);
  if (!judged) co_return refuse(context, judged.error(), request, response);
  if (verdict.failure) {
    co_return answer_text(response, R"({"active":false})");  // and nothing about why: RFC 7662 s2.2
  }
  const jose::SignedClaims& claims = verdict.claims;
  // Written as text, for a library's object costs as much as the verdict. A token that counts has our issuer's name and is on record: none of its
  // strings needs an escape.
  std::string body(R"({"active":true,"token_type":")");
  body.append(kTokenType).append(R"(","iss":")").append(claims.iss).append(R"(","iat":)").append(std::to_string(static_cast<std::int64_t>(claims.iat)));
  body.append(R"(,"exp":)").append(std::to_string(static_cast<std::int64_t>(claims.exp))).append(R"(,"xid":")").append(claims.xid).append("\"");
  if ((*asker)->may(access::Scope::kReadPii)) body.append(R"(,"sub":")").append(claims.phn).append(R"(","phn":")").append(claims.phn).append("\"");
  body.append("}");
  answer_text(response, body);
}

// 200 with nothing whenever the token does not count afterwards, whether it ever did (RFC 7009 s2.2). The hint is not needed and not looked at:
// there is one type of token, so no unsupported_token_type either.
Task<void> revoke(const IntrospectContext& context, const Request& request, Response& response) {
  const Result<Asker> asker = admit(context.callers, request);
  if (!asker) co_return refuse(context, asker.error(), request, response);
  const Result<std::string> token = token_of(request);
  if (!token) co_return refuse(context, token.error(), request, response);

  const UnixMillis now = context.now();
  if (const std::optional<Xid> xid = context.verifier.revocable(*token, now / 1000)) {
    const Result<issue::Revoked> revoked = co_await context.revoker.transaction(*xid, (*asker)->name, "token", now);
    if (!revoked) co_return refuse(context, revoked.error(), request, response);
  }
  answer(response, Json::object());
}

}  // namespace

void add_introspect_routes(http::Router& router, const IntrospectContext& context) {
  add_route(router, http::Method::kPost, "/v1/introspect", [&context](const Request& request, Response& response) { return introspect(context, request, response); });
  add_route(router, http::Method::kPost, "/v1/revoke", [&context](const Request& request, Response& response) { return revoke(context, request, response); });
}

}  // namespace jwtd::api
