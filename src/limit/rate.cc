// limit/rate.cc - reads Flask-Limiter's notation, one character after the other.
#include "limit/rate.h"

#include <array>
#include <optional>

namespace jwtd::limit {
namespace {

constexpr std::uint64_t kMaxCount = 1'000'000'000;
constexpr std::uint64_t kMaxPeriodSeconds = 100ull * 360 * 86'400;  // 100 of the library's years: 3.1e18 ns, so it fits in 64 bits

struct Granularity {
  std::string_view name;
  std::uint64_t seconds;
};

constexpr std::array<Granularity, 6> kGranularities{
    {{"second", 1}, {"minute", 60}, {"hour", 3'600}, {"day", 86'400}, {"month", 30ull * 86'400}, {"year", 12ull * 30 * 86'400}}};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool is_letter(char c) { return lower(c) >= 'a' && lower(c) <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_separator(char c) { return c == ';' || c == ',' || c == '|'; }

std::optional<std::uint64_t> seconds_of(std::string_view word) {
  for (const Granularity& g : kGranularities) {
    if (word == g.name || (word.size() == g.name.size() + 1 && word.starts_with(g.name) && word.back() == 's')) return g.seconds;
  }
  return std::nullopt;
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool at_end() const { return at_ == text_.size(); }
  char peek() const { return at_end() ? '\0' : text_[at_]; }
  std::size_t position() const { return at_; }
  void step() { ++at_; }

  void skip_space() {
    while (!at_end() && is_space(text_[at_])) ++at_;
  }

  // Lower-case.
  std::string word() {
    std::string out;
    while (!at_end() && is_letter(text_[at_])) out += lower(text_[at_++]);
    return out;
  }

  // The digits here as a number; anything above 10^18 reads as that, which is over every bound.
  std::uint64_t number() {
    constexpr std::uint64_t kCeiling = 1'000'000'000'000'000'000;
    std::uint64_t value = 0;
    while (!at_end() && is_digit(text_[at_])) {
      const auto digit = static_cast<std::uint64_t>(text_[at_++] - '0');
      value = value >= kCeiling / 10 ? kCeiling : value * 10 + digit;
    }
    return value;
  }

  Error error_at(std::size_t position, std::string_view wanted) const {
    std::string detail = "at character " + std::to_string(position + 1) + " of \"" + printable(text_.substr(0, 80)) + "\": ";
    detail += wanted;
    if (position >= text_.size()) detail += ", but the text ends";
    return Error(kRateMalformed, std::move(detail));
  }
  Error error(std::string_view wanted) const { return error_at(at_, wanted); }

 private:
  static std::string printable(std::string_view text) {
    std::string out;
    for (const char c : text) out += c >= ' ' && c <= '~' ? c : '?';
    return out;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

// "per" may touch what stands around it ("1per5minutes"), as in the library's expression.
Status read_per(Reader& in) {
  if (in.peek() == '/') {
    in.step();
    return {};
  }
  for (const char wanted : {'p', 'e', 'r'}) {
    if (lower(in.peek()) != wanted) return in.error("expected \"per\" or \"/\"");
    in.step();
  }
  return {};
}

Result<Rate> read_rate(Reader& in) {
  in.skip_space();
  std::size_t start = in.position();
  if (!is_digit(in.peek())) return in.error("expected a count");
  const std::uint64_t count = in.number();
  if (count < 1 || count > kMaxCount) return in.error_at(start, "the count must be 1 to 1000000000");

  in.skip_space();
  if (Status per = read_per(in); !per) return per.error();

  in.skip_space();
  std::uint64_t multiple = 1;
  start = in.position();
  if (is_digit(in.peek())) {
    multiple = in.number();
    if (multiple < 1) return in.error_at(start, "the period must be at least one");
    in.skip_space();
  }

  const std::size_t word_at = in.position();
  const std::optional<std::uint64_t> unit = seconds_of(in.word());
  if (!unit) return in.error_at(word_at, "expected second, minute, hour, day, month or year");
  if (multiple > kMaxPeriodSeconds / *unit) return in.error_at(start, "the period must be at most 100 years");
  in.skip_space();

  const auto whole_count = static_cast<std::uint32_t>(count);
  return Rate{whole_count, std::chrono::seconds(multiple * *unit), whole_count};
}

}  // namespace

Result<std::vector<Rate>> parse_rates(std::string_view text) {
  Reader in(text.substr(0, kMaxRateTextBytes));
  if (text.size() > kMaxRateTextBytes) return in.error_at(kMaxRateTextBytes, "the text is too long");
  std::vector<Rate> rates;
  while (true) {
    if (rates.size() == kMaxRatesPerText) return in.error("there are more than 8 rates");
    Result<Rate> rate = read_rate(in);
    if (!rate) return rate.error();
    rates.push_back(*rate);
    if (in.at_end()) return rates;
    if (!is_separator(in.peek())) return in.error("expected \";\", \",\" or \"|\" before another rate");
    in.step();
  }
}

}  // namespace jwtd::limit
