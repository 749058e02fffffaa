// app/parts.h - what the groups of routes (timelines.h, verification.h) are made of. All outlive them.
#pragma once

#include "access/snapshot.h"
#include "base/log.h"
#include "config/config.h"
#include "store/read_pool.h"
#include "store/store.h"

namespace jwtd::app {

struct Parts {
  const config::Config& config;
  store::Store& store;
  store::ReadPool& reads;
  const access::Snapshot& callers;
  Log& log;
};

}  // namespace jwtd::app
