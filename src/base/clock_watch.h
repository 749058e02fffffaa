// base/clock_watch.h - notices when the wall clock jumps: it and the monotonic clock go at the same speed, or somebody has set one of them.
//
// A machine that was suspended, or whose time was set, looks the same: the wall clock is ahead. Leap seconds and the slewing of NTP stay far
// below any sensible bound. Thread-safety: none.
#pragma once

#include <chrono>
#include <optional>

#include "base/time.h"

namespace jwtd {

class ClockWatch {
 public:
  // Jumps up to `allowed` are not told.
  explicit ClockWatch(std::chrono::milliseconds allowed) : allowed_(allowed) {}

  // How far the wall clock has gone against the monotonic one since the call before; zero when that is allowed, and at the first call.
  std::chrono::milliseconds jumped(UnixMillis wall, Monotonic::time_point now) {
    const auto offset = std::chrono::milliseconds(wall) - std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch());
    const auto jump = offset - last_offset_.value_or(offset);
    last_offset_ = offset;
    return std::chrono::abs(jump) <= allowed_ ? std::chrono::milliseconds(0) : jump;
  }

 private:
  const std::chrono::milliseconds allowed_;
  std::optional<std::chrono::milliseconds> last_offset_;
};

}  // namespace jwtd
