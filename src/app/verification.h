// app/verification.h - the routes of the admin listener that judge tokens and end them, wired.
//
// Thread-safety: made and wired by one thread before the server starts. Ownership: what it is made of outlives it, and it outlives the server.
#pragma once

#include <memory>
#include <vector>

#include "app/parts.h"
#include "http/router.h"
#include "issue/verifier.h"
#include "store/group_commit.h"

namespace jwtd::app {

class Verification {
 public:
  // Fails with what keys::load_api_key() fails with.
  static Result<std::unique_ptr<Verification>> make(const Parts& parts);
  ~Verification();

  void add_routes(http::Router& router, store::Lane& lane);  // for each admin loop

 private:
  struct Wired;
  Verification(const Parts& parts, issue::Verifier verifier);

  const Parts parts_;
  const issue::Verifier verifier_;  // each loop has another with its keys
  std::vector<std::unique_ptr<Wired>> wired_;
};

}  // namespace jwtd::app
