// api/token.h - the routes that mint: GET /v1/token/{phone_number}[/{xid}] as in the provider's tutorial, and POST /v1/tokens.
//
// A request's way: who asks, what for, whether it may now, then issue/ and the answer. docs/REQUEST.md walks through it.
#pragma once

#include <functional>

#include "access/snapshot.h"
#include "base/time.h"
#include "http/router.h"
#include "issue/issuer.h"
#include "limit/limiter.h"

namespace jwtd::api {

inline constexpr Code kBodyMalformed{"body_malformed", Fault::kInvalidArgument,
                                     "The body must be a JSON object with phone_number and, if wanted, xid, both strings, and nothing else."};
inline constexpr Code kRateLimited{"rate_limited", Fault::kRateLimited, "Too many requests; see Retry-After."};

// What happened to a request that got as far as a decision; for metrics. Called on the loop's thread.
struct MintObserver {
  std::function<void(store::Outcome)> minted = [](store::Outcome) {};  // or kConflict: nothing was
  std::function<void(const limit::Rule&)> refused = [](const limit::Rule&) {};
};

// One for each loop; everything it refers to outlives it.
struct TokenContext {
  issue::Issuer& issuer;
  limit::Limiter& limiter;
  const access::Snapshot& callers;
  bool needs_key = false;      // auth.mint = "key"
  bool empty_errors = false;   // listen.empty_errors
  int refusal_status = 429;    // limits.refusal_status; 403 has an empty body, as the provider's first sample
  MintObserver observer;
  UnixMillis (*now)() = wall_now;
};

void add_token_routes(http::Router& router, const TokenContext& context);

}  // namespace jwtd::api
