// cli/serve.cc - loads, checks, says what is wrong, serves.
#include "cli/serve.h"

#include <ostream>

#include "cli/check_config.h"

namespace jwtd::cli {

int serve_config(const ServeArguments& arguments, const config::Environment& environment, std::ostream& err, const Serve& serve) {
  config::Loaded loaded = config::load_file(arguments.config_file, environment, arguments.flags);
  if (loaded.problems.empty()) check_files(loaded);
  print_findings(loaded, err);
  err.flush();
  if (!loaded.problems.empty()) return kExitUsage;
  return serve({std::move(loaded.config), arguments.config_file, {}});
}

}  // namespace jwtd::cli
