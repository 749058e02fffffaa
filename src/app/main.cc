// app/main.cc - the command line, behind `serve` and `dev` the server, and behind `store` the drivers.
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "app/server.h"
#include "app/stores.h"
#include "cli/cli.h"

namespace {

// libmongoc has made a file in /dev/shm for its counters before main() began, in every jwtd, whatever its store. A process that is killed would leave
// it there, and a later one of the same number would complain of it. Its memory stays as it is without the name.
void leave_no_shared_memory() { ::shm_unlink(("/mongoc-" + std::to_string(::getpid())).c_str()); }

// RocksDB makes files that everybody may read, and they hold tokens and phone numbers; nor does each folder that is made for a store keep others out.
void leave_nothing_readable_to_everyone() { ::umask(::umask(S_IRWXO) | S_IRWXO); }

}  // namespace

int main(int argc, char** argv) {
  leave_nothing_readable_to_everyone();
  leave_no_shared_memory();
  return jwtd::cli::run(argc, argv, jwtd::app::run_server, jwtd::app::stores());
}
