// store/group_commit.cc - the queue between loops and committers, and the way back.
#include "store/group_commit.h"

#include <algorithm>
#include <utility>
#include <variant>
#include <vector>

#include "base/frame_pool.h"
#include "base/thread_name.h"
#include "store/events.h"

namespace jwtd::store {
namespace {

constexpr int kYieldsBeforeSleep = 4;

}  // namespace

// One record or change on its way. Made on the loop's thread, read by the committing thread until it is handed back, freed on the loop's thread.
struct Lane::Node : Wakeup {
  std::variant<Entry, Change> what;
  Lane* lane;
  Waiter* waiter;  // loop's thread only; nullptr once the deadline has answered for it
  Monotonic::time_point deadline;
  Node* behind = nullptr;         // in the queue
  Node* older = nullptr;          // in the lane's list, by deadline
  Node* newer = nullptr;
  const Code* failure = nullptr;  // set by the committing thread

  static void* operator new(std::size_t octets) { return FramePool::allocate(octets); }
  static void operator delete(void* node, std::size_t octets) { FramePool::release(node, octets); }

  template <class T, class... Parts>
  Node(std::in_place_type_t<T> type, Lane* l, Waiter* w, Parts&&... parts) : what(type, std::forward<Parts>(parts)...), lane(l), waiter(w) {
    run = [](Wakeup* wakeup) {
      Node* const node = static_cast<Node*>(wakeup);
      node->lane->finished(node);
    };
  }
};

Lane::Lane(GroupCommit& commit, Loop& loop) : commit_(commit), loop_(loop) {}
Lane::~Lane() = default;

CommitAwaiter Lane::commit(Record proposed, bool xid_is_new) { return CommitAwaiter(*this, std::move(proposed), xid_is_new); }
ChangeAwaiter Lane::apply(Change change) { return ChangeAwaiter(*this, std::move(change)); }

bool Lane::refuses(Waiter& waiter) {
  if (!commit_.full()) return false;
  commit_.stats_.refused.fetch_add(1, std::memory_order_relaxed);
  waiter.failure = &kQueueFull;
  return true;
}

void Lane::enqueue(Node* node) {
  node->deadline = Monotonic::now() + commit_.options_.deadline;
  node->older = newest_;
  (newest_ ? newest_->newer : oldest_) = node;
  newest_ = node;
  ++waiting_;
  commit_.enqueue(node);
}

void Lane::unlink(Node* node) {
  (node->older ? node->older->newer : oldest_) = node->newer;
  (node->newer ? node->newer->older : newest_) = node->older;
  --waiting_;
}

void Lane::finished(Node* node) {
  Waiter* const waiter = node->waiter;
  if (waiter) {
    unlink(node);
    waiter->failure = node->failure;
    if (!node->failure) waiter->take(*node);
  }
  delete node;
  if (waiter) waiter->handle.resume();
}

void Lane::expire(Monotonic::time_point now) {
  while (oldest_ && oldest_->deadline <= now) {
    Node* const node = oldest_;
    Waiter* const waiter = node->waiter;
    unlink(node);
    node->waiter = nullptr;  // the committing thread still has it; finished() frees it
    commit_.stats_.timed_out.fetch_add(1, std::memory_order_relaxed);
    waiter->failure = &kCommitTimeout;
    waiter->handle.resume();
  }
}

void CommitAwaiter::await_suspend(std::coroutine_handle<> waiter) {
  handle = waiter;
  lane_.enqueue(new Lane::Node(std::in_place_type<Entry>, &lane_, this, std::move(proposed_), xid_is_new_, Outcome::kInserted, std::nullopt));
}

void CommitAwaiter::take(Lane::Node& node) {
  Entry& entry = std::get<Entry>(node.what);
  outcome_ = entry.outcome;
  if (outcome_ == Outcome::kDamaged) failure = &kStoreDamaged;
  proposed_ = entry.standing ? std::move(*entry.standing) : std::move(entry.proposed);
}

Result<Committed> CommitAwaiter::await_resume() {
  if (failure) return Error(*failure);
  return Committed{outcome_, std::move(proposed_)};
}

bool ChangeAwaiter::await_ready() {
  if (is_within_bounds(change_)) return lane_.refuses(*this);
  failure = &kChangeTooLarge;
  return true;
}

void ChangeAwaiter::await_suspend(std::coroutine_handle<> waiter) {
  handle = waiter;
  lane_.enqueue(new Lane::Node(std::in_place_type<Change>, &lane_, this, std::move(change_)));
}

void ChangeAwaiter::take(Lane::Node& node) { change_ = std::move(std::get<Change>(node.what)); }

Result<Change> ChangeAwaiter::await_resume() {
  if (failure) return Error(*failure);
  return std::move(change_);
}

GroupCommit::GroupCommit(Store& store, Options options) : store_(store), options_(std::move(options)), shares_out_(store.shares_out_batches()), since_(store.commits_at_once()) {
  for (Since& since : since_) threads_.emplace_back([this, &since] { name_this_thread("committer"), run(since); });
}

GroupCommit::~GroupCommit() {
  {
    const std::lock_guard hold(mutex_);
    stopping_ = true;
  }
  arrived_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

Status GroupCommit::ready(Monotonic::time_point now) const {
  if (full()) return Error(kQueueFull);
  for (const Since& since : since_) {
    const Monotonic::duration began(since.load(std::memory_order_relaxed));
    if (began.count() != 0 && now.time_since_epoch() - began > options_.deadline) return Error(kCommitTimeout);
  }
  return {};
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

// The former batch's clients are on their way; with those that are queued or in other committers' hands that is everybody. At least one, for one is queued.
std::size_t GroupCommit::share_after(std::size_t former_batch) const {
  const std::size_t shares = store_.commits_at_once() + 1;
  return std::min(options_.max_batch, (former_batch + queued() + shares - 1) / shares);
}

// The oldest of what is queued, up to the bound of a batch. False: stopped and empty.
bool GroupCommit::take(std::vector<Lane::Node*>& batch) {
  const std::size_t former = batch.size();
  batch.clear();
  // On a busy machine the loops run meanwhile, and the batch grows; on a quiet one this takes nothing.
  for (int i = 0; i < kYieldsBeforeSleep && queued() == 0; ++i) std::this_thread::yield();
  std::unique_lock hold(mutex_);
  ++idle_;
  arrived_.wait(hold, [this] { return oldest_ || stopping_; });
  --idle_;
  // A change is looked up and written together with all events before it: on RocksDB, too, that takes longer than its sender's way back.
  const bool shares = shares_out_ || (oldest_ && std::holds_alternative<Change>(oldest_->what));
  const std::size_t most = shares ? share_after(former) : options_.max_batch;
  while (oldest_ && batch.size() < most) {
    batch.push_back(oldest_);
    oldest_ = oldest_->behind;
  }
  if (!oldest_) newest_ = nullptr;
  return !batch.empty();
}

void GroupCommit::run(Since& since) {
  std::vector<Lane::Node*> batch;
  std::vector<Entry*> entries;
  std::vector<Change*> changes;
  while (take(batch)) {
    entries.clear();
    changes.clear();
    const auto started = Monotonic::now();
    for (Lane::Node* const node : batch) {
      // Whoever waited for this one has been told that it failed, or is about to be: recording it now would only cost the others time.
      if (node->deadline <= started) {
        node->failure = &kCommitTimeout;
      } else if (Entry* const entry = std::get_if<Entry>(&node->what)) {
        entries.push_back(entry);
      } else {
        changes.push_back(&std::get<Change>(node->what));
      }
    }
    since.store(started.time_since_epoch().count(), std::memory_order_relaxed);
    const Status committed = entries.empty() ? Status() : store_.commit(entries);
    const Status applied = changes.empty() ? Status() : apply(changes);
    since.store(0, std::memory_order_relaxed);
    const auto busy = std::chrono::duration_cast<std::chrono::microseconds>(Monotonic::now() - started);
    stats_.batches.fetch_add(1, std::memory_order_relaxed);
    (committed ? stats_.records : stats_.failed).fetch_add(entries.size(), std::memory_order_relaxed);
    (applied ? stats_.changes : stats_.failed).fetch_add(changes.size(), std::memory_order_relaxed);
    stats_.busy_micros.fetch_add(static_cast<std::uint64_t>(busy.count()), std::memory_order_relaxed);
    queued_.fetch_sub(batch.size(), std::memory_order_relaxed);
    for (const Status* const status : {&committed, &applied}) {
      if (!*status && options_.on_failure) options_.on_failure(status->error());
    }
    hand_back(batch, committed ? nullptr : &committed.error().code(), applied ? nullptr : &applied.error().code());
  }
}

// Slices, so that the bodies of a burst of callbacks do not make one write of megabytes.
Status GroupCommit::apply(std::span<Change* const> changes) {
  while (!changes.empty()) {
    const std::size_t count = std::min(changes.size(), kMaxBatchChanges);
    if (Status applied = store_.apply(changes.first(count)); !applied) return applied;
    changes = changes.subspan(count);
  }
  return {};
}

void GroupCommit::hand_back(std::vector<Lane::Node*>& batch, const Code* entries_failure, const Code* changes_failure) {
  Posts posts;
  for (Lane::Node* node : batch) {
    const Code* const failure = std::holds_alternative<Entry>(node->what) ? entries_failure : changes_failure;
    if (failure && !node->failure) node->failure = failure;
    posts.add(node->lane->loop_, *node);
  }
  posts.send();
}

}  // namespace jwtd::store
