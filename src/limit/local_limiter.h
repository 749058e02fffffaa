// limit/local_limiter.h - GCRA in a table of fixed size in this process.
//
// A cell is 16 octets: a keyed 64-bit hash (SipHash with a random key, so nobody outside can aim at a cell) of rule, rate and key, and the
// theoretical arrival time (TAT): when its bucket will be full again. A cell whose time has come equals a key never seen, so it may be
// taken over; a busy one never is. A key lives in one of the eight cells of its set. When all eight are busy, it shares the overflow cell
// of (rule, rate, shard) with its fellows, and whoever comes into a set as new starts from that overflow cell's TAT. So for every key what
// counts is never below its true TAT: it may be limited too early, never too late, and a flood cannot push a limited client out.
//
// All or nothing: acquire() holds the locks of all its cells (one stripe of 1024 each, taken in order) while it first asks all rates and
// then charges all or none. There is no refund, hence no moment at which a refused request has taken anybody's permit.
//
// Time: the caller's monotonic clock. Callers on several threads may read it in one order and arrive in another, so a stripe
// works with the latest time that it has seen; a clock that goes back stands still here until it has caught up.
//
// Memory: cells * 16 octets reserved at once and touched as it fills, one octet a cell and rate at most for overflow, 64 KiB of stripes.
// Cost: two neighbouring cache lines; 40 ns a rate when they are in the cache, 170 ns when not. Thread-safety: acquire() may be called
// concurrently; it never blocks for longer than others need for a few stores.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "limit/limiter.h"

namespace jwtd::limit {

class LocalLimiter final : public Limiter {
 public:
  static constexpr std::size_t kDefaultCells = 1u << 20;  // 16 MiB

  // `cells` is rounded up to a power of two, at least 8. A client, a phone or all take one for each rate of their rules.
  explicit LocalLimiter(std::vector<Rule> rules, std::size_t cells = kDefaultCells);
  ~LocalLimiter() override;

  const std::vector<Rule>& rules() const override;
  Task<Decision> acquire(const ClientKey& client, Phone phone, Monotonic::time_point now) override;
  // The same without a coroutine, for those who know the driver.
  Decision acquire_now(const ClientKey& client, Phone phone, Monotonic::time_point now);

  std::uint64_t overflowed() const;    // decisions that had to use an overflow cell, since the start
  std::size_t reserved_bytes() const;  // upper bound of the table's memory, whatever comes

 private:
  struct Table;
  std::vector<Rule> rules_;
  std::unique_ptr<Table> table_;
};

}  // namespace jwtd::limit
