// app/janitor.h - a thread beside the serving path: the store removes what is past its retention, every few minutes, is asked for its size, and recovers.
//
// Not by a clock that has just jumped ahead: set forward by the retention, it would take every live record away. See docs/adr/0009.
//
// Thread-safety: made and destroyed by one thread. Ownership: store and log outlive it.
#pragma once

#include <atomic>
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
inline constexpr auto kSizeInterval = std::chrono::seconds(10);
inline constexpr auto kRecoverInterval = std::chrono::seconds(5);  // a try on a full disk that runs out of room again would need a restart
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

// What the store held when it was asked last, for readers that must not wait: to tell, a store may have to read its files.
// At most kSizeInterval old, unless a sweep takes longer or the store's files hang: then it stays as it was.
struct StoreSize {
  std::atomic<std::uint64_t> transactions{0}, bytes{0};

  void take_from(store::Store& store);
};

class Janitor {
 public:
  struct Intervals {
    std::chrono::milliseconds sweep = kSweepInterval, size = kSizeInterval, recover = kRecoverInterval;
  };
  // `also`: what else is due as often as a sweep, behind it. `size` outlives the janitor.
  Janitor(store::Store& store, Log& log, std::chrono::seconds retention, StoreSize& size, std::function<void()> also, Intervals intervals);
  ~Janitor();  // waits for a sweep that is under way

 private:
  void run();

  store::Store& store_;
  StoreSize& size_;
  Sweeper sweeper_;
  const std::function<void()> also_;
  const Intervals intervals_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace jwtd::app
