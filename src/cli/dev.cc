// cli/dev.cc - a configuration around the development folder, and what to type next.
#include "cli/dev.h"

#include <algorithm>
#include <cctype>
#include <ostream>

#include "base/url.h"
#include "cli/check_config.h"
#include "cli/dev_folder.h"
#include "cli/sandbox.h"
#include "config/load.h"

namespace jwtd::cli {
namespace {

constexpr const char* kPhone = "15555551234";  // 555-01xx and the like are nobody's
constexpr const char* kXid = "my-first-transaction";
constexpr const char* kVerifiedXid = "my-first-verification";
constexpr const char* kSandboxCode = "12345";  // one for every call, so that the lines need no editing

std::string in_shell(const std::string& text) {
  const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) || std::string_view("-_./:@%+=,").find(static_cast<char>(c)) != std::string_view::npos;
  });
  if (plain) return text;
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

config::Overrides settings(const DevRequest& request, const DevFolder& folder) {
  config::Overrides out{
      {"issuer.customer_id", folder.customer_id()},
      {"issuer.api_key_file", folder.api_key()},
      {"listen.public", "127.0.0.1:" + std::to_string(request.port)},
      {"listen.admin", "127.0.0.1:" + std::to_string(request.admin_port)},
      {"store.url", request.store.empty() ? "rocksdb://" + folder.store() : request.store},
      {"auth.callers_file", folder.callers()},
      {"log.format", "text"},
      {"log.file", folder.log()},
  };
  if (request.tls) {
    out.emplace_back("tls.certificate", folder.certificate());
    out.emplace_back("tls.key", folder.tls_key());
  }
  return out;
}

// The flow from token to status, the provider being the sandbox.
void print_flow(const std::string& curl, const std::string& with_key, const std::string& open, const std::string& admin, const std::string& sandbox, std::ostream& out) {
  const std::string provider = "http://" + sandbox + "/v1/mobile/verification";
  out << "\nThe whole flow, with TeleSign played on " << sandbox << " (its calls and callbacks are told here): mint, initiate, finalize,\n"
      << "the callback in the transaction's events, status. Paste them one after another:\n"
      << "  T=$(" << curl << " " << open << "/v1/token/" << kPhone << "/" << kVerifiedXid << "); echo \"$T\"\n"
      << "  I=$(curl -s -d \"jwt=$T\" -d phone_number=" << kPhone << " " << provider << " | sed 's/.*\"initiate_id\":\"\\([^\"]*\\)\".*/\\1/'); echo \"$I\"\n"
      << "  curl -s -d \"initiate_id=$I\" -d verification_code=" << kSandboxCode << " " << provider << "/finalize\n"
      << "  " << with_key << admin << "/v1/transactions/" << kVerifiedXid << "\n"
      << "  " << with_key << "'" << admin << "/v1/transactions/" << kVerifiedXid << "/status?refresh=1'\n";
}

void print_lines(const DevRequest& request, const DevFolder& folder, const std::string& store, const std::string& public_endpoint,
                 const std::string& admin_endpoint, const std::string& sandbox, std::ostream& out) {
  const std::string scheme = request.tls ? "https://" : "http://";
  const std::string open = scheme + public_endpoint, admin = "http://" + admin_endpoint;  // on loopback the admin routes are never https
  const std::string curl = "curl -s" + (request.tls ? " --cacert " + in_shell(folder.certificate()) : std::string());
  const std::string with_key = "curl -s -H \"Authorization: Bearer $(cat " + in_shell(folder.caller_key()) + ")\" ";
  const std::string verify =
      in_shell(request.program) + " token verify --key " + in_shell(folder.api_key()) + " --issuer " + folder.customer_id() + " -";
  out << "jwtd dev serves. NOT FOR PRODUCTION: its keys lie beside its store, and whoever reaches it may mint without limit.\n"
      << "\n"
      << "  tokens   " << open << "\n"
      << "  admin    " << admin << "\n"
      << "  folder   " << folder.path() << (folder.is_new() ? " (new)" : " (used again)") << "\n"
      << "  store    " << store << "\n"
      << "  log      " << folder.log() << "\n"
      << "\n"
      << "A token, as the app asks for it:\n"
      << "  " << curl << " " << open << "/v1/token/" << kPhone << "\n"
      << "\n"
      << "One with a transaction id of yours, and whether it is good:\n"
      << "  " << curl << " " << open << "/v1/token/" << kPhone << "/" << kXid << " | " << verify << "\n"
      << "\n"
      << "The same with no phone number in a URL:\n"
      << "  " << curl << " -H 'Content-Type: application/json' -d '{\"phone_number\":\"" << kPhone << "\"}' " << open << "/v1/tokens\n"
      << "\n"
      << "What is on record, by transaction and by phone number (the caller \"dev\" has all scopes):\n"
      << "  " << with_key << admin << "/v1/transactions/" << kXid << "\n"
      << "  " << with_key << "'" << admin << "/v1/transactions?phone_number=" << kPhone << "'\n";
  if (!sandbox.empty()) print_flow(curl, with_key, open, admin, sandbox, out);
  out << "\n"
      << "How it is:\n"
      << "  curl -s " << admin << "/readyz\n"
      << "  curl -s " << admin << "/metrics\n"
      << "\n"
      << "In earnest: put your customer id, key file and certificate into conf/jwtd.toml, then\n"
      << "  " << in_shell(request.program) << " check-config conf/jwtd.toml && " << in_shell(request.program) << " serve --config conf/jwtd.toml\n"
      << "\n"
      << "Ctrl-C ends it; a second jwtd dev goes on where this one stopped.\n"
      << std::flush;
}

}  // namespace

int dev(const DevRequest& request, std::ostream& out, std::ostream& err, const Serve& serve, UnixSeconds now) {
  const auto folder = DevFolder::open(request.folder, now);
  if (!folder) {
    err << "jwtd: " << folder.error().message() << '\n';
    return kExitFailed;
  }
  config::Overrides flags = settings(request, *folder);
  std::unique_ptr<sandbox::SandboxServer> sandbox;
  if (request.sandbox) {
    auto started = start_sandbox({.listen = "127.0.0.1:" + std::to_string(request.sandbox_port),
                                  .api_key_file = folder->api_key(),
                                  .customer_id = folder->customer_id(),
                                  .code = kSandboxCode},
                                 request.tls ? folder->certificate() : "", out);
    if (!started) {
      err << "jwtd: " << started.error().message() << '\n';
      return kExitFailed;
    }
    sandbox = *std::move(started);
    flags.emplace_back("telesign.url", "http://" + sandbox->endpoint());
  }
  // The environment is left out, so that `jwtd dev` is the same everywhere.
  config::Loaded loaded = config::parse("", "", {}, flags);
  if (loaded.problems.empty()) check_files(loaded);
  print_findings(loaded, err);
  err.flush();
  if (!loaded.problems.empty()) return kExitUsage;
  loaded.config.store.migrate = true;
  loaded.config.tls.strict_transport = false;
  const std::string store = without_password(loaded.config.store.url);
  return serve({std::move(loaded.config), "", [&](const std::string& public_endpoint, const std::string& admin_endpoint) {
                  if (sandbox) sandbox->set_callback_url((request.tls ? "https://" : "http://") + public_endpoint + "/v1/callbacks/telesign");
                  print_lines(request, *folder, store, public_endpoint, admin_endpoint, sandbox ? sandbox->endpoint() : "", out);
                }, {}});
}

}  // namespace jwtd::cli
