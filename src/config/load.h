// config/load.h - reads and checks the configuration. All problems are found at once; nothing is half applied.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace jwtd::config {

struct Problem {
  std::string where;  // "/etc/jwtd.toml:12", "JWTD_LISTEN_PUBLIC", "--listen-public"
  std::string what;   // one sentence; for an unknown key with the nearest known one
};

struct Loaded {
  Config config;                   // meaningful when problems is empty
  std::vector<Problem> problems;   // the service does not start
  std::vector<Problem> warnings;   // it starts, and says so
};

using Overrides = std::vector<std::pair<std::string, std::string>>;  // "listen.public" -> "127.0.0.1:8080"

// `toml` is the file's text, `name` stands in problems. Reads nothing else: whether files exist and keys decode is check_files()'s.
// `environment`: only names that begin with JWTD_ are looked at; an unknown one is a warning.
Loaded parse(std::string_view toml, std::string_view name, const std::map<std::string, std::string>& environment,
             const Overrides& flags);

// parse() of a file (a problem when it cannot be read or is above kMaxConfigBytes).
Loaded load_file(const std::string& path, const std::map<std::string, std::string>& environment, const Overrides& flags);

std::map<std::string, std::string> process_environment();  // JWTD_* only

// Every known key ("listen.public"), in the order of jwtd.full.toml.
const std::vector<std::string>& known_keys();

}  // namespace jwtd::config
