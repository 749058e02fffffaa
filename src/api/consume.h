// api/consume.h - POST /v1/transactions/{xid}/consume: uses a transaction up. Of all who ask, on one node or many, one gets 200.
#pragma once

#include "access/snapshot.h"
#include "base/log.h"
#include "base/time.h"
#include "http/router.h"
#include "issue/revoker.h"

namespace jwtd::api {

inline constexpr Code kTransactionConsumed{"transaction_consumed", Fault::kAlreadyExists, "This transaction was used already."};
inline constexpr Code kTransactionRevoked{"transaction_revoked", Fault::kAlreadyExists, "This transaction was revoked."};
inline constexpr Code kConsumeBodyMalformed{"consume_body_malformed", Fault::kInvalidArgument, "This route takes no body, or an empty JSON object."};

// One for a loop; everything it refers to outlives it, and it outlives the router.
struct ConsumeContext {
  issue::Revoker& revoker;
  const access::Snapshot& callers;
  Log* log = nullptr;
  UnixMillis (*now)() = wall_now;
};

void add_consume_route(http::Router& router, const ConsumeContext& context);

}  // namespace jwtd::api
