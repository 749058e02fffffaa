// access/callers_lock.cc - one writer at a time, over processes.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

#include "access/callers.h"
#include "base/limits.h"

namespace jwtd::access {

Result<CallersLock> CallersLock::acquire(const std::string& path) {
  const std::string lock = path + ".lock";
  const auto failed = [&](int error) { return Error(kCallersFileInvalid, lock + ": cannot be locked: " + std::strerror(error)); };
  const int fd = ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return failed(errno);
  CallersLock held(fd);
  constexpr auto kPoll = 10ms;  // flock() has no timeout
  const auto tries = kCallersLockTimeout / kPoll;
  for (auto i = tries;; --i) {
    if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return held;
    if (errno != EWOULDBLOCK && errno != EINTR) return failed(errno);
    if (i == 0) return Error(kCallersFileInvalid, lock + ": is held by another process that changes the callers");
    std::this_thread::sleep_for(kPoll);
  }
}

CallersLock::CallersLock(CallersLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

CallersLock::~CallersLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace jwtd::access
