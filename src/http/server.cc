// http/server.cc - loops and their threads, listeners, and the two ways to end.
#include "http/server.h"

#include <algorithm>
#include <cstring>
#include <thread>

#include <boost/asio/post.hpp>

#include "base/secret.h"
#include "base/thread_name.h"
#include "http/connection.h"
#include "http/io_loop.h"

namespace jwtd::http {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using error_code = boost::system::error_code;

constexpr int kBacklog = 4096;  // connections the kernel holds for us; it cuts this down to its own limit
constexpr auto kDrainPoll = std::chrono::milliseconds(5);

Result<tcp::endpoint> endpoint_of(const std::string& host, std::uint16_t port) {
  error_code error;
  const auto address = asio::ip::make_address(host == "localhost" ? "127.0.0.1" : host, error);
  if (error) return Error(kListenFailed, "'" + host + "' is not a numeric address");
  return tcp::endpoint(address, port);
}

Error cannot_listen(const std::string& host, std::uint16_t port, const char* step, const error_code& error) {
  return Error(kListenFailed, host + ":" + std::to_string(port) + ": " + step + ": " + error.message());
}

}  // namespace

IoLoop::IoLoop(Shared& s) : shared(s), timer_(context), work_(asio::make_work_guard(context)), now_(Monotonic::now()) {
  const std::string random = random_octets(4);
  for (const char octet : random) {
    id_prefix_.push_back("0123456789abcdef"[(octet >> 4) & 15]);
    id_prefix_.push_back("0123456789abcdef"[octet & 15]);
  }
  date_second_ = wall_now() / 1000;
  date_ = "Date: " + format_imf_fixdate(date_second_) + "\r\n";
}

void IoLoop::post(Wakeup* chain) {
  asio::post(context, [chain] {
    for (Wakeup* w = chain; w;) {
      Wakeup* const next = w->next;  // run() may free it
      w->run(w);
      w = next;
    }
  });
}

void IoLoop::run() {
  current_ = this;
  for (auto& acceptor : acceptors) accept(*acceptor);
  schedule_tick();
  context.run();
  current_ = nullptr;
}

void IoLoop::stop() {
  asio::post(context, [this] {
    timer_.cancel();
    work_.reset();
    context.stop();
  });
}

void IoLoop::schedule_tick() {
  timer_.expires_after(kTick);
  timer_.async_wait([this](const error_code& error) {
    if (error) return;
    tick();
    schedule_tick();
  });
}

void IoLoop::tick() {
  now_ = Monotonic::now();
  if (const UnixSeconds second = wall_now() / 1000; second != date_second_) {
    date_second_ = second;
    date_ = "Date: " + format_imf_fixdate(second) + "\r\n";
  }
  for (Connection* c = first_; c;) {
    Connection* const next = c->next;
    c->check_deadline(now_);
    c = next;
  }
  for (auto& hook : hooks) hook(now_);
  for (auto& acceptor : acceptors) {
    if (!acceptor->paused) continue;
    acceptor->paused = false;
    accept(*acceptor);
  }
}

void IoLoop::accept(Acceptor& acceptor) {
  if (!acceptor.socket.is_open()) return;
  if (shared.stats.open.load(std::memory_order_relaxed) >= static_cast<std::int64_t>(shared.options.max_connections)) {
    acceptor.paused = true;
    return;
  }
  acceptor.socket.async_accept([this, &acceptor](const error_code& error, tcp::socket socket) {
    if (error == asio::error::operation_aborted) return;
    if (error) {  // no descriptor left, or the peer gave up: an immediate retry would spin
      shared.stats.accept_errors.fetch_add(1, std::memory_order_relaxed);
      acceptor.paused = true;
      return;
    }
    shared.stats.accepted.fetch_add(1, std::memory_order_relaxed);
    Connection::start(*this, acceptor, std::move(socket));
    accept(acceptor);
  });
}

void IoLoop::close_acceptors() {
  for (auto& acceptor : acceptors) {
    error_code ignored;
    acceptor->socket.close(ignored);
  }
}

void IoLoop::close_idle() {
  for (Connection* c = first_; c;) {
    Connection* const next = c->next;
    c->close_if_idle();
    c = next;
  }
}

void IoLoop::cut_all() {
  for (Connection* c = first_; c;) {
    Connection* const next = c->next;
    c->cut();
    c = next;
  }
}

void IoLoop::add(Connection& connection) {
  connection.next = first_;
  if (first_) first_->previous = &connection;
  first_ = &connection;
  shared.stats.open.fetch_add(1, std::memory_order_relaxed);
}

void IoLoop::remove(Connection& connection) {
  (connection.previous ? connection.previous->next : first_) = connection.next;
  if (connection.next) connection.next->previous = connection.previous;
  shared.stats.open.fetch_sub(1, std::memory_order_relaxed);
}

