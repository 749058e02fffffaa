// app/descriptors.h - how many connections the system's limit of open files has room for, beside what the store needs.
#pragma once

#include <cstddef>

#include "base/log.h"

namespace jwtd::app {

inline constexpr std::size_t kReservedDescriptors = 1'000;  // the store's files above all: one that cannot be opened ends its writing

struct ConnectionBounds {
  std::size_t on_public, on_admin;
};

// Raises the soft limit to the hard one where that is needed. Returns `wanted` or, with a warning in the log, the lower numbers there is room for.
ConnectionBounds connections_within_limits(ConnectionBounds wanted, Log& log);

}  // namespace jwtd::app
