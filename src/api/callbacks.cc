// api/callbacks.cc - the signature first, then the form, then its place.
#include "api/callbacks.h"

#include <nlohmann/json.hpp>

#include "api/answer.h"
#include "api/query.h"
#include "api/routes.h"
#include "api/timeline.h"
#include "api/transactions.h"
#include "http/problem.h"

namespace jwtd::api {
namespace {

using http::Request;
using http::Response;
using Json = nlohmann::ordered_json;

void refuse(Log* log, const Error& error, const Request& request, Response& response) {
  // A callback's detail says which rule its form breaks, and quotes nothing.
  refuse_and_log(log, LogLevel::kWarn, "callback_refused", error, request, response);
}

Task<void> post_callback(const CallbackContext& context, const Request& request, Response& response) {
  const auto refused = [&](const Error& error) {
    context.observer.refused(error.code());
    refuse(context.log, error, request, response);
  };
  const Status signature = context.signature.check(request.field("authorization"), request.field("x-ts-authorization"), request.body);
  if (!signature) co_return refused(signature.error());
  Result<telesign::Report> report = telesign::parse_callback(request.body);
  if (!report) co_return refused(report.error());
  const Result<timeline::Placement> placement = co_await context.placing.callback(*std::move(report), context.now());
  if (!placement) co_return refused(placement.error());

  context.observer.placed(placement->placed);
  for (std::size_t i = 0; i < placement->matched; ++i) context.observer.placed(timeline::Placed::kSeen);
  if (placement->contradicted) {
    context.observer.contradicted();
    tell_contradiction(context.log, request.request_id);
  }
  answer_text(response, "{}");
}

void add_unmatched(const telesign::Report& report, Sight sight, Json& json) {
  json["reference_id"] = report.reference_id.empty() ? Json() : Json(shown_id(report.reference_id, sight));
  json["xid"] = report.xid.empty() ? Json() : Json(shown_id(report.xid, sight));
  json["code"] = report.code;
  json["description"] = shown_words(report.description, sight);
}

Task<void> list_unmatched(const AdminContext& context, const Request& request, Response& response) {
  const auto caller = admit(context.callers, request);
  if (!caller) co_return refuse(context.log, caller.error(), request, response);
  const Sight sight = sight_of(*caller);
  if (const Status names = check_names(request.query, {"unmatched", "phone_number", "limit", "cursor"}); !names) co_return refuse(context.log, names.error(), request, response);
  const Result<bool> unmatched = flag(request.query, "unmatched");
  const Result<PageWish> wish = page_wish(request.query);
  if (!unmatched || !*unmatched) co_return refuse(context.log, Error(kQueryParameterMalformed), request, response);
  if (!wish) co_return refuse(context.log, wish.error(), request, response);
  const Result<Phone> phone = phone_number(request.query);
  if (!phone && !phone.error().is(kPhoneNumberMissing)) co_return refuse(context.log, phone.error(), request, response);
  const auto list = [&store = context.store, wish = *wish, of = phone ? std::optional(*phone) : std::nullopt, now = context.now()] {
    return timeline::list_unmatched(store, wish.cursor, wish.limit, of, now);
  };
  const auto found = co_await context.reads.run(list);
  if (!found) co_return refuse(context.log, found.error(), request, response);

  Json json{{"callbacks", Json::array()}, {"next", nullptr}};
  for (const timeline::Unmatched& one : found->callbacks) {
    Json shown{{"received_at", format_rfc3339(one.at, true)}};
    if (one.report) add_unmatched(*one.report, sight, shown);
    else shown["damaged"] = true;
    if (sight == Sight::kFull) shown["raw"] = one.raw;
    json["callbacks"].push_back(std::move(shown));
  }
  if (!found->next.empty()) json["next"] = found->next;
  answer(response, json);
}

}  // namespace

void add_callback_route(http::Router& router, const CallbackContext& context) {
  add_route(router, http::Method::kPost, "/v1/callbacks/telesign",
             [&context](const Request& request, Response& response) { return post_callback(context, request, response); });
}

void add_unmatched_route(http::Router& router, const AdminContext& context) {
  add_route(router, http::Method::kGet, "/v1/callbacks",
             [&context](const Request& request, Response& response) { return list_unmatched(context, request, response); });
}

}  // namespace jwtd::api
