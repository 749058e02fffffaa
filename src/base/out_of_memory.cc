// base/out_of_memory.cc - a sentence, and the end.
#include "base/out_of_memory.h"

#include <unistd.h>

#include <cstdlib>

namespace jwtd {

void out_of_memory() {
  static constexpr char kWords[] = "jwtd: out of memory\n";
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, kWords, sizeof kWords - 1);
  ::_exit(EXIT_FAILURE);
}

}  // namespace jwtd
