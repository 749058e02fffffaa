// cli/check_config.cc - looks at the files that a configuration names.
#include "cli/check_config.h"

#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <ostream>
#include <system_error>
#include <utility>

#include "access/callers.h"
#include "cli/cli.h"
#include "http/tls.h"
#include "keys/api_key.h"
#include "keys/webhook_secret.h"
#include "outgoing/trust.h"

namespace jwtd::cli {
namespace {

namespace fs = std::filesystem;

class FileCheck {
 public:
  explicit FileCheck(config::Loaded& loaded) : loaded_(loaded), config_(loaded.config) {}

  void api_key() { key_file("issuer.api_key_file", config_.issuer.api_key_file); }

  void previous_api_key() {
    if (!config_.issuer.previous_api_key_file.empty()) key_file("issuer.previous_api_key_file", config_.issuer.previous_api_key_file);
  }

  void forward_secret() {
    const std::string& path = config_.callbacks.forward_secret_file;
    if (path.empty()) return;
    if (const auto key = keys::load_webhook_secret(path); !key) return problem("callbacks.forward_secret_file", key.error().message());
    if (keys::readable_by_everyone(path)) warn("callbacks.forward_secret_file", path + " can be read by every user of this machine");
  }

  void trust_files() {
    for (const auto& [setting, path] : {std::pair{"telesign.ca_file", &config_.telesign.ca_file}, {"callbacks.forward_ca_file", &config_.callbacks.forward_ca_file}, {"limits.ca_file", &config_.limits.ca_file}}) {
      if (const Status trust = outgoing::check_trust_file(*path); !trust) problem(setting, trust.error().message());
    }
  }

  void tls_pair() {
    if (!config_.tls.enabled) return;
    const http::TlsOptions options{config_.tls.certificate, config_.tls.key, static_cast<http::TlsMinimum>(config_.tls.min_version)};
    if (const auto context = http::TlsContext::make(options, nullptr); !context) problem("tls.certificate", context.error().message());
    if (keys::readable_by_everyone(config_.tls.key)) warn("tls.key", config_.tls.key + " can be read by every user of this machine");
  }

  void callers_file() {
    const std::string& path = config_.auth.callers_file;
    if (path.empty()) return;
    const auto callers = access::Callers::load(path);
    if (!callers) return problem("auth.callers_file", callers.error().message());
    if (callers->all().empty()) {
      warn("auth.callers_file", "there is no caller in " + path + "; jwtd caller add NAME --scope read,read:pii,mint makes the first");
    }
  }

  void store_folder() {
    constexpr std::string_view kRocksdb = "rocksdb://";
    if (!config_.store.url_file.empty()) return;  // the URL is only known at start
    if (!config_.store.url.starts_with(kRocksdb)) return;
    folder("store.url", fs::path(config_.store.url.substr(kRocksdb.size())));
  }

  void log_file() {
    if (config_.log.options.file.empty()) return;
    const fs::path path(config_.log.options.file);
    std::error_code error;
    if (fs::is_directory(path, error)) return problem("log.file", path.string() + " is a folder");
    if (fs::exists(path, error)) {
      if (::access(path.c_str(), W_OK) != 0) problem("log.file", path.string() + " cannot be written: " + reason(errno));
      return;
    }
    parent_is_writable("log.file", path);
  }

 private:
  void key_file(const std::string& setting, const std::string& path) {
    const auto key = keys::load_api_key(path, config_.issuer.algorithm);
    if (!key) return problem(setting, key.error().message());
    if (key->shorter_than_hash()) {
      warn(setting, "the key has fewer octets than the hash of " + std::string(jose::name_of(config_.issuer.algorithm)) +
                                      ", which RFC 7518 s3.2 asks for");
    }
    if (keys::is_published_sample(*key)) warn(setting, path + " holds a key out of public documentation: anybody can sign with it");
    if (keys::is_known_secret(*key)) warn(setting, path + " holds a key out of the lists that attackers try first: ask TeleSign for another");
    if (keys::readable_by_everyone(path)) warn(setting, path + " can be read by every user of this machine; chmod 600 is enough for jwtd");
  }

  static std::string reason(int cause) { return std::generic_category().message(cause); }

  std::string where(const std::string& key) const {
    const auto found = loaded_.origins.find(key);
    return found == loaded_.origins.end() ? std::string() : found->second;  // a default stands nowhere
  }
  static std::string sentence(const std::string& key, const std::string& what) { return key + ": " + what + (what.ends_with('.') ? "" : "."); }
  void problem(const std::string& key, const std::string& what) { loaded_.problems.push_back({where(key), sentence(key, what)}); }
  void warn(const std::string& key, const std::string& what) { loaded_.warnings.push_back({where(key), sentence(key, what)}); }

  // One that is there and may be written, or that could be made.
  void folder(const std::string& key, fs::path path) {
    if (!path.has_filename()) path = path.parent_path();  // a trailing slash
    std::error_code error;
    if (!fs::exists(path, error)) return parent_is_writable(key, path);
    if (!fs::is_directory(path, error)) return problem(key, path.string() + " is not a folder");
    if (::access(path.c_str(), R_OK | W_OK | X_OK) != 0) problem(key, path.string() + " cannot be written: " + reason(errno));
  }

  void parent_is_writable(const std::string& key, const fs::path& path) {
    const fs::path parent = path.has_parent_path() ? path.parent_path() : fs::path(".");
    std::error_code error;
    if (!fs::is_directory(parent, error)) return problem(key, path.string() + " cannot be made: there is no folder " + parent.string());
    if (::access(parent.c_str(), W_OK | X_OK) != 0) problem(key, path.string() + " cannot be made: " + parent.string() + ": " + reason(errno));
  }

  config::Loaded& loaded_;
  const config::Config& config_;
};

nlohmann::json as_json(const std::vector<config::Problem>& findings) {
  nlohmann::json out = nlohmann::json::array();
  for (const auto& finding : findings) out.push_back({{"where", finding.where}, {"what", finding.what}});
  return out;
}

}  // namespace

void check_files(config::Loaded& loaded) {
  FileCheck check(loaded);
  check.api_key();
  check.previous_api_key();
  check.forward_secret();
  check.trust_files();
  check.tls_pair();
  check.callers_file();
  check.store_folder();
  check.log_file();
}

void print_findings(const config::Loaded& loaded, std::ostream& err) {
  for (const auto& problem : loaded.problems) err << problem.text() << '\n';
  for (const auto& warning : loaded.warnings) err << warning.where << (warning.where.empty() ? "" : ": ") << "warning: " << warning.what << '\n';
}

int check_config(const CheckRequest& request, const config::Environment& environment, std::ostream& out, std::ostream& err) {
  config::Loaded loaded = config::load_file(request.config_file, environment, request.flags);
  // Settings that are wrong name files that are not meant.
  if (loaded.problems.empty()) check_files(loaded);
  const bool ok = loaded.problems.empty();
  if (request.json) {
    const nlohmann::json report{{"ok", ok}, {"problems", as_json(loaded.problems)}, {"warnings", as_json(loaded.warnings)}};
    // A path may hold octets that are not UTF-8.
    out << report.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
  } else {
    print_findings(loaded, err);
    if (ok) out << "ok\n";
  }
  return ok ? kExitOk : kExitUsage;
}

}  // namespace jwtd::cli
