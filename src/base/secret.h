// base/secret.h - octets that must not outlive their use, be printed, or be compared in variable time.
//
// Ownership: move-only; wiped when destroyed or moved from. There is no operator<< and no implicit conversion on purpose:
// whoever needs the octets says expose(), which is easy to search for.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace jwtd {

inline constexpr Code kSecretUnreadable{"secret_unreadable", Fault::kInternal, "A secret file cannot be read"};

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string&& octets);
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret();

  std::string_view expose() const { return octets_; }
  std::size_t size() const { return octets_.size(); }
  Secret clone() const;

 private:
  void wipe();
  std::string octets_;
};

// Time depends on the sizes only.
bool equal_in_constant_time(std::string_view a, std::string_view b);

// Reads a file of at most kMaxSecretFileBytes, without its trailing white space. Fails with kSecretUnreadable; detail names path and cause.
Result<Secret> read_secret_file(const std::string& path);

// Octets from the system's cryptographic source. Aborts if that source fails: no service can go on without it.
void fill_random(std::span<unsigned char> out);
std::string random_octets(std::size_t count);

}  // namespace jwtd
