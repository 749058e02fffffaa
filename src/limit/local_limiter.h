// limit/local_limiter.h - GCRA in a table of fixed size in this process.
//
// A cell is 16 octets: a keyed 64-bit hash (SipHash with a random key, so nobody outside can aim at a cell) of rule, rate and key, and the
// theoretical arrival time. A cell whose time has passed equals a key never seen, so it may be taken over. When every cell that a key may
// live in is busy, the key shares one overflow cell with its fellows: it may be limited too early, never too late, and a limited client cannot
// push itself out. Memory is reserved once and touched as it fills.
//
// Cost: one cache line and about 40 ns a rate. Thread-safety: acquire() may be called concurrently; it never blocks for longer than a
// few stores. Time is the caller's monotonic clock.
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

  explicit LocalLimiter(std::vector<Rule> rules, std::size_t cells = kDefaultCells);
  ~LocalLimiter() override;

  const std::vector<Rule>& rules() const override;
  Task<Decision> acquire(const ClientKey& client, Phone phone, Monotonic::time_point now) override;
  // The same without a coroutine, for those who know the driver.
  Decision acquire_now(const ClientKey& client, Phone phone, Monotonic::time_point now);

  std::uint64_t overflowed() const;  // decisions that had to use an overflow cell, since the start

 private:
  struct Table;
  std::vector<Rule> rules_;
  std::unique_ptr<Table> table_;
};

}  // namespace jwtd::limit
