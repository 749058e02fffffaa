// config/load.h - reads and checks the configuration. All problems are found at once; nothing is half applied.
//
// No problem repeats a secret: values of file settings and the store's URL are never quoted, since people put keys and passwords there.
// Thread-safety: pure functions, but for load_file() and process_environment().
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/config.h"

namespace jwtd::config {

struct Problem {
  std::string where;  // "/etc/jwtd.toml:12", "JWTD_LISTEN_PUBLIC", "--listen-public", "--set proxy.trusted"
  std::string what;   // one sentence; for an unknown key with the nearest known one
  std::string text() const { return where.empty() ? what : where + ": " + what; }
};

struct Loaded {
  Config config;                   // meaningful when problems is empty
  std::vector<Problem> problems;   // the service does not start; those of the file first, by line
  std::vector<Problem> warnings;   // it starts, and says so
  std::map<std::string, std::string> origins;  // "listen.public" -> where it was set, as Problem::where; without those left at their default
};

using Environment = std::map<std::string, std::string>;
using Overrides = std::vector<std::pair<std::string, std::string>>;  // "listen.public" -> "127.0.0.1:8080"; the last of a key counts

// `toml` is the file's text, `name` stands in problems. Reads nothing else: whether files exist and keys decode is cli/check_config.h's.
// `environment`: only names that begin with JWTD_ are looked at, and CREDENTIALS_DIRECTORY, which "credential:NAME" is relative to. An unknown
// JWTD_ name is a problem, as an unknown key of the file is; those that Kubernetes sets for services called jwtd or jwtd-... are passed over.
Loaded parse(std::string_view toml, std::string_view name, const Environment& environment, const Overrides& flags);

// parse() of a file (a problem when it cannot be read or is above kMaxConfigBytes).
Loaded load_file(const std::string& path, const Environment& environment, const Overrides& flags);

Environment process_environment();  // what parse() looks at

// What --help and the test of conf/jwtd.full.toml need to know of a setting.
struct SettingText {
  std::string key;            // "listen.public"
  std::string flag;           // "--listen-public"; empty: only by --set
  std::string environment;    // "JWTD_LISTEN_PUBLIC"
  std::string help;           // one line
  std::string default_value;  // as TOML; "\"\"" or "[]": there is none
};
std::vector<SettingText> setting_texts();             // in the order of jwtd.full.toml
std::string value_of(const Config& config, std::string_view key);  // as TOML; empty for an unknown key

// Every known key ("listen.public"), in the order of jwtd.full.toml.
const std::vector<std::string>& known_keys();

}  // namespace jwtd::config
