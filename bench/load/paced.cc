// paced.cc - asks for tokens at a fixed rate over keep-alive connections and prints how long each took.
//
// Open loop: a request has a moment at which it is due, and its latency counts from there, also when it left late because every connection
// was waiting. So a stall of the server shows in full (no coordinated omission).
// Usage: paced HOST PORT CONNECTIONS RATE SECONDS WARM_UP_SECONDS
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::nanoseconds;

constexpr int kPhones = 1000;
constexpr unsigned long kTimerSlackNanos = 20'000;  // waking for each request alone would take a whole core from the server
constexpr auto kDrain = std::chrono::seconds(3);    // after the last request: longer than jwtd's own commit deadline

struct Connection {
  int fd = -1;
  std::string in;
  Clock::time_point due;
};

[[noreturn]] void stop(const std::string& why) {
  std::fprintf(stderr, "paced: %s\n", why.c_str());
  std::exit(1);
}

int connect_to(const sockaddr_in& peer) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0 || connect(fd, reinterpret_cast<const sockaddr*>(&peer), sizeof peer) != 0) stop(std::string("connect: ") + std::strerror(errno));
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  return fd;
}

// Octets of the first whole answer in `in`; 0: not all there yet. Stops the program at anything but a 200.
std::size_t whole_answer(const std::string& in) {
  const auto head = in.find("\r\n\r\n");
  if (head == std::string::npos) return 0;
  if (in.compare(0, 12, "HTTP/1.1 200") != 0) stop("not a 200: " + in.substr(0, in.find("\r\n")));
  for (std::size_t at = in.find("\r\n"); at < head; at = in.find("\r\n", at + 2)) {
    constexpr char kName[] = "content-length:";
    if (strncasecmp(in.c_str() + at + 2, kName, sizeof kName - 1) != 0) continue;
    const std::size_t size = head + 4 + std::strtoul(in.c_str() + at + 2 + sizeof kName - 1, nullptr, 10);
    return in.size() >= size ? size : 0;
  }
  stop("an answer without Content-Length");
}

class Paced {
 public:
  Paced(const sockaddr_in& peer, const char* host, int connections, double rate)
      : epoll_(epoll_create1(0)), interval_(static_cast<long>(1e9 / rate)), connections_(connections) {
    for (int i = 1; i <= kPhones; ++i) {
      char text[160];
      std::snprintf(text, sizeof text, "GET /v1/token/1555%07d HTTP/1.1\r\nHost: %s:%d\r\n\r\n", i, host, ntohs(peer.sin_port));
      requests_.emplace_back(text);
    }
    for (auto& connection : connections_) {
      connection.fd = connect_to(peer);
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.ptr = &connection;
      epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.fd, &event);
      free_.push_back(&connection);
    }
  }

  void run(double seconds, double warm_up) {
    const auto start = Clock::now();
    counted_seconds_ = seconds;
    counted_from_ = start + nanoseconds(static_cast<long>(warm_up * 1e9));
    const auto end = counted_from_ + nanoseconds(static_cast<long>(seconds * 1e9));
    next_ = start;
    while (next_ < end) {
      send_due(end);
      wait(end);
      if (Clock::now() > end + kDrain) break;
    }
    while (free_.size() < connections_.size() && Clock::now() < end + kDrain) wait(end + kDrain);
    unanswered_ = connections_.size() - free_.size() + (next_ < end ? (end - next_) / interval_ : 0);
  }

  void print() {
    if (took_.empty()) stop("no answers");
    std::sort(took_.begin(), took_.end());
    const auto at = [this](double share) { return took_[std::min(took_.size() - 1, static_cast<std::size_t>(share * took_.size()))] / 1e3; };
    std::printf("OUTCOME {\"requests\":%zu,\"all_requests\":%zu,\"micros\":%.0f,"
                "\"unanswered\":%zu,\"late_sends\":%zu,\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"max\":%.1f}\n",
                took_.size(), answered_, counted_seconds_ * 1e6, unanswered_, late_, at(.5), at(.9), at(.99), at(.999), took_.back() / 1e3);
  }

 private:
  void send_due(Clock::time_point end) {
    const auto now = Clock::now();
    while (next_ <= now && next_ < end) {
      if (free_.empty()) {
        ++late_;
        return;
      }
      Connection* connection = free_.front();
      free_.pop_front();
      connection->due = next_;
      next_ += interval_;
      const std::string& request = requests_[at_++ % kPhones];
      if (send(connection->fd, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) stop("send failed");
    }
  }

  void wait(Clock::time_point until) {
    const auto now = Clock::now();
    const auto wake = free_.empty() ? until : std::min(next_, until);
    const auto left = std::clamp<nanoseconds>(wake - now, nanoseconds(0), std::chrono::milliseconds(100));
    const timespec timeout{left.count() / 1'000'000'000, left.count() % 1'000'000'000};
    epoll_event events[64];
    const int count = epoll_pwait2(epoll_, events, 64, &timeout, nullptr);
    for (int i = 0; i < count; ++i) receive(*static_cast<Connection*>(events[i].data.ptr));
  }

  void receive(Connection& connection) {
    char buffer[4096];
    const ssize_t got = recv(connection.fd, buffer, sizeof buffer, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) stop("the server closed a connection");
    connection.in.append(buffer, static_cast<std::size_t>(got));
    const std::size_t size = whole_answer(connection.in);
    if (size == 0) return;
    if (size != connection.in.size()) stop("more than one answer for one request");
    connection.in.clear();
    ++answered_;
    if (connection.due >= counted_from_) took_.push_back(nanoseconds(Clock::now() - connection.due).count());
    free_.push_back(&connection);
  }

  int epoll_;
  nanoseconds interval_;
  std::vector<Connection> connections_;
  std::deque<Connection*> free_;  // longest idle first, so that all connections take part
  std::vector<std::string> requests_;
  std::vector<long> took_;  // nanoseconds
  std::size_t at_ = 0, answered_ = 0, late_ = 0, unanswered_ = 0;
  double counted_seconds_ = 0;
  Clock::time_point next_, counted_from_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7) stop("usage: paced HOST PORT CONNECTIONS RATE SECONDS WARM_UP_SECONDS");
  prctl(PR_SET_TIMERSLACK, kTimerSlackNanos);
  sockaddr_in peer{};
  peer.sin_family = AF_INET;
  peer.sin_port = htons(static_cast<std::uint16_t>(std::atoi(argv[2])));
  if (inet_pton(AF_INET, argv[1], &peer.sin_addr) != 1) stop("HOST is a numeric IPv4 address");
  Paced paced(peer, argv[1], std::atoi(argv[3]), std::atof(argv[4]));
  paced.run(std::atof(argv[5]), std::atof(argv[6]));
  paced.print();
}
