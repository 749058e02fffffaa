// limit/rate.h - how often one key may do one thing, and the notation for it.
//
// The model is a token bucket kept as one timestamp per key (GCRA): it holds `burst` permits, and one comes back every `interval`.
//
// Notation (Flask-Limiter's, as its documentation defines it): "[count] [per|/] [n (optional)] [second|minute|hour|day|month|year][s]",
// several of them separated by ";", "," or "|". "10/minute; 100 per 5 hours": both hold. A month has 30 days, a year 12 months, as there.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace jwtd::limit {

inline constexpr Code kRateMalformed{"rate_malformed", Fault::kInvalidArgument, "The rate is not in the notation \"10 per minute\""};

struct Rate {
  std::uint32_t count;            // permits in each period, 1 to 1'000'000'000
  std::chrono::seconds period;    // 1 s to 100 years
  std::uint32_t burst;            // permits at once, >= 1; parse_rates() sets it to count
  std::chrono::nanoseconds interval() const { return std::chrono::nanoseconds(period) / count; }  // >= 1 ns
};

// At least one. Fails with kRateMalformed; detail says where.
Result<std::vector<Rate>> parse_rates(std::string_view text);

}  // namespace jwtd::limit
