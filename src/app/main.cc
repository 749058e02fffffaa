// app/main.cc - the command line, and behind `serve` and `dev` the server.
#include "app/server.h"
#include "cli/cli.h"

int main(int argc, char** argv) { return jwtd::cli::run(argc, argv, jwtd::app::run_server); }
