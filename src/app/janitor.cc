// app/janitor.cc - sweep, log, sleep.
#include "app/janitor.h"

#include "base/thread_name.h"

namespace jwtd::app {

Janitor::Janitor(store::Store& store, Log& log, std::chrono::milliseconds interval)
    : store_(store), log_(log), interval_(interval), thread_([this] { name_this_thread("janitor"), run(); }) {}

Janitor::~Janitor() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Janitor::run() {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, interval_, [this] { return stopping_; })) {
    lock.unlock();
    const auto started = Monotonic::now();
    const Status status = store_.sweep(wall_now());
    const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(Monotonic::now() - started).count();
    if (status) {
      log_.info("store_swept", {{"us", micros}});
    } else {
      log_.warn("store_sweep_failed", {{"error", status.error().code().id}, {"detail", status.error().detail()}});
    }
    lock.lock();
  }
}

}  // namespace jwtd::app
