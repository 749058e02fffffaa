// forward/blocking_lane.cc - runs the one coroutine that waits, on the thread that waits for it.
#include "forward/blocking_lane.h"

#include <chrono>
#include <utility>

namespace jwtd::forward {

constexpr auto kExpireInterval = std::chrono::milliseconds(100);

void BlockingLane::post(Wakeup* chain) {
  const std::lock_guard lock(mutex_);
  (last_ ? last_->next : first_) = chain;
  for (last_ = chain; last_->next;) last_ = last_->next;
  arrived_.notify_one();
}

Detached BlockingLane::run(store::Change change, std::optional<Result<store::Change>>& outcome) { outcome.emplace(co_await lane_.apply(std::move(change))); }

// What has come back by now, or comes within a while.
void BlockingLane::take_back() {
  Wakeup* node = nullptr;
  {
    std::unique_lock lock(mutex_);
    arrived_.wait_for(lock, kExpireInterval, [this] { return first_ != nullptr; });
    node = std::exchange(first_, nullptr);
    last_ = nullptr;
  }
  while (node) {
    Wakeup* const next = node->next;  // run() may free the node
    --outstanding_;
    node->run(node);
    node = next;
  }
}

Result<store::Change> BlockingLane::apply(store::Change change) {
  std::optional<Result<store::Change>> outcome;
  run(std::move(change), outcome);
  if (!outcome) ++outstanding_;  // refused ones never left
  while (!outcome) {
    take_back();
    lane_.expire(Monotonic::now());
  }
  return *std::move(outcome);
}

BlockingLane::~BlockingLane() {
  while (outstanding_ > 0) take_back();
}

}  // namespace jwtd::forward
