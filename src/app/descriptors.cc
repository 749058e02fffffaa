// app/descriptors.cc - RLIMIT_NOFILE.
#include "app/descriptors.h"

#include <sys/resource.h>

#include <algorithm>

namespace jwtd::app {

ConnectionBounds share_out(std::size_t room, ConnectionBounds wanted) {
  constexpr std::size_t kAdminShare = 8;
  const std::size_t left_by_public = room - std::min(room, wanted.on_public);
  const std::size_t on_admin = std::min(wanted.on_admin, std::max({room / kAdminShare, left_by_public, std::size_t{1}}));
  return {std::min(wanted.on_public, std::max(room - std::min(room, on_admin), std::size_t{1})), on_admin};
}

ConnectionBounds connections_within_limits(ConnectionBounds wanted, std::size_t loops, Log& log) {
  const std::size_t reserved = kReservedDescriptors + kDescriptorsOfALoop * loops;
  const std::size_t all = wanted.on_public + wanted.on_admin + reserved;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return wanted;
  if (limit.rlim_cur < all && limit.rlim_cur < limit.rlim_max) {
    rlimit raised{std::min<rlim_t>(limit.rlim_max, all), limit.rlim_max};
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  }
  const auto descriptors = static_cast<std::size_t>(limit.rlim_cur);
  const ConnectionBounds found = share_out(descriptors - std::min(reserved, descriptors / 2), wanted);
  if (found != wanted) {
    log.warn("connections_lowered", {{"max_connections", found.on_public}, {"admin_max_connections", found.on_admin}, {"descriptors", descriptors},
                                     {"detail", "the limit of open files is too low for the settings"}});
  }
  return found;
}

}  // namespace jwtd::app
