// base/time.cc - turns moments into the two texts that protocols use; no locale, no libc time zone.
#include "base/time.h"

#include <algorithm>
#include <array>

namespace jwtd {
namespace {

using namespace std::chrono;

// Both formats have four digits for the year. Moments beyond them come from tokens of others and are shown as the nearest that fits.
constexpr UnixSeconds kFirst = sys_seconds(sys_days(year(0) / 1 / 1)).time_since_epoch().count();
constexpr UnixSeconds kLast = sys_seconds(sys_days(year(10'000) / 1 / 1)).time_since_epoch().count() - 1;

struct Civil {
  year_month_day date;
  unsigned weekday;  // 0 is Sunday
  unsigned hour, minute, second;
};

Civil civil(UnixSeconds at) {
  const sys_seconds moment{seconds(std::clamp(at, kFirst, kLast))};
  const auto day = floor<days>(moment);
  const auto second_of_day = static_cast<unsigned>((moment - day).count());
  return {day, weekday(day).c_encoding(), second_of_day / 3600, second_of_day / 60 % 60, second_of_day % 60};
}

void append_digits(std::string& out, unsigned value, int width) {
  for (unsigned scale = width == 4 ? 1000 : width == 3 ? 100 : 10; scale > 0; scale /= 10) {
    out.push_back(static_cast<char>('0' + value / scale % 10));
  }
}

void append_clock(std::string& out, const Civil& c) {
  append_digits(out, c.hour, 2);
  out.push_back(':');
  append_digits(out, c.minute, 2);
  out.push_back(':');
  append_digits(out, c.second, 2);
}

}  // namespace

std::string format_rfc3339(UnixMillis at, bool with_millis) {
  const auto whole = floor<seconds>(milliseconds(std::clamp(at, kFirst * 1000, kLast * 1000 + 999)));
  const Civil c = civil(whole.count());
  std::string out;
  out.reserve(24);
  append_digits(out, static_cast<unsigned>(static_cast<int>(c.date.year())), 4);
  out.push_back('-');
  append_digits(out, static_cast<unsigned>(c.date.month()), 2);
  out.push_back('-');
  append_digits(out, static_cast<unsigned>(c.date.day()), 2);
  out.push_back('T');
  append_clock(out, c);
  if (with_millis) {
    out.push_back('.');
    append_digits(out, static_cast<unsigned>((std::clamp(at, kFirst * 1000, kLast * 1000 + 999) - whole.count() * 1000)), 3);
  }
  out.push_back('Z');
  return out;
}

std::optional<std::int64_t> parse_rfc3339_micros(std::string_view text) {
  std::size_t at = 0;
  bool good = true;
  const auto number = [&](std::size_t width) {
    int value = 0;
    for (std::size_t i = 0; i < width; ++i, ++at) {
      if (at >= text.size() || text[at] < '0' || text[at] > '9') good = false;
      else value = value * 10 + (text[at] - '0');
    }
    return value;
  };
  const auto one_of = [&](std::string_view allowed) {
    const char c = at < text.size() ? text[at] : '\0';
    ++at;
    if (std::find(allowed.begin(), allowed.end(), c) == allowed.end()) good = false;  // inline: one to four characters
    return c;
  };

  const int y = number(4);
  one_of("-");
  const int mo = number(2);
  one_of("-");
  const int d = number(2);
  one_of("Tt ");
  const int h = number(2);
  one_of(":");
  const int mi = number(2);
  one_of(":");
  const int s = number(2);
  const year_month_day date = year(y) / mo / d;
  if (!good || !date.ok() || h > 23 || mi > 59 || s > 60) return std::nullopt;

  std::int64_t fraction = 0;
  if (at < text.size() && text[at] == '.') {
    const std::size_t first = ++at;
    std::int64_t scale = 100'000;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, scale /= 10) fraction += (text[at] - '0') * scale;
    if (at == first) return std::nullopt;
  }

  minutes offset{0};
  if (at < text.size()) {
    const char sign = one_of("Zz+-");
    if (sign == '+' || sign == '-') {
      const int hours_off = number(2);
      one_of(":");
      const int minutes_off = number(2);
      if (hours_off > 23 || minutes_off > 59) return std::nullopt;
      offset = hours(hours_off) + minutes(minutes_off);
      if (sign == '-') offset = -offset;
    }
  }
  if (!good || at != text.size()) return std::nullopt;
  const auto moment = sys_days(date) + hours(h) + minutes(mi) + seconds(std::min(s, 59)) - offset + microseconds(fraction);
  return duration_cast<microseconds>(moment.time_since_epoch()).count();
}

std::string format_imf_fixdate(UnixSeconds at) {
  static constexpr std::array<const char*, 7> kDays{"Sun, ", "Mon, ", "Tue, ", "Wed, ", "Thu, ", "Fri, ", "Sat, "};
  static constexpr std::array<const char*, 12> kMonths{" Jan ", " Feb ", " Mar ", " Apr ", " May ", " Jun ",
                                                       " Jul ", " Aug ", " Sep ", " Oct ", " Nov ", " Dec "};
  const Civil c = civil(at);
  std::string out;
  out.reserve(29);
  out.append(kDays[c.weekday]);
  append_digits(out, static_cast<unsigned>(c.date.day()), 2);
  out.append(kMonths[static_cast<unsigned>(c.date.month()) - 1]);
  append_digits(out, static_cast<unsigned>(static_cast<int>(c.date.year())), 4);
  out.push_back(' ');
  append_clock(out, c);
  out.append(" GMT");
  return out;
}

}  // namespace jwtd
