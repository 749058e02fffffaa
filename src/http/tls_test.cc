// http/tls_test.cc - what a client negotiates with a TlsContext, in memory, and which pairs are refused.
#include "http/tls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <nlohmann/json.hpp>
#include <vector>

#include "http/ticket_keys.h"

namespace jwtd::http {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

struct SslFree {
  void operator()(SSL* p) const { SSL_free(p); }
  void operator()(SSL_CTX* p) const { SSL_CTX_free(p); }
  void operator()(SSL_SESSION* p) const { SSL_SESSION_free(p); }
};
using Ssl = std::unique_ptr<SSL, SslFree>;
using Ctx = std::unique_ptr<SSL_CTX, SslFree>;
using Session = std::unique_ptr<SSL_SESSION, SslFree>;

// Turned by hand.
Monotonic::time_point hand_time{};
Monotonic::time_point hand_clock() { return hand_time; }
void turn_clock(Monotonic::duration by) { hand_time += by; }

class TlsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "jwtd-tls-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    ASSERT_TRUE(write_development_certificate(path("a.crt"), path("a.key"), 30).has_value());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  void write(const std::string& name, const std::string& text) const { std::ofstream(path(name)) << text; }
  std::string read(const std::string& name) const {
    std::ifstream in(path(name));
    return {std::istreambuf_iterator<char>(in), {}};
  }
  TlsOptions options(TlsMinimum minimum = TlsMinimum::k1_2) const { return {path("a.crt"), path("a.key"), minimum, &hand_clock}; }
  std::shared_ptr<const TlsContext> make(TlsMinimum minimum = TlsMinimum::k1_2, const TlsContext* previous = nullptr) const {
    auto made = TlsContext::make(options(minimum), previous);
    EXPECT_TRUE(made.has_value());
    return made ? *made : nullptr;
  }
  std::string refusal(const std::string& certificate, const std::string& key) const {
    auto made = TlsContext::make({path(certificate), path(key), TlsMinimum::k1_2}, nullptr);
    if (made) return "accepted";
    EXPECT_TRUE(made.error().is(kTlsPairUnusable));
    return made.error().detail();
  }

  std::string folder_;
};

// A client and a server joined in memory. `tune` sets up the client before its first octet.
struct Exchange {
  Ssl client, server;
  bool done = false;
  Session session;  // the newest the client got

  Exchange(const TlsContext& context, int version, const std::function<void(SSL*)>& tune = {}) {
    static const int kIndex = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    client_context_.reset(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_set_security_level(client_context_.get(), 0);
    SSL_CTX_set_cipher_list(client_context_.get(), "ALL:@SECLEVEL=0");
    SSL_CTX_set_min_proto_version(client_context_.get(), version);
    SSL_CTX_set_max_proto_version(client_context_.get(), version);
    SSL_CTX_set_session_cache_mode(client_context_.get(), SSL_SESS_CACHE_CLIENT);
    SSL_CTX_sess_set_new_cb(client_context_.get(), [](SSL* ssl, SSL_SESSION* made) {
      static_cast<Exchange*>(SSL_get_ex_data(ssl, kIndex))->session.reset(made);
      return 1;
    });
    client.reset(SSL_new(client_context_.get()));
    server.reset(SSL_new(context.native()));
    SSL_set_ex_data(client.get(), kIndex, this);
    BIO* a = nullptr;
    BIO* b = nullptr;
    BIO_new_bio_pair(&a, 0, &b, 0);
    SSL_set_bio(client.get(), a, a);
    SSL_set_bio(server.get(), b, b);
    SSL_set_connect_state(client.get());
    SSL_set_accept_state(server.get());
    if (tune) tune(client.get());
    shake();
  }

  void shake() {
    for (int i = 0; i < 20 && !done; ++i) {
      const int from_client = SSL_do_handshake(client.get());
      const int from_server = SSL_do_handshake(server.get());
      done = from_client == 1 && from_server == 1;
    }
    if (!done) return;
    char octet = 'x';  // TLS 1.3 tickets come with the first read
    SSL_write(server.get(), &octet, 1);
    SSL_read(client.get(), &octet, 1);
  }
  std::string version() const { return SSL_get_version(client.get()); }
  bool resumed() const { return SSL_session_reused(client.get()) == 1; }

 private:
  Ctx client_context_;
};

nlohmann::json guideline() {
  const char* root = std::getenv("JWTD_VECTORS");
  std::ifstream in(std::string(root != nullptr && *root != '\0' ? root : "../shared/vectors") + "/mozilla-tls/5.8.json");
  return in ? nlohmann::json::parse(in)["configurations"]["intermediate"] : nlohmann::json();
}

std::vector<std::string> cipher_names(const TlsContext& context, bool tls13) {
  std::vector<std::string> names;
  STACK_OF(SSL_CIPHER)* ciphers = SSL_CTX_get_ciphers(context.native());
  for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); ++i) {
    const std::string name = SSL_CIPHER_get_name(sk_SSL_CIPHER_value(ciphers, i));
    if (name.starts_with("TLS_") == tls13) names.push_back(name);
  }
  return names;
}

