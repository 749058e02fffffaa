// base/task.h - a coroutine that is awaited once, and the way back to the thread it belongs to.
//
// Task<T> starts when awaited and resumes its awaiter by symmetric transfer. Exceptions end at the vendor fence, so one
// that escapes a Task is a broken invariant: the program stops.
//
// A Loop is a thread that runs coroutines one at a time. Whoever finishes work on another thread hands the waiting
// coroutines back with Loop::post(), a whole chain at once, so a batch costs one wake-up a loop.
//
// Thread-safety: a Task belongs to the loop that started it. Loop::post() may be called from any thread.
#pragma once

#include <coroutine>
#include <cstdlib>
#include <exception>
#include <optional>
#include <utility>
#include <vector>

#include "base/frame_pool.h"

namespace jwtd {

template <class T>
class Task;

namespace detail {

struct FinalAwaiter {
  bool await_ready() noexcept { return false; }
  template <class P>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<P> self) noexcept { return self.promise().awaiter; }
  void await_resume() noexcept {}
};

struct TaskPromiseBase {
  static void* operator new(std::size_t octets) { return FramePool::allocate(octets); }
  static void operator delete(void* frame, std::size_t octets) { FramePool::release(frame, octets); }

  std::coroutine_handle<> awaiter = std::noop_coroutine();
  std::suspend_always initial_suspend() noexcept { return {}; }
  FinalAwaiter final_suspend() noexcept { return {}; }
  void unhandled_exception() noexcept { std::abort(); }
};

}  // namespace detail

template <class T>
class [[nodiscard]] Task {
 public:
  struct promise_type : detail::TaskPromiseBase {
    std::optional<T> value;
    Task get_return_object() { return Task(std::coroutine_handle<promise_type>::from_promise(*this)); }
    template <class U>
    void return_value(U&& v) { value.emplace(std::forward<U>(v)); }
  };

  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Task& operator=(Task&&) = delete;
  ~Task() { if (handle_) handle_.destroy(); }

  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiter) noexcept {
    handle_.promise().awaiter = awaiter;
    return handle_;
  }
  T await_resume() { return std::move(*handle_.promise().value); }

 private:
  explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  std::coroutine_handle<promise_type> handle_;
};

template <>
class [[nodiscard]] Task<void> {
 public:
  struct promise_type : detail::TaskPromiseBase {
    Task get_return_object() { return Task(std::coroutine_handle<promise_type>::from_promise(*this)); }
    void return_void() noexcept {}
  };

  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Task& operator=(Task&&) = delete;
  ~Task() { if (handle_) handle_.destroy(); }

  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiter) noexcept {
    handle_.promise().awaiter = awaiter;
    return handle_;
  }
  void await_resume() const noexcept {}

 private:
  explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  std::coroutine_handle<promise_type> handle_;
};

// A coroutine nobody awaits: it runs until its first suspension when called and frees itself at its end.
struct Detached {
  struct promise_type {
    Detached get_return_object() noexcept { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { std::abort(); }
  };
};

// Something to run on a loop; embedded in what waits, so that posting allocates nothing. It must live until run() was called.
struct Wakeup {
  Wakeup* next = nullptr;
  void (*run)(Wakeup*) = nullptr;
};

class Loop {
 public:
  virtual ~Loop() = default;

  // Runs every element of the chain, in order, on this loop's thread. Any thread; never blocks.
  virtual void post(Wakeup* chain) = 0;

  // The loop whose thread this is, or nullptr.
  static Loop* current() { return current_; }

 protected:
  static inline thread_local Loop* current_ = nullptr;
};

// Gathers wakeups, and gives them to their loops with one post a loop, however many wait there; each loop's in the order in which they came.
class Posts {
 public:
  void add(Loop& loop, Wakeup& wakeup) {
    wakeup.next = nullptr;
    for (Chain& chain : chains_) {
      if (chain.loop != &loop) continue;
      chain.last->next = &wakeup;
      chain.last = &wakeup;
      return;
    }
    chains_.push_back({&loop, &wakeup, &wakeup});
  }
  // What was added may be gone when this returns.
  void send() {
    for (const Chain& chain : chains_) chain.loop->post(chain.first);
    chains_.clear();
  }

 private:
  struct Chain {
    Loop* loop;
    Wakeup* first;
    Wakeup* last;
  };
  std::vector<Chain> chains_;
};

}  // namespace jwtd
