// base/percent.h - the escapes of URLs and forms: '%' and two hex digits (RFC 3986 s2.1). What may stand in a decoded text is its reader's rule.
#pragma once

#include <string_view>

namespace jwtd {

constexpr int kNoOctet = -1;

constexpr int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : kNoOctet;
}

// What the escape that begins at `raw[at]`, a '%', stands for: 0 to 255, or kNoOctet where it is none.
constexpr int percent_octet(std::string_view raw, std::size_t at) {
  if (at + 2 >= raw.size()) return kNoOctet;
  const int high = hex_digit(raw[at + 1]), low = hex_digit(raw[at + 2]);
  return high < 0 || low < 0 ? kNoOctet : high * 16 + low;
}

}  // namespace jwtd
