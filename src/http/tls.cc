// http/tls.cc - an SSL_CTX by Mozilla's "intermediate" guideline, and the self-signed pair of `jwtd dev`.
#include "http/tls.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iterator>
#include <string_view>

#include "base/whole_file.h"
#include "http/ticket_keys.h"

namespace jwtd::http {
namespace {

// Facts of Mozilla's guideline 5.8, configuration "intermediate"; tls_test compares what OpenSSL made of them with that file.
constexpr const char* kCiphers12 =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr const char* kCiphers13 = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
// TLS 1.1 has no AEAD suites. Only those with forward secrecy are added: every client new enough for TLS 1.1 has them.
constexpr const char* kCiphers11 = ":ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA:ECDHE-RSA-AES256-SHA";
// The first group is new in OpenSSL 3.5, and a list with an unknown name is refused whole.
constexpr std::array<const char*, 2> kGroups = {"X25519MLKEM768:X25519:prime256v1:secp384r1", "X25519:prime256v1:secp384r1"};

constexpr int kMinRsaBits = 2048;               // Mozilla, and what clients refuse below
constexpr long kSessionSeconds = 24 * 60 * 60;  // Mozilla's session timeout; RFC 8446 s4.6.1 allows seven days
constexpr std::size_t kTicketsPerConnection = 1;  // mobile clients come one connection at a time; a second one only costs handshake time
constexpr std::size_t kMaxPemBytes = 1024 * 1024;
constexpr unsigned char kSessionContext[] = "jwtd";  // tickets of another service with these keys are not ours
constexpr unsigned char kProtocols[] = "\x08http/1.1\x08http/1.0";

template <auto F>
struct Free {
  template <class T>
  void operator()(T* p) const { F(p); }
};
using Bio = std::unique_ptr<BIO, Free<BIO_free_all>>;
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using Context = std::unique_ptr<SSL_CTX, Free<SSL_CTX_free>>;

Error unusable(std::string detail) {
  ERR_clear_error();
  return Error(kTlsPairUnusable, std::move(detail));
}

std::string openssl_reason() {
  const unsigned long code = ERR_peek_last_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "OpenSSL gives no reason" : reason;
}

int no_password(char*, int, int, void*) { return -1; }  // OpenSSL would ask on the terminal

Result<std::string> read_pem(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return unusable(path + ": " + std::strerror(errno));
  if (S_ISDIR(status.st_mode)) return unusable(path + ": is a folder");
  std::ifstream in(path, std::ios::binary);
  if (!in) return unusable(path + ": " + std::strerror(errno));
  std::string text(kMaxPemBytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > kMaxPemBytes) return unusable(path + ": is larger than 1 MiB");
  return text;
}

std::int64_t unix_seconds(const ASN1_TIME* time) {
  std::tm parts{};
  return ASN1_TIME_to_tm(time, &parts) == 1 ? static_cast<std::int64_t>(timegm(&parts)) : 0;
}

std::string date(const ASN1_TIME* time) {
  const std::time_t seconds = unix_seconds(time);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

std::string subject_of(const X509* certificate) {
  const Bio out(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(out.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

Status check_leaf(const X509* leaf, const std::string& path) {
  if (X509_cmp_current_time(X509_get0_notAfter(leaf)) < 0) {
    return unusable(path + ": the certificate expired at " + date(X509_get0_notAfter(leaf)));
  }
  if (X509_cmp_current_time(X509_get0_notBefore(leaf)) > 0) {
    return unusable(path + ": the certificate is not valid before " + date(X509_get0_notBefore(leaf)));
  }
  const EVP_PKEY* key = X509_get0_pubkey(leaf);
  if (key == nullptr) return unusable(path + ": the certificate's public key cannot be read");
  if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA && EVP_PKEY_get_bits(key) < kMinRsaBits) {
    return unusable(path + ": the RSA key has " + std::to_string(EVP_PKEY_get_bits(key)) + " bits; at least 2048 are needed");
  }
  return {};
}

// The leaf and its chain into the context; returns the leaf, which the context keeps alive.
Result<X509*> load_certificates(SSL_CTX* context, const std::string& path) {
  auto pem = read_pem(path);
  if (!pem) return std::move(pem).error();
  const Bio in(BIO_new_mem_buf(pem->data(), static_cast<int>(pem->size())));
  const Certificate leaf(PEM_read_bio_X509_AUX(in.get(), nullptr, no_password, nullptr));
  if (!leaf) return unusable(path + ": holds no PEM certificate");
  if (auto checked = check_leaf(leaf.get(), path); !checked) return std::move(checked).error();
  if (SSL_CTX_use_certificate(context, leaf.get()) != 1) return unusable(path + ": " + openssl_reason());
  ERR_clear_error();
  while (Certificate next{PEM_read_bio_X509(in.get(), nullptr, no_password, nullptr)}) {
    if (SSL_CTX_add1_chain_cert(context, next.get()) != 1) return unusable(path + ": a certificate of the chain: " + openssl_reason());
  }
  if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) return unusable(path + ": a certificate of the chain is damaged");
  ERR_clear_error();
  return SSL_CTX_get0_certificate(context);
}

Status load_key(SSL_CTX* context, const X509* leaf, const TlsOptions& options) {
  auto pem = read_pem(options.key);
  if (!pem) return std::move(pem).error();
  const Bio in(BIO_new_mem_buf(pem->data(), static_cast<int>(pem->size())));
  const Key key(PEM_read_bio_PrivateKey(in.get(), nullptr, no_password, nullptr));
  OPENSSL_cleanse(pem->data(), pem->size());
  if (!key) return unusable(options.key + ": holds no PEM private key, or one with a password");
  if (X509_check_private_key(leaf, key.get()) != 1) {
    return unusable(options.key + ": is not the key of the certificate in " + options.certificate);
  }
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1) return unusable(options.key + ": " + openssl_reason());
  return {};
}

// RFC 7301 s3.2: a client that names protocols and none of ours gets the alert, not an answer it would misread.
int select_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* offered, unsigned int size, void*) {
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, kProtocols, sizeof kProtocols - 1, offered, size) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

int version_of(TlsMinimum minimum) {
  switch (minimum) {
    case TlsMinimum::k1_1: return TLS1_1_VERSION;
    case TlsMinimum::k1_2: return TLS1_2_VERSION;
    case TlsMinimum::k1_3: return TLS1_3_VERSION;
  }
  return TLS1_2_VERSION;
}

bool set_groups(SSL_CTX* context) {
  for (const char* groups : kGroups) {
    if (SSL_CTX_set1_groups_list(context, groups) == 1) return true;
  }
  return false;
}

bool set_protocol(SSL_CTX* context, TlsMinimum minimum) {
  const bool old = minimum == TlsMinimum::k1_1;
  // Its handshake signs MD5 with SHA-1, which OpenSSL has at level 0 only. Set in both cases: a system's openssl.cnf may say otherwise.
  SSL_CTX_set_security_level(context, old ? 0 : 2);
  const std::string ciphers = old ? std::string(kCiphers12) + kCiphers11 : std::string(kCiphers12);
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_clear_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_TICKET);  // a phone knows whether it has AES in hardware
  return SSL_CTX_set_min_proto_version(context, version_of(minimum)) == 1 && SSL_CTX_set_max_proto_version(context, 0) == 1 &&
         SSL_CTX_set_cipher_list(context, ciphers.c_str()) == 1 && SSL_CTX_set_ciphersuites(context, kCiphers13) == 1 &&
         set_groups(context);
}

// Sessions live in tickets only: a server-side cache would be one lock for all threads.
bool set_sessions(SSL_CTX* context, const std::shared_ptr<TicketKeys>& tickets) {
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_timeout(context, kSessionSeconds);
  return SSL_CTX_set_session_id_context(context, kSessionContext, sizeof kSessionContext - 1) == 1 &&
         SSL_CTX_set_num_tickets(context, kTicketsPerConnection) == 1 && TicketKeys::use(tickets, context);
}

}  // namespace

