// api/token.cc - reads a request, calls the issuer, renders the answer.
#include "api/token.h"

#include "api/body.h"
#include "api/limits.h"
#include "api/routes.h"
#include "http/problem.h"

namespace jwtd::api {
namespace {

using http::Request;
using http::Response;

struct Wish {
  Phone phone;
  std::optional<Xid> xid;
};

Result<Wish> wish_from_path(const Request& request) {
  std::string text;
  if (!http::decode_segment(request.params[0], text)) return Error(kPhoneMalformed);
  const Result<Phone> phone = Phone::parse(text);
  if (!phone) return phone.error();
  if (request.params[1].empty()) return Wish{*phone, std::nullopt};
  if (!http::decode_segment(request.params[1], text)) return Error(kXidMalformed);
  const Result<Xid> xid = Xid::parse(text);
  if (!xid) return xid.error();
  return Wish{*phone, *xid};
}

// Strict: a misspelled "xid" that were ignored would make a transaction the caller cannot find.
Result<Wish> wish_from_body(std::string_view body) {
  const auto members = text_members(body, {"phone_number", "xid"});
  const std::string* const phone_text = members ? value_of(*members, "phone_number") : nullptr;
  if (!phone_text) return Error(kBodyMalformed);
  const Result<Phone> phone = Phone::parse(*phone_text);
  if (!phone) return phone.error();
  const std::string* const xid_text = value_of(*members, "xid");
  if (!xid_text) return Wish{*phone, std::nullopt};
  const Result<Xid> xid = Xid::parse(*xid_text);
  if (!xid) return xid.error();
  return Wish{*phone, *xid};
}

void refuse(Response& response, const Code& code, const Request& request) { http::render_problem(response, code, request.request_id); }

// Who asks, where that matters. False: refused.
bool may_mint(const TokenContext& context, const Request& request, Response& response) {
  if (!context.needs_key) return true;
  const auto asker = api::admit(context.callers, request);
  if (!asker) refuse(response, asker.error().code(), request);
  return asker.has_value();
}

// Who asks, and whether it is understood what for. False: refused.
bool admit(const TokenContext& context, const Result<Wish>& wish, const Request& request, Response& response) {
  if (!may_mint(context, request, response)) return false;
  if (!wish) refuse(response, wish.error().code(), request);
  return wish.has_value();
}

// Everything between the request and the record; the two forms differ only in where the wish comes from and how the token is shown.
Task<std::optional<issue::Minted>> mint(const TokenContext& context, const Result<Wish>& wish, const Request& request, Response& response) {
  if (!admit(context, wish, request, response)) co_return std::nullopt;
  if (!context.limiter.rules().empty()) {
    const limit::Decision decision = co_await context.limiter.acquire(request.client, wish->phone, Monotonic::now());
    add_limit_fields(response, decision);
    if (decision.unavailable) {
      refuse(response, limit::kLimitsUnavailable, request);
      co_return std::nullopt;
    }
    if (!decision.allowed) {
      context.observer.refused(*decision.rule);
      refuse(response, kRateLimited, request);
      response.status = context.refusal_status;
      if (response.status == 403) response.body.clear();
      co_return std::nullopt;
    }
  }
  Result<issue::Minted> minted = co_await context.issuer.mint(wish->phone, wish->xid, context.now());
  if (!minted) {
    if (minted.error().is(issue::kXidTaken)) context.observer.minted(store::Outcome::kConflict);
    refuse(response, minted.error().code(), request);
    co_return std::nullopt;
  }
  context.observer.minted(minted->outcome);
  co_return std::move(*minted);
}

// GET: the bare token and nothing else, because the provider's SDK opens the body as a token (reference/telesign.md 6).
Task<void> get_token(const TokenContext& context, const Request& request, Response& response) {
  const Result<Wish> wish = wish_from_path(request);
  if (request.method == http::Method::kHead) {  // says whether GET would be understood; mints nothing
    if (!admit(context, wish, request, response)) co_return;
    response.content_type = "text/plain";
    response.fields = "Allow: GET\r\nCache-Control: no-store\r\n";
    co_return;
  }
  if (std::optional<issue::Minted> minted = co_await mint(context, wish, request, response)) {
    response.content_type = "text/plain";
    response.fields.append("Allow: GET\r\nCache-Control: no-store\r\nX-Transaction-Id: ").append(minted->record.xid.view()).append("\r\n");
    response.body = std::move(minted->record.token);
  } else if (context.empty_errors) {
    response.content_type = "text/plain";
    response.body.clear();
  }
}

Task<void> post_token(const TokenContext& context, const Request& request, Response& response) {
  if (!is_json(request)) {
    if (!may_mint(context, request, response)) co_return;  // whoever may not ask learns nothing about the question
    http::render_problem(response, http::kMediaTypeUnsupported, request.request_id);
    co_return;
  }
  const Result<Wish> wish = wish_from_body(request.body);
  if (const std::optional<issue::Minted> minted = co_await mint(context, wish, request, response)) {
    const store::Record& record = minted->record;
    response.status = 201;
    response.content_type = "application/json";
    response.fields.append("Cache-Control: no-store\r\nX-Transaction-Id: ").append(record.xid.view()).append("\r\n");
    // As text, for a library's object costs as much as the token: none of these needs an escape.
    response.body.append(R"({"token":")").append(record.token).append(R"(","xid":")").append(record.xid.view());
    response.body.append(R"(","phone_number":")").append(record.phone.text()).append(R"(","issued_at":")").append(format_rfc3339(record.iat * 1000));
    response.body.append(R"(","expires_at":")").append(format_rfc3339(record.exp * 1000)).append("\"}");
  }
}

}  // namespace

void add_token_routes(http::Router& router, const TokenContext& context) {
  const http::Endpoint get = [&context](const Request& request, Response& response) { return get_token(context, request, response); };
  add_route(router, http::Method::kGet, "/v1/token/{phone_number}", get);
  add_route(router, http::Method::kGet, "/v1/token/{phone_number}/{xid}", get);
  add_route(router, http::Method::kPost, "/v1/tokens",
             [&context](const Request& request, Response& response) { return post_token(context, request, response); });
}

}  // namespace jwtd::api
