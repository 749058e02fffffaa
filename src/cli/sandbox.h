// cli/sandbox.h - `jwtd sandbox`: the provider on loopback, until it is told to stop. docs/SANDBOX.md.
#pragma once

#include <iosfwd>
#include <memory>
#include <mutex>
#include <string>

#include "base/result.h"
#include "sandbox/sandbox_server.h"

namespace jwtd::cli {

struct SandboxRequest {
  std::string listen = "127.0.0.1:8082";  // loopback only
  std::string api_key_file;
  std::string customer_id;
  std::string callback_url;  // empty: callbacks are only printed
  std::string code;          // empty: five random digits for each call
  unsigned copies = 1;       // of each callback
};

// Serves until SIGINT or SIGTERM. kExitUsage for a wrong address or URL, kExitFailed for a key or an address that cannot be used.
int sandbox(const SandboxRequest& request, std::ostream& out, std::ostream& err);

// The same as a part of `jwtd dev`, which prints what happens on `out`, a line at a time; `out` outlives it.
Result<std::unique_ptr<sandbox::SandboxServer>> start_sandbox(const SandboxRequest& request, const std::string& ca_file, std::ostream& out);

}  // namespace jwtd::cli
