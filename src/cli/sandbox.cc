// cli/sandbox.cc - starts the sandbox and waits for the signal that ends it.
#include "cli/sandbox.h"

#include <csignal>
#include <ostream>

#include "base/url.h"
#include "cli/cli.h"
#include "config/values.h"
#include "keys/api_key.h"

namespace jwtd::cli {
namespace {

constexpr const char* kPath = "/v1/callbacks/telesign";

int usage_error(std::ostream& err, const std::string& what) {
  err << "jwtd: " << what << "\nSee: jwtd sandbox --help\n";
  return kExitUsage;
}

bool is_peer(const std::string& url) {
  const auto parts = parse_http_url(url);
  return parts && (parts->tls || config::is_loopback({parts->host, parts->port}));
}

}  // namespace

Result<std::unique_ptr<sandbox::SandboxServer>> start_sandbox(const SandboxRequest& request, const std::string& ca_file, std::ostream& out) {
  Result<Secret> text = read_secret_file(request.api_key_file);
  if (!text) return text.error();
  Result<jose::HmacKey> key = keys::load_api_key(request.api_key_file, jose::Algorithm::kHs256);
  if (!key) return key.error();
  const Result<config::Endpoint> endpoint = config::parse_endpoint(request.listen);
  if (!endpoint) return endpoint.error();
  const auto mutex = std::make_shared<std::mutex>();
  const auto say = [&out, mutex](std::string_view line) {
    const std::lock_guard lock(*mutex);
    out << "sandbox: " << line << std::endl;
  };
  auto server = sandbox::SandboxServer::start(endpoint->host, endpoint->port,
                                              {.customer_id = request.customer_id, .code = request.code, .copies = request.copies, .ca_file = ca_file, .say = say},
                                              *std::move(key), *std::move(text));
  if (server && !request.callback_url.empty()) (*server)->set_callback_url(request.callback_url);
  return server;
}

int sandbox(const SandboxRequest& request, std::ostream& out, std::ostream& err) {
  const Result<config::Endpoint> endpoint = config::parse_endpoint(request.listen);
  if (!endpoint) return usage_error(err, "--listen " + endpoint.error().detail());
  if (!config::is_loopback(*endpoint)) return usage_error(err, "--listen must be a loopback address: whoever reaches a sandbox can have any phone number verified");
  if (!request.callback_url.empty() && !is_peer(request.callback_url)) return usage_error(err, "--callback-url must be https://host/path, or http:// of loopback");

  sigset_t ends, before;
  sigemptyset(&ends);
  for (const int signal : {SIGTERM, SIGINT}) sigaddset(&ends, signal);
  pthread_sigmask(SIG_BLOCK, &ends, &before);
  const auto server = start_sandbox(request, "", out);
  if (!server) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    err << "jwtd: " << server.error().message() << '\n';
    return kExitFailed;
  }
  out << "jwtd sandbox plays TeleSign on http://" << (*server)->endpoint() << " for customer " << request.customer_id << ".\n"
      << "In jwtd's configuration: [telesign] url = \"http://" << (*server)->endpoint() << "\"\n"
      << "Callbacks go to " << (request.callback_url.empty() ? std::string("nobody; --callback-url http://127.0.0.1:8080") + kPath + " says where" : request.callback_url)
      << ". Ctrl-C ends it." << std::endl;
  int signal = 0;
  sigwait(&ends, &signal);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return kExitOk;
}

}  // namespace jwtd::cli
