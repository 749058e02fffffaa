// cli/version.h - `jwtd version`: which jwtd this is, and what it was built with.
#pragma once

#include <iosfwd>

namespace jwtd::cli {

// "jwtd 0.1.0 (g++ 12.2.0, OpenSSL 3.0.17, RocksDB 7.8.3)"; as JSON {"jwtd","compiler","openssl","rocksdb"}. kExitOk.
int version(bool json, std::ostream& out);

}  // namespace jwtd::cli
