// api/status.cc - what is known; or first what the provider says, put on record.
#include "api/status.h"

#include <algorithm>

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
  if (*refresh && !context.ask) return Error(kRefreshOff);
  const Result<Xid> xid = xid_of(request);
  if (!xid) return xid.error();
  return Wish{*xid, *refresh, sight_of(*caller)};
}

Task<void> get_status(const StatusContext& context, const Request& request, Response& response) {
  const Result<Wish> wish = read(context, request);
  if (!wish) co_return refuse(context, wish.error(), request, response);
  const UnixMillis now = context.now();
  const auto find = [&store = context.store, xid = wish->xid, now] { return store.find(xid, now); };
  const Result<std::optional<store::Transaction>> found = co_await context.reads.run(find);
  if (!found) co_return refuse(context, found.error(), request, response);
  if (!found->has_value()) co_return refuse(context, Error(kTransactionUnknown), request, response);
  Json json = shown(**found, now, wish->sight);

  if (wish->refresh) {
    const auto ask = [&context, xid = wish->xid] { return context.ask(xid); };
    Result<telesign::Polled> polled = co_await context.polls.run(ask);
    if (!polled) {
      refuse(context, polled.error(), request, response);
      Json problem = Json::parse(response.body);  // its member "status" is HTTP's
      problem["last_known"] = std::move(json);
      response.body = problem.dump();
      co_return;
    }
    const Result<timeline::PollPlacement> placement = co_await context.placing.poll(wish->xid, std::move(polled->report), polled->at);
    if (!placement) co_return refuse(context, placement.error(), request, response);
    if (placement->contradicted) {
      context.contradicted();
      tell_contradiction(context.log, request.request_id);
    }
    json = shown(placement->transaction, now, wish->sight);
  }
  answer(response, json);
}

}  // namespace

void add_status_route(http::Router& router, const StatusContext& context) {
  add_route(router, http::Method::kGet, "/v1/transactions/{xid}/status",
             [&context](const Request& request, Response& response) { return get_status(context, request, response); });
}

}  // namespace jwtd::api
