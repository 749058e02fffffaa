// store/read_pool.h - blocking look-ups for coroutines: a few threads read, the loops go on.
//
//   const auto find = [&store, xid, now] { return store.find(xid, now); };
//   Result<std::optional<Transaction>> found = co_await pool.run(find);
//
// `read` runs on a pool thread and must not throw. It may outlive the coroutine, which goes on without it at the deadline: what it needs
// from there it takes by value, and what it refers to outlives the pool.
//
// Bounds: `threads` look-ups at once; `max_queued` wait (then kReadQueueFull, at once), those that were given up included, until a thread
// gets to them; at the deadline expire() answers kReadTimeout, whether the look-up waits for a thread or hangs in the store. One whose
// time is over when a thread gets to it leaves the store alone: under overload the pool works for those who still listen.
//
// Thread-safety: run() on any loop's thread, expire() on each of those. Ownership: the loops outlive the pool.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <memory>
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
inline constexpr Code kReadTimeout{"read_timeout", Fault::kUnavailable, "The look-up could not be done in time."};

struct ReadStats {  // read at any time, from any thread
  std::atomic<std::uint64_t> reads{0}, refused{0}, timed_out{0};  // since the start
  std::atomic<std::int64_t> hanging{0};                           // given up, and still in the store
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
  Awaiter<F> run(const F& read) { return Awaiter<F>(*this, read); }
  // g++ 12 moves the temporaries of a co_await expression octet by octet, which a string in a lambda does not survive.
  template <class F>
  void run(const F&& read) = delete;

  // Answers those of this loop that wait past their deadline. Call every 100 ms or so.
  void expire(Monotonic::time_point now);

  std::size_t queued() const { return queued_.load(std::memory_order_relaxed); }
  const ReadStats& stats() const { return stats_; }

 private:
  // The coroutine's side of a look-up.
  struct Waiter {
    std::coroutine_handle<> handle;
    virtual void fail(const Code& code) = 0;

   protected:
    ~Waiter() = default;
  };

  // The store's side. Owned by the pool until it is posted to its loop, then by that.
  struct Job : Wakeup {
    Job* next_job = nullptr;
    Loop* loop = nullptr;
    Monotonic::time_point since;
    Waiter* waiter = nullptr;  // guarded by mutex_; nullptr: given up
    const Code* failure = nullptr;

    virtual ~Job() = default;
    virtual void work() = 0;
    virtual void deliver() = 0;  // on the loop's thread
  };
  template <class F>
  struct JobOf;

  bool enqueue(std::unique_ptr<Job> job);  // false: the queue is full
  void serve();
  std::unique_ptr<Job> take();  // nullptr: the pool ends
  static void resume(Wakeup* wakeup);

  const Options options_;
  ReadStats stats_;
  std::atomic<std::size_t> queued_{0};
  std::mutex mutex_;
  std::condition_variable filled_;
  Job* oldest_ = nullptr;
  Job* newest_ = nullptr;
  std::vector<Job*> running_;  // at most one a thread
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

template <class F>
struct ReadPool::JobOf final : ReadPool::Job {
  JobOf(F r, Awaiter<F>* a) : read(std::move(r)), awaiter(a) { waiter = a; }
  void work() override { outcome.emplace(read()); }
  void deliver() override { awaiter->outcome_ = std::move(outcome); }

  F read;
  Awaiter<F>* const awaiter;
  std::optional<std::invoke_result_t<F&>> outcome;
};

template <class F>
class ReadPool::Awaiter final : private ReadPool::Waiter {
 public:
  using Outcome = std::invoke_result_t<F&>;  // a Result<T>

  Awaiter(ReadPool& pool, F read) : pool_(pool), read_(std::move(read)) {}
  Awaiter(const Awaiter&) = delete;
  Awaiter& operator=(const Awaiter&) = delete;

  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> awaiting) {
    handle = awaiting;
    if (pool_.enqueue(std::make_unique<JobOf<F>>(std::move(read_), this))) return true;
    fail(kReadQueueFull);
    return false;
  }
  Outcome await_resume() { return std::move(*outcome_); }

 private:
  friend struct JobOf<F>;
  void fail(const Code& code) override { outcome_.emplace(Error(code)); }

  ReadPool& pool_;
  F read_;
  std::optional<Outcome> outcome_;
};

}  // namespace jwtd::store
