// cli/admin_client.h - a verb's way to the admin listener of a running jwtd; private to cli/.
//
// Thread-safety: none. What fails is said on `err` in one line, without key, phone number or XID.
#pragma once

#include <iosfwd>
#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "base/secret.h"
#include "outgoing/http_client.h"

namespace jwtd::cli {

struct AdminPlace {
  std::string url = "http://127.0.0.1:8081";  // https, or http of loopback
  std::string key_file;                       // of a caller with the scope that the verb needs
  std::string ca_file;                        // PEM; empty: whom the system believes
};

class AdminClient {
 public:
  AdminClient(const AdminPlace& place, std::ostream& err) : place_(place), err_(err), client_({place.ca_file}) {}

  // kExitOk, or what to exit with: kExitUsage for a wrong URL, kExitFailed for a key that cannot be read.
  int open();

  // The object that the server answered with 200; nullopt: it failed, and that was said. Takes 30 s at most.
  std::optional<nlohmann::ordered_json> ask(const std::string& method, const std::string& target, const std::string& body = {});

 private:
  const AdminPlace& place_;
  std::ostream& err_;
  outgoing::HttpClient client_;
  Secret key_;
};

}  // namespace jwtd::cli
