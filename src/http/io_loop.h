// http/io_loop.h - one thread's event loop: an Asio context, its connections, its tick. Private to http/.
#pragma once

#include <utility>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/task.h"
#include "base/time.h"
#include "http/server.h"

namespace jwtd::http {

class Connection;

// What all loops of a server share.
struct Shared {
  ServerOptions options;
  ServerStats stats;
  std::atomic<bool> draining{false};
};

// One bound address, as one loop sees it.
struct Acceptor {
  explicit Acceptor(boost::asio::ip::tcp::acceptor s) : socket(std::move(s)) {}
  boost::asio::ip::tcp::acceptor socket;
  const Router* router = nullptr;
  Observer observer;
  bool tls = false;
  bool paused = false;  // too many connections, or no file descriptor: tried again at the next tick
};

class IoLoop final : public Loop {
 public:
  explicit IoLoop(Shared& shared);

  void post(Wakeup* chain) override;
  void run();  // until stop()
  void stop();

  // The rest: on this loop's thread, or before run().
  void accept(Acceptor& acceptor);
  void close_acceptors();
  void close_idle();
  void cut_all();
  void add(Connection& connection);
  void remove(Connection& connection);
  void write_request_id(std::string& out);
  Monotonic::time_point now() const { return now_; }     // as of the last tick: exact enough for deadlines
  const std::string& date_line() const { return date_; }  // "Date: ...\r\n"

  boost::asio::io_context context{1};
  Shared& shared;
  std::vector<std::unique_ptr<Acceptor>> acceptors;
  std::vector<std::function<void(Monotonic::time_point)>> hooks;
  std::shared_ptr<const TlsContext> tls;

 private:
  void tick();
  void schedule_tick();

  boost::asio::steady_timer timer_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  Connection* first_ = nullptr;
  Monotonic::time_point now_;
  UnixSeconds date_second_ = 0;
  std::string date_;
  std::string id_prefix_;
  std::uint32_t id_counter_ = 0;
};

}  // namespace jwtd::http
