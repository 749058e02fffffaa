// base/log_line.cc - how values become text that can neither end a line nor leave its quotes.
#include "base/log_line.h"

#include <charconv>
#include <cstring>

namespace jwtd {
namespace {

// Kept free behind the values, so that a cut line still ends well: the longest end is `,"cut":true}` and '\n', after a closing quote.
constexpr std::size_t kEndBytes = 16;

constexpr std::array<std::string_view, 4> kLowerLevels{"debug", "info", "warn", "error"};
constexpr std::array<std::string_view, 4> kUpperLevels{"DEBUG", "INFO", "WARN", "ERROR"};

// ASCII that stands for itself between quotes.
constexpr bool plain(unsigned char c) { return c >= 0x20 && c < 0x7F && c != '"' && c != '\\'; }

struct Character {
  char32_t point;
  std::size_t size;  // octets; 0: not UTF-8
};

// The character at the front of `text`, which is not ASCII (RFC 3629 s4: no overlong forms, no surrogates, nothing above U+10FFFF).
Character first_character(std::string_view text) {
  const auto octet = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = octet(0);
  const std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < size) return {0, 0};
  char32_t point = lead & (0xFF >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) {
    if ((octet(i) & 0xC0) != 0x80) return {0, 0};
    point = point << 6 | (octet(i) & 0x3F);
  }
  constexpr std::array<char32_t, 5> kSmallest{0, 0, 0x80, 0x800, 0x10000};
  if (point < kSmallest[size] || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF)) return {0, 0};
  return {point, size};
}

// C1 controls steer terminals; U+2028 and U+2029 are line breaks to some readers.
bool steers(char32_t point) { return point < 0xA0 || point == 0x2028 || point == 0x2029; }

// "\u0000" with the digits of `point`, or JSON's short form.
std::string_view escape(char32_t point, std::array<char, 6>& out) {
  switch (point) {
    case '"': return "\\\"";
    case '\\': return "\\\\";
    case '\n': return "\\n";
    case '\r': return "\\r";
    case '\t': return "\\t";
    default: break;
  }
  constexpr char kDigits[] = "0123456789abcdef";
  out = {'\\', 'u', kDigits[point >> 12 & 15], kDigits[point >> 8 & 15], kDigits[point >> 4 & 15], kDigits[point & 15]};
  return {out.data(), out.size()};
}

// Whether a value can stand in the text format without quotes.
bool bare(std::string_view text) {
  if (text.empty()) return false;
  for (const unsigned char c : text) {
    if (!plain(c) || c == ' ' || c == '=') return false;
  }
  return true;
}

}  // namespace

LogLine::LogLine(LogFormat format, UnixMillis at, LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  const auto index = static_cast<std::size_t>(level);
  bool whole = format == LogFormat::kJson
                   ? raw("{\"time\":\"") && time(at) && raw("\",\"level\":\"") && raw(kLowerLevels[index]) &&
                         raw("\",\"event\":") && quoted(event)
                   : time(at) && raw(" ") && raw(kUpperLevels[index]) && raw(" ") && text_value(event);
  for (const LogField& f : fields) {
    if (!whole) break;
    whole = field(format, f);
  }
  close(format, !whole);
}

// All of it or nothing.
bool LogLine::raw(std::string_view text) {
  if (text.size() > buffer_.size() - kEndBytes - size_) return false;
  std::memcpy(buffer_.data() + size_, text.data(), text.size());
  size_ += text.size();
  return true;
}

bool LogLine::time(UnixMillis at) {
  struct Second {
    UnixSeconds at = -1;
    std::string text;
  };
  thread_local Second second;  // most lines share theirs with the one before
  const UnixSeconds now = at / 1000;
  if (second.at != now) {
    second.text = format_rfc3339(now * 1000);
    second.text.back() = '.';
    second.at = now;
  }
  const auto millis = static_cast<int>(at % 1000);
  const char digits[] = {static_cast<char>('0' + millis / 100), static_cast<char>('0' + millis / 10 % 10),
                         static_cast<char>('0' + millis % 10), 'Z'};
  return raw(second.text) && raw({digits, sizeof digits});
}

// As much as fits, never half a character or half an escape; false: cut.
bool LogLine::escaped(std::string_view text) {
  while (!text.empty()) {
    std::size_t run = 0;
    while (run < text.size() && plain(static_cast<unsigned char>(text[run]))) ++run;
    if (!raw(text.substr(0, run))) {
      raw(text.substr(0, buffer_.size() - kEndBytes - size_));
      return false;
    }
    text.remove_prefix(run);
    if (text.empty()) break;

    std::array<char, 6> space;
    const auto front = static_cast<unsigned char>(text.front());
    const Character c = front < 0x80 ? Character{front, 1} : first_character(text);
    const std::string_view shown = c.size == 0 ? "\xEF\xBF\xBD" : steers(c.point) ? escape(c.point, space) : text.substr(0, c.size);
    if (!raw(shown)) return false;
    text.remove_prefix(c.size == 0 ? 1 : c.size);
  }
  return true;
}

// The closing quote always comes, out of the room that is kept for the end.
bool LogLine::quoted(std::string_view text) {
  if (!raw("\"")) return false;
  const bool whole = escaped(text);
  buffer_[size_++] = '"';
  return whole && size_ <= buffer_.size() - kEndBytes;
}

bool LogLine::text_value(std::string_view text) { return bare(text) ? escaped(text) : quoted(text); }

bool LogLine::field(LogFormat format, const LogField& f) {
  const bool json = format == LogFormat::kJson;
  const std::size_t before = size_;
  const auto undo = [&] {
    size_ = before;
    return false;
  };
  // A name without a value would not be JSON: either both begin to fit, or neither stands.
  const bool named = json ? raw(",\"") && escaped(f.name) && raw("\":") : raw(" ") && escaped(f.name) && raw("=");
  if (!named) return undo();
  if (const auto* text = std::get_if<std::string_view>(&f.value)) {
    const std::size_t after_name = size_;
    const bool whole = json ? quoted(*text) : text_value(*text);
    if (!whole && size_ == after_name) return undo();
    return whole;
  }
  if (const auto* flag = std::get_if<bool>(&f.value)) return raw(*flag ? "true" : "false") ? true : undo();
  char digits[20];
  const char* end = std::to_chars(digits, digits + sizeof digits, std::get<std::int64_t>(f.value)).ptr;
  return raw({digits, static_cast<std::size_t>(end - digits)}) ? true : undo();
}

void LogLine::close(LogFormat format, bool cut) {
  const std::string_view end = format == LogFormat::kJson ? (cut ? ",\"cut\":true}\n" : "}\n") : (cut ? " cut=true\n" : "\n");
  std::memcpy(buffer_.data() + size_, end.data(), end.size());
  size_ += end.size();
}

}  // namespace jwtd
