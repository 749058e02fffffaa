// cli/dev.h - `jwtd dev`: a whole jwtd out of nothing, to try and to develop against; not for production.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>

#include "base/time.h"
#include "cli/cli.h"

namespace jwtd::cli {

struct DevRequest {
  std::string program = "jwtd";     // as it was called, for the lines to paste
  std::string folder = "jwtd-dev";  // made when it is not there; a second run uses what the first one made
  std::uint16_t port = 8080;        // on 127.0.0.1, as the next; 0: any free one
  std::uint16_t admin_port = 8081;
  std::string store;                // URL; empty: RocksDB in the folder
  bool tls = false;                 // https with the folder's certificate, on both
  bool sandbox = false;             // the provider beside it, which jwtd asks and which calls it back
  std::uint16_t sandbox_port = 8082;
};

// Prints lines to paste on `out` once it serves. kExitUsage for a wrong store URL, kExitFailed for a folder that cannot be used, else what `serve`
// returns.
int dev(const DevRequest& request, std::ostream& out, std::ostream& err, const Serve& serve, UnixSeconds now);

}  // namespace jwtd::cli
