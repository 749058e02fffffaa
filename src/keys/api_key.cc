// keys/api_key.cc - reads, decodes and judges API keys; what is wrong with one is said without quoting it.
#include "keys/api_key.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <optional>

#include "base/base64.h"
#include "base/secret.h"

namespace jwtd::keys {

namespace {

constexpr std::string_view kWhiteSpace = " \t\r\n\v\f";
constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::size_t kGeneratedOctets = 64;  // the hash's block: RFC 2104 s3 sees no use in more, and HS512 has what it asks for

// HmacKey::kid() of keys that stand in public documentation: a name of each, so that no sample stands in the program.
constexpr std::array<std::string_view, 5> kPublishedKids{
    "CrIIiW35k60",  // TeleSign's SDKs
    "_a-2y6tDv1R",  // TeleSign's sample_code
    "0JypNgICYN2",  // TeleSign's pygenjwt
    "YkjT4-0EfWU",  // RFC 7515 A.1
    "OntwMchSjyK",  // jwt.io
};

// Secrets out of the list that JWT crackers try first (wallarm/jwt-secrets), each as the first 32 bits of its kid.
constexpr std::uint32_t kKnownSecrets[] = {
#include "keys/known_secrets.inc"
};

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kWhiteSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kWhiteSpace) - first + 1);
}

std::string_view kind_of(char c) {
  const auto octet = static_cast<unsigned char>(c);
  if (c == '-' || c == '_') return "'-' or '_', which belong to base64url; TeleSign's keys have '+' and '/'";
  if (c == '"' || c == '\'') return "a quotation mark; the file holds the bare key";
  if (kWhiteSpace.find(c) != std::string_view::npos) return "white space inside the key; the file holds one key and nothing else";
  if (octet < 0x20 || octet == 0x7f) return "a control character";
  if (octet >= 0x80) return "not ASCII";
  return "a character that base64 does not have";
}

// Why strict decoding said no. Positions count from 1.
std::string diagnosis(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) return "it begins with a UTF-8 byte order mark";
  const std::string_view body = text.substr(0, text.find_last_not_of('=') + 1);
  const std::size_t bad = body.find_first_not_of(kAlphabet);
  if (bad != std::string_view::npos) {
    if (body[bad] == '=') return "character " + std::to_string(bad + 1) + " is '=', which may only stand at the end";
    return "character " + std::to_string(bad + 1) + " is " + std::string(kind_of(body[bad]));
  }
  if (text.size() % 4 != 0) {
    return "it has " + std::to_string(text.size()) + " characters, and base64 with its padding has a multiple of 4: is it cut off?";
  }
  return "its last characters do not end an octet: is it cut off or mistyped?";
}

Error in_file(const Error& error, const std::string& path) { return Error(error.code(), path + ": " + error.detail()); }

}  // namespace

Result<jose::HmacKey> parse_api_key(std::string_view base64_text, jose::Algorithm algorithm) {
  const std::string_view text = trimmed(base64_text);
  if (text.empty()) return Error(kApiKeyMalformed, "there is nothing in it");
  std::optional<std::string> octets = base64_decode(text);
  if (!octets) return Error(kApiKeyMalformed, diagnosis(text));
  return jose::HmacKey::make(algorithm, Secret(std::move(*octets)));
}

Result<jose::HmacKey> load_api_key(const std::string& path, jose::Algorithm algorithm) {
  Result<Secret> text = read_secret_file(path);
  if (!text) return std::move(text).error();
  Result<jose::HmacKey> key = parse_api_key(text->expose(), algorithm);
  if (!key) return in_file(key.error(), path);
  return key;
}

bool is_published_sample(const jose::HmacKey& key) {
  return std::find(kPublishedKids.begin(), kPublishedKids.end(), key.kid()) != kPublishedKids.end();
}

bool is_known_secret(const jose::HmacKey& key) {
  const std::optional<std::string> hash = base64url_decode(std::string_view(key.kid()).substr(0, 8));
  if (!hash) return false;
  std::uint32_t mark = 0;
  for (std::size_t i = 0; i < sizeof mark; ++i) mark = mark << 8 | static_cast<unsigned char>((*hash)[i]);
  return std::binary_search(std::begin(kKnownSecrets), std::end(kKnownSecrets), mark);
}

bool readable_by_everyone(const std::string& path) {
  struct stat file;
  return ::stat(path.c_str(), &file) == 0 && (file.st_mode & S_IROTH) != 0;
}

std::string generate_api_key() {
  const Secret octets(random_octets(kGeneratedOctets));
  return base64_encode(octets.expose());
}

}  // namespace jwtd::keys
