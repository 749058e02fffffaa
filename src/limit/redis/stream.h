// limit/redis/stream.h - octets to and from one server, plain or over TLS, with a deadline on every call.
//
// hiredis' own connections bound each read, not a whole exchange, and its version in Debian 12 has no TLS: so it reads and writes nothing
// here, and only takes replies apart (link.cc). TLS is 1.2 or later, and the certificate must be valid for the URL's host.
//
// Thread-safety: one thread at a time. SIGPIPE must be ignored in the process.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "limit/store_url.h"

namespace jwtd::limit {

inline constexpr Code kLimitStoreTimeout{"limit_store_timeout", Fault::kDeadlineExceeded, "The limits' store did not answer in time"};
inline constexpr Code kLimitStoreLost{"limit_store_lost", Fault::kUnavailable, "There is no connection to the limits' store"};

class Stream {
 public:
  // `ca_file`: PEM, whom to believe; empty: whom the system does. Only the look-up of the host's name may last beyond the deadline: the
  // system's resolver has its own. Fails with kLimitStoreTimeout, kLimitStoreLost; detail says at which step and why.
  static Result<std::unique_ptr<Stream>> connect(const StoreUrl& url, const std::string& ca_file, Monotonic::time_point deadline);
  ~Stream();

  // All of it. Fails as connect().
  Status write(std::string_view octets, Monotonic::time_point deadline);
  // At least one octet, at most `room`. Fails as connect().
  Result<std::size_t> read(char* to, std::size_t room, Monotonic::time_point deadline);

 private:
  struct Tls;
  Stream();
  Status open(const StoreUrl& url, Monotonic::time_point deadline);
  Status wait(short events, Monotonic::time_point deadline) const;
  Status shake_hands(const StoreUrl& url, const std::string& ca_file, Monotonic::time_point deadline);
  Status wait_for_tls(int outcome, const char* step, Monotonic::time_point deadline);

  int socket_ = -1;
  std::unique_ptr<Tls> tls_;
};

}  // namespace jwtd::limit
