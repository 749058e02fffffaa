// telesign/breaker.h - when the provider is left alone: while it wants that, and while it is silent.
//
// It wants that by Retry-After with 429 or 503: then nothing is asked for that time, kProviderLongestRest at most. It is silent after kProviderSilence time-outs
// in a row: then one question goes out at a time, kProviderProbe apart, and the first one that is answered, with whatever, ends it.
//
// Thread-safety: none.
#pragma once

#include <algorithm>
#include <chrono>

#include "base/limits.h"
#include "base/time.h"
#include "telesign/status_client.h"

namespace jwtd::telesign {

class Breaker {
 public:
  // `timeout`: of a question, which is how long the answer to a probe is waited for.
  explicit Breaker(std::chrono::milliseconds timeout) : timeout_(timeout) {}

  // Until then nothing is to be asked; may be over.
  Monotonic::time_point end() const { return silent() ? std::max(rest_until_, next_probe_) : rest_until_; }
  bool rests(Monotonic::time_point now) const { return now < end(); }

  // Who asks says so, and says the outcome.
  void asking(Monotonic::time_point now) {
    if (silent()) next_probe_ = now + std::max<std::chrono::milliseconds>(timeout_, kProviderProbe);
  }

  void outcome(const Fetched& fetched, Monotonic::time_point now) {
    if (fetched.retry_after.count() > 0) rest_until_ = std::max(rest_until_, now + std::min<std::chrono::seconds>(fetched.retry_after, kProviderLongestRest));
    if (fetched || !fetched.error().is(kProviderTimeout)) {
      timeouts_ = 0;
    } else if (++timeouts_ >= kProviderSilence) {
      next_probe_ = std::max(next_probe_, now + kProviderProbe);
    }
  }

 private:
  bool silent() const { return timeouts_ >= kProviderSilence; }

  const std::chrono::milliseconds timeout_;
  unsigned timeouts_ = 0;  // in a row
  Monotonic::time_point rest_until_{}, next_probe_{};
};

}  // namespace jwtd::telesign
