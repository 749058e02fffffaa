// limit/store_url.h - reads the URL of a shared store for limits: redis://[[user]:password@]host[:port][/database], rediss:// for TLS.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace jwtd::limit {

inline constexpr Code kLimitStoreUrlMalformed{"limit_store_url_malformed", Fault::kInvalidArgument,
                                              "The URL of the limits' store must be redis://[[user]:password@]host[:port][/database], or rediss:// for TLS"};

struct StoreUrl {
  bool tls = false;
  std::string host;           // name or numeric address, IPv6 without its brackets
  std::uint16_t port = 6379;
  std::string user;           // empty: the server's default user
  std::string password;       // empty: none is sent
  unsigned database = 0;      // 0 to 9999

  std::string place() const;  // "rediss://host:6379/0": what may be shown, without user and password
};

// User and password may be percent-encoded. Fails with kLimitStoreUrlMalformed; detail names the part and never repeats it.
Result<StoreUrl> parse_store_url(std::string_view url);

}  // namespace jwtd::limit
