// api/revocations.h - POST /v1/revocations: ends tokens by transaction, phone number, key id or token, and says how many.
#pragma once

#include "access/snapshot.h"
#include "base/log.h"
#include "base/time.h"
#include "http/router.h"
#include "issue/revoker.h"
#include "issue/verifier.h"

namespace jwtd::api {

inline constexpr Code kRevocationBodyMalformed{"revocation_body_malformed", Fault::kInvalidArgument,
                                               "The body must be a JSON object with one of xid, phone_number, kid and token, a string, and nothing else."};
inline constexpr Code kTokenNotOurs{"token_not_ours", Fault::kInvalidArgument, "The token is not one that this service signed."};

// One for a loop; everything it refers to outlives it, and it outlives the router.
struct RevocationsContext {
  issue::Verifier& verifier;
  issue::Revoker& revoker;
  const access::Snapshot& callers;
  Log* log = nullptr;
  UnixMillis (*now)() = wall_now;
};

void add_revocations_route(http::Router& router, const RevocationsContext& context);

}  // namespace jwtd::api
