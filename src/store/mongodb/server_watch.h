// store/mongodb/server_watch.h - whether the server is there, found out by one thread so that no request waits for it.
//
// Whoever meets a failure says so; from then on everybody is refused at once, until this thread has seen a write confirmed by a majority: it
// tries at jittered intervals (base/pauses.h) from kFirstRetry to kLastRetry. While all is well it asks for a sign of life once a second, so that
// /readyz turns red without traffic, and for the size of the collection now and then.
//
// Thread-safety: all functions from any thread; none but the destructor waits for the server, that one at most for one call.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <thread>

#include "base/pauses.h"
#include "base/result.h"
#include "base/time.h"
#include "store/mongodb/connections.h"
#include "store/store.h"

namespace jwtd::store {

class ServerWatch {
 public:
  using OnEvent = std::function<void(std::string_view)>;

  ServerWatch(Connections& connections, OnEvent on_event, Stats first);
  ~ServerWatch();

  // Fails with kStoreUnavailable while the server is away; the detail is the cause.
  Status check() const;

  // A call failed as every other would.
  void failed(const std::string& cause);

  void added(std::uint64_t transactions) { added_.fetch_add(transactions, std::memory_order_relaxed); }
  Stats stats() const;  // as of at most kStatsInterval ago, and what was added here since

 private:
  void run();
  void try_again(std::unique_lock<std::mutex>& lock);

  Connections& connections_;
  const OnEvent on_event_;
  std::atomic<bool> away_{false};
  std::atomic<std::uint64_t> added_{0};

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::string cause_;
  Monotonic::time_point since_;
  Stats stats_;

  Pauses pauses_;  // the thread's own
  std::minstd_rand random_;
  std::thread thread_;
};

// Asks the server itself. Fails with kStoreUnavailable.
Status ask_for_life(Connections& connections, Failure* failure = nullptr);  // a ping to the primary
Status ask_for_a_write(Connections& connections);    // a write that changes nothing, confirmed by a majority
Result<Stats> ask_for_size(Connections& connections);

}  // namespace jwtd::store
