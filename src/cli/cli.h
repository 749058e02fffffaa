// cli/cli.h - the command line: one file per verb; this one routes to it.
//
// Exit codes, the same for every verb: 0 done, or every token valid; 1 it failed, or a token is not valid; 2 wrong usage or configuration.
// Results go to standard output, everything else to standard error. `-o json` where a machine may read.
#pragma once

#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/load.h"

namespace jwtd::cli {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;

struct ServeRequest {
  config::Config config;
  std::string config_path;         // read again at SIGHUP; empty: nothing to read again (jwtd dev)
  std::function<void(const std::string& public_endpoint, const std::string& admin_endpoint)> on_ready;  // may be empty; once both listen
  std::vector<config::Problem> warnings;  // for the log, at each start
};

// Runs the server until it is told to stop, and returns the exit code. app/ provides it, so that cli/ need not know the drivers.
using Serve = std::function<int(const ServeRequest&)>;

struct Stores;  // cli/stores.h: the same for stores

struct Streams {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  bool err_is_terminal = false;  // progress may be drawn over
};

// `arguments` begins with the program's name, as argv does.
int run(const std::vector<std::string>& arguments, const Streams& streams, const Serve& serve, const Stores& stores);

int run(int argc, char** argv, const Serve& serve, const Stores& stores);  // with the process's streams

}  // namespace jwtd::cli
