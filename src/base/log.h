// base/log.h - structured log lines, written by a thread of their own.
//
// A line is an event name and fields; it is rendered as JSON or text by the caller's thread into a bounded queue. When the queue is
// full the line is dropped and counted; the writer reports the count. Nothing here blocks on a disk or a pipe.
// What may not appear: phone numbers (use Phone::redacted()), tokens, keys, raw request targets.
//
// Thread-safety: all functions, any thread. Ownership: the owner outlives every thread that logs.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"

namespace jwtd {

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarn, kError };
enum class LogFormat : std::uint8_t { kJson, kText };

struct LogField {
  std::string_view name;
  std::variant<std::string_view, std::int64_t, bool> value;

  LogField(std::string_view n, std::string_view v) : name(n), value(v) {}
  LogField(std::string_view n, const char* v) : name(n), value(std::string_view(v)) {}
  LogField(std::string_view n, const std::string& v) : name(n), value(std::string_view(v)) {}
  LogField(std::string_view n, bool v) : name(n), value(v) {}
  template <class I>
    requires std::integral<I>
  LogField(std::string_view n, I v) : name(n), value(static_cast<std::int64_t>(v)) {}
};

struct LogOptions {
  LogFormat format = LogFormat::kJson;
  LogLevel level = LogLevel::kInfo;
  std::string file;  // empty: standard error
};

inline constexpr Code kLogUnwritable{"log_unwritable", Fault::kInternal, "The log file cannot be opened"};

class Log {
 public:
  // Opens the file and starts the writer. Fails with kLogUnwritable.
  static Result<std::unique_ptr<Log>> open(const LogOptions& options);
  ~Log();  // writes what is queued, then stops; gives up after kLogStuckTime on a pipe that nobody reads

  bool enabled(LogLevel level) const { return level >= level_; }
  // `event` and the names are short fixed texts ("request", "certificate_reloaded"); fields come after time, level and event.
  // Values may hold anything: they are escaped. A line over kMaxLogLineBytes is cut and ends with the field "cut".
  // Cost: about a microsecond, no allocation; never waits for the file.
  void write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields);
  void info(std::string_view event, std::initializer_list<LogField> fields = {}) { write(LogLevel::kInfo, event, fields); }
  void warn(std::string_view event, std::initializer_list<LogField> fields = {}) { write(LogLevel::kWarn, event, fields); }
  void error(std::string_view event, std::initializer_list<LogField> fields = {}) { write(LogLevel::kError, event, fields); }

  // Opens the file again by its name (log rotation). The old one stays on failure (kLogUnwritable). The writer takes the new one
  // with its next write; nothing to do when the file is standard error.
  Status reopen();
  std::uint64_t dropped() const;  // lines, since the start
  void flush();                   // waits until what was queued before is written or lost, at most kLogStuckTime

 private:
  struct Impl;
  explicit Log(std::unique_ptr<Impl> impl, LogLevel level);
  std::unique_ptr<Impl> impl_;
  LogLevel level_;
};

}  // namespace jwtd
