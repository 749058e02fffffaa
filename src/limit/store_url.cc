// limit/store_url.cc - takes the URL apart from both ends, so that a password with an '@' or a '/' in it is still found.
#include "limit/store_url.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>

namespace jwtd::limit {
namespace {

constexpr unsigned kMostDatabases = 10'000;  // servers have 16 unless told otherwise
constexpr std::size_t kMaxHostBytes = 253;   // RFC 1035 s2.3.4 as text

Error malformed(std::string detail) { return Error(kLimitStoreUrlMalformed, std::move(detail)); }

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::optional<std::string> decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size() || hex_value(text[i + 1]) < 0 || hex_value(text[i + 2]) < 0) return std::nullopt;
    out += static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
    i += 2;
  }
  return out;
}

template <class T>
bool read_number(std::string_view text, T& to) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), to);
  return error == std::errc() && end == text.data() + text.size();
}

bool is_host(std::string_view host) {
  return !host.empty() && host.size() <= kMaxHostBytes && std::all_of(host.begin(), host.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '.' || c == '-' || c == '_' || c == ':';
  });
}

Status read_user(std::string_view text, StoreUrl& url) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return malformed("before the @ there is no colon: a password stands behind one, as in redis://:password@host");
  const auto user = decoded(text.substr(0, colon));
  const auto password = decoded(text.substr(colon + 1));
  if (!user || !password) return malformed("in the user or the password, a % is not followed by two hexadecimal digits");
  url.user = *user;
  url.password = *password;
  return {};
}

Status read_host(std::string_view text, StoreUrl& url) {
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return malformed("the host begins with [ and has no ]");
    url.host = text.substr(1, end - 1);
    port = text.substr(end + 1);
  } else {
    const std::size_t colon = std::min(text.find(':'), text.size());
    url.host = text.substr(0, colon);
    port = text.substr(colon);
  }
  if (!is_host(url.host)) return malformed("the host is missing or has characters that no host has");
  if (port.empty()) return {};
  if (!port.starts_with(':') || !read_number(port.substr(1), url.port) || url.port == 0) return malformed("the port must be from 1 to 65535");
  return {};
}

}  // namespace

std::string StoreUrl::place() const {
  const std::string shown = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return std::string(tls ? "rediss://" : "redis://") + shown + ":" + std::to_string(port) + "/" + std::to_string(database);
}

Result<StoreUrl> parse_store_url(std::string_view text) {
  StoreUrl url;
  if (text.starts_with("rediss://")) url.tls = true;
  else if (!text.starts_with("redis://")) return malformed("it begins with neither redis:// nor rediss://");
  text.remove_prefix(url.tls ? 9 : 8);
  if (const std::size_t at = text.rfind('@'); at != std::string_view::npos) {
    if (Status status = read_user(text.substr(0, at), url); !status) return std::move(status).error();
    text.remove_prefix(at + 1);
  }
  const std::size_t slash = std::min(text.find('/'), text.size());
  if (Status status = read_host(text.substr(0, slash), url); !status) return std::move(status).error();
  const std::string_view database = text.substr(slash);
  if (database.size() > 1 && (!read_number(database.substr(1), url.database) || url.database >= kMostDatabases)) {
    return malformed("behind the host, the database must be a number from 0 to 9999, and nothing may follow");
  }
  return url;
}

}  // namespace jwtd::limit
