// limit/redis/breaker.cc - counts failures in a row.
#include "limit/redis/breaker.h"

#include <algorithm>

namespace jwtd::limit {

void Breaker::succeeded() {
  failures_ = 0;
  pauses_.reset();
}

void Breaker::failed(Monotonic::time_point now) {
  failures_ = std::min(failures_ + 1, kLimitBreakerFailures);
  if (open()) until_ = now + pauses_.next(random_);
}

void Breaker::probed() {
  if (open()) failures_ = kLimitBreakerFailures - 1;
}

}  // namespace jwtd::limit
