// cli/check_config.h - `jwtd check-config FILE`: everything that can be known about a configuration without starting it.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "config/load.h"

namespace jwtd::cli {

// What lies behind the settings: the API key decodes, the TLS pair fits, the callers file reads, the folders are there and may be written.
// Appends to `loaded` problems and warnings where the settings stand. Reads files, makes and changes nothing.
void check_files(config::Loaded& loaded);

struct CheckRequest {
  std::string config_file;
  config::Overrides flags;
  bool json = false;  // -o json: {"ok","problems":[{"where","what"}],"warnings":[...]} on `out`
};

// "ok" on `out` and kExitOk; or every problem, one a line, on `err` and kExitUsage. Warnings go to `err` and change nothing.
int check_config(const CheckRequest& request, const config::Environment& environment, std::ostream& out, std::ostream& err);

// "where: sentence" a line; "where: warning: sentence".
void print_findings(const config::Loaded& loaded, std::ostream& err);

}  // namespace jwtd::cli
