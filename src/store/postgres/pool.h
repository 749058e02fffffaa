// store/postgres/pool.h - at most so many connections, made and watched over by one thread of its own.
//
// Whoever needs one takes a Lease, for a round trip or a few. While the server is away acquire() fails at once with the cause, so that a request is
// answered 503 quickly; the pool's thread goes on trying, with pauses that double up to a second and differ from node to node. It also asks the
// server for a sign of life when nobody else has had one for a second, so that state() is right without traffic.
//
// Commits leave at least one connection free, so that look-ups always find one (with a single connection they share it).
// Thread-safety: all functions from any thread. Ownership: outlives its leases.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base/pauses.h"
#include "base/result.h"
#include "store/postgres/connection.h"

namespace jwtd::store::postgres {

class Pool {
 public:
  enum class Use : std::uint8_t { kCommit, kOther };
  enum class Patience : std::uint8_t {
    kNone,          // fails at once while the server is away
    kToTheDeadline  // waits for it to come back
  };

  class Lease {
   public:
    Lease(Pool& pool, std::unique_ptr<Connection> connection, Use use) : pool_(&pool), connection_(std::move(connection)), use_(use) {}
    Lease(Lease&&) = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (connection_) pool_->give_back(std::move(connection_), use_);
    }
    Connection* operator->() { return connection_.get(); }
    Connection& operator*() { return *connection_; }

   private:
    Pool* pool_;
    std::unique_ptr<Connection> connection_;
    Use use_;
  };

  struct Options {
    Target target;
    std::size_t connections;                                // >= 1
    std::function<void(std::string_view)> on_event;         // may be empty
    std::function<void(Connection&)> on_idle;               // every kIdleWorkInterval on a free connection, by the pool's thread; may be empty
  };

  // `first` has been opened by the caller, so that what is wrong at start is told there.
  Pool(Options options, std::unique_ptr<Connection> first);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // Opens a connection with every statement prepared.
  static Result<std::unique_ptr<Connection>> connect(const Target& target, Deadline deadline);

  // Fails with kStoreUnavailable: the server is away, or all connections are busy until the deadline.
  Result<Lease> acquire(Use use, Deadline deadline, Patience patience = Patience::kNone);

  Status state() const;

 private:
  void give_back(std::unique_ptr<Connection> connection, Use use);
  std::unique_ptr<Connection> take_idle();
  bool may_take(Use use) const;
  void tend();
  void make_one(std::unique_lock<std::mutex>& lock);
  void look_after_one(std::unique_lock<std::mutex>& lock);
  void server_is_away(const std::string& why);
  void server_is_back();

  const Options options_;
  mutable std::mutex mutex_;  // all below
  std::condition_variable changed_;  // a connection is idle, or the server is away
  std::condition_variable tend_;     // there is something to do for the pool's thread
  std::vector<std::unique_ptr<Connection>> idle_;
  std::size_t open_ = 0;             // idle, lent and being made
  std::size_t committing_ = 0;       // lent for commits
  std::size_t waiting_ = 0;          // for a connection
  std::string away_;                 // why; empty: the server is there
  Monotonic::time_point try_again_{};
  Pauses pauses_;
  Monotonic::time_point heard_ = Monotonic::now();        // last sign of life
  Monotonic::time_point worked_ = Monotonic::now();       // last on_idle
  bool stopping_ = false;
  std::minstd_rand random_;
  std::thread thread_;
};

}  // namespace jwtd::store::postgres
