// access/snapshot.h - the callers as of now: read by every request, replaced whole at a reload.
//
// Thread-safety: any thread.
#pragma once

#include <memory>
#include <mutex>

#include "access/callers.h"

namespace jwtd::access {

// Not std::atomic<std::shared_ptr>: load() of libstdc++ 12 lets go of its lock with relaxed order (bits/shared_ptr_atomic.h), so that a machine with a weaker
// order than x86 may read a pointer that store() has replaced by then, beside the former one's count. The lock is held for a few nanoseconds.
class Snapshot {
 public:
  Snapshot() : current_(std::make_shared<const Callers>()) {}

  std::shared_ptr<const Callers> get() const {
    const std::lock_guard hold(mutex_);
    return current_;
  }
  void set(Callers callers) {
    auto replaced = std::make_shared<const Callers>(std::move(callers));
    const std::lock_guard hold(mutex_);
    current_.swap(replaced);  // the former one ends behind the lock
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Callers> current_;  // guarded by mutex_
};

}  // namespace jwtd::access
