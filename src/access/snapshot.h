// access/snapshot.h - the callers as of now: read by every request, replaced whole at a reload.
//
// Thread-safety: any thread.
#pragma once

#include <atomic>
#include <memory>

#include "access/callers.h"

namespace jwtd::access {

class Snapshot {
 public:
  Snapshot() : current_(std::make_shared<const Callers>()) {}
  std::shared_ptr<const Callers> get() const { return current_.load(); }
  void set(Callers callers) { current_.store(std::make_shared<const Callers>(std::move(callers))); }

 private:
  std::atomic<std::shared_ptr<const Callers>> current_;
};

}  // namespace jwtd::access
