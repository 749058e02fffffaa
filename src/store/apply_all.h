// store/apply_all.h - several changes that share durable writes, for a coroutine that waits for all of them.
#pragma once

#include <vector>

#include "base/task.h"
#include "store/group_commit.h"

namespace jwtd::store {

// Hands all of them to the lane at once, so that a page of changes costs a commit or two and not one each. In the order given, each as Lane::apply()
// returns it. Fails as that does, with one of the failures when all have ended; the others may be made then.
Task<Result<std::vector<Change>>> apply_all(Lane& lane, std::vector<Change> changes);

}  // namespace jwtd::store