TEST_F(TlsTest, CiphersAreThoseOfMozillasIntermediateGuideline) {
  const auto expected = guideline();
  if (expected.is_null()) GTEST_SKIP() << "JWTD_VECTORS has no mozilla-tls/5.8.json";
  const auto context = make();
  EXPECT_EQ(cipher_names(*context, false), expected["ciphers"]["openssl"].get<std::vector<std::string>>());
  EXPECT_EQ(cipher_names(*context, true), expected["ciphersuites"].get<std::vector<std::string>>());
}

TEST_F(TlsTest, VersionsAreThoseOfMozillasIntermediateGuideline) {
  const auto expected = guideline();
  if (expected.is_null()) GTEST_SKIP() << "JWTD_VECTORS has no mozilla-tls/5.8.json";
  const auto context = make();
  std::vector<std::string> accepted;
  for (const int version : {TLS1_VERSION, TLS1_1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION}) {
    if (const Exchange exchange(*context, version); exchange.done) accepted.push_back(exchange.version());
  }
  EXPECT_EQ(accepted, expected["tls_versions"].get<std::vector<std::string>>());
}

TEST_F(TlsTest, GroupsAreThoseOfMozillasIntermediateGuidelineAndNoOthers) {
  const auto expected = guideline();
  if (expected.is_null()) GTEST_SKIP() << "JWTD_VECTORS has no mozilla-tls/5.8.json";
  const auto context = make();
  const auto allowed = expected["tls_curves"].get<std::vector<std::string>>();
  for (const std::string group : {"X25519MLKEM768", "X25519", "prime256v1", "secp384r1", "secp521r1", "X448"}) {
    bool known = true;
    const Exchange exchange(*context, TLS1_3_VERSION, [&](SSL* client) { known = SSL_set1_groups_list(client, group.c_str()) == 1; });
    if (!known) continue;  // an OpenSSL older than the group
    EXPECT_EQ(exchange.done, std::find(allowed.begin(), allowed.end(), group) != allowed.end()) << group;
  }
}

TEST_F(TlsTest, TheClientsCipherOrderCounts) {
  const auto context = make();
  const Exchange exchange(*context, TLS1_3_VERSION, [](SSL* client) {
    SSL_set_ciphersuites(client, "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256");
  });
  ASSERT_TRUE(exchange.done);
  EXPECT_STREQ(SSL_get_cipher(exchange.client.get()), "TLS_CHACHA20_POLY1305_SHA256");
}

TEST_F(TlsTest, Tls11NeedsItsSetting) {
  EXPECT_FALSE(Exchange(*make(TlsMinimum::k1_2), TLS1_1_VERSION).done);
  const Exchange old(*make(TlsMinimum::k1_1), TLS1_1_VERSION);
  EXPECT_TRUE(old.done);
  EXPECT_EQ(old.version(), "TLSv1.1");
}

