// issue/introspector.h - judges a token with all that is known: keys, clock and store; the first time a caller finds one valid is put on record.
//
// One for a loop. Suspends at a look-up that has to wait, which only a token that is good without the store needs, and at the event, which only a caller's first
// verification of a transaction writes. A verdict is given only if it could be made: where the store is away there is an error and never "not valid".
#pragma once

#include <string_view>

#include "base/result.h"
#include "base/task.h"
#include "base/time.h"
#include "issue/verifier.h"
#include "store/group_commit.h"
#include "store/read_pool.h"
#include "store/store.h"

namespace jwtd::issue {

class Introspector {
 public:
  // All outlive it; the verifier is this loop's.
  Introspector(Verifier& verifier, store::Store& store, store::ReadPool& reads, store::Lane& lane) : verifier_(verifier), store_(store), reads_(reads), lane_(lane) {}

  // `token`, `caller` and `verdict` live until the task has finished. Fails with what the store, the read pool and the lane fail with; `verdict` says
  // nothing then.
  Task<Status> judge(std::string_view token, std::string_view caller, bool explain, UnixMillis now, Verdict& verdict);

 private:
  Verifier& verifier_;
  store::Store& store_;
  store::ReadPool& reads_;
  store::Lane& lane_;
};

}  // namespace jwtd::issue
