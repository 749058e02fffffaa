// app/janitor.h - a thread that lets the store remove what is past its retention, every few minutes, beside the serving path.
//
// Thread-safety: made and destroyed by one thread. Ownership: store and log outlive it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/log.h"
#include "store/store.h"

namespace jwtd::app {

inline constexpr auto kSweepInterval = std::chrono::minutes(5);

class Janitor {
 public:
  Janitor(store::Store& store, Log& log, std::chrono::milliseconds interval = kSweepInterval);
  ~Janitor();  // waits for a sweep that is under way

 private:
  void run();

  store::Store& store_;
  Log& log_;
  const std::chrono::milliseconds interval_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace jwtd::app
