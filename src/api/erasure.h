// api/erasure.h - DELETE /v1/transactions?phone_number=: a data subject's right to be forgotten (GDPR, article 17). Needs the scope admin.
#pragma once

#include "api/admin_context.h"
#include "http/router.h"
#include "timeline/erasure.h"

namespace jwtd::api {

struct ErasureContext : AdminContext {
  store::Lane& lane;  // of the loop that the router runs on
  std::chrono::seconds retention;
};

// Answers {"transactions", "tokens", "events", "damaged", "callbacks"}: how much was removed.
void add_erasure_route(http::Router& router, const ErasureContext& context);

}  // namespace jwtd::api
