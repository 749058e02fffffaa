// app/descriptors.h - how many connections the system's limit of open files has room for, beside what the store and the loops need.
#pragma once

#include <cstddef>

#include "base/log.h"

namespace jwtd::app {

inline constexpr std::size_t kReservedDescriptors = 1'000;    // the store's files above all: one that cannot be opened ends its writing
inline constexpr std::size_t kDescriptorsOfALoop = 5;         // epoll, a timer, an event, its listening socket, and a connection beyond the bound

struct ConnectionBounds {
  std::size_t on_public, on_admin;
  friend bool operator==(const ConnectionBounds&, const ConnectionBounds&) = default;
};

// `wanted`, or what there is room for: the admin listener gets an eighth, or what the public one leaves; each one at least.
ConnectionBounds share_out(std::size_t room, ConnectionBounds wanted);

// Raises the soft limit to the hard one where that is needed. Returns `wanted` or, with a warning in the log, the lower numbers there is room for.
// `loops`: of both listeners.
ConnectionBounds connections_within_limits(ConnectionBounds wanted, std::size_t loops, Log& log);

}  // namespace jwtd::app