Result<std::shared_ptr<const TlsContext>> TlsContext::make(const TlsOptions& options, const TlsContext* previous) {
  ERR_clear_error();
  std::shared_ptr<TlsContext> made(new TlsContext);
  made->context_ = SSL_CTX_new(TLS_server_method());
  SSL_CTX* context = made->context_;
  made->tickets_ = previous == nullptr ? std::make_shared<TicketKeys>(options.clock) : previous->tickets_;
  if (context == nullptr || !set_protocol(context, options.minimum) || !set_sessions(context, made->tickets_)) {
    return unusable("OpenSSL refuses the settings: " + openssl_reason());
  }
  // 34 KiB less for each idle connection; and the chain is what the file has, not what each handshake could find besides.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
  SSL_CTX_set_read_ahead(context, 1);  // a record's head and body in one system call
  SSL_CTX_set_alpn_select_cb(context, select_protocol, nullptr);
  auto leaf = load_certificates(context, options.certificate);
  if (!leaf) return std::move(leaf).error();
  if (auto loaded = load_key(context, *leaf, options); !loaded) return std::move(loaded).error();
  made->subject_ = subject_of(*leaf);
  made->not_after_ = unix_seconds(X509_get0_notAfter(*leaf));
  ERR_clear_error();
  return std::shared_ptr<const TlsContext>(std::move(made));
}

