// cli/serve.cc - loads, checks, says what is wrong, serves.
#include "cli/serve.h"

#include <ostream>

#include "cli/check_config.h"

namespace jwtd::cli {

int serve_config(const ServeArguments& arguments, const config::Environment& environment, std::ostream& err, const Serve& serve) {
  config::Loaded loaded = config::load_file(arguments.config_file, environment, arguments.flags);
  if (loaded.problems.empty()) check_files(loaded);
  if (!loaded.problems.empty()) {
    print_findings(loaded, err);
    return kExitUsage;
  }
  // Standard error is the log's from here on, and whoever collects it reads one event a line.
  return serve({std::move(loaded.config), arguments.config_file, {}, std::move(loaded.warnings)});
}

}  // namespace jwtd::cli
