// base/url.cc - finds the two places of a URL where passwords stand, and takes an http URL apart.
#include "base/url.h"

#include <algorithm>
#include <cctype>
#include <charconv>

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

std::optional<HttpUrl> parse_http_url(std::string_view url) {
  constexpr std::string_view kHttp = "http://", kHttps = "https://";
  HttpUrl out;
  out.tls = url.starts_with(kHttps);
  if (!out.tls && !url.starts_with(kHttp)) return std::nullopt;
  const bool printable = std::all_of(url.begin(), url.end(), [](char c) { return c > 0x20 && c < 0x7f && c != '"' && c != '<' && c != '>' && c != '\\'; });
  if (!printable || url.find('#') != std::string_view::npos) return std::nullopt;
  url.remove_prefix((out.tls ? kHttps : kHttp).size());

  const std::size_t end = std::min(url.find_first_of("/?"), url.size());
  std::string_view authority = url.substr(0, end);
  out.target = url.substr(end);
  if (!out.target.starts_with('/')) out.target.insert(0, 1, '/');

  std::string_view port;
  if (authority.starts_with('[')) {
    const std::size_t close = authority.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    out.host = authority.substr(1, close - 1);
    port = authority.substr(close + 1);
    if (out.host.find_first_not_of("0123456789abcdefABCDEF:.") != std::string::npos) return std::nullopt;
  } else {
    const std::size_t colon = std::min(authority.find(':'), authority.size());
    out.host = authority.substr(0, colon);
    port = authority.substr(colon);
    const auto allowed = [](unsigned char c) { return std::isalnum(c) || c == '.' || c == '-' || c == '_'; };
    if (!std::all_of(out.host.begin(), out.host.end(), allowed)) return std::nullopt;
  }
  if (out.host.empty()) return std::nullopt;
  out.port = out.tls ? 443 : 80;
  if (!port.empty()) {
    if (port.front() != ':') return std::nullopt;
    port.remove_prefix(1);
    const auto [stop, error] = std::from_chars(port.data(), port.data() + port.size(), out.port);
    if (error != std::errc() || stop != port.data() + port.size() || out.port == 0) return std::nullopt;
  }
  return out;
}

}  // namespace jwtd
