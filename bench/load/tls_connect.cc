// tls_connect.cc - asks for each token over a new TLS connection, as mobile clients do, and prints how many it got and how long each took.
//
// Closed loop over a fixed number of slots: connect, full handshake (no resumption), one GET, the whole answer, close_notify, close. Protocol,
// cipher suite and group are fixed here, so that both servers do the same arithmetic. The certificate is not checked against a root; its
// signature over the handshake is, always.
// Usage: tls_connect HOST PORT SLOTS THREADS SECONDS WARM_UP_SECONDS
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kPhones = 1000;
constexpr unsigned kSourceAddresses = 64;  // 127.1.0.1 and up: one address has too few ports for thousands of connections a second
constexpr auto kStuck = std::chrono::seconds(10);

[[noreturn]] void stop(const std::string& why) {
  std::fprintf(stderr, "tls_connect: %s\n", why.c_str());
  std::_Exit(1);
}

struct Slot {
  int fd = -1;
  SSL* tls = nullptr;
  bool shaken = false, asked = false;
  std::string in;
  Clock::time_point began;
};

class Worker {
 public:
  Worker(const sockaddr_in& peer, SSL_CTX* context, int slots, unsigned seed)
      : peer_(peer), context_(context), epoll_(epoll_create1(0)), slots_(static_cast<std::size_t>(slots)), at_(seed) {}

  void run(Clock::time_point counted_from, Clock::time_point end) {
    counted_from_ = counted_from;
    end_ = end;
    for (auto& slot : slots_) open(slot);
    epoll_event events[64];
    auto progress = Clock::now();
    while (open_ > 0) {
      const int count = epoll_wait(epoll_, events, 64, 100);
      for (int i = 0; i < count; ++i) step(*static_cast<Slot*>(events[i].data.ptr));
      if (count > 0) progress = Clock::now();
      if (Clock::now() - progress > kStuck) stop("no progress for ten seconds");
    }
  }

  const std::vector<long>& took() const { return took_; }
  std::size_t answered() const { return answered_; }
  const std::string& negotiated() const { return negotiated_; }

