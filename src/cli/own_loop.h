// cli/own_loop.h - runs coroutines of the server's to their end on the calling thread, for verbs that do what the server does; private to cli/.
//
// Thread-safety: made, run and gone on one thread; post() from any.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

#include "base/task.h"

namespace jwtd::cli {

class OwnLoop final : public Loop {
 public:
  OwnLoop() : previous_(std::exchange(current_, this)) {}
  ~OwnLoop() override { current_ = previous_; }
  OwnLoop(const OwnLoop&) = delete;
  OwnLoop& operator=(const OwnLoop&) = delete;

  void post(Wakeup* chain) override {
    const std::lock_guard hold(mutex_);
    while (chain) {
      Wakeup* const node = std::exchange(chain, chain->next);
      node->next = nullptr;
      *end_ = node;
      end_ = &node->next;
    }
    arrived_.notify_one();
  }

  // Blocks until the task has finished.
  template <class T>
  T run(Task<T> task) {
    std::optional<T> value;
    start(std::move(task), value);
    while (!value) {
      for (Wakeup* node = wait(); node;) {
        Wakeup* const next = node->next;  // run() may free the node
        node->run(node);
        node = next;
      }
    }
    return std::move(*value);
  }

 private:
  template <class T>
  static Detached start(Task<T> task, std::optional<T>& value) {
    T result = co_await task;
    value.emplace(std::move(result));
  }

  Wakeup* wait() {
    std::unique_lock hold(mutex_);
    arrived_.wait(hold, [this] { return first_ != nullptr; });
    end_ = &first_;
    return std::exchange(first_, nullptr);
  }

  Loop* const previous_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  Wakeup* first_ = nullptr;
  Wakeup** end_ = &first_;
};

}  // namespace jwtd::cli
