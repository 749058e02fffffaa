// tests/fakes/run_task.h - a loop pumped by hand, and a way to run a Task to its end in a test.
//
// The thread that makes a FakeLoop is that loop's thread. Nothing runs before the test asks for it, so a test decides what happens first.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>

#include "base/task.h"

namespace jwtd::fakes {

class FakeLoop final : public Loop {
 public:
  FakeLoop() : previous_(std::exchange(current_, this)) {}
  ~FakeLoop() override { current_ = previous_; }
  FakeLoop(const FakeLoop&) = delete;
  FakeLoop& operator=(const FakeLoop&) = delete;

  void post(Wakeup* chain) override {
    const std::lock_guard hold(mutex_);
    ++posts_;
    while (chain) {
      Wakeup* const node = std::exchange(chain, chain->next);
      node->next = nullptr;
      *end_ = node;
      end_ = &node->next;
    }
    arrived_.notify_all();
  }

  // Runs what has been posted so far; returns how many that were.
  std::size_t run_posted() {
    Wakeup* node = take();
    std::size_t count = 0;
    for (; node; ++count) {
      Wakeup* const next = node->next;  // run() may free the node
      node->run(node);
      node = next;
    }
    return count;
  }

  // Blocks until something has been posted, then runs it. Aborts after a time in which any test has ended.
  void wait_and_run() {
    {
      std::unique_lock hold(mutex_);
      if (!arrived_.wait_for(hold, std::chrono::seconds(60), [this] { return first_ != nullptr; })) {
        std::fputs("FakeLoop: nothing was posted in 60 s\n", stderr);
        std::abort();
      }
    }
    run_posted();
  }

  std::size_t posts() const {
    const std::lock_guard hold(mutex_);
    return posts_;
  }

 private:
  Wakeup* take() {
    const std::lock_guard hold(mutex_);
    end_ = &first_;
    return std::exchange(first_, nullptr);
  }

  Loop* const previous_;
  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  Wakeup* first_ = nullptr;
  Wakeup** end_ = &first_;
  std::size_t posts_ = 0;
};

// A task that has been started: it stands still at its first suspension until the loop is pumped.
template <class T>
class Started {
 public:
  explicit Started(Task<T> task) { run(std::move(task), *this); }
  Started(const Started&) = delete;
  Started& operator=(const Started&) = delete;

  bool done() const { return done_; }
  std::conditional_t<std::is_void_v<T>, bool, std::optional<T>>& value() { return value_; }  // empty (false) until done

 private:
  static Detached run(Task<T> task, Started& self) {
    if constexpr (std::is_void_v<T>) {
      co_await task;
      self.value_ = true;
    } else {
      self.value_.emplace(co_await task);
    }
    self.done_ = true;
  }

  std::conditional_t<std::is_void_v<T>, bool, std::optional<T>> value_{};
  bool done_ = false;
};

// Starts the task and pumps the loop until it has finished.
template <class T>
T run_task(FakeLoop& loop, Task<T> task) {
  Started<T> started(std::move(task));
  while (!started.done()) loop.wait_and_run();
  if constexpr (!std::is_void_v<T>) return std::move(*started.value());
}

}  // namespace jwtd::fakes
