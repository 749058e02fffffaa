// base/url.h - what may be said of a URL that may hold a password.
#pragma once

#include <string>
#include <string_view>

namespace jwtd {

// The URL with its password replaced by "***": the one before the authority's last '@' (RFC 3986 s3.2.1), and the value of every query parameter
// whose name contains "password". What is not a URL comes back as "***" if it holds an '@', otherwise as it is.
std::string without_password(std::string_view url);

bool has_password(std::string_view url);

}  // namespace jwtd
