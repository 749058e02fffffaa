// base/ids.cc - the checks behind Phone and Xid.
#include "base/ids.h"

#include <charconv>

namespace jwtd {
namespace {

constexpr std::uint64_t power_of_ten(std::size_t exponent) {
  std::uint64_t value = 1;
  while (exponent-- > 0) value *= 10;
  return value;
}

constexpr std::uint64_t kSmallestPhone = power_of_ten(Phone::kMinDigits - 1);
constexpr std::uint64_t kPhoneEnd = power_of_ten(Phone::kMaxDigits);

// Unreserved characters, RFC 3986 s2.3.
constexpr auto kUnreserved = [] {
  std::array<bool, 256> table{};
  for (int c = '0'; c <= '9'; ++c) table[c] = true;
  for (int c = 'A'; c <= 'Z'; ++c) table[c] = true;
  for (int c = 'a'; c <= 'z'; ++c) table[c] = true;
  for (unsigned char c : {'-', '.', '_', '~'}) table[c] = true;
  return table;
}();

struct PhoneText {
  char characters[Phone::kMaxDigits];
  std::size_t size;

  explicit PhoneText(std::uint64_t packed) {
    size = static_cast<std::size_t>(std::to_chars(characters, characters + sizeof characters, packed).ptr - characters);
  }
  std::string_view view() const { return {characters, size}; }
};

}  // namespace

Result<Phone> Phone::parse(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  if (text.size() < kMinDigits || text.size() > kMaxDigits || text.front() == '0') return Error(kPhoneMalformed);
  std::uint64_t digits = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return Error(kPhoneMalformed);
    digits = digits * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return Phone(digits);
}

Result<Phone> Phone::unpack(std::uint64_t packed) {
  if (packed < kSmallestPhone || packed >= kPhoneEnd) return Error(kPhoneMalformed);
  return Phone(packed);
}

std::string Phone::text() const { return std::string(PhoneText(digits_).view()); }

void Phone::append_to(std::string& out) const { out.append(PhoneText(digits_).view()); }

std::string Phone::redacted() const {
  constexpr std::size_t kShown = 4;
  std::string out = text();
  out.replace(0, out.size() - kShown, out.size() - kShown, '*');
  return out;
}

Result<Xid> Xid::parse(std::string_view text) {
  if (text.empty() || text.size() > kMaxSize) return Error(kXidMalformed);
  // A dot segment would be taken out of the path by whoever normalizes it (RFC 3986 s5.2.4).
  if (text == "." || text == "..") return Error(kXidMalformed);
  for (const unsigned char c : text) {
    if (!kUnreserved[c]) return Error(kXidMalformed);
  }
  Xid xid;
  std::memcpy(xid.text_.data(), text.data(), text.size());
  xid.size_ = static_cast<std::uint8_t>(text.size());
  return xid;
}

}  // namespace jwtd
