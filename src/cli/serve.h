// cli/serve.h - `jwtd serve --config FILE`: the configuration, checked whole, then the server.
#pragma once

#include <iosfwd>
#include <string>

#include "cli/cli.h"
#include "config/load.h"

namespace jwtd::cli {

struct ServeArguments {
  std::string config_file;
  config::Overrides flags;
};

// All problems on `err` and kExitUsage before anything is made; else the warnings on `err`, and what `serve` returns.
int serve_config(const ServeArguments& arguments, const config::Environment& environment, std::ostream& err, const Serve& serve);

}  // namespace jwtd::cli
