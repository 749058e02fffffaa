// base/secret.cc - wiping, comparing, reading and making secret octets.
#include "base/secret.h"

#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <cstdlib>
#include <system_error>
#include <utility>

#include "base/limits.h"

namespace jwtd {
namespace {

// Up to its capacity: a shortened or moved-from string keeps octets behind its end.
void wipe_string(std::string& octets) {
  octets.resize(octets.capacity());
  explicit_bzero(octets.data(), octets.size());
  octets.clear();
}

Error unreadable(const std::string& path, const std::string& cause) { return Error(kSecretUnreadable, path + ": " + cause); }

// As many octets as come, up to `room`; -1 with errno.
ssize_t read_all(int fd, char* out, std::size_t room) {
  std::size_t size = 0;
  while (size < room) {
    const ssize_t got = ::read(fd, out + size, room - size);
    if (got == 0) break;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -1;
    size += static_cast<std::size_t>(got);
  }
  return static_cast<ssize_t>(size);
}

}  // namespace

Secret::Secret(std::string&& octets) : octets_(std::move(octets)) { wipe_string(octets); }  // NOLINT: moved from on purpose

Secret::Secret(Secret&& other) noexcept : octets_(std::move(other.octets_)) { other.wipe(); }

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    wipe();
    octets_ = std::move(other.octets_);
    other.wipe();
  }
  return *this;
}

Secret::~Secret() { wipe(); }

Secret Secret::clone() const { return Secret(std::string(octets_)); }

void Secret::wipe() { wipe_string(octets_); }

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  volatile std::uint64_t difference = 0;  // volatile: the compiler may not leave the loop early
  std::size_t at = 0;
  for (std::uint64_t x, y; at + sizeof x <= a.size(); at += sizeof x) {
    std::memcpy(&x, a.data() + at, sizeof x);
    std::memcpy(&y, b.data() + at, sizeof y);
    difference = difference | (x ^ y);
  }
  for (; at < a.size(); ++at) difference = difference | static_cast<unsigned char>(a[at] ^ b[at]);
  return difference == 0;
}

Result<Secret> read_secret_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) return unreadable(path, std::generic_category().message(errno));
  std::string buffer(kMaxSecretFileBytes + 1, '\0');  // one more than allowed tells a file that is too long
  const ssize_t size = read_all(fd, buffer.data(), buffer.size());
  const int cause = errno;
  ::close(fd);
  if (size < 0) return unreadable(path, std::generic_category().message(cause));

  std::string_view text(buffer.data(), static_cast<std::size_t>(size));
  const bool too_long = text.size() > kMaxSecretFileBytes;
  while (!text.empty() && std::string_view(" \t\r\n").find(text.back()) != std::string_view::npos) text.remove_suffix(1);
  Secret secret{std::string(text)};
  wipe_string(buffer);
  if (too_long) return unreadable(path, "larger than " + std::to_string(kMaxSecretFileBytes) + " octets");
  return secret;
}

void fill_random(std::span<unsigned char> out) {
  while (!out.empty()) {
    const ssize_t got = ::getrandom(out.data(), out.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) std::abort();
    out = out.subspan(static_cast<std::size_t>(got));
  }
}

std::string random_octets(std::size_t count) {
  std::string octets(count, '\0');
  fill_random({reinterpret_cast<unsigned char*>(octets.data()), octets.size()});
  return octets;
}

}  // namespace jwtd
