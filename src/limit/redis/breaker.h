// limit/redis/breaker.h - when to leave a server alone, and for how long. Reads no clock; not thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <random>

#include "base/limits.h"
#include "base/pauses.h"
#include "base/time.h"

namespace jwtd::limit {

// Closed: requests pass. After kLimitBreakerFailures failures in a row open: none passes for a pause, until a probe succeeded. Then one more
// failure opens it again, for a longer pause, and only a success of a request makes all as before.
class Breaker {
 public:
  explicit Breaker(std::uint_fast32_t seed) : random_(seed) {}

  bool open() const { return failures_ >= kLimitBreakerFailures; }
  Monotonic::time_point until() const { return until_; }  // when open: the end of the pause

  void succeeded();
  void failed(Monotonic::time_point now);  // of a request, or of a probe while it is open
  void probed();                           // with success

 private:
  std::minstd_rand random_;
  Pauses pauses_{kLimitFirstPause, kLimitLongestPause};
  unsigned failures_ = 0;  // in a row
  Monotonic::time_point until_{};
};

}  // namespace jwtd::limit
