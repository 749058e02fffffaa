// cli/own_loop.h - runs coroutines of the server's to their end on the calling thread, for verbs that do what the server does; private to cli/.
//
// Thread-safety: made, run and gone on one thread; post() from any.
#pragma once

#include <optional>
#include <utility>

#include "base/post_queue.h"
#include "base/task.h"

namespace jwtd::cli {

class OwnLoop final : public Loop {
 public:
  OwnLoop() : previous_(std::exchange(current_, this)) {}
  ~OwnLoop() override { current_ = previous_; }
  OwnLoop(const OwnLoop&) = delete;
  OwnLoop& operator=(const OwnLoop&) = delete;

  void post(Wakeup* chain) override { posted_.add(chain); }

  // Blocks until the task has finished.
  template <class T>
  T run(Task<T> task) {
    std::optional<T> value;
    start(std::move(task), value);
    while (!value) {
      posted_.wait();
      posted_.run();
    }
    return std::move(*value);
  }

 private:
  template <class T>
  static Detached start(Task<T> task, std::optional<T>& value) {
    T result = co_await task;
    value.emplace(std::move(result));
  }

  Loop* const previous_;
  PostQueue posted_;
};

}  // namespace jwtd::cli
