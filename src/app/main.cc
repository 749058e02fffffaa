// app/main.cc - the command line, behind `serve` and `dev` the server, and behind `store` the drivers.
#include "app/server.h"
#include "app/stores.h"
#include "cli/cli.h"

int main(int argc, char** argv) { return jwtd::cli::run(argc, argv, jwtd::app::run_server, jwtd::app::stores()); }
