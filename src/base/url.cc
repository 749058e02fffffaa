// base/url.cc - finds the two places of a URL where passwords stand.
#include "base/url.h"

#include <algorithm>
#include <cctype>

namespace jwtd {
namespace {

constexpr std::string_view kHidden = "***";

bool names_a_password(std::string_view name) {
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower.find("password") != std::string::npos;
}

}  // namespace

std::string without_password(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return std::string(url.find('@') == std::string_view::npos ? url : kHidden);
  std::string out(url.substr(0, scheme + 3));
  std::string_view rest = url.substr(scheme + 3);
  // A password that was not percent-encoded may hold '/', '?' or '#' itself, so the last '@' of all decides: too much is hidden rather than too little.
  if (const std::size_t at = rest.rfind('@'); at != std::string_view::npos) {
    const std::string_view user = rest.substr(0, rest.find(':') < at ? rest.find(':') : at);
    out.append(user);
    if (user.size() != at) out.append(":").append(kHidden);
    rest.remove_prefix(at);
  }
  const std::size_t query = rest.find('?');
  out.append(rest.substr(0, query));
  if (query == std::string_view::npos) return out;
  rest.remove_prefix(query);
  while (!rest.empty()) {  // each turn: a separator and a parameter
    const std::size_t end = std::min(rest.find('&', 1), rest.size());
    const std::string_view parameter = rest.substr(0, end);
    const std::size_t equals = parameter.find('=');
    if (equals != std::string_view::npos && names_a_password(parameter.substr(0, equals))) {
      out.append(parameter.substr(0, equals + 1)).append(kHidden);
    } else {
      out.append(parameter);
    }
    rest.remove_prefix(end);
  }
  return out;
}

bool has_password(std::string_view url) { return without_password(url) != url; }

}  // namespace jwtd
