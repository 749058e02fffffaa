// api/status.h - GET /v1/transactions/{xid}/status: where a transaction stands; with ?refresh=1 the provider is asked first. Needs the scope read.
#pragma once

#include <functional>

#include "api/admin_context.h"
#include "http/router.h"
#include "telesign/shared_status.h"
#include "timeline/placing.h"

namespace jwtd::api {

inline constexpr Code kRefreshOff{"refresh_off", Fault::kInvalidArgument, "This service has no provider to ask; leave out refresh."};

struct StatusContext : AdminContext {
  store::ReadPool& polls;  // for ask(), which takes as long as the provider does
  timeline::Placing& placing;
  // Asks the provider, or answers with what it said some seconds ago. Blocks; any thread. Empty: there is nobody to ask.
  std::function<Result<telesign::Polled>(const Xid&)> ask;
  std::function<void()> contradicted = [] {};  // for metrics, on the loop's thread: what it answered contradicts what it reported
};

// {"xid", "token_state", "status": {...}, "age_seconds"}. What the provider answered is on record before it is told. When it cannot be had, the answer
// is a problem that says why and has the last known status and its age beside.
void add_status_route(http::Router& router, const StatusContext& context);

}  // namespace jwtd::api
