// base/url.h - what may be said of a URL that may hold a password, and the parts of an http one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace jwtd {

// The URL with its password replaced by "***": the one before the authority's last '@' (RFC 3986 s3.2.1), and the value of every query parameter
// whose name contains "password". What is not a URL comes back as "***" if it holds an '@', otherwise as it is.
std::string without_password(std::string_view url);

bool has_password(std::string_view url);

struct HttpUrl {
  bool tls = false;         // https
  std::string host;         // a name or an address; of IPv6 without its brackets
  std::uint16_t port = 0;   // 443 or 80 where none stands
  std::string target;       // path and query, "/" at least
};
// http:// or https://, a host, perhaps a port and a target. nullopt: it is not that, has a user or a fragment, or characters that no URL has.
std::optional<HttpUrl> parse_http_url(std::string_view url);

}  // namespace jwtd
