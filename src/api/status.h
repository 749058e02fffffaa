// api/status.h - GET /v1/transactions/{xid}/status: where a transaction stands; with ?refresh=1 the provider is asked first. Needs the scope read.
#pragma once

#include <functional>

#include "api/admin_context.h"
#include "http/router.h"
#include "telesign/shared_status.h"
#include "timeline/placing.h"

namespace jwtd::api {

inline constexpr Code kProviderBusy{"provider_busy", Fault::kUnavailable, "TeleSign is asked about as many transactions already as this service asks at once."};
inline constexpr Code kRefreshOff{"refresh_off", Fault::kInvalidArgument, "This service has no provider to ask; leave out refresh."};

struct StatusContext : AdminContext {
  store::ReadPool& polls;  // for questions, which take as long as the provider does; its bounds are those of questions
  timeline::Placing& placing;
  telesign::SharedStatus* provider = nullptr;  // nullptr: there is nobody to ask
  std::function<void()> contradicted = [] {};  // for metrics, on the loop's thread: what it answered contradicts what it reported
};

// {"xid", "token_state", "status": {...}, "age_seconds"}. What the provider answered is on record before it is told. When that cannot be done, the answer
// is a problem that says why and has the last known status and its age beside.
void add_status_route(http::Router& router, const StatusContext& context);

}  // namespace jwtd::api
