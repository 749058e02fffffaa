// app/descriptors.cc - RLIMIT_NOFILE.
#include "app/descriptors.h"

#include <sys/resource.h>

#include <algorithm>

namespace jwtd::app {

std::size_t connections_within_limits(std::size_t wanted, Log& log) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return wanted;
  if (limit.rlim_cur < wanted + kReservedDescriptors && limit.rlim_cur < limit.rlim_max) {
    rlimit raised{std::min<rlim_t>(limit.rlim_max, wanted + kReservedDescriptors), limit.rlim_max};
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  }
  const auto descriptors = static_cast<std::size_t>(limit.rlim_cur);
  const std::size_t room = descriptors - std::min(kReservedDescriptors, descriptors / 2);
  if (room >= wanted) return wanted;
  log.warn("connections_lowered", {{"max_connections", room}, {"descriptors", descriptors}, {"detail", "the limit of open files is too low for the settings"}});
  return room;
}

}  // namespace jwtd::app
