// app/server.h - runs a Service until a signal says stop: SIGTERM and SIGINT drain, SIGHUP reloads.
#pragma once

#include "cli/cli.h"

namespace jwtd::app {

int run_server(const cli::ServeRequest& request);

}  // namespace jwtd::app
