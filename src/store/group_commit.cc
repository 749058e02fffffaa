// store/group_commit.cc - the queue between loops and committers, and the way back.
#include "store/group_commit.h"

#include <utility>
#include <vector>

#include "base/frame_pool.h"
#include "base/thread_name.h"

namespace jwtd::store {
namespace {

constexpr int kYieldsBeforeSleep = 4;

}  // namespace

// One record on its way. Made on the loop's thread, read by the committing thread until it is handed back, freed on the loop's thread.
struct Lane::Node : Wakeup {
  Entry entry;
  Lane* lane;
  Awaiter* awaiter;  // loop's thread only; nullptr once the deadline has answered for it
  Monotonic::time_point deadline;
  Node* behind = nullptr;         // in the queue
  Node* older = nullptr;          // in the lane's list, by deadline
  Node* newer = nullptr;
  const Code* failure = nullptr;  // set by the committing thread

  static void* operator new(std::size_t octets) { return FramePool::allocate(octets); }
  static void operator delete(void* node, std::size_t octets) { FramePool::release(node, octets); }

  Node(Record record, bool xid_is_new, Lane* l, Awaiter* a) : entry{std::move(record), xid_is_new, Outcome::kInserted, std::nullopt}, lane(l), awaiter(a) {
    run = [](Wakeup* w) {
      Node* const node = static_cast<Node*>(w);
      node->lane->finished(node);
    };
  }
};

Lane::Lane(GroupCommit& commit, Loop& loop) : commit_(commit), loop_(loop) {}
Lane::~Lane() = default;

Lane::Awaiter Lane::commit(Record proposed, bool xid_is_new) { return Awaiter(*this, std::move(proposed), xid_is_new); }

bool CommitAwaiter::await_ready() {
  if (!lane_.commit_.full()) return false;
  lane_.commit_.stats_.refused.fetch_add(1, std::memory_order_relaxed);
  result_ = Error(kQueueFull);
  return true;
}

void CommitAwaiter::await_suspend(std::coroutine_handle<> waiter) {
  waiter_ = waiter;
  auto* const node = new Lane::Node(std::move(proposed_), xid_is_new_, &lane_, this);
  node->deadline = Monotonic::now() + lane_.commit_.options_.deadline;
  node->older = lane_.newest_;
  (lane_.newest_ ? lane_.newest_->newer : lane_.oldest_) = node;
  lane_.newest_ = node;
  ++lane_.waiting_;
  lane_.commit_.enqueue(node);
}

void Lane::unlink(Node* node) {
  (node->older ? node->older->newer : oldest_) = node->newer;
  (node->newer ? node->newer->older : newest_) = node->older;
  --waiting_;
}

void Lane::finished(Node* node) {
  Awaiter* const awaiter = node->awaiter;
  if (awaiter) {
    unlink(node);
    if (node->failure) {
      awaiter->result_ = Error(*node->failure);
    } else if (node->entry.outcome == Outcome::kDamaged) {
      awaiter->result_ = Error(kStoreDamaged);
    } else {
      Entry& entry = node->entry;
      awaiter->result_ = Committed{entry.outcome, entry.standing ? std::move(*entry.standing) : std::move(entry.proposed)};
    }
  }
  delete node;
  if (awaiter) awaiter->waiter_.resume();
}

void Lane::expire(Monotonic::time_point now) {
  while (oldest_ && oldest_->deadline <= now) {
    Node* const node = oldest_;
    Awaiter* const awaiter = node->awaiter;
    unlink(node);
    node->awaiter = nullptr;  // the committing thread still has it; finished() frees it
    commit_.stats_.timed_out.fetch_add(1, std::memory_order_relaxed);
    awaiter->result_ = Error(kCommitTimeout);
    awaiter->waiter_.resume();
  }
}

GroupCommit::GroupCommit(Store& store, Options options) : store_(store), options_(std::move(options)) {
  for (std::size_t i = 0; i < store_.commits_at_once(); ++i) threads_.emplace_back([this] { name_this_thread("committer"), run(); });
}

GroupCommit::~GroupCommit() {
  {
    const std::lock_guard hold(mutex_);
    stopping_ = true;
  }
  arrived_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void GroupCommit::enqueue(Lane::Node* node) {
  queued_.fetch_add(1, std::memory_order_relaxed);
  bool wake;
  {
    const std::lock_guard hold(mutex_);
    wake = idle_ > 0;
    (newest_ ? newest_->behind : oldest_) = node;
    newest_ = node;
  }
  if (wake) arrived_.notify_one();
}

// The oldest of what is queued, up to the bound of a batch. False: stopped and empty.
bool GroupCommit::take(std::vector<Lane::Node*>& batch) {
  batch.clear();
  // On a busy machine the loops run meanwhile, and the batch grows; on a quiet one this takes nothing.
  for (int i = 0; i < kYieldsBeforeSleep && queued() == 0; ++i) std::this_thread::yield();
  std::unique_lock hold(mutex_);
  ++idle_;
  arrived_.wait(hold, [this] { return oldest_ || stopping_; });
  --idle_;
  while (oldest_ && batch.size() < options_.max_batch) {
    batch.push_back(oldest_);
    oldest_ = oldest_->behind;
  }
  if (!oldest_) newest_ = nullptr;
  return !batch.empty();
}

void GroupCommit::run() {
  std::vector<Lane::Node*> batch;
  std::vector<Entry*> entries;
  while (take(batch)) {
    entries.clear();
    const auto started = Monotonic::now();
    for (Lane::Node* const node : batch) {
      // Whoever waited for this one has been told that it failed, or is about to be: recording it now would only cost the others time.
      if (node->deadline <= started) {
        node->failure = &kCommitTimeout;
      } else {
        entries.push_back(&node->entry);
      }
    }
    const Status status = entries.empty() ? Status() : store_.commit(entries);
    const auto busy = std::chrono::duration_cast<std::chrono::microseconds>(Monotonic::now() - started);
    stats_.batches.fetch_add(1, std::memory_order_relaxed);
    (status ? stats_.records : stats_.failed).fetch_add(entries.size(), std::memory_order_relaxed);
    stats_.busy_micros.fetch_add(static_cast<std::uint64_t>(busy.count()), std::memory_order_relaxed);
    queued_.fetch_sub(batch.size(), std::memory_order_relaxed);
    if (!status && options_.on_failure) options_.on_failure(status.error());
    hand_back(batch, status ? nullptr : &status.error().code());
  }
}

void GroupCommit::hand_back(std::vector<Lane::Node*>& batch, const Code* failure) {
  Posts posts;
  for (Lane::Node* node : batch) {
    if (failure && !node->failure) node->failure = failure;
    posts.add(node->lane->loop_, *node);
  }
  posts.send();
}

}  // namespace jwtd::store
