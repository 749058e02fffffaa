// api/status.cc - what is known; or first what the provider says, put on record.
#include "api/status.h"

#include <algorithm>
#include <chrono>
#include <string>

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

void refuse(const StatusContext& context, const Error& error, const Request& request, Response& response) {
  refuse_and_log(context.log, LogLevel::kWarn, "status_failed", error, request, response);
}

// How long ago it was learnt; null without a status.
Json age(const timeline::Status& status, UnixMillis now) {
  return status.state == timeline::State::kNone ? Json() : Json(std::max<UnixMillis>(0, now - status.known_at) / 1000);
}

Json shown(const store::Transaction& transaction, UnixMillis now, Sight sight) {
  const timeline::Status status = timeline::status_of(transaction);
  return {{"xid", transaction.current.xid.view()}, {"token_state", token_state(transaction, now)}, {"status", status_json(status, sight)}, {"age_seconds", age(status, now)}};
}

struct Wish {
  Xid xid;
  bool refresh;
  Sight sight;
};

Result<Wish> read(const StatusContext& context, const Request& request) {
  const Result<Asker> caller = admit(context.callers, request);
  if (!caller) return caller.error();
  if (const Status names = check_names(request.query, {"refresh"}); !names) return names.error();
  const Result<bool> refresh = flag(request.query, "refresh");
  if (!refresh) return refresh.error();
  if (*refresh && !context.provider) return Error(kRefreshOff);
  const Result<Xid> xid = xid_of(request);
  if (!xid) return xid.error();
  return Wish{*xid, *refresh, sight_of(*caller)};
}

// What the provider says, now or some seconds ago.
Task<Result<telesign::Polled>> polled(const StatusContext& context, Xid xid) {
  if (auto known = context.provider->at_once(xid)) co_return *std::move(known);
  const auto ask = [&context, xid] { return context.provider->ask(xid); };
  auto said = co_await context.polls.run(ask);
  if (!said && said.error().is(store::kReadQueueFull)) co_return Error(kProviderBusy);
  if (!said && said.error().is(store::kReadTimeout)) co_return Error(telesign::kProviderTimeout);
  co_return said;
}

// The same on record, and the transaction as it stands then.
Task<Result<store::Transaction>> refreshed(const StatusContext& context, Xid xid, const Request& request) {
  auto said = co_await polled(context, xid);
  if (!said) co_return said.error();
  // An answer without an XID is taken for the one that was asked about, unless its reference id is known for another's.
  if (said->report.xid.empty() && telesign::is_reference_id(said->report.reference_id)) {
    const auto look = [&store = context.store, reference = said->report.reference_id, now = context.now()] { return timeline::xid_of_reference(store, reference, now); };
    const auto known = co_await context.reads.run(look);
    if (!known) co_return known.error();
    if (*known && **known != xid) co_return Error(telesign::kProviderAnswerMalformed, "its reference id is that of another transaction");
  }
  auto placement = co_await context.placing.poll(xid, std::move(said->report), said->at);
  if (!placement) co_return placement.error();
  if (placement->contradicted) {
    context.contradicted();
    tell_contradiction(context.log, request.request_id);
  }
  co_return std::move(placement->transaction);
}

// With what was known before, unless the transaction was erased meanwhile.
void refuse_refresh(const StatusContext& context, const Error& error, Json last_known, const Request& request, Response& response) {
  const auto rest = std::chrono::ceil<std::chrono::seconds>(context.provider->rest());
  if (rest.count() > 0 && error.is(telesign::kProviderUnavailable)) response.add_field("Retry-After", std::to_string(rest.count()));
  refuse(context, error, request, response);
  if (error.is(timeline::kTransactionUnknown)) return;
  Json problem = Json::parse(response.body);  // its member "status" is HTTP's
  problem["last_known"] = std::move(last_known);
  response.body = problem.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Task<void> get_status(const StatusContext& context, const Request& request, Response& response) {
  const Result<Wish> wish = read(context, request);
  if (!wish) co_return refuse(context, wish.error(), request, response);
  const UnixMillis now = context.now();
  const auto find = [&store = context.store, xid = wish->xid, now] { return store.find(xid, now); };
  const Result<std::optional<store::Transaction>> found = co_await context.reads.run(find);
  if (!found) co_return refuse(context, found.error(), request, response);
  if (!found->has_value()) co_return refuse(context, Error(kTransactionUnknown), request, response);
  if (!wish->refresh) co_return answer(response, shown(**found, now, wish->sight));

  const Result<store::Transaction> fresh = co_await refreshed(context, wish->xid, request);
  if (!fresh) co_return refuse_refresh(context, fresh.error(), shown(**found, now, wish->sight), request, response);
  answer(response, shown(*fresh, now, wish->sight));
}

}  // namespace

void add_status_route(http::Router& router, const StatusContext& context) {
  add_route(router, http::Method::kGet, "/v1/transactions/{xid}/status",
             [&context](const Request& request, Response& response) { return get_status(context, request, response); });
}

}  // namespace jwtd::api
