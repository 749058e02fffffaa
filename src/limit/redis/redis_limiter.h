// limit/redis/redis_limiter.h - limits that hold over all nodes: GCRA inside a Redis or Valkey server, and what is done while it is away.
//
// acquire() puts the request on a queue. One thread a connection takes all that waits, up to kMaxLimitBatch, to the server as one pipeline: one
// round trip, whatever the number of requests and rules. Then every coroutine is handed back to its loop, with one post a loop.
//
// When the server gives no answer, each rule goes by its OnFailure, at once where that is known beforehand:
//   - no connection is up. One is dropped after a time-out or when a whole pipeline is refused, and made again, with pauses (breaker.h), until a
//     connection takes a write within the time-out;
//   - the breaker is open: kLimitBreakerFailures round trips in a row failed, though connecting works;
//   - kMaxQueuedLimits requests wait.
// One closed rule refuses the request. Otherwise the local rules are asked, all or none, of a LocalLimiter of their own; open ones pass.
//
// Bound: a request waits at most twice `timeout`: as long in the queue (then it is not sent any more) and as long for its answer. What was
// sent and not answered in time may have been charged.
//
// Thread-safety: acquire() on any loop's thread, the rest on any thread. Ownership: the loops outlive it, it outlives their last coroutine.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/limits.h"
#include "limit/limiter.h"
#include "limit/local_limiter.h"
#include "limit/redis/breaker.h"
#include "limit/redis/script.h"
#include "limit/store_url.h"

namespace jwtd::limit {

class Link;

struct RedisStats {  // since the start; read at any time, from any thread
  std::atomic<std::uint64_t> answered{0};     // requests that the server decided
  std::atomic<std::uint64_t> round_trips{0};  // that brought all their answers
  std::atomic<std::uint64_t> round_trip_micros{0};
  std::atomic<std::uint64_t> timed_out{0}, lost{0}, refused{0}, overloaded{0}, away{0};  // requests that it did not decide, by cause
};

class RedisLimiter final : public Limiter {
 public:
  struct Options {
    StoreUrl url;
    std::string ca_file;   // for TLS; empty: the system's
    std::string hash_key;  // Script::Hash::kKeyBytes octets that all nodes share
    std::size_t connections = kLimitStoreConnections;  // >= 1
    std::chrono::milliseconds timeout = kLimitCallTimeout;
    std::size_t cells = LocalLimiter::kDefaultCells;  // of the table for the time without the server
    // Told once at the start and when the server goes away or comes back, at most once in kLimitProbeInterval; on any thread, and it must not block
    // or call back. nullptr: it is there. Otherwise why not; no personal data, no password.
    std::function<void(const Error* away)> on_change = [](const Error*) {};
  };

  // Tries to connect, for kLimitConnectTimeout at most; goes on trying when that fails.
  RedisLimiter(std::vector<Rule> rules, Options options);
  ~RedisLimiter() override;  // what waits is decided without the server

  const std::vector<Rule>& rules() const override { return rules_; }
  Task<Decision> acquire(const ClientKey& client, Phone phone, Monotonic::time_point now) override;

  // Fails with kLimitsUnavailable while requests are decided without the server.
  Status available() const;
  // Whether a closed rule refuses everything meanwhile.
  bool closes() const { return closes_; }

  const RedisStats& stats() const { return stats_; }
  std::uint64_t fallbacks(std::size_t rule) const { return fallbacks_[rule].load(std::memory_order_relaxed); }  // requests, by index in rules()
  std::size_t connected() const { return connected_.load(std::memory_order_relaxed); }
  bool breaker_open() const { return open_.load(std::memory_order_relaxed); }
  const LocalLimiter& local() const { return local_; }

 private:
  struct Job;
  class Ask;
  struct Worker;
  using Jobs = std::vector<Job*>;

  bool enqueue(Job* job);  // false: decide without the server, at once
  void serve(std::uint_fast32_t seed);
  bool connect(Worker& worker);           // false: the end
  bool take(Jobs& batch, Jobs& late);     // false: the end; both empty: nothing came for a while
  void work(Worker& worker);
  void probe(Worker& worker);
  void failed(Worker& worker, const Error& why, Jobs& left);  // holding mutex_
  void take_all(Jobs& to);                                    // holding mutex_
  void tell(Monotonic::time_point now);                       // holding mutex_
  Decision decide_alone(const ClientKey& client, Phone phone, Monotonic::time_point now);
  static void hand_back(const Jobs& jobs);

  const std::vector<Rule> rules_;
  const Options options_;
  const Script script_;
  const bool closes_;
  LocalLimiter local_;  // the rules that are OnFailure::kLocal
  RedisStats stats_;
  std::vector<std::atomic<std::uint64_t>> fallbacks_;
  std::atomic<std::size_t> connected_{0};  // changed holding mutex_
  std::atomic<bool> open_{false};          // what breaker_ says; likewise

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable filled_, settled_, stopped_;
  Job* oldest_ = nullptr;
  Job* newest_ = nullptr;
  std::size_t queued_ = 0;
  Breaker breaker_;
  Error cause_;           // the latest failure
  bool tried_ = false;    // the first attempt to connect is over
  bool stopping_ = false;
  bool told_once_ = false, told_away_ = false;
  Monotonic::time_point told_at_{};

  std::vector<std::thread> threads_;
};

}  // namespace jwtd::limit
