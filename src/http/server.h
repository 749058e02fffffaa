// http/server.h - an HTTPS server that never heard of tokens: loops, listeners, connections, draining.
//
// One loop a thread, each with its own acceptor for every listener (SO_REUSEPORT), one coroutine a connection. A connection belongs to
// its loop for life. Deadlines are checked by one sweep of each loop every kTick, not by a timer for each request.
//
// Thread-safety: make(), listen(), on_tick() before start(); the rest from any thread. SIGPIPE must be ignored in the process.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/task.h"
#include "base/time.h"
#include "http/client_address.h"
#include "http/message.h"
#include "http/router.h"
#include "http/tls.h"

namespace jwtd::http {

inline constexpr Code kListenFailed{"listen_failed", Fault::kInternal, "The address cannot be listened on"};
inline constexpr auto kTick = std::chrono::milliseconds(100);

// Told about every answered request, on the loop's thread. Also about refusals before routing: then request.route is "".
using Observer = std::function<void(const Request&, const Response&, std::chrono::microseconds)>;

struct ServerOptions {
  std::size_t threads = 1;
  std::size_t max_connections = kMaxConnections;  // of all listeners; beyond it, and one for each loop that had asked for it before, new ones wait in the kernel's queue
  std::vector<TrustedNetwork> trusted_proxies;
  bool rfc7239 = false;  // read Forwarded instead of X-Forwarded-For
  bool strict_transport = true;  // over TLS, tell browsers to use nothing else on this host for two years
};

struct ListenOptions {
  std::string host;               // numeric, or "localhost"
  std::uint16_t port = 0;         // 0: any free one
  bool tls = false;               // needs set_tls() before start()
  std::vector<const Router*> routers;  // one for each loop; they outlive the server
  std::vector<Observer> observers;     // one for each loop, or none
};

struct ServerStats {  // since the start
  std::atomic<std::uint64_t> accepted{0}, refused_heads{0}, timed_out{0}, tls_failed{0}, accept_errors{0};
  std::atomic<std::int64_t> open{0};
};

// Whether nobody listens there and it is an address of this machine: binds and lets go, so that a start can be refused before it makes anything.
// Fails as Server::listen() does.
Status check_address(const std::string& host, std::uint16_t port);

class Server {
 public:
  explicit Server(ServerOptions options);
  ~Server();

  std::size_t loops() const;
  Loop& loop(std::size_t index);
  // `hook` runs on that loop's thread every kTick.
  void on_tick(std::size_t index, std::function<void(Monotonic::time_point)> hook);

  // Binds; connections are accepted from start() on. Returns the bound address as text. Fails with kListenFailed (detail: address, cause).
  Result<std::string> listen(ListenOptions options);

  // New connections use it; open ones keep theirs.
  void set_tls(std::shared_ptr<const TlsContext> context);

  void start();
  // Stops accepting, closes idle connections, answers what was accepted with "Connection: close". Returns true when none is left
  // before the deadline; after that the rest is cut.
  bool drain(std::chrono::milliseconds deadline);
  const ServerStats& stats() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace jwtd::http
