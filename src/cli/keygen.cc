// cli/keygen.cc - prints a new API key, or writes it to a file that only its owner may read.
#include "cli/keygen.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <ostream>
#include <string_view>
#include <system_error>

#include "cli/cli.h"
#include "keys/api_key.h"

namespace jwtd::cli {

namespace {

int failed(const std::string& file, int cause, std::ostream& err) {
  err << "jwtd: " << file << ": " << std::generic_category().message(cause);
  if (cause == EEXIST) err << "; a key is never overwritten: move it away first, or name another file";
  err << '\n';
  return kExitFailed;
}

// 0, or errno.
int write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return ::fsync(fd) == 0 ? 0 : errno;
}

}  // namespace

int keygen(const KeygenRequest& request, std::ostream& out, std::ostream& err) {
  const std::string line = keys::generate_api_key() + '\n';
  if (request.out_file.empty()) {
    out << line;
    return kExitOk;
  }
  const char* file = request.out_file.c_str();
  const int fd = ::open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (fd < 0) return failed(request.out_file, errno, err);
  // The umask may have taken the owner's bits away.
  int cause = ::fchmod(fd, S_IRUSR | S_IWUSR) == 0 ? write_all(fd, line) : errno;
  if (::close(fd) != 0 && cause == 0) cause = errno;
  if (cause != 0) {
    ::unlink(file);
    return failed(request.out_file, cause, err);
  }
  err << "jwtd: wrote a new key of 64 octets to " << request.out_file << ", mode 0600\n";
  return kExitOk;
}

}  // namespace jwtd::cli
