// app/verification.h - the routes of the admin listener that judge tokens and end them, wired.
//
// Thread-safety: made and wired by one thread before the server starts. Ownership: what it is made of outlives it, and it outlives the server.
#pragma once

#include <memory>

#include "access/snapshot.h"
#include "base/log.h"
#include "config/config.h"
#include "http/router.h"
#include "issue/verifier.h"
#include "store/group_commit.h"
#include "store/read_pool.h"
#include "store/store.h"

namespace jwtd::app {

class Verification {
 public:
  struct Parts {
    const config::Config& config;
    store::Store& store;
    store::ReadPool& reads;
    const access::Snapshot& callers;
    Log& log;
  };
  // Fails with what keys::load_api_key() fails with.
  static Result<std::unique_ptr<Verification>> make(const Parts& parts);
  ~Verification();

  void add_routes(http::Router& router, store::Lane& lane);  // once: for the admin loop

 private:
  struct Wired;
  Verification(const Parts& parts, issue::Verifier verifier);

  const Parts parts_;
  issue::Verifier verifier_;
  std::unique_ptr<Wired> wired_;
};

}  // namespace jwtd::app
