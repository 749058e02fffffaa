// api/limits.h - a limiter's decision as HTTP fields: RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers), Retry-After.
#pragma once

#include "http/message.h"
#include "limit/limiter.h"

namespace jwtd::api {

// Nothing when there are no rules, only Retry-After when the limits cannot be checked. Times in whole seconds, rounded up, so that who waits that long is not refused again.
void add_limit_fields(http::Response& response, const limit::Decision& decision);

}  // namespace jwtd::api
