// http/client_address.cc - addresses, and the walk from the right through the hops that our own proxies wrote.
#include "http/client_address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

namespace jwtd::http {
namespace {

bool is_ows(char c) { return c == ' ' || c == '\t'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool is_letter(char c) { return lower(c) >= 'a' && lower(c) <= 'z'; }

bool is_tchar(char c) {  // RFC 9110 s5.6.2
  return is_letter(c) || is_digit(c) || (c != '\0' && std::strchr("!#$%&'*+-.^_`|~", c) != nullptr);
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_ows(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_ows(text.back())) text.remove_suffix(1);
  return text;
}

bool is_port(std::string_view text) {
  if (text.empty() || text.size() > 5 || !std::all_of(text.begin(), text.end(), is_digit)) return false;
  unsigned value = 0;
  for (const char c : text) value = value * 10 + static_cast<unsigned>(c - '0');
  return value <= 65'535;
}

bool is_obfuscated_port(std::string_view text) {  // RFC 7239 s6
  return text.size() >= 2 && text[0] == '_' &&
         std::all_of(text.begin() + 1, text.end(), [](char c) { return is_letter(c) || is_digit(c) || c == '.' || c == '_' || c == '-'; });
}

bool by_inet_pton(int family, std::string_view text, void* out) {
  char terminated[INET6_ADDRSTRLEN];
  if (text.size() >= sizeof terminated || text.find('\0') != std::string_view::npos) return false;
  std::memcpy(terminated, text.data(), text.size());
  terminated[text.size()] = '\0';
  return ::inet_pton(family, terminated, out) == 1;
}

std::optional<Address> parse_v4(std::string_view text) {
  Address address{};
  address[10] = address[11] = 0xff;
  if (!by_inet_pton(AF_INET, text, address.data() + 12)) return std::nullopt;
  return address;
}

std::optional<Address> parse_v6(std::string_view text) {
  Address address{};
  if (!by_inet_pton(AF_INET6, text, address.data())) return std::nullopt;
  return address;
}

bool is_v4(const Address& address) {
  static constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return std::equal(kMapped.begin(), kMapped.end(), address.begin());
}

// Address and port, where the port's form depends on who wrote it.
template <class IsPort>
std::optional<Address> parse_node(std::string_view text, IsPort is_good_port) {
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view rest = text.substr(end + 1);
    if (!rest.empty() && (rest[0] != ':' || !is_good_port(rest.substr(1)))) return std::nullopt;
    return parse_v6(text.substr(1, end - 1));
  }
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return parse_v4(text);
  if (!is_good_port(text.substr(colon + 1))) return std::nullopt;
  return parse_v4(text.substr(0, colon));
}

// Cuts the last element off `list`, which is not empty. From the right, so that whatever a client left open ("for=\"x) cannot swallow what
// our proxies wrote behind it. With `quotes`, a comma inside a quoted string does not divide.
std::string_view cut_last(std::string_view& list, char divider, bool quotes) {
  bool quoted = false;
  std::size_t at = list.size();
  while (at > 0) {
    const char c = list[at - 1];
    if (quotes && c == '"') {
      std::size_t escapes = 0;
      while (escapes + 1 < at && list[at - 2 - escapes] == '\\') ++escapes;
      if (!quoted || escapes % 2 == 0) quoted = !quoted;
    } else if (c == divider && !quoted) {
      break;
    }
    --at;
  }
  const std::string_view last = list.substr(at);
  list = at == 0 ? std::string_view{} : list.substr(0, at - 1);
  return last;
}

// What stands in the quotes, unescaped into `buffer`. An address has no character that needs an escape, so a longer one than fits is none.
std::optional<std::string_view> unquote(std::string_view text, std::span<char> buffer) {
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') return std::nullopt;
  text = text.substr(1, text.size() - 2);
  std::size_t size = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') return std::nullopt;
    if (text[i] == '\\' && ++i == text.size()) return std::nullopt;
    if (size == buffer.size()) return std::nullopt;
    buffer[size++] = text[i];
  }
  return std::string_view(buffer.data(), size);
}

// The `for` of one forwarded-element (RFC 7239 s4), if that is an address. White space around ";" is taken, though the RFC has none: some
// write it.
std::optional<Address> address_of_element(std::string_view element) {
  std::optional<std::string_view> value;
  while (!element.empty()) {
    const std::string_view pair = trim(cut_last(element, ';', true));
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos || equals == 0) return std::nullopt;
    const std::string_view name = pair.substr(0, equals);
    if (!std::all_of(name.begin(), name.end(), is_tchar)) return std::nullopt;
    if (name.size() != 3 || lower(name[0]) != 'f' || lower(name[1]) != 'o' || lower(name[2]) != 'r') continue;
    if (value) return std::nullopt;  // "Each parameter MUST NOT occur more than once"
    value = pair.substr(equals + 1);
  }
  if (!value || value->empty()) return std::nullopt;
  char buffer[128];  // "[" and 45 of an IPv6 address, "]:" and a port that may be a name
  const auto is_good_port = [](std::string_view port) { return is_port(port) || is_obfuscated_port(port); };
  if (value->front() == '"') {
    const std::optional<std::string_view> plain = unquote(*value, buffer);
    if (!plain) return std::nullopt;
    return parse_node(*plain, is_good_port);
  }
  if (!std::all_of(value->begin(), value->end(), is_tchar)) return std::nullopt;
  return parse_v4(*value);
}

bool is_trusted(const Address& address, std::span<const TrustedNetwork> trusted) {
  return std::any_of(trusted.begin(), trusted.end(), [&](const TrustedNetwork& network) { return network.contains(address); });
}

}  // namespace

bool TrustedNetwork::contains(const Address& a) const {
  const std::size_t whole = std::min(prefix, 128u) / 8;
  const unsigned rest = std::min(prefix, 128u) % 8;
  if (!std::equal(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(whole), address.begin())) return false;
  return rest == 0 || (a[whole] >> (8 - rest)) == (address[whole] >> (8 - rest));
}

std::optional<Address> parse_address(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (!text.starts_with('[') && colon != std::string_view::npos && text.find(':', colon + 1) != std::string_view::npos)
    return parse_v6(text);
  return parse_node(text, is_port);
}

ClientKey client_key(const Address& address) {
  ClientKey key;
  if (is_v4(address)) {
    key.octets[0] = 4;
    std::copy(address.begin() + 12, address.end(), key.octets.begin() + 1);
  } else {
    key.octets[0] = 6;
    std::copy(address.begin(), address.begin() + 8, key.octets.begin() + 1);
  }
  return key;
}

Address client_address(const Address& peer, std::span<const std::string_view> values, bool rfc7239,
                       std::span<const TrustedNetwork> trusted) {
  Address current = peer;
  if (!is_trusted(current, trusted)) return current;
  std::size_t hops = 0;
  for (std::size_t line = values.size(); line > 0; --line) {
    std::string_view list = values[line - 1];
    while (!list.empty()) {
      if (++hops > kMaxForwardedHops) return current;
      const std::string_view element = trim(cut_last(list, ',', rfc7239));
      if (element.empty()) continue;  // RFC 9110 s5.6.1.2
      const std::optional<Address> hop = rfc7239 ? address_of_element(element) : parse_address(element);
      if (!hop) return current;
      current = *hop;
      if (!is_trusted(current, trusted)) return current;
    }
  }
  return current;
}

}  // namespace jwtd::http
