// forward/senders.cc - a queue, and threads that empty it.
#include "forward/senders.h"

#include <iterator>
#include <utility>

#include "base/thread_name.h"

namespace jwtd::forward {

Senders::Senders(std::size_t at_once, Send send) : at_once_(at_once), send_(std::move(send)) {
  for (std::size_t i = 0; i < at_once_; ++i) threads_.emplace_back([this] { name_this_thread("sender"), work(); });
}

Senders::~Senders() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    queue_.clear();
  }
  queued_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

std::size_t Senders::free() const {
  const std::lock_guard lock(mutex_);
  return at_once_ - busy_;
}

std::uint64_t Senders::begun() const {
  const std::lock_guard lock(mutex_);
  return begun_;
}

void Senders::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    queued_.wait(lock, [this] { return closing_ || !queue_.empty(); });
    if (closing_) return;
    Attempt attempt{.delivery = std::move(queue_.front()), .outcome = {}, .number = ++begun_};
    queue_.pop_front();
    if (queue_.empty()) moved_.notify_one();
    ++busy_;
    const std::uint64_t batch = batch_;
    const MayBegin may_begin = may_begin_;
    lock.unlock();
    if (may_begin()) attempt.outcome = send_(attempt.delivery);
    lock.lock();
    ended_.push_back(std::move(attempt));
    --busy_;
    ++moves_;
    if (batch == batch_) --pending_;
    moved_.notify_one();
  }
}

void Senders::begin(std::vector<Delivery> deliveries, MayBegin may_begin) {
  {
    const std::lock_guard lock(mutex_);
    pending_ = deliveries.size();
    may_begin_ = std::move(may_begin);
    queue_.assign(std::make_move_iterator(deliveries.begin()), std::make_move_iterator(deliveries.end()));
  }
  queued_.notify_all();
}

std::vector<Attempt> Senders::ended() { return std::exchange(ended_, {}); }

std::vector<Attempt> Senders::collect(std::chrono::milliseconds patience, std::chrono::milliseconds window) {
  std::unique_lock lock(mutex_);
  while (pending_ > 0) {
    const bool all_begun = queue_.empty();
    const std::uint64_t moves = moves_;
    const bool moved = moved_.wait_for(lock, all_begun ? patience : window, [&] { return pending_ == 0 || (!all_begun && (moves_ != moves || queue_.empty())); });
    if (all_begun || !moved) break;
  }
  std::vector<Attempt> out = ended();
  for (Delivery& delivery : queue_) out.push_back({.delivery = std::move(delivery), .outcome = {}, .number = 0});
  queue_.clear();
  pending_ = 0;
  ++batch_;  // what is on its way belongs to none
  return out;
}

std::vector<Attempt> Senders::finish(std::chrono::milliseconds patience, const std::function<void()>& give_up) {
  std::unique_lock lock(mutex_);
  const auto idle = [this] { return busy_ == 0; };
  if (!moved_.wait_for(lock, patience, idle)) {
    lock.unlock();
    give_up();
    lock.lock();
    moved_.wait(lock, idle);
  }
  return ended();
}

}  // namespace jwtd::forward