TEST_F(TlsTest, Tls10IsRefusedEvenWhereTls11IsNot) { EXPECT_FALSE(Exchange(*make(TlsMinimum::k1_1), TLS1_VERSION).done); }

TEST_F(TlsTest, AMinimumOf13Refuses12) {
  const auto context = make(TlsMinimum::k1_3);
  EXPECT_FALSE(Exchange(*context, TLS1_2_VERSION).done);
  EXPECT_TRUE(Exchange(*context, TLS1_3_VERSION).done);
}

class Resumption : public TlsTest, public ::testing::WithParamInterface<int> {};

TEST_P(Resumption, ATicketResumesTheSession) {
  const auto context = make();
  const Exchange first(*context, GetParam());
  ASSERT_TRUE(first.done);
  ASSERT_TRUE(first.session);
  EXPECT_FALSE(first.resumed());
  const Exchange second(*context, GetParam(), [&](SSL* client) { SSL_set_session(client, first.session.get()); });
  EXPECT_TRUE(second.done && second.resumed());
}

TEST_P(Resumption, ATicketCountsAfterAReloadWithAnotherCertificate) {
  const auto before = make();
  const Exchange first(*before, GetParam());
  ASSERT_TRUE(first.session);
  ASSERT_TRUE(write_development_certificate(path("a.crt"), path("a.key"), 30).has_value());
  const auto after = make(TlsMinimum::k1_2, before.get());
  EXPECT_TRUE(Exchange(*after, GetParam(), [&](SSL* client) { SSL_set_session(client, first.session.get()); }).resumed());
}

TEST_P(Resumption, ATicketOfAnotherProcessDoesNotCount) {
  const Exchange first(*make(), GetParam());
  ASSERT_TRUE(first.session);
  const auto other = make();
  const Exchange second(*other, GetParam(), [&](SSL* client) { SSL_set_session(client, first.session.get()); });
  EXPECT_TRUE(second.done);
  EXPECT_FALSE(second.resumed());
}

TEST_P(Resumption, TicketKeysAreReplacedAndTheFormerOnesCountForOnePeriodMore) {
  const auto context = make();
  const Exchange first(*context, GetParam());
  ASSERT_TRUE(first.session);
  const auto come_back = [&](const Session& session) {
    return std::make_unique<Exchange>(*context, GetParam(), [&](SSL* client) {
      const Session copy(SSL_SESSION_dup(session.get()));  // a TLS 1.3 session counts once on the client's side
      SSL_set_session(client, copy.get());
    });
  };
  turn_clock(kTicketKeyLife - std::chrono::seconds(1));
  const auto before_the_change = come_back(first.session);
  EXPECT_TRUE(before_the_change->resumed());

  turn_clock(std::chrono::seconds(1));
  const auto after_it = come_back(first.session);
  EXPECT_TRUE(after_it->resumed());
  // A new ticket comes with it, of which OpenSSL tells its client's callback only with TLS 1.3.
  const Session renewed(GetParam() == TLS1_3_VERSION ? after_it->session.release() : SSL_get1_session(after_it->client.get()));
  ASSERT_TRUE(renewed);

  turn_clock(kTicketKeyLife);
  EXPECT_TRUE(come_back(renewed)->resumed());
  const auto too_late = come_back(first.session);
  EXPECT_TRUE(too_late->done);
  EXPECT_FALSE(too_late->resumed());

  turn_clock(2 * kTicketKeyLife);  // nobody came: no change was made in between
  EXPECT_FALSE(come_back(renewed)->resumed());
}

INSTANTIATE_TEST_SUITE_P(Versions, Resumption, ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& version) { return version.param == TLS1_2_VERSION ? "Tls12" : "Tls13"; });