void IoLoop::write_request_id(std::string& out) {
  out.append(id_prefix_).push_back('-');
  const std::uint32_t n = ++id_counter_;
  for (int shift = 28; shift >= 0; shift -= 4) out.push_back("0123456789abcdef"[(n >> shift) & 15]);
}

struct Server::Impl {
  Shared shared;
  std::vector<std::unique_ptr<IoLoop>> loops;
  std::vector<std::thread> threads;

  void on_each(void (IoLoop::*action)()) {
    for (auto& loop : loops) asio::post(loop->context, [l = loop.get(), action] { (l->*action)(); });
  }
  bool wait_until_empty(Monotonic::time_point until) {
    while (shared.stats.open.load() > 0) {
      if (Monotonic::now() >= until) return false;
      std::this_thread::sleep_for(kDrainPoll);
    }
    return true;
  }
};

Server::Server(ServerOptions options) : impl_(std::make_unique<Impl>()) {
  impl_->shared.options = std::move(options);
  for (std::size_t i = 0; i < impl_->shared.options.threads; ++i) impl_->loops.push_back(std::make_unique<IoLoop>(impl_->shared));
}

Server::~Server() {
  if (!impl_->threads.empty()) drain(std::chrono::milliseconds(0));
}

std::size_t Server::loops() const { return impl_->loops.size(); }
Loop& Server::loop(std::size_t index) { return *impl_->loops[index]; }
const ServerStats& Server::stats() const { return impl_->shared.stats; }

void Server::on_tick(std::size_t index, std::function<void(Monotonic::time_point)> hook) { impl_->loops[index]->hooks.push_back(std::move(hook)); }

// SO_REUSEPORT is for a server's own loops, but would let a second jwtd quietly share the port: a socket without it finds out.
Status check_address(const std::string& host, std::uint16_t port) {
  const Result<tcp::endpoint> endpoint = endpoint_of(host, port);
  if (!endpoint) return endpoint.error();
  asio::io_context context;
  tcp::acceptor probe(context);
  error_code error;
  const char* step = "socket";
  probe.open(endpoint->protocol(), error);
  if (!error) probe.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) step = "bind", probe.bind(*endpoint, error);
  if (error) return cannot_listen(host, port, step, error);
  return {};
}

Result<std::string> Server::listen(ListenOptions options) {
  if (Status status = check_address(options.host, options.port); !status) return std::move(status).error();
  Result<tcp::endpoint> wanted = endpoint_of(options.host, options.port);
  if (!wanted) return std::move(wanted).error();
  tcp::endpoint endpoint = *wanted;
  error_code error;
  for (std::size_t i = 0; i < impl_->loops.size(); ++i) {
    IoLoop& loop = *impl_->loops[i];
    tcp::acceptor socket(loop.context);
    const char* step = "socket";
    socket.open(endpoint.protocol(), error);
    if (!error) socket.set_option(asio::socket_base::reuse_address(true), error);
    const auto reuse_port = [&](int on) {
      if (::setsockopt(socket.native_handle(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) error = {errno, boost::system::system_category()};
    };
    if (!error) reuse_port(1);
    if (!error) step = "bind", socket.bind(endpoint, error);
    if (!error) step = "listen", socket.listen(kBacklog, error);
    if (error) return cannot_listen(options.host, options.port, step, error);
    if (i == 0) endpoint = socket.local_endpoint(error);
    auto acceptor = std::make_unique<Acceptor>(std::move(socket));
    acceptor->router = options.routers[i];
    if (!options.observers.empty()) acceptor->observer = options.observers[i];
    acceptor->tls = options.tls;
    loop.acceptors.push_back(std::move(acceptor));
  }
  const std::string text = endpoint.address().is_v6() ? "[" + endpoint.address().to_string() + "]" : endpoint.address().to_string();
  return text + ":" + std::to_string(endpoint.port());
}

void Server::set_tls(std::shared_ptr<const TlsContext> context) {
  for (auto& loop : impl_->loops) {
    if (impl_->threads.empty()) {
      loop->tls = context;
    } else {
      asio::post(loop->context, [l = loop.get(), context] { l->tls = context; });
    }
  }
}

void Server::start() {
  for (auto& loop : impl_->loops) impl_->threads.emplace_back([l = loop.get()] { name_this_thread("loop"), l->run(); });
}

bool Server::drain(std::chrono::milliseconds deadline) {
  const auto until = Monotonic::now() + deadline;
  impl_->shared.draining = true;
  impl_->on_each(&IoLoop::close_acceptors);
  impl_->on_each(&IoLoop::close_idle);
  const bool done = impl_->wait_until_empty(until);
  if (!done) {
    impl_->on_each(&IoLoop::cut_all);
    impl_->wait_until_empty(Monotonic::now() + std::max(kCommitDeadline, kReadDeadline) + kLingerTimeout + kTick);  // nothing waits longer than that
  }
  for (auto& loop : impl_->loops) loop->stop();
  for (auto& thread : impl_->threads) thread.join();
  impl_->threads.clear();
  return done;
}

}  // namespace jwtd::http
