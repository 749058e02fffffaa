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

constexpr std::uint32_t kNotInAlphabet = 0x8000'0000;

// The six bits of a character, shifted to each of its four places in three octets: 4 KiB, and no shifts when decoding.
using Values = std::array<std::array<std::uint32_t, 256>, 4>;

constexpr Values make_values(std::string_view alphabet) {
  Values values{};
  for (auto& place : values) {
    for (auto& value : place) value = kNotInAlphabet;
  }
  for (std::uint32_t i = 0; i < alphabet.size(); ++i) {
    for (unsigned place = 0; place < 4; ++place) values[place][static_cast<unsigned char>(alphabet[i])] = i << (18 - 6 * place);
  }
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

std::size_t decoded_size(std::size_t characters) { return characters / 4 * 3 + (characters % 4 == 0 ? 0 : characters % 4 - 1); }

// `text` without padding, into decoded_size() octets. False: not the text of anything.
bool decode(std::string_view text, const Values& values, char* out) {
  const std::size_t tail = text.size() % 4;
  if (tail == 1) return false;  // six bits are no octet
  const auto* in = reinterpret_cast<const unsigned char*>(text.data());
  std::uint32_t bad = 0;
  for (std::size_t group = text.size() / 4; group > 0; --group, in += 4, out += 3) {
    const std::uint32_t bits = values[0][in[0]] | values[1][in[1]] | values[2][in[2]] | values[3][in[3]];
    bad |= bits;
    out[0] = static_cast<char>(bits >> 16);
    out[1] = static_cast<char>(bits >> 8);
    out[2] = static_cast<char>(bits);
  }
  if (tail != 0) {
    const std::uint32_t bits = values[0][in[0]] | values[1][in[1]] | (tail == 3 ? values[2][in[2]] : 0);
    bad |= bits;
    if ((bits & (tail == 2 ? 0xFFFF : 0xFF)) != 0) return false;  // trailing bits, RFC 4648 s3.5
    out[0] = static_cast<char>(bits >> 16);
    if (tail == 3) out[1] = static_cast<char>(bits >> 8);
  }
  return (bad & kNotInAlphabet) == 0;
}

std::optional<std::string> decoded(std::string_view text, const Values& values) {
  std::string octets(decoded_size(text.size()), '\0');
  if (!decode(text, values, octets.data())) return std::nullopt;
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

std::optional<std::string> base64url_decode(std::string_view text) { return decoded(text, kUrlValues); }

std::optional<std::size_t> base64url_decode(std::string_view text, std::span<char> out) {
  const std::size_t size = decoded_size(text.size());
  if (size > out.size() || !decode(text, kUrlValues, out.data())) return std::nullopt;
  return size;
}

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
  return decoded(text, kStandardValues);
}

}  // namespace jwtd
