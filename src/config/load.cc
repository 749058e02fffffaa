// config/load.cc - file, then environment, then flags, then the rules between settings.
#include "config/load.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "config/draft.h"
#include "config/nearest.h"
#include "config/settings.h"
#include "config/values.h"
#include "document/document.h"

extern char** environ;  // POSIX: declared by the program

namespace jwtd::config {
namespace {

constexpr std::string_view kPrefix = "JWTD_";
constexpr const char* kCredentialsDirectory = "CREDENTIALS_DIRECTORY";  // systemd.exec(5)

// Kubernetes puts JWTD_SERVICE_HOST, JWTD_PORT_8443_TCP and the like into every container beside a service called jwtd, and
// JWTD_ADMIN_SERVICE_HOST and so on for one called jwtd-admin.
bool is_service_link(std::string_view name, std::string_view value) {
  if (name.starts_with("JWTD_SERVICE_") || name == "JWTD_PORT" || name.starts_with("JWTD_PORT_")) return true;
  const auto has = [name](std::string_view part) { return name.find(part) != std::string_view::npos; };
  if (has("_SERVICE_HOST") || has("_SERVICE_PORT")) return true;
  return has("_PORT_") ? has("_TCP") || has("_UDP") || has("_SCTP") : name.ends_with("_PORT") && value.find("://") != std::string_view::npos;
}

void turn_tls_on_for(std::string_view key, Draft& draft) {
  if (key.starts_with("tls.")) draft.config.tls.enabled = true;
}

void read_environment(const Environment& environment, Draft& draft) {
  std::map<std::string, const Setting*> by_name;
  std::vector<std::string> names;
  for (const Setting& setting : setting_table()) {
    names.push_back(environment_name(setting.key));
    by_name[names.back()] = &setting;
  }
  for (const auto& [name, value] : environment) {
    if (!name.starts_with(kPrefix)) continue;
    if (const auto known = by_name.find(name); known != by_name.end()) {
      turn_tls_on_for(known->second->key, draft);
      draft.apply_text(*known->second, value, name);
    } else if (name == "JWTD_ISSUER_API_KEY") {
      draft.problem(name, "secrets never stand in the environment; use JWTD_ISSUER_API_KEY_FILE, the path of a file with the key");
    } else if (!is_service_link(name, value)) {
      const std::string near = nearest(name.substr(kPrefix.size()), [&] {
        std::vector<std::string> tails;
        for (const std::string& known_name : names) tails.push_back(known_name.substr(kPrefix.size()));
        return tails;
      }());
      draft.problem(name, "this is the name of no setting" + (near.empty() ? std::string() : "; did you mean JWTD_" + near + "?"));
    }
  }
}

void read_flags(const Overrides& flags, Draft& draft) {
  for (const auto& [key, value] : flags) {
    const Setting* setting = find_setting(key);
    if (setting == nullptr) {
      const auto dot = std::min(key.find('.'), key.size());
      draft.problem("--set " + in_quotes(key), about_unknown_key(key.substr(0, dot), dot == key.size() ? "" : key.substr(dot + 1)));
      continue;
    }
    turn_tls_on_for(key, draft);
    draft.apply_text(*setting, value, *setting->flag != '\0' ? setting->flag : "--set " + key);
  }
}

}  // namespace

Loaded parse(std::string_view toml, std::string_view name, const Environment& environment, const Overrides& flags) {
  Surroundings surroundings;
  if (const auto found = environment.find(kCredentialsDirectory); found != environment.end()) surroundings.credentials_directory = found->second;
  Draft draft(name, std::move(surroundings));
  const Document document = parse_toml(toml);
  if (document.error.empty()) read_document(document.root, draft);
  else draft.problem(document.error_line, document.error);
  read_environment(environment, draft);
  read_flags(flags, draft);
  // Of a file that could not be read, everything would seem to be missing.
  if (document.error.empty()) check_rules(draft);
  return std::move(draft).finish();
}

Loaded load_file(const std::string& path, const Environment& environment, const Overrides& flags) {
  const auto failed = [&](std::string what) {
    Loaded out;
    out.problems.push_back({path, std::move(what)});
    return out;
  };
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  if (!in) return failed(std::string("The configuration cannot be read: ") + std::strerror(errno) + ".");
  std::string text(kMaxConfigBytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad() || (in.gcount() == 0 && errno != 0)) return failed(std::string("The configuration cannot be read: ") + std::strerror(errno) + ".");
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > kMaxConfigBytes) return failed("The configuration is larger than " + std::to_string(kMaxConfigBytes) + " octets.");
  return parse(text, path, environment, flags);
}

Environment process_environment() {
  Environment out;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const auto equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view name = text.substr(0, equals);
    if (name.starts_with(kPrefix) || name == kCredentialsDirectory) out.emplace(name, text.substr(equals + 1));
  }
  return out;
}

std::vector<SettingText> setting_texts() {
  std::vector<SettingText> out;
  for (const Setting& setting : setting_table()) {
    out.push_back({setting.key, setting.flag, environment_name(setting.key), setting.help, setting.show(Config{})});
  }
  return out;
}

std::string value_of(const Config& config, std::string_view key) {
  const Setting* setting = find_setting(key);
  return setting == nullptr ? std::string() : setting->show(config);
}

const std::vector<std::string>& known_keys() {
  static const std::vector<std::string> keys = [] {
    std::vector<std::string> out;
    for (const Setting& setting : setting_table()) out.emplace_back(setting.key);
    return out;
  }();
  return keys;
}

}  // namespace jwtd::config
