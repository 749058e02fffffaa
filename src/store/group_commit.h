// store/group_commit.h - many requests, one durable write.
//
// A request that mints awaits commit(). One thread (as many as the store takes batches at once) takes all that has queued up, hands it to the
// store as one batch, and gives every waiting coroutine back to its loop with one post a loop. While it syncs, the next batch fills; nothing
// waits for a timer.
//
// The clients of one batch come back together. A committer that takes all there is runs off with the first few of them and meets all the others
// afterwards: nearly nobody, nearly everybody, in turns, and while nearly everybody is being committed nobody else works. Where commits take longer than
// that way back (Store::shares_out_batches(), and changes on every store), a batch takes its share of those that are about: one for each committer, one for the way.
//
// What happens to a transaction afterwards goes the same way (apply()): first the batch's new records, then its changes, each a durable write.
//
// Bounds: kMaxQueuedCommits records and changes in the queue (then kQueueFull at once, before anything is signed: see full()), kMaxBatchRecords a batch,
// and the deadline: expire() answers kCommitTimeout to whoever waited too long. What was answered so may still get on record;
// the other way round never happens.
//
// Thread-safety: commit(), apply(), full() on any loop's thread; each loop has a Lane. Ownership: outlives the loops' last coroutine; the store outlives it.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <coroutine>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/limits.h"
#include "base/result.h"
#include "base/task.h"
#include "base/time.h"
#include "store/store.h"

namespace jwtd::store {

inline constexpr Code kQueueFull{"commit_queue_full", Fault::kUnavailable, "More tokens are waiting to be recorded than the service accepts."};
inline constexpr Code kChangeTooLarge{"change_too_large", Fault::kInvalidArgument, "What is to be recorded is larger than what is kept."};
inline constexpr Code kCommitTimeout{"commit_timeout", Fault::kUnavailable, "The store did not confirm the record in time."};

struct Committed {
  Outcome outcome;
  Record record;  // what stands: the proposed one, or for kReused the older one. For kConflict: the proposed one, not stored.
};

struct CommitStats {  // since the start; read at any time, from any thread
  std::atomic<std::uint64_t> batches{0}, records{0}, changes{0}, failed{0}, timed_out{0}, refused{0};
  std::atomic<std::uint64_t> busy_micros{0};  // time inside Store::commit
};

class GroupCommit;
class CommitAwaiter;
class ChangeAwaiter;

// One loop's share: the coroutines of this loop that wait. Only used on that loop's thread.
class Lane {
 public:
  Lane(GroupCommit& commit, Loop& loop);
  ~Lane();  // nothing waits any more

  using Awaiter = CommitAwaiter;
  // Resumes with Result<Committed>; fails with kQueueFull, kCommitTimeout, kStoreUnavailable; with kStoreDamaged where the outcome is kDamaged.
  Awaiter commit(Record proposed, bool xid_is_new);
  // The same way for what happens to a transaction. Resumes with Result<Change>, its `applied` and `transaction` filled; fails with kQueueFull,
  // kChangeTooLarge (events.h is_within_bounds()), kCommitTimeout, kStoreUnavailable.
  ChangeAwaiter apply(Change change);

  // Answers those that wait past their deadline. Call every 100 ms or so.
  void expire(Monotonic::time_point now);
  std::size_t waiting() const { return waiting_; }

 private:
  friend class GroupCommit;
  friend class CommitAwaiter;
  friend class ChangeAwaiter;
  struct Node;
  struct Waiter {  // the coroutine's side; lives in its frame
    std::coroutine_handle<> handle;
    const Code* failure = nullptr;
    virtual void take(Node& node) = 0;

   protected:
    ~Waiter() = default;
  };
  bool refuses(Waiter& waiter);
  void enqueue(Node* node);
  void finished(Node* node);
  void unlink(Node* node);

  GroupCommit& commit_;
  Loop& loop_;
  Node* oldest_ = nullptr;
  Node* newest_ = nullptr;
  std::size_t waiting_ = 0;
};

// What commit() returns: await it once, at once.
class CommitAwaiter final : Lane::Waiter {
 public:
  bool await_ready() { return lane_.refuses(*this); }
  void await_suspend(std::coroutine_handle<> waiter);
  Result<Committed> await_resume();

 private:
  friend class Lane;
  CommitAwaiter(Lane& lane, Record proposed, bool xid_is_new) : lane_(lane), proposed_(std::move(proposed)), xid_is_new_(xid_is_new) {}
  void take(Lane::Node& node) override;
  Lane& lane_;
  Record proposed_;  // afterwards: what stands
  bool xid_is_new_;
  Outcome outcome_ = Outcome::kInserted;
};

// What apply() returns: the same.
class ChangeAwaiter final : Lane::Waiter {
 public:
  bool await_ready();
  void await_suspend(std::coroutine_handle<> waiter);
  Result<Change> await_resume();

 private:
  friend class Lane;
  ChangeAwaiter(Lane& lane, Change change) : lane_(lane), change_(std::move(change)) {}
  void take(Lane::Node& node) override;
  Lane& lane_;
  Change change_;
};

class GroupCommit {
 public:
  struct Options {
    std::size_t max_queued = kMaxQueuedCommits;
    std::size_t max_batch = kMaxBatchRecords;
    std::chrono::milliseconds deadline = kCommitDeadline;
    std::function<void(const Error&)> on_failure;  // told about every failed batch, on the committing thread; may be empty
  };

  GroupCommit(Store& store, Options options);
  ~GroupCommit();  // finishes what is queued

  // True when the next commit() would be refused.
  bool full() const { return queued_.load(std::memory_order_relaxed) >= options_.max_queued; }
  // Whether a commit would be answered in time, as far as can be told. Fails with kQueueFull; with kCommitTimeout when the store has had a batch for
  // longer than anybody waits, which its own writable() does not know.
  Status ready(Monotonic::time_point now) const;
  std::size_t queued() const { return queued_.load(std::memory_order_relaxed); }
  const CommitStats& stats() const { return stats_; }

 private:
  friend class Lane;
  void enqueue(Lane::Node* node);
  // Of one committer: since when the store has its batch, 0 for none. In Monotonic's ticks.
  using Since = std::atomic<Monotonic::rep>;
  void run(Since& since);
  Status apply(std::span<Change* const> changes);
  bool take(std::vector<Lane::Node*>& batch);
  std::size_t share_after(std::size_t former_batch) const;
  static void hand_back(std::vector<Lane::Node*>& batch, const Code* entries_failure, const Code* changes_failure);

  Store& store_;
  Options options_;
  const bool shares_out_;
  CommitStats stats_;
  std::atomic<std::size_t> queued_{0};  // taken on and not yet given back
  std::mutex mutex_;
  std::condition_variable arrived_;
  Lane::Node* oldest_ = nullptr;  // linked by Node::behind
  Lane::Node* newest_ = nullptr;
  std::size_t idle_ = 0;  // committers that sleep
  bool stopping_ = false;
  std::vector<Since> since_;  // by committer
  std::vector<std::thread> threads_;
};

}  // namespace jwtd::store
