// base/time.h - the two clocks of the program, and their units.
//
// Wall time stands in tokens and records; monotonic time measures deadlines and limits, because the wall clock jumps.
// Functions that need the time take it as an argument, so that tests turn the clock by hand; only api/, app/ and cli/ read one.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace jwtd {

using UnixSeconds = std::int64_t;  // seconds since 1970-01-01T00:00:00Z, no leap seconds: RFC 7519 s2 NumericDate
using UnixMillis = std::int64_t;   // milliseconds since the same moment

using Monotonic = std::chrono::steady_clock;

inline UnixMillis wall_now() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// "2026-11-23T22:47:05Z" (RFC 3339, UTC); with_millis adds ".123".
std::string format_rfc3339(UnixMillis at, bool with_millis = false);

// Microseconds since 1970 out of a time of RFC 3339 with "Z" or an offset, or without either, which is read as UTC; what is below a microsecond
// is cut off, and a leap second counts as the one before it. nullopt: it is no such time.
std::optional<std::int64_t> parse_rfc3339_micros(std::string_view text);

// "Mon, 23 Nov 2026 22:47:05 GMT": IMF-fixdate, RFC 9110 s5.6.7.
std::string format_imf_fixdate(UnixSeconds at);

}  // namespace jwtd
