// limit/gcra.h - what a rate says of one request, given how far the bucket's time lies ahead; the same for every limiter.
//
// A bucket is one timestamp, the theoretical arrival time (TAT): when it will be full again. Limiters differ in where they keep it and in
// whose clock they read. All times are nanoseconds.
#pragma once

#include <cstdint>
#include <vector>

#include "limit/limiter.h"

namespace jwtd::limit {

// One rate of one rule, with what can be computed once.
struct Line {
  const Rule* rule;
  const Rate* rate;
  KeyKind kind;
  std::int64_t interval;  // a permit
  std::int64_t window;    // how far TAT may be ahead of now
};

// In the rules' order, which stay where they are.
inline std::vector<Line> lines_of(const std::vector<Rule>& rules) {
  std::vector<Line> lines;
  for (const Rule& rule : rules) {
    for (const Rate& rate : rule.rates) lines.push_back({&rule, &rate, rule.key, rate.interval().count(), rate.window().count()});
  }
  return lines;
}

// Takes one more line into the decision, which begins as Decision{}. `ahead`: from now to the bucket's TAT, at least 0.
inline void weigh(const Line& line, std::int64_t ahead, Decision& decision) {
  const std::int64_t wait = ahead - (line.window - line.interval);  // above 0: not even one permit is there
  if (wait > 0) {
    if (decision.allowed || wait > decision.retry_after.count()) {
      decision = Decision{false, false, line.rule, line.rate, 0, std::chrono::nanoseconds(wait), std::chrono::nanoseconds(ahead)};
    }
  } else if (decision.allowed) {
    const auto remaining = static_cast<std::uint64_t>(-wait / line.interval);
    const std::chrono::nanoseconds reset(ahead + line.interval);
    if (decision.rule == nullptr || remaining < decision.remaining || (remaining == decision.remaining && reset > decision.reset_after)) {
      decision = Decision{true, false, line.rule, line.rate, remaining, std::chrono::nanoseconds(0), reset};
    }
  }
}

}  // namespace jwtd::limit
