// app/first_line.h - a URL or a password out of a file, as the settings that end in _file name it.
#pragma once

#include <string>

#include "base/secret.h"

namespace jwtd::app {

// The first line of the file into `to`; an empty path leaves it as it is. Fails as read_secret_file() does.
inline Status take_first_line(const std::string& path, std::string& to) {
  if (path.empty()) return {};
  const Result<Secret> text = read_secret_file(path);
  if (!text) return text.error();
  const std::string_view all = text->expose();
  to = all.substr(0, all.find_first_of("\r\n"));
  return {};
}

}  // namespace jwtd::app