TEST_F(TlsTest, Http11IsSelectedWhereItIsOffered) {
  const auto context = make();
  const unsigned char offer[] = "\x02h2\x08http/1.1";
  const Exchange exchange(*context, TLS1_3_VERSION, [&](SSL* client) { SSL_set_alpn_protos(client, offer, sizeof offer - 1); });
  const unsigned char* chosen = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(exchange.client.get(), &chosen, &size);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(chosen), size), "http/1.1");
}

TEST_F(TlsTest, AClientThatSpeaksOnlyHttp2IsRefused) {
  const auto context = make();
  const unsigned char offer[] = "\x02h2";
  EXPECT_FALSE(Exchange(*context, TLS1_3_VERSION, [&](SSL* client) { SSL_set_alpn_protos(client, offer, sizeof offer - 1); }).done);
}

TEST_F(TlsTest, RenegotiationIsRefused) {
  const Exchange exchange(*make(), TLS1_2_VERSION);
  ASSERT_TRUE(exchange.done);
  SSL_renegotiate(exchange.client.get());
  char octet = 0;
  int result = 0;
  for (int i = 0; i < 5; ++i) {
    ERR_clear_error();
    result = SSL_do_handshake(exchange.client.get());
    if (result == 1 || SSL_get_error(exchange.client.get(), result) == SSL_ERROR_SSL) break;
    SSL_read(exchange.server.get(), &octet, 1);
  }
  EXPECT_EQ(result, -1);
  EXPECT_EQ(SSL_get_error(exchange.client.get(), result), SSL_ERROR_SSL);
}

TEST_F(TlsTest, IdleConnectionsHoldNoBuffers) {
  EXPECT_TRUE((SSL_CTX_get_mode(make()->native()) & SSL_MODE_RELEASE_BUFFERS) != 0);
}

TEST_F(TlsTest, TheLeafsSubjectAndExpiryAreKnown) {
  const auto context = make();
  EXPECT_EQ(context->subject(), "CN=localhost");
  const auto days = (context->not_after() - static_cast<std::int64_t>(std::time(nullptr))) / 86400;
  EXPECT_GE(days, 29);
  EXPECT_LE(days, 30);
}

TEST_F(TlsTest, AMissingFileIsNamed) {
  EXPECT_THAT(refusal("none.crt", "a.key"), AllOf(HasSubstr("none.crt"), HasSubstr("No such file")));
  EXPECT_THAT(refusal("a.crt", "none.key"), AllOf(HasSubstr("none.key"), HasSubstr("No such file")));
}

TEST_F(TlsTest, AnUnreadableFileIsNamed) {
  constexpr uid_t kNobody = 65534;
  ASSERT_EQ(::chmod(folder_.c_str(), 0755), 0);
  ASSERT_EQ(::chmod(path("a.key").c_str(), 0), 0);
  const bool root = ::geteuid() == 0;  // who could read it all the same
  if (root) { ASSERT_EQ(::seteuid(kNobody), 0); }
  const std::string said = refusal("a.crt", "a.key");
  if (root) { ASSERT_EQ(::seteuid(0), 0); }
  EXPECT_THAT(said, AllOf(HasSubstr("a.key"), HasSubstr("Permission denied")));
}

TEST_F(TlsTest, AFolderIsNotAPair) { EXPECT_THAT(refusal("", "a.key"), HasSubstr("is a folder")); }

TEST_F(TlsTest, WhatIsNotPemIsRefused) {
  write("junk", "not a certificate\n");
  EXPECT_THAT(refusal("junk", "a.key"), HasSubstr("junk: holds no PEM certificate"));
  EXPECT_THAT(refusal("a.crt", "junk"), HasSubstr("junk: holds no PEM private key"));
}

TEST_F(TlsTest, SwappedFilesAreRefused) { EXPECT_THAT(refusal("a.key", "a.crt"), HasSubstr("holds no PEM certificate")); }

