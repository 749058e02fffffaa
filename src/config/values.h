// config/values.h - from the text of one value to the value, and back to the text that the documentation shows.
//
// Every failure is kValueMalformed; its detail is the rest of a sentence that begins with the setting's name ("must be ...").
// Thread-safety: pure functions.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.h"
#include "config/config.h"

namespace jwtd::config {

inline constexpr Code kValueMalformed{"value_malformed", Fault::kInvalidArgument, "A setting has a value that it cannot have"};

// "500ms", "90s", "10m", "1h", "30d": digits and one unit, at most 100 years.
Result<std::chrono::milliseconds> parse_duration(std::string_view text);
std::string duration_text(std::chrono::milliseconds value);  // in the largest unit that divides it; "0s"

// "0.0.0.0:8443", "[::]:8443", "localhost:8080", ":8080" (all IPv4 addresses). Names other than localhost are refused: an address to listen on
// must not depend on a resolver.
Result<Endpoint> parse_endpoint(std::string_view text);
bool is_loopback(const Endpoint& endpoint);

// "10.0.0.0/8", "2001:db8::/32", or one address. Bits behind the prefix must be zero.
Result<Network> parse_network(std::string_view text);
std::string network_text(const Network& network);

// In double quotes, control characters and quotes escaped as TOML does, cut after 80 octets: for problems.
std::string in_quotes(std::string_view text);

}  // namespace jwtd::config
