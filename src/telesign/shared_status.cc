// telesign/shared_status.cc - a map of outcomes and of calls on their way.
#include "telesign/shared_status.h"

#include <algorithm>

#include "telesign/status_client.h"

namespace jwtd::telesign {

SharedStatus::SharedStatus(Fetch fetch, Options options) : fetch_(std::move(fetch)), options_(std::move(options)) {}

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

Result<Polled> SharedStatus::ask(const Xid& xid) {
  stats_.asked.fetch_add(1, std::memory_order_relaxed);
  const std::string name = xid.text();
  std::unique_lock lock(mutex_);
  if (const auto found = entries_.find(name); found != entries_.end()) {
    const std::shared_ptr<Entry> entry = found->second;
    const bool on_its_way = !entry->outcome;
    entry->done.wait(lock, [&] { return entry->outcome.has_value(); });
    if (on_its_way || options_.monotonic() < entry->until) {
      Result<Polled> outcome = *entry->outcome;
      if (outcome) outcome->shared = true;
      return outcome;
    }
  }
  const auto entry = std::make_shared<Entry>();
  entries_[name] = entry;
  lock.unlock();

  const Result<Report> report = fetch_(xid);
  stats_.fetched.fetch_add(1, std::memory_order_relaxed);
  if (!report) stats_.failed.fetch_add(1, std::memory_order_relaxed);
  Result<Polled> outcome = report ? Result<Polled>(Polled{*report, options_.wall(), false}) : Result<Polled>(report.error());

  lock.lock();
  const bool answered = report || report.error().is(kProviderReferenceUnknown);
  entry->until = options_.monotonic() + (answered ? options_.cache : std::min<std::chrono::milliseconds>(options_.cache, kProviderErrorCache));
  entry->outcome.emplace(outcome);
  keep(name, entry);
  entry->done.notify_all();
  return outcome;
}

}  // namespace jwtd::telesign
