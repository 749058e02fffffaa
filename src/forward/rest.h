// forward/rest.h - when the operator's URL is left alone, because of late it took nothing.
//
// A rest is twice as long as the one before, up to kForwardLongestRest; at its end one delivery probes whether it is over. Each node finds that out
// for itself. Thread-safety: none.
#pragma once

#include <algorithm>
#include <chrono>
#include <random>

#include "base/limits.h"
#include "base/pauses.h"
#include "base/time.h"

namespace jwtd::forward {

class Rest {
 public:
  enum class State { kNone, kResting, kProbe };

  // A clock that was put back ends a rest. One that ended that long ago, with nothing to probe with, tells no more about the URL.
  State state(UnixMillis now) const {
    if (until_ == 0 || now - until_ > kLongest) return State::kNone;
    return now < until_ && until_ - now <= kLongest ? State::kResting : State::kProbe;
  }

  // Nothing was taken. `asked`: by the receiver (Retry-After); it gets that within the bound of a rest.
  template <class Random>
  void begin(UnixMillis now, std::chrono::seconds asked, Random& random) {
    if (state(now) == State::kNone) pauses_.reset();
    const auto pause = std::max<Monotonic::duration>(pauses_.next(random), std::min<std::chrono::seconds>(asked, kForwardLongestRest));
    until_ = now + std::chrono::duration_cast<std::chrono::milliseconds>(pause).count();
  }
  void end() { until_ = 0; }

 private:
  static constexpr UnixMillis kLongest = std::chrono::milliseconds(kForwardLongestRest).count();
  Pauses pauses_{kForwardFirstRest, kForwardLongestRest};
  UnixMillis until_ = 0;  // 0: there is none
};

}  // namespace jwtd::forward
