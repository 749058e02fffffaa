// cli/private_argument.cc - one bounded line.
#include "cli/private_argument.h"

#include <fstream>
#include <optional>

#include "cli/token_input.h"
#include "config/values.h"

namespace jwtd::cli {

Result<std::string> private_line(const std::string& file, std::istream& in) {
  std::ifstream opened;
  if (file != "-") {
    opened.open(file, std::ios::binary);
    if (!opened) return Error(kArgumentUnreadable, config::in_quotes(file) + " cannot be read");
  }
  std::string only;
  const std::size_t lines = for_each_token({"-"}, file == "-" ? in : opened, [&](const std::string& line) { only = line; });
  if (lines == 0) return Error(kArgumentUnreadable, "there is none");
  if (lines > 1) return Error(kArgumentUnreadable, "there are " + std::to_string(lines));
  return only;
}

Result<Phone> phone_of(const PhoneArgument& argument, std::istream& in) {
  if (argument.file.empty() && argument.number != "-") return Phone::parse(argument.number);
  const Result<std::string> line = private_line(argument.file.empty() ? "-" : argument.file, in);
  if (!line) return line.error();
  return Phone::parse(*line);
}

}  // namespace jwtd::cli
