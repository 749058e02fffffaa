// base/write_all.h - all of a text into a file, however many writes that takes.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <string_view>

namespace jwtd {

// False: not all is written, and errno says why. Blocks as write(2) does; syncs nothing.
inline bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written == 0) errno = EIO;
    if (written <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace jwtd
