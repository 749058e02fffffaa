// config/settings.cc - the table of settings: for each its name, form, meaning, and the two functions between TOML and Config (config/take.h).
#include "config/settings.h"

#include <algorithm>
#include <charconv>
#include <cctype>

#include "base/url.h"
#include "config/take.h"
#include "config/urls.h"
#include "config/values.h"

namespace jwtd::config {
namespace {

using namespace std::string_literals;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kShortestLifetime{1}, kLongestLifetime{86'400}, kLongestBackdate{600};
constexpr seconds kLongestRetention{100LL * 365 * 86'400};
constexpr std::int64_t kMostThreads = 256;             // above any machine's use: a loop more than cores only costs
constexpr std::int64_t kMostConnections = 1'000'000;   // 5 KiB each: 5 GB
constexpr std::int64_t kFewestCells = 1024, kMostCells = 1 << 28;
constexpr std::int64_t kMostStoreConnections = 64;     // a database's processes are dearer than a batch
constexpr milliseconds kShortestProviderTimeout{100}, kLongestProviderTimeout{30'000};
constexpr seconds kLongestCache{3'600};
constexpr milliseconds kShortestTimeout{10}, kLongestTimeout{30'000};
constexpr std::int64_t kMostLimitConnections = 16;     // each is a thread here; one already carries what a server bears
constexpr milliseconds kShortestLimitTimeout{1}, kLongestLimitTimeout{1'000};

constexpr Choice<MintAccess> kMint[] = {{"open", MintAccess::kOpen}, {"key", MintAccess::kKey}};
constexpr Choice<TelesignAuth> kTelesignAuth[] = {{"digest", TelesignAuth::kDigest}, {"basic", TelesignAuth::kBasic}};
constexpr Choice<TlsVersion> kTlsVersions[] = {{"1.1", TlsVersion::k1_1}, {"1.2", TlsVersion::k1_2}, {"1.3", TlsVersion::k1_3}};
constexpr Choice<LogFormat> kFormats[] = {{"json", LogFormat::kJson}, {"text", LogFormat::kText}};
constexpr Choice<LogLevel> kLevels[] = {
    {"debug", LogLevel::kDebug}, {"info", LogLevel::kInfo}, {"warn", LogLevel::kWarn}, {"error", LogLevel::kError}};
constexpr Choice<RequestLog> kRequestLogs[] = {{"all", RequestLog::kAll}, {"errors", RequestLog::kErrors}, {"none", RequestLog::kNone}};

// -- the table ---------------------------------------------------------------------------------------------------------

#define TAKE [](Config & c, const Node& n, [[maybe_unused]] const Surroundings& s, [[maybe_unused]] const Complain& complain)
#define SHOW [](const Config& c) -> std::string

const Setting kTable[] = {
    {"issuer.customer_id", Shape::kText, "\"FFFFFFFF-EEEE-DDDD-1234-AB1234567890\"", "",
     "TeleSign customer id: the claim iss of every token",
     TAKE { take_customer_id(n, c.issuer.customer_id, complain); },
     SHOW { return in_quotes(c.issuer.customer_id); }},
    {"issuer.api_key_file", Shape::kText, "\"/etc/jwtd/api_key\"", "",
     "file with the API key, base64 as TeleSign shows it; or credential:NAME",
     TAKE { take_path(n, c.issuer.api_key_file, s, complain); },
     SHOW { return in_quotes(c.issuer.api_key_file); }},
    {"issuer.previous_api_key_file", Shape::kText, "\"/etc/jwtd/previous_api_key\"", "",
     "file with the key before, still good for callbacks and verification during a change; or credential:NAME",
     TAKE { take_path(n, c.issuer.previous_api_key_file, s, complain); },
     SHOW { return in_quotes(c.issuer.previous_api_key_file); }},
    {"issuer.algorithm", Shape::kText, "\"HS256\"", "",
     "signature: HS256, HS384 or HS512; TeleSign takes HS256",
     TAKE {
       const auto algorithm = jose::parse_algorithm(n.text);
       if (algorithm) c.issuer.algorithm = *algorithm;
       else complain(n, "must be \"HS256\", \"HS384\" or \"HS512\"; " + in_quotes(n.text) + " is neither");
     },
     SHOW { return in_quotes(jose::name_of(c.issuer.algorithm)); }},
    {"issuer.lifetime", Shape::kText, "\"90s\"", "",
     "from iat to exp, 1s to 1d; tokens end this long after iat, so lifetime - backdate after they are made",
     TAKE { take_duration(n, kShortestLifetime, kLongestLifetime, c.issuer.lifetime, complain); },
     SHOW { return in_quotes(duration_text(c.issuer.lifetime)); }},
    {"issuer.backdate", Shape::kText, "\"10s\"", "",
     "how far iat lies before now, 0s to 10m, below lifetime: room for clocks that differ",
     TAKE { take_duration(n, seconds(0), kLongestBackdate, c.issuer.backdate, complain); },
     SHOW { return in_quotes(duration_text(c.issuer.backdate)); }},

    {"listen.public", Shape::kText, "\"0.0.0.0:8443\"", "--listen-public",
     "address and port for token routes; https with [tls], else http; port 0: any free one",
     TAKE { take_endpoint(n, c.listen.public_endpoint, complain); },
     SHOW { return in_quotes(c.listen.public_endpoint.text()); }},
    {"listen.admin", Shape::kText, "\"127.0.0.1:8081\"", "--listen-admin",
     "address and port for backends and supervisors: transactions, verification, health, metrics",
     TAKE { take_endpoint(n, c.listen.admin, complain); },
     SHOW { return in_quotes(c.listen.admin.text()); }},
    {"listen.threads", Shape::kInteger, "0", "",
     "threads for listen.public, up to 256; 0: one for each core but one, which is left to the commits",
     TAKE { take_integer(n, 0, kMostThreads, c.listen.threads, complain); },
     SHOW { return std::to_string(c.listen.threads); }},
    {"listen.max_connections", Shape::kInteger, "20000", "",
     "open connections of listen.public, 1 to 1000000, about 5 KiB each; further ones wait",
     TAKE { take_integer(n, 1, kMostConnections, c.listen.max_connections, complain); },
     SHOW { return std::to_string(c.listen.max_connections); }},
    {"listen.admin_threads", Shape::kInteger, "0", "",
     "threads for listen.admin, up to 256; 0: one for each core but one",
     TAKE { take_integer(n, 0, kMostThreads, c.listen.admin_threads, complain); },
     SHOW { return std::to_string(c.listen.admin_threads); }},
    {"listen.admin_max_connections", Shape::kInteger, "256", "",
     "open connections of listen.admin, 1 to 1000000; further ones wait",
     TAKE { take_integer(n, 1, kMostConnections, c.listen.admin_max_connections, complain); },
     SHOW { return std::to_string(c.listen.admin_max_connections); }},
    {"listen.empty_errors", Shape::kFlag, "false", "",
     "true: refusals on GET /v1/token/... have an empty body, as the provider's sample",
     TAKE { c.listen.empty_errors = n.flag; },
     SHOW { return c.listen.empty_errors ? "true" : "false"; }},

    {"tls.certificate", Shape::kText, "\"/etc/jwtd/tls.crt\"", "",
     "PEM file, leaf first, then intermediates; or credential:NAME",
     TAKE { take_path(n, c.tls.certificate, s, complain); },
     SHOW { return in_quotes(c.tls.certificate); }},
    {"tls.key", Shape::kText, "\"/etc/jwtd/tls.key\"", "",
     "PEM file with the certificate's private key; or credential:NAME",
     TAKE { take_path(n, c.tls.key, s, complain); },
     SHOW { return in_quotes(c.tls.key); }},
    {"tls.min_version", Shape::kText, "\"1.2\"", "",
     "1.2 or 1.3; 1.1 only for devices that know no better",
     TAKE { take_choice(n, kTlsVersions, c.tls.min_version, complain); },
     SHOW { return show_choice(c.tls.min_version, kTlsVersions); }},

    {"store.url", Shape::kText, "\"rocksdb:///var/lib/jwtd\"", "--store",
     "where transactions are kept: rocksdb:///absolute/path, mongodb://host/jwt_db, postgresql://host/database; memory: for tests",
     TAKE { take_store_url(n, c.store.url, complain); },
     SHOW { return in_quotes(without_password(c.store.url)); }},
    {"store.url_file", Shape::kText, "\"/etc/jwtd/store_url\"", "",
     "file whose first line is the URL, in place of store.url; or credential:NAME",
     TAKE { take_path(n, c.store.url_file, s, complain); },
     SHOW { return in_quotes(c.store.url_file); }},
    {"store.password_file", Shape::kText, "\"/etc/jwtd/store_password\"", "",
     "file whose first line is the database's password, which then stands in no URL; or credential:NAME",
     TAKE { take_path(n, c.store.password_file, s, complain); },
     SHOW { return in_quotes(c.store.password_file); }},
    {"store.retention", Shape::kText, "\"30d\"", "",
     "how long transactions are kept; 0s: for ever",
     TAKE { take_duration(n, seconds(0), kLongestRetention, c.store.retention, complain); },
     SHOW { return in_quotes(duration_text(c.store.retention)); }},
    {"store.connections", Shape::kInteger, "4", "",
     "connections to a database, 1 to 64",
     TAKE { take_integer(n, 1, kMostStoreConnections, c.store.connections, complain); },
     SHOW { return std::to_string(c.store.connections); }},
    {"store.timeout", Shape::kText, "\"1500ms\"", "",
     "of one call to a database, 10ms to 30s",
     TAKE { take_milliseconds(n, kShortestTimeout, kLongestTimeout, c.store.timeout, complain); },
     SHOW { return in_quotes(duration_text(c.store.timeout)); }},
    {"store.create_indexes", Shape::kFlag, "true", "",
     "MongoDB: false, indexes are only looked for at start",
     TAKE { c.store.create_indexes = n.flag; },
     SHOW { return c.store.create_indexes ? "true" : "false"; }},

    {"auth.mint", Shape::kText, "\"open\"", "",
     "who may mint: open (anybody, within the limits) or key (a caller key with the scope mint)",
     TAKE { take_choice(n, kMint, c.auth.mint, complain); },
     SHOW { return show_choice(c.auth.mint, kMint); }},
    {"auth.callers_file", Shape::kText, "\"/etc/jwtd/callers.toml\"", "",
     "hashes of the caller keys, written by jwtd caller add; empty: nobody has a key",
     TAKE { take_path(n, c.auth.callers_file, s, complain); },
     SHOW { return in_quotes(c.auth.callers_file); }},

    {"telesign.url", Shape::kText, "\"https://rest-api.telesign.com\"", "",
     "whom to ask for a transaction's status: https://host, http only for loopback",
     TAKE { take_peer(n, false, c.telesign.url, complain); },
     SHOW { return in_quotes(c.telesign.url); }},
    {"telesign.status_path", Shape::kText, "\"/v1/mobile/verification/status/{xid}\"", "",
     "the path of that, with {xid} where the transaction's id stands",
     TAKE { take_status_path(n, c.telesign.status_path, complain); },
     SHOW { return in_quotes(c.telesign.status_path); }},
    {"telesign.auth", Shape::kText, "\"digest\"", "",
     "how requests are signed: digest (the key stays here) or basic (the key travels)",
     TAKE { take_choice(n, kTelesignAuth, c.telesign.auth, complain); },
     SHOW { return show_choice(c.telesign.auth, kTelesignAuth); }},
    {"telesign.timeout", Shape::kText, "\"5s\"", "",
     "of one question to the provider, 100ms to 30s",
     TAKE { take_milliseconds(n, kShortestProviderTimeout, kLongestProviderTimeout, c.telesign.timeout, complain); },
     SHOW { return in_quotes(duration_text(c.telesign.timeout)); }},
    {"telesign.cache", Shape::kText, "\"10s\"", "",
     "how long the provider's answer stands for the next who ask, 0s to 1h: each request may be billed",
     TAKE { take_duration(n, seconds(0), kLongestCache, c.telesign.cache, complain); },
     SHOW { return in_quotes(duration_text(c.telesign.cache)); }},
    {"telesign.ca_file", Shape::kText, "\"/etc/jwtd/telesign_ca.crt\"", "",
     "PEM file with who signs the certificate of telesign.url; empty: whom the system believes",
     TAKE { take_path(n, c.telesign.ca_file, s, complain); },
     SHOW { return in_quotes(c.telesign.ca_file); }},

    {"callbacks.enabled", Shape::kFlag, "true", "",
     "false: POST /v1/callbacks/telesign is not there",
     TAKE { c.callbacks.enabled = n.flag; },
     SHOW { return c.callbacks.enabled ? "true" : "false"; }},
    {"callbacks.forward_to", Shape::kText, "\"https://backend.example/telesign\"", "",
     "URL that gets every callback, signed as Standard Webhooks has it; http only for loopback; empty: nobody",
     TAKE {
       if (n.text.empty()) c.callbacks.forward_to.clear();
       else take_peer(n, true, c.callbacks.forward_to, complain);
     },
     SHOW { return in_quotes(without_password(c.callbacks.forward_to)); }},
    {"callbacks.forward_secret_file", Shape::kText, "\"/etc/jwtd/forward_secret\"", "",
     "file with the secret of that signature, whsec_ and base64; or credential:NAME",
     TAKE { take_path(n, c.callbacks.forward_secret_file, s, complain); },
     SHOW { return in_quotes(c.callbacks.forward_secret_file); }},
    {"callbacks.forward_ca_file", Shape::kText, "\"/etc/jwtd/forward_ca.crt\"", "",
     "PEM file with who signs the certificate of callbacks.forward_to; empty: whom the system believes",
     TAKE { take_path(n, c.callbacks.forward_ca_file, s, complain); },
     SHOW { return in_quotes(c.callbacks.forward_ca_file); }},

    {"limits.cells", Shape::kInteger, "1048576", "",
     "size of the table of limits, 1024 to 268435456 cells of 16 octets",
     TAKE { take_integer(n, kFewestCells, kMostCells, c.limits.cells, complain); },
     SHOW { return std::to_string(c.limits.cells); }},
    {"limits.refusal_status", Shape::kInteger, "429", "",
     "status of a refusal: 429, or 403 with an empty body as the provider's first sample",
     TAKE {
       if (n.integer == 429 || n.integer == 403) c.limits.refusal_status = static_cast<int>(n.integer);
       else complain(n, "must be 429 or 403; " + std::to_string(n.integer) + " is neither");
     },
     SHOW { return std::to_string(c.limits.refusal_status); }},
    {"limits.store", Shape::kText, "\"redis://127.0.0.1:6379\"", "",
     "where several nodes keep their limits together: redis://host:6379, rediss://host:6379 for TLS; empty: each node counts by itself",
     TAKE { take_limit_store(n, c.limits.store, complain); },
     SHOW { return in_quotes(without_password(c.limits.store)); }},
    {"limits.store_url_file", Shape::kText, "\"/etc/jwtd/limit_store_url\"", "",
     "file whose first line is the URL, in place of limits.store; or credential:NAME",
     TAKE { take_path(n, c.limits.store_url_file, s, complain); },
     SHOW { return in_quotes(c.limits.store_url_file); }},
    {"limits.password_file", Shape::kText, "\"/etc/jwtd/limit_store_password\"", "",
     "file whose first line is that store's password, which then stands in no URL; or credential:NAME",
     TAKE { take_path(n, c.limits.password_file, s, complain); },
     SHOW { return in_quotes(c.limits.password_file); }},
    {"limits.ca_file", Shape::kText, "\"/etc/jwtd/limit_store_ca.crt\"", "",
     "PEM file with who signs that store's certificate; empty: whom the system believes",
     TAKE { take_path(n, c.limits.ca_file, s, complain); },
     SHOW { return in_quotes(c.limits.ca_file); }},
    {"limits.connections", Shape::kInteger, "2", "",
     "connections to that store, 1 to 16",
     TAKE { take_integer(n, 1, kMostLimitConnections, c.limits.connections, complain); },
     SHOW { return std::to_string(c.limits.connections); }},
    {"limits.timeout", Shape::kText, "\"5ms\"", "",
     "of one round trip to that store, 1ms to 1s; then each rule goes by its on_failure",
     TAKE { take_milliseconds(n, kShortestLimitTimeout, kLongestLimitTimeout, c.limits.timeout, complain); },
     SHOW { return in_quotes(duration_text(c.limits.timeout)); }},

    {"proxy.trusted", Shape::kTextList, "[\"10.0.0.0/8\"]", "",
     "networks of your own proxies, whose word on the client's address counts",
     TAKE { take_networks(n, c.proxy.trusted, complain); },
     SHOW { return show_networks(c.proxy.trusted); }},
    {"proxy.header", Shape::kText, "\"x-forwarded-for\"", "",
     "the field they write: x-forwarded-for, or forwarded (RFC 7239)",
     TAKE { take_header(n, c.proxy.header, complain); },
     SHOW { return in_quotes(c.proxy.header); }},

    {"log.format", Shape::kText, "\"json\"", "--log-format",
     "json or text",
     TAKE { take_choice(n, kFormats, c.log.options.format, complain); },
     SHOW { return show_choice(c.log.options.format, kFormats); }},
    {"log.level", Shape::kText, "\"info\"", "--log-level",
     "debug, info, warn or error",
     TAKE { take_choice(n, kLevels, c.log.options.level, complain); },
     SHOW { return show_choice(c.log.options.level, kLevels); }},
    {"log.file", Shape::kText, "\"/var/log/jwtd.log\"", "",
     "where the lines go; empty: standard error. SIGHUP opens it again",
     TAKE { take_path(n, c.log.options.file, s, complain); },
     SHOW { return in_quotes(c.log.options.file); }},
    {"log.requests", Shape::kText, "\"all\"", "",
     "which requests get a line: all, errors or none",
     TAKE { take_choice(n, kRequestLogs, c.log.requests, complain); },
     SHOW { return show_choice(c.log.requests, kRequestLogs); }},
};

#undef TAKE
#undef SHOW

Node text_node(std::string_view text) {
  Node out;
  out.kind = Node::Kind::kText;
  out.text = std::string(text);
  return out;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

const std::vector<Setting>& setting_table() {
  static const std::vector<Setting> table(std::begin(kTable), std::end(kTable));
  return table;
}

const Setting* find_setting(std::string_view key) {
  for (const Setting& setting : setting_table()) {
    if (key == setting.key) return &setting;
  }
  return nullptr;
}

bool node_from_text(const Setting& setting, std::string_view text, Node& out, const Complain& complain) {
  switch (setting.shape) {
    case Shape::kText:
      out = text_node(text);
      return true;
    case Shape::kFlag:
      out.kind = Node::Kind::kFlag;
      out.flag = text == "true";
      if (text == "true" || text == "false") return true;
      complain(out, "must be true or false; " + in_quotes(text) + " is neither");
      return false;
    case Shape::kInteger: {
      out.kind = Node::Kind::kInteger;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out.integer);
      if (error == std::errc() && end == text.data() + text.size()) return true;
      complain(out, "must be an integer such as "s + setting.example + "; " + in_quotes(text) + " is none");
      return false;
    }
    case Shape::kTextList:
      out.kind = Node::Kind::kList;
      while (!text.empty()) {
        const auto comma = std::min(text.find(','), text.size());
        out.items.push_back(text_node(trimmed(text.substr(0, comma))));
        text.remove_prefix(std::min(comma + 1, text.size()));
      }
      return true;
  }
  return false;
}

std::string environment_name(std::string_view key) {
  std::string out = "JWTD_";
  for (const char c : key) out += c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

}  // namespace jwtd::config
