// base/post_queue.h - what was posted to a loop that waits for nothing else: a command's own, and the tests'.
//
// Thread-safety: add() from any thread; the rest on the loop's.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <utility>

#include "base/task.h"

namespace jwtd {

class PostQueue {
 public:
  void add(Wakeup* chain) {
    const std::lock_guard hold(mutex_);
    while (chain) {
      Wakeup* const node = std::exchange(chain, chain->next);
      node->next = nullptr;
      *end_ = node;
      end_ = &node->next;
    }
    arrived_.notify_one();
  }

  void wait() {
    std::unique_lock hold(mutex_);
    arrived_.wait(hold, [this] { return first_ != nullptr; });
  }
  // False: nothing was posted in that time.
  bool wait_for(std::chrono::seconds time) {
    std::unique_lock hold(mutex_);
    return arrived_.wait_for(hold, time, [this] { return first_ != nullptr; });
  }

  // Runs what has been posted so far, in its order; returns how many that were.
  std::size_t run() {
    std::size_t count = 0;
    for (Wakeup* node = take(); node; ++count) {
      Wakeup* const next = node->next;  // run() may free the node
      node->run(node);
      node = next;
    }
    return count;
  }

 private:
  Wakeup* take() {
    const std::lock_guard hold(mutex_);
    end_ = &first_;
    return std::exchange(first_, nullptr);
  }

  std::mutex mutex_;
  std::condition_variable arrived_;
  Wakeup* first_ = nullptr;
  Wakeup** end_ = &first_;
};

}  // namespace jwtd
