// api/verify.h - POST /v1/verify: whether a token counts, and for callers that may know, why not.
#pragma once

#include "access/snapshot.h"
#include "base/log.h"
#include "base/time.h"
#include "http/router.h"
#include "issue/introspector.h"

namespace jwtd::api {

inline constexpr Code kVerifyBodyMalformed{"verify_body_malformed", Fault::kInvalidArgument,
                                           "The body must be a JSON object with token, a string, and nothing else."};

// One for a loop; everything it refers to outlives it, and it outlives the router.
struct VerifyContext {
  issue::Introspector& introspector;
  const access::Snapshot& callers;
  Log* log = nullptr;  // gets the detail of what the store could not do; nullptr: nobody does
  UnixMillis (*now)() = wall_now;
};

void add_verify_route(http::Router& router, const VerifyContext& context);

}  // namespace jwtd::api