TEST_F(TlsTest, AKeyOfAnotherCertificateIsRefused) {
  ASSERT_TRUE(write_development_certificate(path("b.crt"), path("b.key"), 30).has_value());
  EXPECT_THAT(refusal("a.crt", "b.key"), AllOf(HasSubstr("b.key: is not the key of the certificate"), HasSubstr("a.crt")));
}

TEST_F(TlsTest, AnExpiredCertificateIsRefused) {
  ASSERT_TRUE(write_development_certificate(path("old.crt"), path("old.key"), -1).has_value());
  EXPECT_THAT(refusal("old.crt", "old.key"), HasSubstr("the certificate expired at 20"));
}

TEST_F(TlsTest, ADamagedChainIsRefused) {
  write("chain.crt", read("a.crt") + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  EXPECT_THAT(refusal("chain.crt", "a.key"), HasSubstr("chain is damaged"));
}

TEST_F(TlsTest, TheChainIsSentBehindTheLeaf) {
  ASSERT_TRUE(write_development_certificate(path("b.crt"), path("b.key"), 30).has_value());
  write("chain.crt", read("a.crt") + read("b.crt"));
  auto made = TlsContext::make({path("chain.crt"), path("a.key"), TlsMinimum::k1_2}, nullptr);
  ASSERT_TRUE(made.has_value());
  const Exchange exchange(**made, TLS1_3_VERSION);
  ASSERT_TRUE(exchange.done);
  EXPECT_EQ(sk_X509_num(SSL_get_peer_cert_chain(exchange.client.get())), 2);
}

TEST_F(TlsTest, AKeyWithAPasswordIsRefusedWithoutAsking) {
  std::FILE* in = std::fopen(path("a.key").c_str(), "r");
  EVP_PKEY* key = PEM_read_PrivateKey(in, nullptr, nullptr, nullptr);
  std::fclose(in);
  std::FILE* out = std::fopen(path("locked.key").c_str(), "w");
  char password[] = "secret";
  PEM_write_PrivateKey(out, key, EVP_aes_128_cbc(), nullptr, 0, nullptr, password);
  std::fclose(out);
  EVP_PKEY_free(key);
  EXPECT_THAT(refusal("a.crt", "locked.key"), HasSubstr("or one with a password"));
}

TEST_F(TlsTest, AnRsaKeyBelow2048BitsIsRefused) {
  EVP_PKEY* key = EVP_RSA_gen(1024);
  X509* certificate = X509_new();
  X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, key);
  X509_sign(certificate, key, EVP_sha256());
  std::FILE* out = std::fopen(path("small.crt").c_str(), "w");
  PEM_write_X509(out, certificate);
  std::fclose(out);
  X509_free(certificate);
  EVP_PKEY_free(key);
  EXPECT_THAT(refusal("small.crt", "a.key"), HasSubstr("1024 bits"));
}

TEST_F(TlsTest, TheDevelopmentKeyIsItsOwnersOnly) {
  struct stat status {};
  ASSERT_EQ(::stat(path("a.key").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(TlsTest, ADevelopmentCertificateThatCannotBeWrittenLeavesNothing) {
  const auto written = write_development_certificate(path("no/such/c.crt"), path("no/such/c.key"), 30);
  ASSERT_FALSE(written.has_value());
  EXPECT_THAT(written.error().detail(), HasSubstr("no/such/c.key: cannot be written"));
}

TEST_F(TlsTest, TheDevelopmentCertificateNamesTheLoopbackAddresses) {
  const Exchange exchange(*make(), TLS1_3_VERSION);
  ASSERT_TRUE(exchange.done);
  X509* certificate = SSL_get0_peer_certificate(exchange.client.get());
  EXPECT_EQ(X509_check_host(certificate, "localhost", 0, 0, nullptr), 1);
  EXPECT_EQ(X509_check_ip_asc(certificate, "127.0.0.1", 0), 1);
  EXPECT_EQ(X509_check_ip_asc(certificate, "::1", 0), 1);
}

}  // namespace
}  // namespace jwtd::http
