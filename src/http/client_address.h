// http/client_address.h - whom a request comes from, when some of the hops before us are our own proxies.
//
// X-Forwarded-For and Forwarded (RFC 7239) are read only when the TCP peer is in a trusted network; then hops are taken from the right as
// long as they are trusted, and the first one that is not is the client. A hop that is not an address ("unknown", "_hidden", garbage) ends
// the walk: the last trusted address counts, so a forged field can only make limits stricter. So do a Forwarded element without `for`, with
// two of them, or with an unquoted port or IPv6 address (RFC 7239 s6), and the end of kMaxForwardedHops.
//
// Cost: none when the peer is not trusted; else one pass over the field lines from their end. Nothing allocates.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/client_key.h"

namespace jwtd::http {

inline constexpr std::size_t kMaxForwardedHops = 64;  // elements read, empty ones too: longer chains are loops or attacks

using Address = std::array<std::uint8_t, 16>;  // IPv4 as ::ffff:a.b.c.d

struct TrustedNetwork {
  Address address{};
  unsigned prefix = 128;  // bits of the 16 octets: 10.0.0.0/8 is ::ffff:10.0.0.0 with 104
  bool contains(const Address& a) const;
};

// "10.0.0.1", "2001:db8::1", "[2001:db8::1]", and "[2001:db8::1]:443", "10.0.0.1:80", whose port is checked and dropped. No white space, no
// zone, no leading zeros, four parts. An IPv4-mapped IPv6 address equals the IPv4 one.
std::optional<Address> parse_address(std::string_view text);

// IPv4 whole, IPv6 by its first 64 bits (a customer's smallest allocation, RFC 6177).
ClientKey client_key(const Address& address);

// `values`: the field lines of that name, in order. `rfc7239`: the syntax of Forwarded.
Address client_address(const Address& peer, std::span<const std::string_view> values, bool rfc7239,
                       std::span<const TrustedNetwork> trusted);

}  // namespace jwtd::http
