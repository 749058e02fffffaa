// base/may_be_secret.cc - what keys, tokens and numbers look like.
#include "base/may_be_secret.h"

#include <algorithm>
#include <cctype>
#include <cstddef>

#include "base/ids.h"

namespace jwtd {
namespace {

constexpr std::size_t kShortestLiteralKey = 40;  // 30 octets as base64: no path looks like this, every key does
constexpr std::string_view kOurKeys = "jwtd_", kWebhookSecrets = "whsec_";
constexpr std::string_view kTokens = "eyJ";  // {" in base64url, as every JWS in compact form begins (RFC 7515 section 7.1)
constexpr std::size_t kShortestToken = 20;

constexpr std::size_t kDigitsOfSeparated = 10;  // a date has eight

bool is_base64(unsigned char c) { return std::isalnum(c) || c == '+' || c == '/' || c == '='; }
bool is_digit(unsigned char c) { return std::isdigit(c); }

}  // namespace

bool may_be_key(std::string_view word) {
  if (word.find("-----BEGIN") != std::string_view::npos) return true;
  if (word.starts_with(kOurKeys) && word.size() >= kShortestLiteralKey) return true;
  if (word.starts_with(kWebhookSecrets)) return true;
  if (word.starts_with(kTokens) && word.size() >= kShortestToken) return true;
  return word.size() >= kShortestLiteralKey && (word.front() != '/' || word.back() == '=') && std::all_of(word.begin(), word.end(), is_base64);
}

bool may_be_secret(std::string_view word) {
  if (may_be_key(word)) return true;
  if (!word.empty() && (std::isalpha(static_cast<unsigned char>(word.front())) || word.front() == '+')) word.remove_prefix(1);
  const auto digits = static_cast<std::size_t>(std::count_if(word.begin(), word.end(), is_digit));
  if (digits == word.size()) return digits >= Phone::kMinDigits;
  return digits >= kDigitsOfSeparated && word.find_first_not_of("0123456789()- ") == std::string_view::npos;
}

}  // namespace jwtd
