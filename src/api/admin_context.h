// api/admin_context.h - what every route of the admin listener that asks the store is made of.
#pragma once

#include "access/snapshot.h"
#include "base/log.h"
#include "base/time.h"
#include "store/read_pool.h"
#include "store/store.h"

namespace jwtd::api {

// Everything it refers to outlives it, and it outlives the router.
struct AdminContext {
  store::Store& store;
  store::ReadPool& reads;
  const access::Snapshot& callers;
  Log* log = nullptr;  // gets the detail of what the store could not do; nullptr: nobody does
  UnixMillis (*now)() = wall_now;
};

}  // namespace jwtd::api