 private:
  void open(Slot& slot) {
    slot.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    const int on = 1;
    setsockopt(slot.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(slot.fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    sockaddr_in source{};
    source.sin_family = AF_INET;
    source.sin_addr.s_addr = htonl(0x7f010001u + at_ % kSourceAddresses);
    if (bind(slot.fd, reinterpret_cast<sockaddr*>(&source), sizeof source) != 0) stop(std::string("bind: ") + std::strerror(errno));
    slot.began = Clock::now();
    if (connect(slot.fd, reinterpret_cast<const sockaddr*>(&peer_), sizeof peer_) != 0 && errno != EINPROGRESS)
      stop(std::string("connect: ") + std::strerror(errno));
    slot.tls = SSL_new(context_);
    SSL_set_fd(slot.tls, slot.fd);
    SSL_set_connect_state(slot.tls);
    slot.shaken = slot.asked = false;
    slot.in.clear();
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLET;
    event.data.ptr = &slot;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, slot.fd, &event);
    ++open_;
  }

  // True when `done` went through; false when it waits for the peer.
  bool went(Slot& slot, int done) {
    if (done > 0) return true;
    const int error = SSL_get_error(slot.tls, done);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return false;
    if (error == SSL_ERROR_SYSCALL && (errno == ENOTCONN || errno == EAGAIN)) return false;
    stop(std::string("TLS failed: ") + (error == SSL_ERROR_ZERO_RETURN ? "closed by the peer" : ERR_error_string(ERR_peek_error(), nullptr)) +
         " (" + std::strerror(errno) + ")");
  }

  void step(Slot& slot) {
    ERR_clear_error();
    if (!slot.shaken) {
      if (!went(slot, SSL_do_handshake(slot.tls))) return;
      slot.shaken = true;
      if (SSL_session_reused(slot.tls)) stop("a session was resumed");
      if (negotiated_.empty()) describe(slot.tls);
    }
    if (!slot.asked) {
      char request[160];
      const int size = std::snprintf(request, sizeof request, "GET /v1/token/1555%07u HTTP/1.1\r\nHost: localhost\r\n\r\n", ++at_ % kPhones);
      if (!went(slot, SSL_write(slot.tls, request, size))) stop("an answer-sized send buffer was full");
      slot.asked = true;
    }
    char buffer[4096];
    for (;;) {
      const int got = SSL_read(slot.tls, buffer, sizeof buffer);
      if (!went(slot, got)) return;
      slot.in.append(buffer, static_cast<std::size_t>(got));
      if (whole(slot.in)) break;
    }
    ++answered_;
    const auto now = Clock::now();
    if (slot.began >= counted_from_ && now <= end_) took_.push_back(std::chrono::nanoseconds(now - slot.began).count());
    SSL_shutdown(slot.tls);
    SSL_free(slot.tls);
    close(slot.fd);
    --open_;
    if (now < end_) open(slot);
  }

  static bool whole(const std::string& in) {
    const auto head = in.find("\r\n\r\n");
    if (head == std::string::npos) return false;
    if (in.compare(0, 12, "HTTP/1.1 200") != 0) stop("not a 200: " + in.substr(0, in.find("\r\n")));
    for (std::size_t at = in.find("\r\n"); at < head; at = in.find("\r\n", at + 2)) {
      constexpr char kName[] = "content-length:";
      if (strncasecmp(in.c_str() + at + 2, kName, sizeof kName - 1) == 0)
        return in.size() >= head + 4 + std::strtoul(in.c_str() + at + 2 + sizeof kName - 1, nullptr, 10);
    }
    stop("an answer without Content-Length");
  }

  void describe(SSL* tls) {
    EVP_PKEY* key = nullptr;
    std::string ephemeral = "?";
    if (SSL_get_peer_tmp_key(tls, &key) == 1) {
      ephemeral = EVP_PKEY_get0_type_name(key);
      EVP_PKEY_free(key);
    }
    X509* certificate = SSL_get0_peer_certificate(tls);
    const EVP_PKEY* server_key = certificate ? X509_get0_pubkey(certificate) : nullptr;
    negotiated_ = std::string(SSL_get_version(tls)) + ", " + SSL_get_cipher_name(tls) + ", " + ephemeral + ", certificate " +
                  (server_key ? EVP_PKEY_get0_type_name(server_key) : "?") + " " + (server_key ? std::to_string(EVP_PKEY_get_bits(server_key)) : "");
  }

  sockaddr_in peer_;
  SSL_CTX* context_;
  int epoll_;
  std::vector<Slot> slots_;
  unsigned at_;
  int open_ = 0;
  std::size_t answered_ = 0;  // warm-up included
  Clock::time_point counted_from_, end_;
  std::vector<long> took_;  // nanoseconds
  std::string negotiated_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7) stop("usage: tls_connect HOST PORT SLOTS THREADS SECONDS WARM_UP_SECONDS");
  sockaddr_in peer{};
  peer.sin_family = AF_INET;
  peer.sin_port = htons(static_cast<std::uint16_t>(std::atoi(argv[2])));
  if (inet_pton(AF_INET, argv[1], &peer.sin_addr) != 1) stop("HOST is a numeric IPv4 address");
  const int slots = std::atoi(argv[3]), threads = std::atoi(argv[4]);
  const double seconds = std::atof(argv[5]), warm_up = std::atof(argv[6]);

  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256");
  SSL_CTX_set1_groups_list(context, "X25519");
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);

  const auto counted_from = Clock::now() + std::chrono::nanoseconds(static_cast<long>(warm_up * 1e9));
  const auto end = counted_from + std::chrono::nanoseconds(static_cast<long>(seconds * 1e9));
  std::vector<Worker> workers;
  std::vector<std::thread> running;
  workers.reserve(static_cast<std::size_t>(threads));
  for (int i = 0; i < threads; ++i) workers.emplace_back(peer, context, slots / threads, static_cast<unsigned>(i) * 500u);
  for (auto& worker : workers) running.emplace_back([&worker, counted_from, end] { worker.run(counted_from, end); });
  for (auto& thread : running) thread.join();

  std::vector<long> took;
  std::size_t answered = 0;
  for (auto& worker : workers) answered += worker.answered();
  for (auto& worker : workers) took.insert(took.end(), worker.took().begin(), worker.took().end());
  if (took.empty()) stop("no answers");
  std::sort(took.begin(), took.end());
  const auto at = [&took](double share) {
    const auto place = static_cast<std::size_t>(share * static_cast<double>(took.size()));
    return static_cast<double>(took[std::min(took.size() - 1, place)]) / 1e3;
  };
  std::printf("OUTCOME {\"requests\":%zu,\"all_requests\":%zu,\"micros\":%.0f,"
              "\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"max\":%.1f,\"negotiated\":\"%s\"}\n",
              took.size(), answered, seconds * 1e6, at(.5), at(.9), at(.99), at(.999), at(1), workers[0].negotiated().c_str());
}
