// forward/blocking_lane.h - the group commit for a thread that may wait: the same one write for all, without a loop.
//
// Thread-safety: apply() on the thread that made it. Ownership: the commit outlives it.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>

#include "base/task.h"
#include "store/group_commit.h"

namespace jwtd::forward {

class BlockingLane final : private Loop {
 public:
  explicit BlockingLane(store::GroupCommit& commit) : lane_(commit, *this) {}
  ~BlockingLane();  // waits for what the commit still has of changes that were given up at their deadline

  // Blocks until the change is durable or refused. Fails as Lane::apply() does.
  Result<store::Change> apply(store::Change change);

 private:
  void post(Wakeup* chain) override;
  Detached run(store::Change change, std::optional<Result<store::Change>>& outcome);
  void take_back();

  store::Lane lane_;
  std::size_t outstanding_ = 0;  // changes that were handed over and have not come back
  std::mutex mutex_;
  std::condition_variable arrived_;
  Wakeup* first_ = nullptr;  // guarded by mutex_, as the next
  Wakeup* last_ = nullptr;
};

}  // namespace jwtd::forward
