// app/descriptors.cc - RLIMIT_NOFILE.
#include "app/descriptors.h"

#include <sys/resource.h>

#include <algorithm>

namespace jwtd::app {
namespace {

constexpr std::size_t kAdminShare = 8;  // where there is not enough for all, backends and supervisors get an eighth

}  // namespace

ConnectionBounds connections_within_limits(ConnectionBounds wanted, Log& log) {
  const std::size_t all = wanted.on_public + wanted.on_admin;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return wanted;
  if (limit.rlim_cur < all + kReservedDescriptors && limit.rlim_cur < limit.rlim_max) {
    rlimit raised{std::min<rlim_t>(limit.rlim_max, all + kReservedDescriptors), limit.rlim_max};
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  }
  const auto descriptors = static_cast<std::size_t>(limit.rlim_cur);
  const std::size_t room = descriptors - std::min(kReservedDescriptors, descriptors / 2);
  if (room >= all) return wanted;
  const std::size_t on_admin = std::min(wanted.on_admin, std::max<std::size_t>(room / kAdminShare, 1));
  const ConnectionBounds found{std::min(wanted.on_public, std::max<std::size_t>(room - on_admin, 1)), on_admin};
  log.warn("connections_lowered", {{"max_connections", found.on_public}, {"admin_max_connections", found.on_admin}, {"descriptors", descriptors},
                                   {"detail", "the limit of open files is too low for the settings"}});
  return found;
}

}  // namespace jwtd::app
