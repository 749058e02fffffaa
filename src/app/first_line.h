// app/first_line.h - a URL or a password out of a file, as the settings that end in _file name it.
#pragma once

#include <string>

#include "base/secret.h"

namespace jwtd::app {

// Fails as read_secret_file() does.
inline Result<std::string> first_line_of(const std::string& path) {
  const Result<Secret> text = read_secret_file(path);
  if (!text) return text.error();
  const std::string_view all = text->expose();
  return std::string(all.substr(0, all.find_first_of("\r\n")));
}

}  // namespace jwtd::app
