// store/read_pool.cc - a bounded queue of look-ups and the threads that serve it.
#include "store/read_pool.h"

#include <cstdlib>

#include "base/thread_name.h"

namespace jwtd::store {

ReadPool::ReadPool(Options options) : options_(options) {
  threads_.reserve(options_.threads);
  for (std::size_t i = 0; i < options_.threads; ++i) threads_.emplace_back([this] { name_this_thread("reader"), serve(); });
}

ReadPool::~ReadPool() {
  {
    const std::lock_guard hold(mutex_);
    stopping_ = true;
  }
  filled_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

bool ReadPool::enqueue(Job* job) {
  job->loop = Loop::current();
  if (!job->loop) std::abort();  // nobody could resume the coroutine
  job->run = &ReadPool::resume;
  job->since = options_.clock();
  {
    const std::lock_guard hold(mutex_);
    if (queued_.load(std::memory_order_relaxed) >= options_.max_queued) {
      stats_.refused.fetch_add(1, std::memory_order_relaxed);
      return false;
    }
    (newest_ ? newest_->next_job : oldest_) = job;
    newest_ = job;
    queued_.fetch_add(1, std::memory_order_relaxed);
  }
  filled_.notify_one();
  return true;
}

ReadPool::Job* ReadPool::take() {
  std::unique_lock hold(mutex_);
  filled_.wait(hold, [this] { return oldest_ || stopping_; });
  Job* const job = oldest_;
  if (!job) return nullptr;
  oldest_ = job->next_job;
  if (!oldest_) newest_ = nullptr;
  queued_.fetch_sub(1, std::memory_order_relaxed);
  return job;
}

void ReadPool::serve() {
  while (Job* const job = take()) {
    if (options_.clock() - job->since > options_.deadline) {
      stats_.timed_out.fetch_add(1, std::memory_order_relaxed);
      job->fail(job, kReadTimeout);
    } else {
      stats_.reads.fetch_add(1, std::memory_order_relaxed);
      job->work(job);
    }
    job->loop->post(job);  // the job is gone as soon as its loop has run it
  }
}

void ReadPool::resume(Wakeup* wakeup) { static_cast<Job*>(wakeup)->waiter.resume(); }

}  // namespace jwtd::store
