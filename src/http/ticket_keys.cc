// http/ticket_keys.cc - OpenSSL's ticket callback over two keys.
#include "http/ticket_keys.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

#include <algorithm>

namespace jwtd::http {
namespace {

using Shared = std::shared_ptr<TicketKeys>;

// A connection keeps its SSL_CTX alive, and that its keys.
int index_in_context() {
  static const int index = SSL_CTX_get_ex_new_index(
      0, nullptr, nullptr, nullptr, [](void*, void* held, CRYPTO_EX_DATA*, int, long, void*) { delete static_cast<Shared*>(held); });
  return index;
}

}  // namespace

// SSL_CTX_set_tlsext_ticket_key_evp_cb(3): 1 the key is set, 2 and the client shall get a new ticket, 0 the ticket does not count, -1 it failed.
struct TicketCallback {
  static int call(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* hmac, int sealing) {
    TicketKeys& keys = **static_cast<Shared*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), index_in_context()));
    bool is_newest = true;
    std::optional<TicketKeys::Key> key = sealing != 0 ? keys.newest() : keys.named(name, is_newest);
    if (!key) return sealing != 0 ? -1 : 0;
    if (sealing != 0) std::copy(key->name.begin(), key->name.end(), name);
    const bool set = (sealing == 0 || RAND_bytes(iv, EVP_CIPHER_get_iv_length(keys.cipher_)) == 1) && set_up(*key, keys.cipher_, iv, cipher, hmac, sealing);
    OPENSSL_cleanse(&*key, sizeof *key);
    if (!set) return -1;
    // A TLS 1.3 client uses a ticket once (RFC 8446 appendix C.4), so it gets the next one with each resumption.
    return sealing == 0 && (!is_newest || SSL_version(ssl) == TLS1_3_VERSION) ? 2 : 1;
  }

  static bool set_up(TicketKeys::Key& key, const EVP_CIPHER* type, const unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* hmac, int sealing) {
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key.hmac.data(), key.hmac.size()),
                                 OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end()};
    return EVP_MAC_CTX_set_params(hmac, params) == 1 && EVP_CipherInit_ex(cipher, type, nullptr, key.cipher.data(), iv, sealing) == 1;
  }
};

TicketKeys::TicketKeys(Monotonic::time_point (*clock)()) : clock_(clock), cipher_(EVP_CIPHER_fetch(nullptr, "AES-256-CBC", nullptr)) {}

TicketKeys::~TicketKeys() {
  if (current_) OPENSSL_cleanse(&*current_, sizeof *current_);
  if (former_) OPENSSL_cleanse(&*former_, sizeof *former_);
  EVP_CIPHER_free(cipher_);
}

bool TicketKeys::use(const std::shared_ptr<TicketKeys>& keys, SSL_CTX* context) {
  if (keys->cipher_ == nullptr) return false;
  auto held = std::make_unique<Shared>(keys);
  if (SSL_CTX_set_ex_data(context, index_in_context(), held.get()) != 1) return false;
  held.release();
  return SSL_CTX_set_tlsext_ticket_key_evp_cb(context, TicketCallback::call) == 1;
}

std::optional<TicketKeys::Key> TicketKeys::newest() {
  const std::lock_guard hold(mutex_);
  return renew(clock_()) ? current_ : std::nullopt;
}

std::optional<TicketKeys::Key> TicketKeys::named(const unsigned char* name, bool& is_newest) {
  const std::lock_guard hold(mutex_);
  if (!renew(clock_())) return std::nullopt;
  const auto is = [name](const std::optional<Key>& key) { return key && std::equal(key->name.begin(), key->name.end(), name); };
  is_newest = is(current_);
  if (is_newest) return current_;
  return is(former_) ? former_ : std::nullopt;
}

bool TicketKeys::renew(Monotonic::time_point now) {
  if (current_ && now - current_since_ < kTicketKeyLife) return true;
  Key fresh;
  if (RAND_bytes(fresh.name.data(), fresh.name.size()) != 1 || RAND_priv_bytes(fresh.cipher.data(), fresh.cipher.size()) != 1 ||
      RAND_priv_bytes(fresh.hmac.data(), fresh.hmac.size()) != 1) {
    return false;
  }
  // Nobody may have come for a day: then the former keys are too old as well.
  former_ = current_ && now - current_since_ < 2 * kTicketKeyLife ? current_ : std::nullopt;
  current_ = fresh;
  OPENSSL_cleanse(&fresh, sizeof fresh);
  current_since_ = now;
  return true;
}

}  // namespace jwtd::http
