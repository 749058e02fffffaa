// sandbox/sandbox_server.cc - one loop, one listener.
#include "sandbox/sandbox_server.h"

#include <csignal>

#include "http/server.h"

namespace jwtd::sandbox {
namespace {

constexpr std::size_t kConnections = 256;
constexpr auto kDrain = std::chrono::milliseconds(200);

// Threads that are made meanwhile leave signals to the thread that waits for them.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

}  // namespace

struct SandboxServer::Parts {
  Parts(SandboxOptions options, jose::HmacKey key, Secret key_text) : sandbox(std::move(options), std::move(key), std::move(key_text)) {}
  Sandbox sandbox;
  http::Router router;
  http::Server server{{.threads = 1, .max_connections = kConnections}};
  std::string endpoint;
};

SandboxServer::SandboxServer(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
SandboxServer::~SandboxServer() { parts_->server.drain(kDrain); }

Result<std::unique_ptr<SandboxServer>> SandboxServer::start(const std::string& host, std::uint16_t port, SandboxOptions options, jose::HmacKey key, Secret key_text) {
  std::signal(SIGPIPE, SIG_IGN);  // a client that went away is an error of one write
  const SignalsBlocked blocked;
  auto parts = std::make_unique<Parts>(std::move(options), std::move(key), std::move(key_text));
  parts->sandbox.add_routes(parts->router);
  Result<std::string> bound = parts->server.listen({.host = host, .port = port, .routers = {&parts->router}});
  if (!bound) return bound.error();
  parts->endpoint = *std::move(bound);
  parts->server.start();
  return std::unique_ptr<SandboxServer>(new SandboxServer(std::move(parts)));
}

const std::string& SandboxServer::endpoint() const { return parts_->endpoint; }
void SandboxServer::set_callback_url(std::string url) { parts_->sandbox.set_callback_url(std::move(url)); }

}  // namespace jwtd::sandbox
