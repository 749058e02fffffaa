// api/erasure.h - DELETE /v1/transactions?phone_number=: a data subject's right to be forgotten (GDPR, article 17). Needs the scope admin.
#pragma once

#include "access/snapshot.h"
#include "base/log.h"
#include "http/router.h"
#include "timeline/erasure.h"

namespace jwtd::api {

struct ErasureContext {
  store::Store& store;
  store::ReadPool& reads;
  store::Lane& lane;  // of the loop that the router runs on
  const access::Snapshot& callers;
  std::chrono::seconds retention;
  Log* log = nullptr;
  UnixMillis (*now)() = wall_now;
};

// Answers {"transactions", "tokens", "events", "damaged", "callbacks"}: how much was removed.
void add_erasure_route(http::Router& router, const ErasureContext& context);

}  // namespace jwtd::api
