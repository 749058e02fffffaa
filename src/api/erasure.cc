// api/erasure.cc - reads whose, has it removed, answers counts.
#include "api/erasure.h"

#include <nlohmann/json.hpp>

#include "api/answer.h"
#include "api/query.h"
#include "api/routes.h"
#include "api/transactions.h"
#include "http/problem.h"

namespace jwtd::api {
namespace {

using http::Request;
using http::Response;

Result<Phone> wished(const ErasureContext& context, const Request& request, std::string& caller_name) {
  const auto caller = admit(context.callers, request);
  if (!caller) return caller.error();
  caller_name = (*caller)->name;
  if (const Status names = check_names(request.query, {"phone_number"}); !names) return names.error();
  return phone_number(request.query);
}

Task<void> erase(const ErasureContext& context, const Request& request, Response& response) {
  std::string caller;
  const Result<Phone> phone = wished(context, request, caller);
  if (!phone) co_return http::render_problem(response, phone.error().code(), request.request_id);
  const auto erased = co_await timeline::erase_phone(context.store, context.reads, context.lane, *phone, context.retention, context.now());
  if (!erased) {
    if (context.log) context.log->error("erasure_failed", {{"code", erased.error().code().id}, {"detail", erased.error().detail()}, {"request_id", request.request_id}});
    co_return http::render_problem(response, erased.error().code(), request.request_id);
  }
  if (context.log) {
    context.log->info("erased", {{"caller", caller}, {"transactions", erased->transactions}, {"tokens", erased->tokens}, {"events", erased->events}, {"damaged", erased->damaged}, {"callbacks", erased->callbacks}, {"request_id", request.request_id}});
  }
  answer(response, {{"transactions", erased->transactions}, {"tokens", erased->tokens}, {"events", erased->events}, {"damaged", erased->damaged}, {"callbacks", erased->callbacks}});
}

}  // namespace

void add_erasure_route(http::Router& router, const ErasureContext& context) {
  add_route(router, http::Method::kDelete, "/v1/transactions", [&context](const Request& request, Response& response) { return erase(context, request, response); });
}

}  // namespace jwtd::api
