// sandbox/sandbox_server.h - the sandbox behind an HTTP server on loopback, with a loop of its own.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "sandbox/sandbox.h"

namespace jwtd::sandbox {

class SandboxServer {
 public:
  // Serves when it returns. `host` is loopback: whoever reaches a sandbox can have phones verified. All its threads have signals blocked, and SIGPIPE is ignored from then on.
  // Fails with http::kListenFailed.
  static Result<std::unique_ptr<SandboxServer>> start(const std::string& host, std::uint16_t port, SandboxOptions options, jose::HmacKey key, Secret key_text);
  ~SandboxServer();

  const std::string& endpoint() const;  // "127.0.0.1:8082"
  void set_callback_url(std::string url);

 private:
  struct Parts;
  explicit SandboxServer(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace jwtd::sandbox
