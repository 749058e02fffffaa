// config/config.h - every setting of jwtd: name, unit, default. conf/jwtd.full.toml lists them for users; a test holds both together.
//
// Sources, later ones win: built-in default, TOML file, environment (JWTD_<SECTION>_<KEY>, for example JWTD_LISTEN_PUBLIC), flags.
// Only [[limit]] has no environment form. Durations are written "500ms", "90s", "10m", "1h", "30d". How each is read, checked and
// explained stands in the table of config/settings.cc; files may also be named "credential:NAME", see take_path() there.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/limits.h"
#include "base/log.h"
#include "jose/hmac.h"
#include "limit/limiter.h"

namespace jwtd::config {

struct Endpoint {
  std::string host;        // numeric address, or "localhost"
  std::uint16_t port = 0;  // 0: any free one; the log line "listening" tells which
  std::string text() const;  // "127.0.0.1:8081", "[::1]:8081"
};

struct Network {  // CIDR
  std::array<std::uint8_t, 16> address{};  // IPv4 as ::ffff:a.b.c.d
  unsigned prefix = 128;                   // bits, of the 128-bit form
};

enum class MintAccess : std::uint8_t { kOpen, kKey };
enum class TlsVersion : std::uint8_t { k1_1, k1_2, k1_3 };
enum class TelesignAuth : std::uint8_t { kDigest, kBasic };
enum class RequestLog : std::uint8_t { kAll, kErrors, kNone };

struct Issuer {
  std::string customer_id;    // iss; 1 to kMaxIssuerBytes of A-Z a-z 0-9 - _ . :; required
  std::string api_key_file;   // required
  std::string previous_api_key_file;  // still good for callbacks and verification while the key is changed; empty: none
  jose::Algorithm algorithm = jose::Algorithm::kHs256;
  std::chrono::seconds lifetime{90};  // exp - iat; 1 s to 1 d
  std::chrono::seconds backdate{10};  // iat lies this far before now; 0 s to 10 m, below lifetime
};

struct Listen {
  Endpoint public_endpoint{"0.0.0.0", 8443};  // key "public"
  Endpoint admin{"127.0.0.1", 8081};
  std::size_t threads = 0;                    // loops; 0: one per core but one, at least one
  std::size_t max_connections = kMaxConnections;
  std::size_t admin_threads = 0;              // likewise, of the admin listener
  std::size_t admin_max_connections = kMaxAdminConnections;
  bool empty_errors = false;                  // true: refusals on GET /v1/token/... have an empty body, as the provider's sample
};

struct Tls {
  bool enabled = false;    // the section is there
  std::string certificate; // PEM, leaf first
  std::string key;         // PEM
  TlsVersion min_version = TlsVersion::k1_2;
  bool strict_transport = true;  // Strict-Transport-Security. No setting: jwtd dev goes without, since on localhost it would bind every other service.
};

struct Store {
  std::string url = "rocksdb:///var/lib/jwtd";
  std::string url_file;          // its first line is the URL; not beside a url
  std::string password_file;     // its first line takes the place of the URL's password
  std::chrono::seconds retention{30 * 86400};  // "0s": for ever
  std::size_t connections = kStoreConnections;            // to a database, 1 to 64
  std::chrono::milliseconds timeout = kStoreCallTimeout;  // of one call to a database, 10 ms to 30 s
  bool create_indexes = true;    // MongoDB: false, they are only looked for at start
  bool migrate = false;          // PostgreSQL: the tables are made at start. No setting: jwtd dev and jwtd store migrate say so.
};

struct Auth {
  MintAccess mint = MintAccess::kOpen;
  std::string callers_file;  // empty: nobody, the admin routes that need a key refuse
};

struct Telesign {
  std::string url = "https://rest-api.telesign.com";  // scheme, host and perhaps a port; http only for loopback
  std::string status_path = "/v1/mobile/verification/status/{xid}";
  TelesignAuth auth = TelesignAuth::kDigest;
  std::chrono::milliseconds timeout{5'000};  // of one question, 100 ms to 30 s
  std::string ca_file;                       // PEM: who signs the certificate of `url`; empty: whom the system believes
  std::chrono::seconds cache{10};            // how long an answer stands for the next who ask; 0 s to 1 h
};

struct Callbacks {
  bool enabled = true;
  std::string forward_to;           // https URL, http only for loopback; empty: they are not forwarded
  std::string forward_ca_file;      // PEM: who signs the certificate of `forward_to`; empty: whom the system believes
  std::string forward_secret_file;  // signs what is forwarded: "whsec_" and base64, as Standard Webhooks has it
};

struct Limits {              // [limits]
  std::size_t cells = 1u << 20;      // of the local table, 16 octets each; 1024 to 2^28
  int refusal_status = 429;          // 429, or 403 with an empty body as the provider's first sample
  std::string store;                 // redis://... or rediss://..., shared by all nodes; empty: each node counts by itself
  std::string store_url_file;        // its first line is the URL; not beside a store
  std::string password_file;         // its first line takes the place of the URL's password
  std::string ca_file;               // PEM: who signs the server's certificate; empty: whom the system believes
  std::size_t connections = kLimitStoreConnections;       // to the store, 1 to 16
  std::chrono::milliseconds timeout = kLimitCallTimeout;  // of one round trip to it, 1 ms to 1 s
};

struct Proxy {
  std::vector<Network> trusted;
  std::string header = "x-forwarded-for";  // or "forwarded" (RFC 7239)
};

struct LogSettings {
  LogOptions options;                       // format, level, file
  RequestLog requests = RequestLog::kAll;   // which requests get a line
};

struct Config {
  Issuer issuer;
  Listen listen;
  Tls tls;
  Store store;
  Auth auth;
  Telesign telesign;
  Callbacks callbacks;
  Limits limits;
  std::vector<limit::Rule> rules;  // [[limit]]: name, key, rate, burst (only with a single rate), on_failure
  Proxy proxy;
  LogSettings log;
};

}  // namespace jwtd::config
