// limit/redis/stream.cc - a socket that never blocks, ppoll() for its deadlines, and OpenSSL on top where the URL says so.
#include "limit/redis/stream.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace jwtd::limit {
namespace {

Error lost(std::string detail) { return Error(kLimitStoreLost, std::move(detail)); }
std::string reason(const char* step, int error) { return std::string(step) + ": " + std::strerror(error); }

struct Addresses {
  addrinfo* first = nullptr;
  Addresses() = default;
  Addresses(const Addresses&) = delete;
  Addresses& operator=(const Addresses&) = delete;
  ~Addresses() {
    if (first != nullptr) ::freeaddrinfo(first);
  }
};

bool is_numeric(const std::string& host) {
  unsigned char address[sizeof(in6_addr)];
  return ::inet_pton(AF_INET, host.c_str(), address) == 1 || ::inet_pton(AF_INET6, host.c_str(), address) == 1;
}

template <auto F>
struct Free {
  template <class T>
  void operator()(T* p) const { F(p); }
};

}  // namespace

struct Stream::Tls {
  std::unique_ptr<SSL_CTX, Free<SSL_CTX_free>> context;
  std::unique_ptr<SSL, Free<SSL_free>> session;
};

Stream::Stream() = default;

Stream::~Stream() {
  if (socket_ >= 0) ::close(socket_);
}

Result<std::unique_ptr<Stream>> Stream::connect(const StoreUrl& url, const std::string& ca_file, Monotonic::time_point deadline) {
  std::unique_ptr<Stream> stream(new Stream);
  if (Status status = stream->open(url, deadline); !status) return std::move(status).error();
  if (url.tls) {
    if (Status status = stream->shake_hands(url, ca_file, deadline); !status) return std::move(status).error();
  }
  return stream;
}

// The first of the host's addresses that takes the connection.
Status Stream::open(const StoreUrl& url, Monotonic::time_point deadline) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  Addresses addresses;
  if (const int failed = ::getaddrinfo(url.host.c_str(), std::to_string(url.port).c_str(), &hints, &addresses.first); failed != 0) {
    return lost(std::string("host name: ") + ::gai_strerror(failed));
  }
  Error last = lost("host name: no address");
  for (const addrinfo* a = addresses.first; a != nullptr; a = a->ai_next) {
    if (socket_ >= 0) ::close(socket_);
    socket_ = ::socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (socket_ < 0) return lost(reason("socket", errno));
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(socket_, a->ai_addr, a->ai_addrlen) == 0) return {};
    if (errno != EINPROGRESS) {
      last = lost(reason("connect", errno));
      continue;
    }
    if (Status status = wait(POLLOUT, deadline); !status) return Error(status.error().code(), "connect");
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(socket_, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error == 0) return {};
    last = lost(reason("connect", error));
  }
  return last;
}

Status Stream::wait(short events, Monotonic::time_point deadline) const {
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(deadline - Monotonic::now()).count();
    if (left <= 0) return Error(kLimitStoreTimeout);
    pollfd poll{socket_, events, 0};
    const timespec time{left / 1'000'000'000, left % 1'000'000'000};
    const int ready = ::ppoll(&poll, 1, &time, nullptr);
    if (ready > 0) return {};  // also on a broken connection: the call that follows says how
    if (ready < 0 && errno != EINTR) return lost(reason("poll", errno));
  }
}

Status Stream::shake_hands(const StoreUrl& url, const std::string& ca_file, Monotonic::time_point deadline) {
  auto tls = std::make_unique<Tls>();
  tls->context.reset(SSL_CTX_new(TLS_client_method()));
  if (!tls->context) return lost("TLS: OpenSSL has no context");
  SSL_CTX* const context = tls->context.get();
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  const int believed = ca_file.empty() ? SSL_CTX_set_default_verify_paths(context) : SSL_CTX_load_verify_locations(context, ca_file.c_str(), nullptr);
  ERR_clear_error();
  if (believed != 1) return lost("TLS: the CA file cannot be used: " + ca_file);
  tls->session.reset(SSL_new(context));
  SSL* const session = tls->session.get();
  if (session == nullptr || SSL_set_fd(session, socket_) != 1) return lost("TLS: OpenSSL has no session");
  const bool numeric = is_numeric(url.host);
  const bool named = numeric ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), url.host.c_str()) == 1
                             : SSL_set1_host(session, url.host.c_str()) == 1 && SSL_set_tlsext_host_name(session, url.host.c_str()) == 1;
  if (!named) return lost("TLS: the host's name cannot be checked");
  tls_ = std::move(tls);
  while (true) {
    const int outcome = SSL_connect(session);
    if (outcome == 1) return {};
    if (const long verified = SSL_get_verify_result(session); verified != X509_V_OK) {
      ERR_clear_error();
      return lost(std::string("TLS: certificate: ") + X509_verify_cert_error_string(verified));
    }
    if (Status status = wait_for_tls(outcome, "TLS handshake", deadline); !status) return status;
  }
}

// After a TLS call that did not go through: ok when it may be tried again.
Status Stream::wait_for_tls(int outcome, const char* step, Monotonic::time_point deadline) {
  const int wanted = SSL_get_error(tls_->session.get(), outcome);
  const int error = errno;
  if (wanted == SSL_ERROR_WANT_READ) return wait(POLLIN, deadline);
  if (wanted == SSL_ERROR_WANT_WRITE) return wait(POLLOUT, deadline);
  const char* const text = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  if (wanted == SSL_ERROR_ZERO_RETURN) return lost("the server closed the connection");
  if (wanted == SSL_ERROR_SYSCALL) return error == 0 ? lost("the server closed the connection") : lost(reason(step, error));
  return lost(std::string(step) + ": " + (text == nullptr ? "OpenSSL gives no reason" : text));
}

Status Stream::write(std::string_view octets, Monotonic::time_point deadline) {
  while (!octets.empty()) {
    if (tls_) {
      std::size_t written = 0;
      errno = 0;
      const int outcome = SSL_write_ex(tls_->session.get(), octets.data(), octets.size(), &written);
      if (outcome == 1) octets.remove_prefix(written);
      else if (Status status = wait_for_tls(outcome, "write", deadline); !status) return status;
      continue;
    }
    const ssize_t written = ::send(socket_, octets.data(), octets.size(), MSG_NOSIGNAL);
    if (written >= 0) octets.remove_prefix(static_cast<std::size_t>(written));
    else if (errno != EAGAIN && errno != EINTR) return lost(reason("write", errno));
    else if (Status status = wait(POLLOUT, deadline); !status) return status;
  }
  return {};
}

Result<std::size_t> Stream::read(char* to, std::size_t room, Monotonic::time_point deadline) {
  while (true) {
    if (tls_) {
      std::size_t got = 0;
      errno = 0;
      const int outcome = SSL_read_ex(tls_->session.get(), to, room, &got);
      if (outcome == 1) return got;
      if (Status status = wait_for_tls(outcome, "read", deadline); !status) return std::move(status).error();
      continue;
    }
    // An answer is never there at once: waiting first spares a call.
    if (Status status = wait(POLLIN, deadline); !status) return std::move(status).error();
    const ssize_t got = ::recv(socket_, to, room, 0);
    if (got > 0) return static_cast<std::size_t>(got);
    if (got == 0) return lost("the server closed the connection");
    if (errno != EAGAIN && errno != EINTR) return lost(reason("read", errno));
  }
}

}  // namespace jwtd::limit
