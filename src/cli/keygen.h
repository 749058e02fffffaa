// cli/keygen.h - `jwtd keygen`: a new API key, 64 random octets as base64 on one line.
#pragma once

#include <iosfwd>
#include <string>

namespace jwtd::cli {

struct KeygenRequest {
  std::string out_file;  // empty: standard output. A new file has mode 0600; one that is there already is never overwritten.
};

// kExitOk, or kExitFailed when the file cannot be made (nothing half-made stays behind). With a file, the key is not printed.
int keygen(const KeygenRequest& request, std::ostream& out, std::ostream& err);

}  // namespace jwtd::cli
