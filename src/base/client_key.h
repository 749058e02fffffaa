// base/client_key.h - who asks, as limits count it. http/client_address.h makes it from the connection and the proxies' fields.
#pragma once

#include <array>
#include <cstdint>

namespace jwtd {

// An IPv4 address whole, an IPv6 address by its first 64 bits.
struct ClientKey {
  std::array<std::uint8_t, 9> octets{};  // [0] is 4 or 6, then the address or prefix, then zeros
  friend bool operator==(const ClientKey&, const ClientKey&) = default;
};

}  // namespace jwtd
