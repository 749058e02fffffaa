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

bool ReadPool::enqueue(std::unique_ptr<Job> job) {
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
    Job* const last = job.release();
    (newest_ ? newest_->next_job : oldest_) = last;
    newest_ = last;
    queued_.fetch_add(1, std::memory_order_relaxed);
  }
  filled_.notify_one();
  return true;
}

// The oldest that somebody waits for.
std::unique_ptr<ReadPool::Job> ReadPool::take() {
  std::unique_lock hold(mutex_);
  while (true) {
    filled_.wait(hold, [this] { return oldest_ || stopping_; });
    std::unique_ptr<Job> job(oldest_);
    if (!job) return nullptr;
    oldest_ = job->next_job;
    if (!oldest_) newest_ = nullptr;
    queued_.fetch_sub(1, std::memory_order_relaxed);
    if (!job->waiter) continue;
    running_.push_back(job.get());
    return job;
  }
}

void ReadPool::serve() {
  while (std::unique_ptr<Job> job = take()) {
    if (options_.clock() - job->since > options_.deadline) {
      job->failure = &kReadTimeout;
    } else {
      stats_.reads.fetch_add(1, std::memory_order_relaxed);
      job->work();
    }
    bool waited_for = false;
    {
      const std::lock_guard hold(mutex_);
      std::erase(running_, job.get());
      waited_for = job->waiter != nullptr;
    }
    if (!waited_for) {
      stats_.hanging.fetch_sub(1, std::memory_order_relaxed);
      continue;
    }
    if (job->failure) stats_.timed_out.fetch_add(1, std::memory_order_relaxed);
    Loop* const loop = job->loop;
    loop->post(job.release());
  }
}

void ReadPool::expire(Monotonic::time_point now) {
  std::vector<Waiter*> late;
  {
    const std::lock_guard hold(mutex_);
    const auto give_up = [&](Job& job) {
      if (!job.waiter || job.loop != Loop::current() || now - job.since <= options_.deadline) return false;
      late.push_back(std::exchange(job.waiter, nullptr));
      return true;
    };
    for (Job* job : running_) {
      if (give_up(*job)) stats_.hanging.fetch_add(1, std::memory_order_relaxed);
    }
    for (Job* job = oldest_; job && now - job->since > options_.deadline; job = job->next_job) give_up(*job);
  }
  for (Waiter* waiter : late) {
    stats_.timed_out.fetch_add(1, std::memory_order_relaxed);
    waiter->fail(kReadTimeout);
    waiter->handle.resume();
  }
}

void ReadPool::resume(Wakeup* wakeup) {
  const std::unique_ptr<Job> job(static_cast<Job*>(wakeup));
  Waiter* const waiter = job->waiter;
  if (job->failure) {
    waiter->fail(*job->failure);
  } else {
    job->deliver();
  }
  waiter->handle.resume();
}

}  // namespace jwtd::store
