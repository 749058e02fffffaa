// api/transactions.cc - reads a question, asks the store beside the loop, renders what the caller may see.
#include "api/transactions.h"

#include <algorithm>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "api/answer.h"
#include "api/query.h"
#include "api/routes.h"
#include "api/timeline.h"
#include "http/problem.h"
#include "timeline/erasure.h"

namespace jwtd::api {
namespace {

using http::QueryValue;
using http::Request;
using http::Response;
using Json = nlohmann::ordered_json;

Result<Sight> authenticate(const TransactionsContext& context, const Request& request) {
  const Result<Asker> asker = admit(context.callers, request);
  if (!asker) return asker.error();
  return sight_of(*asker);
}

struct ListWish {
  Phone phone;
  PageWish page;
};

Result<ListWish> list_wish(std::string_view query) {
  if (const Status names = check_names(query, {"phone_number", "limit", "cursor"}); !names) return names.error();
  const Result<Phone> phone = phone_number(query);
  if (!phone) return phone.error();
  Result<PageWish> page = page_wish(query);
  if (!page) return page.error();
  return ListWish{*phone, *std::move(page)};
}

Result<Xid> xid_wish(const Request& request) {
  if (const Status names = check_names(request.query, {}); !names) return names.error();
  return xid_of(request);
}

// -- answers --------------------------------------------------------------------------------------------------------

Json times_of(const store::Record& record) {
  return {{"issued_at", format_rfc3339(record.iat * 1000)},
          {"expires_at", format_rfc3339(record.exp * 1000)},
          {"recorded_at", format_rfc3339(record.recorded_at, true)}};
}

Json earlier_token(const store::Record& record, Sight sight) {
  Json json = times_of(record);
  if (sight == Sight::kFull) json["token"] = record.token;
  return json;
}

Json transaction(const store::Transaction& transaction, UnixMillis now, Sight sight) {
  const store::Record& current = transaction.current;
  Json json{{"xid", current.xid.view()},
            {"phone_number", sight == Sight::kFull ? current.phone.text() : current.phone.redacted()},
            {"token_state", token_state(transaction, now)},
            {"status", status_json(timeline::status_of(transaction), sight)},
            {"created_at", format_rfc3339(transaction.created_at, true)},
            {"issued", transaction.issued},
            {"iss", current.iss},
            {"kid", current.kid}};
  json.update(times_of(current));
  if (sight == Sight::kFull) json["token"] = current.token;
  return json;
}

void refuse(const TransactionsContext& context, const Error& error, const Request& request, Response& response) {
  refuse_and_log(context.log, LogLevel::kError, "look_up_failed", error, request, response);
}

void count_damaged(const TransactionsContext& context, std::size_t count) {
  if (context.damaged) context.damaged->fetch_add(count, std::memory_order_relaxed);
}

// What was erased leaves counts.
Task<void> refuse_unknown(const TransactionsContext& context, const Xid& xid, UnixMillis now, const Request& request, Response& response) {
  refuse(context, Error(kTransactionUnknown), request, response);
  const auto look = [&store = context.store, xid, now] { return timeline::erased_note(store, xid, now); };
  const auto erased = co_await context.reads.run(look);
  if (!erased || !*erased) co_return;
  Json problem = Json::parse(response.body);
  problem["erased"] = Json::parse(**erased, nullptr, /*allow_exceptions=*/false);
  response.body = problem.dump();
}

// -- endpoints ------------------------------------------------------------------------------------------------------

Task<void> get_transaction(const TransactionsContext& context, const Request& request, Response& response) {
  const Result<Sight> sight = authenticate(context, request);
  if (!sight) co_return refuse(context, sight.error(), request, response);
  const Result<Xid> xid = xid_wish(request);
  if (!xid) co_return refuse(context, xid.error(), request, response);

  const UnixMillis now = context.now();
  const auto find = [&store = context.store, xid = *xid, now] { return store.find(xid, now); };
  const Result<std::optional<store::Transaction>> found = co_await context.reads.run(find);
  if (!found) {
    if (found.error().is(store::kStoreDamaged)) count_damaged(context, 1);
    co_return refuse(context, found.error(), request, response);
  }
  if (!found->has_value()) co_return co_await refuse_unknown(context, *xid, now, request, response);

  Json json = transaction(**found, now, *sight);
  Json& earlier = json["earlier"] = Json::array();
  for (const store::Record& record : (*found)->earlier) earlier.push_back(earlier_token(record, *sight));
  json["events"] = events_json(**found, now, *sight);
  answer(response, json);
}

Task<void> list_transactions(const TransactionsContext& context, const Request& request, Response& response) {
  const Result<Sight> sight = authenticate(context, request);
  if (!sight) co_return refuse(context, sight.error(), request, response);
  const Result<ListWish> wish = list_wish(request.query);
  if (!wish) co_return refuse(context, wish.error(), request, response);

  const UnixMillis now = context.now();
  const auto find = [&store = context.store, wish = *wish, now] { return store.find_by_phone(wish.phone, wish.page.limit, wish.page.cursor, now); };
  const Result<store::Page> page = co_await context.reads.run(find);
  if (!page) co_return refuse(context, page.error(), request, response);

  Json json{{"transactions", Json::array()}, {"next", nullptr}};
  for (const store::Transaction& one : page->transactions) json["transactions"].push_back(transaction(one, now, *sight));
  if (!page->next.empty()) json["next"] = page->next;
  if (!page->damaged.empty()) {
    Json& damaged = json["damaged"] = Json::array();
    for (const Xid& xid : page->damaged) damaged.push_back(xid.view());
    count_damaged(context, page->damaged.size());
    if (context.log) context.log->error("list_has_damage", {{"code", store::kStoreDamaged.id}, {"transactions", page->damaged.size()}, {"request_id", request.request_id}});
  }
  answer(response, json);
}

}  // namespace

Result<Phone> phone_number(std::string_view query) {
  std::string text;
  const QueryValue found = http::query_value(query, "phone_number", text);
  if (found == QueryValue::kAbsent) return Error(kPhoneNumberMissing);
  if (found == QueryValue::kMalformed) return Error(kPhoneMalformed);
  return Phone::parse(text);
}

Result<Xid> xid_of(const Request& request) {
  std::string text;
  if (!http::decode_segment(request.params[0], text)) return Error(kXidMalformed);
  return Xid::parse(text);
}

void add_transaction_routes(http::Router& router, const TransactionsContext& context) {
  add_route(router, http::Method::kGet, "/v1/transactions/{xid}",
             [&context](const Request& request, Response& response) { return get_transaction(context, request, response); });
  add_route(router, http::Method::kGet, "/v1/transactions",
             [&context](const Request& request, Response& response) { return list_transactions(context, request, response); });
}

}  // namespace jwtd::api
