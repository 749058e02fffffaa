// base/base64.cc - encoding by table, twelve bits at a time; decoding with every check of RFC 4648 s3.
#include "base/base64.h"

#include <array>
#include <cstdint>
#include <cstring>

namespace jwtd {
namespace {

constexpr std::string_view kUrlAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::string_view kStandardAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// Two characters for each twelve bits: 8 KiB, half the look-ups of a table of 64.
constexpr std::array<char, 8192> make_pairs(std::string_view alphabet) {
  std::array<char, 8192> pairs{};
  for (std::size_t bits = 0; bits < 4096; ++bits) {
    pairs[bits * 2] = alphabet[bits >> 6];
    pairs[bits * 2 + 1] = alphabet[bits & 63];
  }
  return pairs;
}

constexpr std::uint8_t kNotInAlphabet = 0x80;

constexpr std::array<std::uint8_t, 256> make_values(std::string_view alphabet) {
  std::array<std::uint8_t, 256> values{};
  for (auto& value : values) value = kNotInAlphabet;
  for (std::size_t i = 0; i < alphabet.size(); ++i) values[static_cast<unsigned char>(alphabet[i])] = static_cast<std::uint8_t>(i);
  return values;
}

constexpr auto kUrlPairs = make_pairs(kUrlAlphabet);
constexpr auto kStandardPairs = make_pairs(kStandardAlphabet);
constexpr auto kUrlValues = make_values(kUrlAlphabet);
constexpr auto kStandardValues = make_values(kStandardAlphabet);

char* encode(const unsigned char* in, std::size_t size, const std::array<char, 8192>& pairs, char* out) {
  const auto put = [&](std::uint32_t twelve_bits) {
    std::memcpy(out, &pairs[twelve_bits * 2], 2);
    out += 2;
  };
  for (; size >= 3; in += 3, size -= 3) {
    const std::uint32_t bits = std::uint32_t{in[0]} << 16 | std::uint32_t{in[1]} << 8 | in[2];
    put(bits >> 12);
    put(bits & 0xFFF);
  }
  if (size == 1) {
    put(std::uint32_t{in[0]} << 4);
  } else if (size == 2) {
    const std::uint32_t bits = std::uint32_t{in[0]} << 16 | std::uint32_t{in[1]} << 8;
    put(bits >> 12);
    *out++ = pairs[(bits & 0xFFF) * 2];
  }
  return out;
}

// `text` without padding.
std::optional<std::string> decode(std::string_view text, const std::array<std::uint8_t, 256>& values) {
  const std::size_t tail = text.size() % 4;
  if (tail == 1) return std::nullopt;  // six bits are no octet
  std::string octets(text.size() / 4 * 3 + (tail == 0 ? 0 : tail - 1), '\0');
  const auto* in = reinterpret_cast<const unsigned char*>(text.data());
  char* out = octets.data();
  std::uint8_t bad = 0;
  for (std::size_t group = text.size() / 4; group > 0; --group, in += 4, out += 3) {
    const std::uint8_t a = values[in[0]], b = values[in[1]], c = values[in[2]], d = values[in[3]];
    bad |= a | b | c | d;
    const std::uint32_t bits = std::uint32_t{a} << 18 | std::uint32_t{b} << 12 | std::uint32_t{c} << 6 | d;
    out[0] = static_cast<char>(bits >> 16);
    out[1] = static_cast<char>(bits >> 8);
    out[2] = static_cast<char>(bits);
  }
  if (tail != 0) {
    const std::uint8_t a = values[in[0]], b = values[in[1]], c = tail == 3 ? values[in[2]] : std::uint8_t{0};
    bad |= a | b | c;
    const std::uint32_t bits = std::uint32_t{a} << 18 | std::uint32_t{b} << 12 | std::uint32_t{c} << 6;
    if ((bits & (tail == 2 ? 0xFFFF : 0xFF)) != 0) return std::nullopt;  // trailing bits, RFC 4648 s3.5
    out[0] = static_cast<char>(bits >> 16);
    if (tail == 3) out[1] = static_cast<char>(bits >> 8);
  }
  if ((bad & kNotInAlphabet) != 0) return std::nullopt;
  return octets;
}

const unsigned char* octets_of(std::string_view in) { return reinterpret_cast<const unsigned char*>(in.data()); }

}  // namespace

char* base64url_encode(std::span<const unsigned char> in, char* out) { return encode(in.data(), in.size(), kUrlPairs, out); }

void base64url_append(std::string_view in, std::string& out) {
  const std::size_t before = out.size();
  out.resize(before + base64url_size(in.size()));
  encode(octets_of(in), in.size(), kUrlPairs, out.data() + before);
}

std::optional<std::string> base64url_decode(std::string_view text) { return decode(text, kUrlValues); }

std::string base64_encode(std::string_view in) {
  std::string out((in.size() + 2) / 3 * 4, '=');
  encode(octets_of(in), in.size(), kStandardPairs, out.data());
  return out;
}

std::optional<std::string> base64_decode(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  if (text.ends_with("==")) {
    text.remove_suffix(2);
  } else if (text.ends_with('=')) {
    text.remove_suffix(1);
  }
  return decode(text, kStandardValues);
}

}  // namespace jwtd
