// store/postgres/values.cc - the octets behind values.h.
#include "store/postgres/values.h"

#include <cassert>

namespace jwtd::store::postgres {
namespace {

constexpr std::int64_t kEpochMillis = 946'684'800'000;  // 2000-01-01T00:00:00Z in UnixMillis
constexpr std::size_t kArrayHeader = 20;                // dimensions, null flag, type, size, lower bound
constexpr std::size_t kArraySizeAt = 12;
constexpr char kHex[] = "0123456789abcdef";

template <class Word>
void append_word(Word word, std::string& out) {
  char octets[sizeof word];
  for (std::size_t i = 0; i < sizeof word; ++i) octets[i] = static_cast<char>(word >> (8 * (sizeof word - 1 - i)));
  out.append(octets, sizeof word);
}

template <class Word>
Word read_word(std::string_view octets) {
  assert(octets.size() == sizeof(Word));
  Word word = 0;
  for (const char octet : octets) word = word << 8 | static_cast<unsigned char>(octet);
  return word;
}

bool is_plain(char c) { return c >= ' ' && c <= '~' && c != '\\'; }

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

void append_ascii(std::string_view octets, std::string& out) {
  for (std::size_t from = 0; from < octets.size();) {
    std::size_t to = from;
    while (to < octets.size() && is_plain(octets[to])) ++to;
    out.append(octets.substr(from, to - from));
    if (to < octets.size()) {
      const auto octet = static_cast<unsigned char>(octets[to++]);
      out.append({'\\', 'x', kHex[octet >> 4], kHex[octet & 15]});
    }
    from = to;
  }
}

std::optional<std::string> from_ascii(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t plain = text.find('\\');
    out.append(text.substr(0, plain));
    if (plain == std::string_view::npos) break;
    text.remove_prefix(plain);
    if (text.size() < 4 || text[1] != 'x') return std::nullopt;
    const int high = hex_digit(text[2]), low = hex_digit(text[3]);
    if (high < 0 || low < 0) return std::nullopt;
    out.push_back(static_cast<char>(high << 4 | low));
    text.remove_prefix(4);
  }
  return out;
}

std::int64_t to_micros(UnixMillis at) { return (at - kEpochMillis) * 1000; }

UnixMillis from_micros(std::int64_t micros) {
  const std::int64_t millis = micros / 1000 - (micros % 1000 < 0 ? 1 : 0);
  return millis + kEpochMillis;
}

std::string int4_value(std::int32_t value) {
  std::string out;
  append_word(static_cast<std::uint32_t>(value), out);
  return out;
}

std::string int8_value(std::int64_t value) {
  std::string out;
  append_word(static_cast<std::uint64_t>(value), out);
  return out;
}

std::int32_t read_int4(std::string_view octets) { return static_cast<std::int32_t>(read_word<std::uint32_t>(octets)); }
std::int64_t read_int8(std::string_view octets) { return static_cast<std::int64_t>(read_word<std::uint64_t>(octets)); }

Array::Array(Of element) {
  append_word(std::uint32_t{1}, octets_);
  append_word(std::uint32_t{0}, octets_);
  append_word(static_cast<std::uint32_t>(element), octets_);
  append_word(std::uint32_t{0}, octets_);
  append_word(std::uint32_t{1}, octets_);
}

void Array::clear() {
  octets_.resize(kArrayHeader);
  size_ = 0;
}

void Array::add_int4(std::int32_t value) {
  append_word(std::uint32_t{sizeof value}, octets_);
  append_word(static_cast<std::uint32_t>(value), octets_);
  ++size_;
}

void Array::add_int8(std::int64_t value) {
  append_word(std::uint32_t{sizeof value}, octets_);
  append_word(static_cast<std::uint64_t>(value), octets_);
  ++size_;
}

void Array::add_ascii(std::string_view text) {
  append_word(static_cast<std::uint32_t>(text.size()), octets_);
  octets_.append(text);
  ++size_;
}

void Array::add_text(std::string_view octets) {
  const std::size_t at = octets_.size();
  append_word(std::uint32_t{0}, octets_);
  append_ascii(octets, octets_);
  std::string size;
  append_word(static_cast<std::uint32_t>(octets_.size() - at - 4), size);
  octets_.replace(at, size.size(), size);
  ++size_;
}

std::string_view Array::octets() {
  std::string size;
  append_word(static_cast<std::uint32_t>(size_), size);
  octets_.replace(kArraySizeAt, size.size(), size);
  return octets_;
}

}  // namespace jwtd::store::postgres
