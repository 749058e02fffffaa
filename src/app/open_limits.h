// app/open_limits.h - from the settings to a limiter: the only place that knows which there are.
#pragma once

#include <memory>

#include "base/log.h"
#include "base/result.h"
#include "config/config.h"
#include "jose/hmac.h"
#include "limit/local_limiter.h"
#include "limit/redis/redis_limiter.h"
#include "metrics/metrics.h"

namespace jwtd::app {

struct OpenLimits {
  std::unique_ptr<limit::Limiter> limiter;
  const limit::LocalLimiter* table = nullptr;   // this node's own, of whichever limiter
  const limit::RedisLimiter* shared = nullptr;  // nullptr: limits hold for this node alone
};

// The names in a shared store are hashed under a key that follows from the API key, which all nodes have and the store's operator does not.
// A store that is away is no failure: the log says so, and each rule goes by its on_failure. `log` outlives what is returned.
// Fails with kSecretUnreadable, limit::kLimitStoreUrlMalformed.
Result<OpenLimits> open_limits(const config::Config& config, const jose::HmacKey& key, Log& log);

// jwtd_limit_... of docs/METRICS.md; `limits` outlives the metrics.
void add_limit_numbers(metrics::Metrics& to, const OpenLimits& limits);

}  // namespace jwtd::app
