// outgoing/trust.cc - reads it as a connection would.
#include "outgoing/trust.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>

#include "base/out_of_memory.h"

namespace jwtd::outgoing {

Status check_trust_file(const std::string& path) {
  if (path.empty()) return {};
  if (std::FILE* const file = std::fopen(path.c_str(), "rb"); file != nullptr) std::fclose(file);
  else return Error(kTrustFileUnusable, path + ": " + std::generic_category().message(errno));
  const std::unique_ptr<X509_STORE, decltype(&X509_STORE_free)> store(X509_STORE_new(), &X509_STORE_free);
  if (!store) out_of_memory();
  const bool good = X509_STORE_load_file(store.get(), path.c_str()) == 1;
  ERR_clear_error();
  if (!good) return Error(kTrustFileUnusable, path + " holds no certificate in PEM");
  return {};
}

}  // namespace jwtd::outgoing
