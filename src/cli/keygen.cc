// cli/keygen.cc - prints a new API key, or writes it to a file that only its owner may read.
#include "cli/keygen.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <ostream>
#include <system_error>

#include "base/write_all.h"
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
  int cause = ::fchmod(fd, S_IRUSR | S_IWUSR) == 0 && write_all(fd, line) && ::fsync(fd) == 0 ? 0 : errno;
  if (::close(fd) != 0 && cause == 0) cause = errno;
  if (cause != 0) {
    ::unlink(file);
    return failed(request.out_file, cause, err);
  }
  err << "jwtd: wrote a new key of 64 octets to " << request.out_file << ", mode 0600\n";
  return kExitOk;
}

}  // namespace jwtd::cli
