// app/janitor.h - a thread that lets the store remove what is past its retention, every few minutes, beside the serving path.
//
// Not by a clock that has just jumped ahead: set forward by the retention, it would take every live record away. See docs/adr/0009.
//
// Thread-safety: made and destroyed by one thread. Ownership: store and log outlive it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "base/clock_watch.h"
#include "base/log.h"
#include "store/store.h"

namespace jwtd::app {

inline constexpr auto kSweepInterval = std::chrono::minutes(5);
inline constexpr auto kSweepDoubt = std::chrono::hours(24);  // so long a clock that jumped ahead must stand by it

// One sweep after the other, unless the clock is in doubt.
class Sweeper {
 public:
  // `retention`: the store's. A jump of up to a twenty-fourth of it, but at most an hour, is no reason to wait.
  // The clocks at the start are believed: there is nothing to hold them against.
  Sweeper(store::Store& store, Log& log, std::chrono::seconds retention, UnixMillis wall, Monotonic::time_point now);

  void turn(UnixMillis wall, Monotonic::time_point now);

 private:
  store::Store& store_;
  Log& log_;
  ClockWatch watch_;
  std::chrono::milliseconds ahead_{0};  // by so much the clock has jumped and is not yet believed
  Monotonic::time_point since_{};
};

class Janitor {
 public:
  // `also`: what else is due as often, behind the sweep.
  Janitor(store::Store& store, Log& log, std::chrono::seconds retention, std::function<void()> also = [] {}, std::chrono::milliseconds interval = kSweepInterval);
  ~Janitor();  // waits for a sweep that is under way

 private:
  void run();

  Sweeper sweeper_;
  const std::function<void()> also_;
  const std::chrono::milliseconds interval_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace jwtd::app
