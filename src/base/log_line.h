// base/log_line.h - one log line, rendered into a buffer of fixed size; private to log.cc and its tests.
#pragma once

#include <array>
#include <initializer_list>
#include <string_view>

#include "base/limits.h"
#include "base/log.h"
#include "base/time.h"

namespace jwtd {

// Renders without allocating. The text is one line with its '\n', at most kMaxLogLineBytes, valid UTF-8, and valid JSON in that format,
// whatever the values hold: what would be a control character to a terminal or a line break to a reader is escaped,
// octets that are not UTF-8 become U+FFFD.
class LogLine {
 public:
  LogLine(LogFormat format, UnixMillis at, LogLevel level, std::string_view event, std::initializer_list<LogField> fields);
  LogLine(const LogLine&) = delete;
  LogLine& operator=(const LogLine&) = delete;

  std::string_view text() const { return {buffer_.data(), size_}; }

 private:
  bool raw(std::string_view text);
  bool time(UnixMillis at);
  bool escaped(std::string_view text);
  bool quoted(std::string_view text);
  bool text_value(std::string_view text);
  bool field(LogFormat format, const LogField& field);
  void close(LogFormat format, bool cut);

  std::array<char, kMaxLogLineBytes> buffer_;  // first size_ octets are meaningful
  std::size_t size_ = 0;
};

}  // namespace jwtd
