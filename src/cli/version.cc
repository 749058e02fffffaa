// cli/version.cc - versions as the build knew them, so that no vendor header is needed here.
#include "cli/version.h"

#include <nlohmann/json.hpp>
#include <ostream>

#include "cli/cli.h"

#ifdef __clang__
#define JWTD_COMPILER "clang++ " __clang_version__
#else
#define JWTD_COMPILER "g++ " __VERSION__
#endif

namespace jwtd::cli {

int version(bool json, std::ostream& out) {
  if (json) {
    const nlohmann::ordered_json versions{
        {"jwtd", JWTD_VERSION}, {"compiler", JWTD_COMPILER}, {"openssl", JWTD_OPENSSL_VERSION}, {"rocksdb", JWTD_ROCKSDB_VERSION}};
    out << versions.dump() << '\n';
  } else {
    out << "jwtd " JWTD_VERSION " (" JWTD_COMPILER ", OpenSSL " JWTD_OPENSSL_VERSION ", RocksDB " JWTD_ROCKSDB_VERSION ")\n";
  }
  return kExitOk;
}

}  // namespace jwtd::cli
