// api/ping.h - GET /ping as the provider's original sample service has it (reference/telesign.md 1.6).
#pragma once

#include <chrono>
#include <cstdint>

#include "http/router.h"

namespace jwtd::api {

inline std::int64_t wall_micros() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// `now` gives microseconds since 1970.
void add_ping_route(http::Router& router, std::int64_t (*now)() = wall_micros);

}  // namespace jwtd::api
