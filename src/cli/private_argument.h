// cli/private_argument.h - a phone number or a token that must stand in no list of processes: from a file or from standard input; private to cli/.
#pragma once

#include <iosfwd>
#include <string>

#include "base/ids.h"
#include "base/result.h"

namespace jwtd::cli {

inline constexpr Code kArgumentUnreadable{"argument_unreadable", Fault::kInvalidArgument, "It must be one line"};

// The only line that is not empty, of a file, or of `in` for "-". Fails with kArgumentUnreadable (detail: the cause, never the line).
Result<std::string> private_line(const std::string& file, std::istream& in);

struct PhoneArgument {
  std::string number;  // digits, or "-"
  std::string file;
  bool empty() const { return number.empty() && file.empty(); }
};

// Fails with kPhoneMalformed, or as private_line().
Result<Phone> phone_of(const PhoneArgument& argument, std::istream& in);

}  // namespace jwtd::cli
