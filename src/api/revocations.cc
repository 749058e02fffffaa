// api/revocations.cc - which of the four, and the counts.
#include "api/revocations.h"

#include <nlohmann/json.hpp>

#include "api/answer.h"
#include "api/body.h"
#include "api/routes.h"
#include "api/transactions.h"
#include "http/problem.h"

namespace jwtd::api {
namespace {

using http::Request;
using http::Response;
using Json = nlohmann::ordered_json;

void refuse(const RevocationsContext& context, const Error& error, const Request& request, Response& response) {
  refuse_and_log(context.log, LogLevel::kError, "revocation_failed", error, request, response);
}

struct Counts {
  issue::Revoked revoked;
  std::uint64_t keys = 0;
};

Task<Result<Counts>> revoke(const RevocationsContext& context, const TextMember& what, std::string_view caller) {
  const UnixMillis now = context.now();
  if (what.name == "kid") {
    if (!issue::is_kid(what.text)) co_return Error(issue::kKidMalformed);
    const Status done = co_await context.revoker.key(what.text, caller, now);
    if (!done) co_return done.error();
    co_return Counts{{}, 1};
  }
  if (what.name == "phone_number") {
    const Result<Phone> phone = Phone::parse(what.text);
    if (!phone) co_return phone.error();
    const Result<issue::Revoked> revoked = co_await context.revoker.phone(*phone, caller, now);
    if (!revoked) co_return revoked.error();
    co_return Counts{*revoked, 0};
  }
  std::optional<Xid> xid;
  if (what.name == "token") {
    xid = context.verifier.revocable(what.text, now / 1000);
    if (!xid) co_return Error(kTokenNotOurs);
  } else {
    const Result<Xid> parsed = Xid::parse(what.text);
    if (!parsed) co_return parsed.error();
    xid = *parsed;
  }
  const Result<issue::Revoked> revoked = co_await context.revoker.transaction(*xid, caller, what.name, now);
  if (!revoked) co_return revoked.error();
  if (revoked->unknown) co_return Error(kTransactionUnknown);
  co_return Counts{*revoked, 0};
}

Task<void> post_revocations(const RevocationsContext& context, const Request& request, Response& response) {
  const Result<Asker> asker = admit(context.callers, request);
  if (!asker) co_return refuse(context, asker.error(), request, response);
  if (!is_json(request)) co_return http::render_problem(response, http::kMediaTypeUnsupported, request.request_id);
  const std::optional<TextMember> what = only_member(request.body, {"xid", "phone_number", "kid", "token"});
  if (!what) co_return refuse(context, Error(kRevocationBodyMalformed), request, response);
  const Result<Counts> counts = co_await revoke(context, *what, (*asker)->name);
  if (!counts) co_return refuse(context, counts.error(), request, response);
  Json json{{"transactions", counts->revoked.transactions}, {"already_revoked", counts->revoked.already}, {"keys", counts->keys}};
  if (what->name == "kid") json["kid_is"] = context.verifier.kid_is(what->text);
  answer(response, json);
}

}  // namespace

void add_revocations_route(http::Router& router, const RevocationsContext& context) {
  add_route(router, http::Method::kPost, "/v1/revocations", [&context](const Request& request, Response& response) { return post_revocations(context, request, response); });
}

}  // namespace jwtd::api
