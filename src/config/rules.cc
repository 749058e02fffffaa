// config/rules.cc - rules between settings: what must go together, what is not safe, and what is only worth a warning.
#include <chrono>

#include "base/url.h"
#include "config/draft.h"
#include "config/values.h"

namespace jwtd::config {
namespace {

using namespace std::chrono_literals;

constexpr auto kProviderLifetime = 90s;  // what the provider's samples use; a longer one is not known to be taken (reference/telesign.md 1.2)

void check_issuer(Draft& draft) {
  const Issuer& issuer = draft.config.issuer;
  if (!draft.was_set("issuer.customer_id")) draft.problem_at("", "issuer.customer_id is missing: TeleSign's portal shows it");
  if (!draft.was_set("issuer.api_key_file")) draft.problem_at("", "issuer.api_key_file is missing: the path of a file with the API key, base64 as TeleSign's portal shows it");
  else if (issuer.api_key_file.empty()) draft.problem_at("issuer.api_key_file", "issuer.api_key_file is empty");
  if (!issuer.previous_api_key_file.empty() && issuer.previous_api_key_file == issuer.api_key_file) {
    draft.problem_at("issuer.previous_api_key_file", "issuer.previous_api_key_file is issuer.api_key_file; it is for the key before");
  }
  if (issuer.lifetime <= issuer.backdate) {
    draft.problem_at(draft.was_set("issuer.lifetime") ? "issuer.lifetime" : "issuer.backdate",
                     "issuer.lifetime (" + duration_text(issuer.lifetime) + ") must be longer than issuer.backdate (" +
                         duration_text(issuer.backdate) + "), or tokens have expired when they are made");
  }
  if (issuer.lifetime > issuer.backdate && 2 * issuer.backdate >= issuer.lifetime) {
    draft.warning_at(draft.was_set("issuer.backdate") ? "issuer.backdate" : "issuer.lifetime",
                     "issuer.backdate (" + duration_text(issuer.backdate) + ") is half of issuer.lifetime (" + duration_text(issuer.lifetime) +
                         ") or more; a token is given out again only while half its life is left, so every repeated request gets a new one");
  }
  if (issuer.lifetime > kProviderLifetime) {
    draft.warning_at("issuer.lifetime", "issuer.lifetime is " + duration_text(issuer.lifetime) +
                                            "; TeleSign's own samples use 90s, and whether it takes longer ones is not documented");
  }
}

void check_tls(Draft& draft) {
  const Tls& tls = draft.config.tls;
  if (!tls.enabled) return;
  const auto missing = [&](std::string_view key, std::string_view other) {
    draft.problem_at(draft.was_set(other) ? other : "tls", "[tls] needs " + std::string(key) + ", the path of a PEM file");
  };
  if (tls.certificate.empty()) missing("tls.certificate", "tls.key");
  if (tls.key.empty()) missing("tls.key", "tls.certificate");
  if (tls.min_version == TlsVersion::k1_1) {
    draft.warning_at("tls.min_version", "tls.min_version is 1.1, which RFC 8996 forbids; leave it only as long as devices need it");
  }
}

void check_listeners(Draft& draft) {
  const Listen& listen = draft.config.listen;
  const bool tls = draft.config.tls.enabled;
  if (!tls && !is_loopback(listen.admin)) {
    draft.problem_at("listen.admin", "listen.admin is " + listen.admin.text() +
                                         ", not a loopback address, and there is no [tls]: caller keys would travel in clear");
  }
  if (!tls && !is_loopback(listen.public_endpoint)) {
    draft.warning_at("listen.public", "listen.public is " + listen.public_endpoint.text() +
                                          " without [tls]: tokens travel in clear unless a proxy in front speaks https");
  }
  const bool same_port = listen.admin.port != 0 && listen.admin.port == listen.public_endpoint.port;
  const auto is_any = [](const Endpoint& e) { return e.host == "0.0.0.0" || e.host == "::"; };
  if (same_port && (listen.admin.host == listen.public_endpoint.host || is_any(listen.admin) || is_any(listen.public_endpoint))) {
    draft.problem_at(draft.was_set("listen.admin") ? "listen.admin" : "listen.public",
                     "listen.public (" + listen.public_endpoint.text() + ") and listen.admin (" + listen.admin.text() + ") need different ports");
  }
}

void check_callers(Draft& draft) {
  const Auth& auth = draft.config.auth;
  if (auth.mint == MintAccess::kKey && auth.callers_file.empty()) {
    draft.problem_at("auth.mint", "auth.mint is \"key\", and there is no auth.callers_file: nobody could mint");
  }
  if (auth.mint == MintAccess::kOpen && draft.config.rules.empty() && !is_loopback(draft.config.listen.public_endpoint)) {
    draft.warning_at("auth.mint", "anybody who reaches listen.public may mint without any limit; add a [[limit]] or set auth.mint = \"key\"");
  }
}

// A URL with a password in it, or one that is named twice. `file` and `password_file` are the settings to use instead.
void check_url(Draft& draft, const std::string& key, const std::string& url, const std::string& file_key, const std::string& file,
               const std::string& password_key) {
  if (!file.empty() && draft.was_set(key)) {
    draft.problem_at(file_key, file_key + " and " + key + " are both there; one of them names the store");
  }
  if (!has_password(url)) return;
  const std::string instead = "put it into a file of mode 0600 and its path into " + password_key + ", or the whole URL into " + file_key;
  if (draft.stands_in_flags(key)) {
    draft.problem_at(key, key + " holds a password, which every user of this machine can read in the list of processes; " + instead);
  } else {
    draft.warning_at(key, key + " holds a password; better " + instead);
  }
}

void check_limits(Draft& draft) {
  const Limits& limits = draft.config.limits;
  check_url(draft, "limits.store", limits.store, "limits.store_url_file", limits.store_url_file, "limits.password_file");
}

void check_store(Draft& draft) {
  const Store& store = draft.config.store;
  check_url(draft, "store.url", store.url, "store.url_file", store.url_file, "store.password_file");
  if (store.url == "memory:") draft.warning_at("store.url", "store.url is memory: - every transaction is lost when the process ends");
  if (store.retention != 0s && store.retention < draft.config.issuer.lifetime) {
    draft.warning_at("store.retention", "store.retention is " + duration_text(store.retention) +
                                            ", shorter than issuer.lifetime: tokens are forgotten while they are valid");
  }
}

void check_callbacks(Draft& draft) {
  const Callbacks& callbacks = draft.config.callbacks;
  if (!callbacks.forward_to.empty() && callbacks.forward_secret_file.empty()) {
    draft.problem_at("callbacks.forward_to", "callbacks.forward_to needs callbacks.forward_secret_file: the receiver could not tell ours from anybody's");
  }
  if (callbacks.forward_to.empty() && !callbacks.forward_secret_file.empty()) {
    draft.warning_at("callbacks.forward_secret_file", "callbacks.forward_secret_file is there, and no callbacks.forward_to: nothing is forwarded");
  }
  if (callbacks.forward_to.empty() && !callbacks.forward_ca_file.empty()) {
    draft.warning_at("callbacks.forward_ca_file", "callbacks.forward_ca_file is there, and no callbacks.forward_to: nothing is forwarded");
  }
  if (!callbacks.forward_to.empty() && !callbacks.enabled) {
    draft.warning_at("callbacks.enabled", "callbacks.enabled is false: nothing arrives that could go to callbacks.forward_to");
  }
}

void check_proxy(Draft& draft) {
  for (const Network& network : draft.config.proxy.trusted) {
    const std::string text = network_text(network);
    if (!text.ends_with("/0")) continue;
    draft.warning_at("proxy.trusted", "proxy.trusted holds " + text + ": every client may then claim any address, and limits by client are void");
  }
}

}  // namespace

void check_rules(Draft& draft) {
  check_issuer(draft);
  check_tls(draft);
  check_listeners(draft);
  check_callers(draft);
  check_store(draft);
  check_callbacks(draft);
  check_limits(draft);
  check_proxy(draft);
}

}  // namespace jwtd::config
