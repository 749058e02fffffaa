// app/janitor.cc - recover, sweep, log, ask for the size, sleep.
#include "app/janitor.h"

#include <algorithm>
#include <utility>

#include "base/thread_name.h"

namespace jwtd::app {
namespace {

constexpr std::chrono::seconds kMaxAllowedJump = std::chrono::hours(1);
constexpr std::chrono::seconds kMinAllowedJump{5};  // what NTP may step
constexpr int kJumpsPerRetention = 24;

}  // namespace

Sweeper::Sweeper(store::Store& store, Log& log, std::chrono::seconds retention, UnixMillis wall, Monotonic::time_point now)
    : store_(store), log_(log), watch_(std::clamp(retention / kJumpsPerRetention, kMinAllowedJump, kMaxAllowedJump)) {
  watch_.jumped(wall, now);
}

void Sweeper::turn(UnixMillis wall, Monotonic::time_point now) {
  if (const auto jump = watch_.jumped(wall, now); jump.count() != 0) {
    // One that goes back takes away doubt, but cannot make trust for later.
    ahead_ = std::max(ahead_ + jump, std::chrono::milliseconds(0));
    since_ = now;
    if (ahead_.count() > 0) {
      log_.warn("store_sweep_held", {{"clock_ahead_s", ahead_.count() / 1000},
                                     {"detail", "the clock has jumped ahead: nothing is removed for a day, or until jwtd is started again"}});
    }
  }
  if (ahead_.count() > 0 && now - since_ < kSweepDoubt) return;
  ahead_ = {};
  const auto started = Monotonic::now();
  const Status status = store_.sweep(wall);
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(Monotonic::now() - started).count();
  if (status) {
    log_.info("store_swept", {{"us", micros}});
  } else {
    log_.warn("store_sweep_failed", {{"error", status.error().code().id}, {"detail", status.error().detail()}});
  }
}

void StoreSize::take_from(store::Store& store) {
  const store::Stats stats = store.stats();
  transactions.store(stats.transactions, std::memory_order_relaxed);
  bytes.store(stats.bytes, std::memory_order_relaxed);
}

Janitor::Janitor(store::Store& store, Log& log, std::chrono::seconds retention, StoreSize& size, std::function<void()> also, Intervals intervals)
    : store_(store), size_(size), sweeper_(store, log, retention, wall_now(), Monotonic::now()), also_(std::move(also)), intervals_(intervals),
      thread_([this] { name_this_thread("janitor"), run(); }) {}

Janitor::~Janitor() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Janitor::run() {
  auto sweep_at = Monotonic::now() + intervals_.sweep;
  auto size_at = Monotonic::now() + intervals_.size;
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, std::min({intervals_.recover, intervals_.size, intervals_.sweep}), [this] { return stopping_; })) {
    lock.unlock();
    store_.recover();
    if (const auto now = Monotonic::now(); now >= sweep_at) {
      sweeper_.turn(wall_now(), now);
      also_();
      sweep_at = Monotonic::now() + intervals_.sweep;
      size_at = now;
    }
    if (Monotonic::now() >= size_at) {
      size_.take_from(store_);
      size_at = Monotonic::now() + intervals_.size;
    }
    lock.lock();
  }
}

}  // namespace jwtd::app
