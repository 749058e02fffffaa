// limit/rate.h - how often one key may do one thing, and the notation for it.
//
// The model is a token bucket kept as one timestamp per key (GCRA): it holds `burst` permits, and one comes back every `interval`.
//
// Notation (Flask-Limiter's, as its documentation defines it): "[count] [per|/] [n (optional)] [second|minute|hour|day|month|year][s]",
// several of them separated by ";", "," or "|". "10/minute; 100 per 5 hours": both hold. A month has 30 days, a year 12 months, as there.
// Case does not count and white space may stand between any two parts. Refused although the library takes it: a count of 0 (it would
// refuse everything), "0 minutes" (read as one there), a colon before a separator (a slip in its expression), and letters that only Unicode
// case folding makes English.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace jwtd::limit {

inline constexpr Code kRateMalformed{"rate_malformed", Fault::kInvalidArgument, "The rate is not in the notation \"10 per minute\""};

struct Rate {
  std::uint32_t count;          // permits in each period, 1 to 1'000'000'000
  std::chrono::seconds period;  // 1 s to 100 years
  std::uint32_t burst;          // permits at once, >= 1; parse_rates() sets it to count
  // >= 1 ns; rounded up, so that `count` intervals are never shorter than the period.
  std::chrono::nanoseconds interval() const { return (std::chrono::nanoseconds(period) + std::chrono::nanoseconds(count - 1)) / count; }
  // How long an empty bucket takes to fill: burst * interval(), in whole intervals up to kMaxWindow (a larger burst counts as what fits).
  std::chrono::nanoseconds window() const {
    const std::int64_t one = interval().count();
    const std::int64_t fits = kMaxWindow.count() / one;
    return std::chrono::nanoseconds((fits < 1 ? 1 : fits < burst ? fits : static_cast<std::int64_t>(burst)) * one);
  }
  // 73 years: a time, a window (or the longest interval) and an interval add up within 64 bits of nanoseconds.
  static constexpr std::chrono::nanoseconds kMaxWindow{std::int64_t{1} << 61};
  friend bool operator==(const Rate&, const Rate&) = default;
};

inline constexpr std::size_t kMaxRatesPerText = 8;      // one for each granularity and two to spare; each costs a cell for each key
inline constexpr std::size_t kMaxRateTextBytes = 1024;  // eight of them with room for generous spacing

// 1 to kMaxRatesPerText, in the text's order. Fails with kRateMalformed; detail says at which character (from 1) and what stands there.
Result<std::vector<Rate>> parse_rates(std::string_view text);

}  // namespace jwtd::limit