TlsContext::~TlsContext() { SSL_CTX_free(context_); }

namespace {

bool add_extension(X509* certificate, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, Free<X509_EXTENSION_free>> extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool set_random_serial(X509* certificate) {
  unsigned char octets[16];
  if (RAND_bytes(octets, sizeof octets) != 1) return false;
  octets[0] = static_cast<unsigned char>((octets[0] & 0x7f) | 0x40);  // RFC 5280 s4.1.2.2: positive
  const std::unique_ptr<BIGNUM, Free<BN_free>> number(BN_bin2bn(octets, sizeof octets, nullptr));
  return number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

Certificate self_signed(EVP_PKEY* key, int days) {
  Certificate made(X509_new());
  X509* c = made.get();
  if (c == nullptr) return nullptr;
  X509_NAME* name = X509_get_subject_name(c);
  const auto* common_name = reinterpret_cast<const unsigned char*>("localhost");
  const bool done =
      X509_set_version(c, X509_VERSION_3) == 1 && set_random_serial(c) && X509_gmtime_adj(X509_getm_notBefore(c), -300) != nullptr &&
      X509_time_adj_ex(X509_getm_notAfter(c), days, 0, nullptr) != nullptr && X509_set_pubkey(c, key) == 1 &&
      X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, common_name, -1, -1, 0) == 1 && X509_set_issuer_name(c, name) == 1 &&
      add_extension(c, NID_basic_constraints, "critical,CA:FALSE") && add_extension(c, NID_key_usage, "critical,digitalSignature") &&
      add_extension(c, NID_ext_key_usage, "serverAuth") && add_extension(c, NID_subject_key_identifier, "hash") &&
      add_extension(c, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:::1") && X509_sign(c, key, EVP_sha256()) > 0;
  return done ? std::move(made) : nullptr;
}

// Beside its final place, then renamed: a half-written file never has the name.
Status write_file(const std::string& path, BIO* contents, mode_t mode) {
  char* text = nullptr;
  const long size = BIO_get_mem_data(contents, &text);
  const int cause = write_whole_file(path, {text, static_cast<std::size_t>(size)}, mode);
  return cause == 0 ? Status() : Status(unusable(path + ": cannot be written: " + std::strerror(cause)));
}

}  // namespace

Status write_development_certificate(const std::string& certificate_path, const std::string& key_path, int days) {
  const Key key(EVP_EC_gen("P-256"));
  const Certificate certificate = key ? self_signed(key.get(), days) : nullptr;
  const Bio key_pem(BIO_new(BIO_s_secmem()));
  const Bio certificate_pem(BIO_new(BIO_s_mem()));
  if (!certificate || PEM_write_bio_PrivateKey(key_pem.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1 ||
      PEM_write_bio_X509(certificate_pem.get(), certificate.get()) != 1) {
    return unusable("a development certificate cannot be made: " + openssl_reason());
  }
  if (auto written = write_file(key_path, key_pem.get(), 0600); !written) return written;
  return write_file(certificate_path, certificate_pem.get(), 0644);
}

}  // namespace jwtd::http
