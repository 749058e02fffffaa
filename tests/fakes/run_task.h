// tests/fakes/run_task.h - a loop pumped by hand, and a way to run a Task to its end in a test.
//
// The thread that makes a FakeLoop is that loop's thread. Nothing runs before the test asks for it, so a test decides what happens first.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <type_traits>
#include <utility>

#include "base/post_queue.h"
#include "base/task.h"

namespace jwtd::fakes {

class FakeLoop final : public Loop {
 public:
  FakeLoop() : previous_(std::exchange(current_, this)) {}
  ~FakeLoop() override { current_ = previous_; }
  FakeLoop(const FakeLoop&) = delete;
  FakeLoop& operator=(const FakeLoop&) = delete;

  void post(Wakeup* chain) override {
    posts_.fetch_add(1);
    posted_.add(chain);
  }

  // Runs what has been posted so far; returns how many that were.
  std::size_t run_posted() { return posted_.run(); }

  // Blocks until something has been posted, then runs it. Aborts after a time in which any test has ended.
  void wait_and_run() {
    if (!posted_.wait_for(std::chrono::seconds(60))) {
      std::fputs("FakeLoop: nothing was posted in 60 s\n", stderr);
      std::abort();
    }
    run_posted();
  }

  std::size_t posts() const { return posts_.load(); }

 private:
  Loop* const previous_;
  PostQueue posted_;
  std::atomic<std::size_t> posts_{0};
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
