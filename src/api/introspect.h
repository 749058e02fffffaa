// api/introspect.h - OAuth's two questions about a token: POST /v1/introspect (RFC 7662) and POST /v1/revoke (RFC 7009).
//
// Forms in, JSON out, and errors in OAuth's words ({"error": "..."}), so that clients of others' making work unchanged. A caller shows its key as
// Bearer, or its name and key as HTTP Basic.
#pragma once

#include "access/snapshot.h"
#include "base/log.h"
#include "base/time.h"
#include "http/router.h"
#include "issue/introspector.h"
#include "issue/revoker.h"

namespace jwtd::api {

inline constexpr Code kFormMalformed{"form_malformed", Fault::kInvalidArgument,
                              "The body must be application/x-www-form-urlencoded with a token; no parameter may be there twice."};

// One for a loop; everything it refers to outlives it, and it outlives the router. The verifier is the introspector's.
struct IntrospectContext {
  issue::Introspector& introspector;
  issue::Verifier& verifier;
  issue::Revoker& revoker;
  const access::Snapshot& callers;
  Log* log = nullptr;
  UnixMillis (*now)() = wall_now;
};

void add_introspect_routes(http::Router& router, const IntrospectContext& context);

}  // namespace jwtd::api
