// base/whole_file.cc - write beside it, sync, rename.
#include "base/whole_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/write_all.h"

namespace jwtd {

int write_whole_file(const std::string& path, std::string_view text, mode_t mode) {
  const std::string fresh = path + ".new";
  ::unlink(fresh.c_str());
  const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
  if (fd < 0) return errno;
  int cause = write_all(fd, text) && ::fsync(fd) == 0 ? 0 : errno;
  ::close(fd);
  if (cause == 0 && ::rename(fresh.c_str(), path.c_str()) != 0) cause = errno;
  if (cause != 0) ::unlink(fresh.c_str());
  return cause;
}

}  // namespace jwtd
