// store/read_pool.h - blocking look-ups for coroutines: a few threads read, the loops go on.
//
//   Result<std::optional<Transaction>> found = co_await pool.run([&] { return store.find(xid, now); });
//
// The awaiting coroutine holds the job itself, so a look-up allocates nothing. `read` runs on a pool thread while the coroutine stands
// still, so it may refer to the coroutine's locals; it must not throw.
//
// Bounds: `threads` look-ups at once; `max_queued` wait (then kReadQueueFull, at once); one that has waited past the deadline
// when a thread gets to it is answered kReadTimeout, and the store is left alone: under overload the pool works for those who still listen.
//
// Thread-safety: run() on any loop's thread. Ownership: the loops and all that the reads refer to outlive the pool.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/limits.h"
#include "base/result.h"
#include "base/task.h"
#include "base/time.h"

namespace jwtd::store {

inline constexpr Code kReadQueueFull{"read_queue_full", Fault::kUnavailable, "More look-ups are waiting than the service accepts."};
inline constexpr Code kReadTimeout{"read_timeout", Fault::kUnavailable, "The look-up could not be started in time."};

struct ReadStats {  // since the start; read at any time, from any thread
  std::atomic<std::uint64_t> reads{0}, refused{0}, timed_out{0};
};

class ReadPool {
 public:
  struct Options {
    std::size_t threads = kReadThreads;          // >= 1
    std::size_t max_queued = kMaxQueuedReads;    // beyond those that run
    std::chrono::milliseconds deadline = kReadDeadline;
    Monotonic::time_point (*clock)() = &Monotonic::now;
  };

  template <class F>
  class Awaiter;

  ReadPool() : ReadPool(Options{}) {}
  explicit ReadPool(Options options);
  ~ReadPool();  // finishes what is queued; run() is over by then
  ReadPool(const ReadPool&) = delete;
  ReadPool& operator=(const ReadPool&) = delete;

  // Resumes on the loop that asked, with what `read` returned, a Result<T>. Fails besides with kReadQueueFull, kReadTimeout.
  template <class F>
  Awaiter<F> run(F read) { return Awaiter<F>(*this, std::move(read)); }

  std::size_t queued() const { return queued_.load(std::memory_order_relaxed); }
  const ReadStats& stats() const { return stats_; }

 private:
  struct Job : Wakeup {
    Job* next_job = nullptr;
    Loop* loop = nullptr;
    std::coroutine_handle<> waiter;
    Monotonic::time_point since;
    void (*work)(Job*) = nullptr;
    void (*fail)(Job*, const Code&) = nullptr;
  };

  bool enqueue(Job* job);  // false: the queue is full
  void serve();
  Job* take();             // nullptr: the pool ends
  static void resume(Wakeup* wakeup);

  const Options options_;
  ReadStats stats_;
  std::atomic<std::size_t> queued_{0};
  std::mutex mutex_;
  std::condition_variable filled_;
  Job* oldest_ = nullptr;
  Job* newest_ = nullptr;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

template <class F>
class ReadPool::Awaiter : private ReadPool::Job {
 public:
  using Outcome = std::invoke_result_t<F&>;  // a Result<T>

  Awaiter(ReadPool& pool, F read) : pool_(pool), read_(std::move(read)) {
    work = [](Job* job) {
      auto* self = static_cast<Awaiter*>(job);
      self->outcome_.emplace(self->read_());
    };
    fail = [](Job* job, const Code& code) { static_cast<Awaiter*>(job)->outcome_.emplace(Error(code)); };
  }
  Awaiter(const Awaiter&) = delete;
  Awaiter& operator=(const Awaiter&) = delete;

  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> awaiter) {
    waiter = awaiter;
    if (pool_.enqueue(this)) return true;  // from here on another thread may own this: nothing below
    outcome_.emplace(Error(kReadQueueFull));
    return false;
  }
  Outcome await_resume() { return std::move(*outcome_); }

 private:
  ReadPool& pool_;
  F read_;
  std::optional<Outcome> outcome_;
};

}  // namespace jwtd::store
