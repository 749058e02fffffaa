// config/values.cc - durations, endpoints and networks out of text.
#include "config/values.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <optional>

namespace jwtd::config {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::int64_t kLongestDurationMillis = 100LL * 365 * 86400 * 1000;
constexpr std::size_t kQuotedOctets = 80;  // enough to recognise a value, short enough for a line

Error malformed(std::string what) { return Error(kValueMalformed, std::move(what)); }

// Digits only: no sign, no white space, nothing behind.
std::optional<std::int64_t> whole_number(std::string_view text) {
  if (text.empty() || text.size() > 18 || !std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; })) return {};
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::optional<std::int64_t> millis_per(std::string_view unit) {
  if (unit == "ms") return 1;
  if (unit == "s") return 1000;
  if (unit == "m") return 60'000;
  if (unit == "h") return 3'600'000;
  if (unit == "d") return 86'400'000;
  return {};
}

std::optional<std::array<std::uint8_t, 16>> numeric_address(std::string_view text, bool& is_ipv4) {
  if (text.find('\0') != std::string_view::npos) return {};  // inet_pton() would not see what is behind it
  const std::string z(text);
  std::array<std::uint8_t, 16> out{};
  is_ipv4 = ::inet_pton(AF_INET, z.c_str(), out.data() + 12) == 1;
  if (is_ipv4) {
    out[10] = out[11] = 0xff;
    return out;
  }
  if (::inet_pton(AF_INET6, z.c_str(), out.data()) == 1) return out;
  return {};
}

bool is_mapped_ipv4(const std::array<std::uint8_t, 16>& a) {
  return std::all_of(a.begin(), a.begin() + 10, [](std::uint8_t o) { return o == 0; }) && a[10] == 0xff && a[11] == 0xff;
}

std::string address_text(const std::array<std::uint8_t, 16>& a, bool as_ipv4) {
  char out[INET6_ADDRSTRLEN] = {};
  if (as_ipv4) ::inet_ntop(AF_INET, a.data() + 12, out, sizeof out);
  else ::inet_ntop(AF_INET6, a.data(), out, sizeof out);
  return out;
}

void clear_behind(std::array<std::uint8_t, 16>& a, unsigned prefix) {
  for (unsigned bit = prefix; bit < 128; ++bit) a[bit / 8] &= static_cast<std::uint8_t>(~(0x80u >> (bit % 8)));
}

}  // namespace

Result<milliseconds> parse_duration(std::string_view text) {
  const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto count = whole_number(text.substr(0, digits));
  const auto unit = millis_per(text.substr(digits));
  if (!count || !unit) return malformed("must be a duration such as \"90s\", \"10m\", \"1h\" or \"30d\"; " + in_quotes(text) + " is none");
  if (*count > kLongestDurationMillis / *unit) return malformed("must be at most 100 years; " + in_quotes(text) + " is more");
  return milliseconds(*count * *unit);
}

std::string duration_text(milliseconds value) {
  if (value.count() % 1000 != 0) return std::to_string(value.count()) + "ms";
  const std::int64_t s = value.count() / 1000;
  if (s == 0) return "0s";
  if (s % 86400 == 0) return std::to_string(s / 86400) + "d";
  if (s % 3600 == 0) return std::to_string(s / 3600) + "h";
  // 60 to 119 seconds and the like are clearer in seconds; from ten minutes on, in minutes.
  if (s % 60 == 0 && s >= 600) return std::to_string(s / 60) + "m";
  return std::to_string(s) + "s";
}

std::string Endpoint::text() const {
  return (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + std::to_string(port);
}

Result<Endpoint> parse_endpoint(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || (text.front() == '[' && text[colon - 1] != ']')) {
    return malformed("must be an address and a port such as \"0.0.0.0:8443\" or \"[::]:8443\"; " + in_quotes(text) + " has no port");
  }
  const auto port = whole_number(text.substr(colon + 1));
  if (!port || *port > 65535) return malformed("must end in a port from 0 to 65535; " + in_quotes(text) + " does not");
  std::string_view host = text.substr(0, colon);
  if (host.empty()) return Endpoint{"0.0.0.0", static_cast<std::uint16_t>(*port)};
  if (host == "localhost") return Endpoint{"localhost", static_cast<std::uint16_t>(*port)};
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  bool is_ipv4 = false;
  const auto address = numeric_address(host, is_ipv4);
  if (address && !is_ipv4 && !bracketed) return malformed("must have its IPv6 address in brackets, as in \"[::1]:8081\"");
  if (!address || (is_ipv4 && bracketed)) {
    return malformed("must be a numeric address or localhost, then a port; " + in_quotes(text) + " has no such address");
  }
  return Endpoint{address_text(*address, is_ipv4), static_cast<std::uint16_t>(*port)};
}

bool is_loopback(const Endpoint& endpoint) {
  if (endpoint.host == "localhost") return true;
  bool is_ipv4 = false;
  const auto address = numeric_address(endpoint.host, is_ipv4);
  if (!address) return false;
  if (is_mapped_ipv4(*address)) return (*address)[12] == 127;
  return std::all_of(address->begin(), address->end() - 1, [](std::uint8_t o) { return o == 0; }) && address->back() == 1;
}

Result<Network> parse_network(std::string_view text) {
  const auto slash = text.find('/');
  bool is_ipv4 = false;
  const auto address = numeric_address(text.substr(0, slash), is_ipv4);
  if (!address) return malformed("must hold networks such as \"10.0.0.0/8\" or \"2001:db8::/32\"; " + in_quotes(text) + " is none");
  const unsigned most = is_ipv4 ? 32 : 128;
  unsigned prefix = most;
  if (slash != std::string_view::npos) {
    const auto bits = whole_number(text.substr(slash + 1));
    if (!bits || *bits > most) {
      return malformed("must have a prefix from 0 to " + std::to_string(most) + " behind the slash; " + in_quotes(text) + " does not");
    }
    prefix = static_cast<unsigned>(*bits);
  }
  Network out{*address, is_ipv4 ? prefix + 96 : prefix};
  clear_behind(out.address, out.prefix);
  if (out.address != *address) {
    return malformed("has " + in_quotes(text) + ", an address with bits behind its prefix; the network is " + in_quotes(network_text(out)));
  }
  return out;
}

std::string network_text(const Network& network) {
  const bool as_ipv4 = network.prefix >= 96 && is_mapped_ipv4(network.address);
  return address_text(network.address, as_ipv4) + "/" + std::to_string(as_ipv4 ? network.prefix - 96 : network.prefix);
}

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text.substr(0, kQuotedOctets)) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04X", static_cast<unsigned>(static_cast<unsigned char>(c)));
      out += escape;
    } else {
      out += c;
    }
  }
  if (text.size() > kQuotedOctets) out += "...";
  return out += '"';
}

}  // namespace jwtd::config
