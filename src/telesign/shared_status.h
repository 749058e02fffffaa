// telesign/shared_status.h - many ask about one transaction, and the provider is asked once: the piece that keeps the bill small.
//
// One call goes out for an XID at a time; whoever asks meanwhile waits for it and gets its outcome. Afterwards the outcome stands for the
// cache's time for all who ask, a failure for kProviderErrorCache at most (a transaction that the provider does not know counts as an answer).
// While the provider is to be left alone (breaker.h), what stands is still told, and everything else refused at once.
//
// Thread-safety: all from any thread; ask() blocks as long as a fetch does, the rest never. Bounds: Options::max_entries outcomes; beyond them the oldest goes.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/ids.h"
#include "base/limits.h"
#include "base/result.h"
#include "base/time.h"
#include "telesign/breaker.h"
#include "telesign/report.h"
#include "telesign/status_client.h"

namespace jwtd::telesign {

struct Polled {
  Report report;
  UnixMillis at = 0;    // when the provider said it
  bool shared = false;  // asked for somebody else, now or within the cache's time
};

class SharedStatus {
 public:
  using Fetch = std::function<Fetched(const Xid&)>;  // blocks; called from several threads at once, never for one XID; must not throw

  struct Options {
    std::chrono::milliseconds cache{10'000};  // 0: only those who ask at the same time share
    std::chrono::milliseconds timeout{5'000};  // of a fetch
    std::size_t max_entries = kMaxSharedStatuses;
    std::function<Monotonic::time_point()> monotonic = &Monotonic::now;
    std::function<UnixMillis()> wall = &wall_now;
  };

  SharedStatus(Fetch fetch, Options options);
  SharedStatus(const SharedStatus&) = delete;
  SharedStatus& operator=(const SharedStatus&) = delete;

  // Fails with what fetch() fails with, and with kProviderUnavailable while the provider is left alone.
  Result<Polled> ask(const Xid& xid);
  // The same without waiting for anything: nullopt where ask() is needed.
  std::optional<Result<Polled>> at_once(const Xid& xid);

  // How long the provider is left alone from now on; 0: it is not.
  std::chrono::milliseconds rest() const;

  struct Stats {  // since the start; read at any time, from any thread
    std::atomic<std::uint64_t> asked{0}, fetched{0}, failed{0}, spared{0};  // spared: refused because the provider is left alone
  };
  const Stats& stats() const { return stats_; }

 private:
  struct Entry {
    std::condition_variable done;
    std::optional<Result<Polled>> outcome;  // nullopt: on its way
    Monotonic::time_point until;            // with an outcome: stands that long
  };
  using Order = std::list<std::pair<std::string, std::shared_ptr<Entry>>>;

  std::optional<Result<Polled>> standing(const std::string& xid);
  void keep(const std::string& xid, const std::shared_ptr<Entry>& entry);

  const Fetch fetch_;
  const Options options_;
  Stats stats_;
  mutable std::mutex mutex_;
  Breaker breaker_;  // guarded by mutex_, as all below
  std::unordered_map<std::string, std::shared_ptr<Entry>> entries_;
  Order finished_;  // oldest first; may name entries that were replaced since
};

}  // namespace jwtd::telesign
