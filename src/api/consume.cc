// api/consume.cc - one event that a transaction can have once.
#include "api/consume.h"

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

void refuse(const ConsumeContext& context, const Error& error, const Request& request, Response& response) {
  refuse_and_log(context.log, LogLevel::kError, "consume_failed", error, request, response);
}

Result<Xid> wish(const Request& request) {
  if (const Status names = check_names(request.query, {}); !names) return names.error();
  if (!request.body.empty() && request.body != "{}") return Error(kConsumeBodyMalformed);
  return xid_of(request);
}

Task<void> consume(const ConsumeContext& context, const Request& request, Response& response) {
  const Result<Asker> asker = admit(context.callers, request);
  if (!asker) co_return refuse(context, asker.error(), request, response);
  const Result<Xid> xid = wish(request);
  if (!xid) co_return refuse(context, xid.error(), request, response);

  const UnixMillis now = context.now();
  const Result<store::Applied> applied = co_await context.revoker.consume(*xid, (*asker)->name, now);
  if (!applied) co_return refuse(context, applied.error(), request, response);
  switch (*applied) {
    case store::Applied::kWritten: break;
    case store::Applied::kAbsent: co_return refuse(context, Error(kTransactionUnknown), request, response);
    case store::Applied::kClosed: co_return refuse(context, Error(kTransactionRevoked), request, response);
    default: co_return refuse(context, Error(kTransactionConsumed), request, response);
  }
  answer(response, {{"xid", xid->view()}, {"consumed_at", format_rfc3339(now, true)}});
}

}  // namespace

void add_consume_route(http::Router& router, const ConsumeContext& context) {
  add_route(router, http::Method::kPost, "/v1/transactions/{xid}/consume", [&context](const Request& request, Response& response) { return consume(context, request, response); });
}

}  // namespace jwtd::api
