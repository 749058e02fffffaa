// limit/limiter.h - several rules at once, in front of minting.
//
// A rule counts by client (address; IPv6 by /64), by phone number, or over all. A request passes if every rate of every rule has a permit;
// if one refuses, none is charged. LocalLimiter keeps its state in this process; limit/redis shares it between nodes, which is why acquire() is
// a coroutine.
//
// Thread-safety: acquire() may be called from every loop at the same time.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/client_key.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/task.h"
#include "base/time.h"
#include "limit/rate.h"

namespace jwtd::limit {

enum class KeyKind : std::uint8_t { kClient, kPhone, kAll };

// What becomes of a rule while the shared store that keeps its counts does not answer. Nothing for limits that this process keeps itself.
enum class OnFailure : std::uint8_t {
  kOpen,    // it lets everything through
  kClosed,  // nothing passes: the request is answered kLimitsUnavailable
  kLocal,   // this node counts by itself, with the whole rate
};

inline constexpr Code kLimitsUnavailable{"limits_unavailable", Fault::kUnavailable, "The limits cannot be checked now."};

struct Rule {
  std::string name;  // [a-z0-9_-]{1,64}: stands in fields and metrics
  KeyKind key;
  std::vector<Rate> rates;  // at least one
  OnFailure on_failure = OnFailure::kLocal;
};

struct Decision {
  bool allowed = true;
  bool unavailable = false;     // refused because nobody could be asked (OnFailure::kClosed): `rate` is nullptr then. In the padding: 8 octets more cost 20 ns
  const Rule* rule = nullptr;   // the refusing rule, or the one with the fewest permits left; nullptr: no rules
  const Rate* rate = nullptr;   // of that rule
  std::uint64_t remaining = 0;  // whole permits left after this call
  std::chrono::nanoseconds retry_after{0};  // 0 when allowed; the longest wait among the rules that refuse
  std::chrono::nanoseconds reset_after{0};  // until that bucket is full again
};

class Limiter {
 public:
  virtual ~Limiter() = default;
  virtual const std::vector<Rule>& rules() const = 0;
  virtual Task<Decision> acquire(const ClientKey& client, Phone phone, Monotonic::time_point now) = 0;
};

}  // namespace jwtd::limit
