// telesign/shared_status.cc - a map of outcomes and of calls on their way.
#include "telesign/shared_status.h"

#include <algorithm>

namespace jwtd::telesign {
namespace {

Result<Polled> as_shared(Result<Polled> outcome) {
  if (outcome) outcome->shared = true;
  return outcome;
}

}  // namespace

SharedStatus::SharedStatus(Fetch fetch, Options options) : fetch_(std::move(fetch)), options_(std::move(options)), breaker_(options_.timeout) {}

// Makes room first. Calls on their way are as few as the threads that make them, so only outcomes are counted.
void SharedStatus::keep(const std::string& xid, const std::shared_ptr<Entry>& entry) {
  finished_.emplace_back(xid, entry);
  const Monotonic::time_point now = options_.monotonic();
  while (!finished_.empty() && (finished_.size() > options_.max_entries || finished_.front().second->until <= now)) {
    const auto& [oldest, its] = finished_.front();
    if (const auto found = entries_.find(oldest); found != entries_.end() && found->second == its) entries_.erase(found);
    finished_.pop_front();
  }
}

// What needs neither a fetch nor the wait for one: an outcome that stands, or a refusal. mutex_ is held.
std::optional<Result<Polled>> SharedStatus::standing(const std::string& xid) {
  const Monotonic::time_point now = options_.monotonic();
  const auto found = entries_.find(xid);
  if (found != entries_.end() && !found->second->outcome) return std::nullopt;
  if (found != entries_.end() && now < found->second->until) return as_shared(*found->second->outcome);
  if (!breaker_.rests(now)) return std::nullopt;
  stats_.spared.fetch_add(1, std::memory_order_relaxed);
  return Error(kProviderUnavailable);
}

std::optional<Result<Polled>> SharedStatus::at_once(const Xid& xid) {
  const std::lock_guard lock(mutex_);
  auto known = standing(xid.text());
  if (known) stats_.asked.fetch_add(1, std::memory_order_relaxed);
  return known;
}

std::chrono::milliseconds SharedStatus::rest() const {
  const std::lock_guard lock(mutex_);
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(breaker_.end() - options_.monotonic());
  return std::max(left, std::chrono::milliseconds(0));
}

Result<Polled> SharedStatus::ask(const Xid& xid) {
  stats_.asked.fetch_add(1, std::memory_order_relaxed);
  const std::string name = xid.text();
  std::unique_lock lock(mutex_);
  if (auto known = standing(name)) return *std::move(known);
  if (const auto found = entries_.find(name); found != entries_.end() && !found->second->outcome) {
    const std::shared_ptr<Entry> entry = found->second;
    entry->done.wait(lock, [&] { return entry->outcome.has_value(); });
    return as_shared(*entry->outcome);
  }
  breaker_.asking(options_.monotonic());
  const auto entry = std::make_shared<Entry>();
  entries_[name] = entry;
  lock.unlock();

  const Fetched report = fetch_(xid);
  stats_.fetched.fetch_add(1, std::memory_order_relaxed);
  if (!report) stats_.failed.fetch_add(1, std::memory_order_relaxed);
  Result<Polled> outcome = report ? Result<Polled>(Polled{*report, options_.wall(), false}) : Result<Polled>(report.error());

  lock.lock();
  breaker_.outcome(report, options_.monotonic());
  const bool answered = report || report.error().is(kProviderReferenceUnknown);
  entry->until = options_.monotonic() + (answered ? options_.cache : std::min<std::chrono::milliseconds>(options_.cache, kProviderErrorCache));
  entry->outcome.emplace(outcome);
  keep(name, entry);
  entry->done.notify_all();
  return outcome;
}

}  // namespace jwtd::telesign
