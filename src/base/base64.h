// base/base64.h - base64url without padding (RFC 4648 s5, RFC 7515 s2) for tokens, standard base64 (s4) for keys.
//
// Decoding is strict: one text for each octet string. Characters outside the alphabet, padding where none belongs,
// impossible lengths and non-zero trailing bits are refused (RFC 4648 s3.5), since two texts for one token would be two tokens.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace jwtd {

constexpr std::size_t base64url_size(std::size_t octets) { return (octets * 4 + 2) / 3; }

// Writes base64url_size(in.size()) characters to `out` and returns the end.
char* base64url_encode(std::span<const unsigned char> in, char* out);
void base64url_append(std::string_view in, std::string& out);

// nullopt: not the base64url text of anything.
std::optional<std::string> base64url_decode(std::string_view text);
// The same into `out`, and how many octets that are; nullopt also where they have no room.
std::optional<std::size_t> base64url_decode(std::string_view text, std::span<char> out);

std::string base64_encode(std::string_view in);  // standard alphabet, padded
// nullopt: not standard base64 with its padding. White space is refused too; the caller trims.
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace jwtd
