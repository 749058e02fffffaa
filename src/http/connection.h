// http/connection.h - one connection's life as one coroutine: handshake, then read, route, answer, until one side is done. Private to http/.
//
// Ownership: start() makes it; it deletes itself at its end. Everything runs on its loop's thread.
#pragma once

#include <utility>

#include <chrono>
#include <string>
#include <string_view>

#include <boost/asio/ip/tcp.hpp>

#include "base/task.h"
#include "http/io_loop.h"
#include "http/message.h"
#include "http/parser.h"

struct ssl_st;  // SSL

namespace jwtd::http {

class Connection {
 public:
  static void start(IoLoop& loop, Acceptor& acceptor, boost::asio::ip::tcp::socket socket);

  void check_deadline(Monotonic::time_point now);
  void close_if_idle();
  void cut();

  Connection* previous = nullptr;  // in the loop's list
  Connection* next = nullptr;

 private:
  struct ReadSome;
  struct Ready;
  enum class Head : unsigned char { kRead, kComplete, kRefused };

  Connection(IoLoop& loop, Acceptor& acceptor, boost::asio::ip::tcp::socket socket);
  ~Connection();

  Detached run();
  Task<bool> handshake();
  Head advance_head();
  Task<bool> read_body();
  Task<void> answer_refusal(const HttpCode& code);
  Task<void> finish();
  Task<bool> write(std::string_view octets);
  Task<std::size_t> read_tls(char* to, std::size_t size);

  std::string_view pending() const { return {buffer_.data() + begin_, end_ - begin_}; }
  void make_room();
  void identify();
  void render(bool head_only);
  bool send_now(std::string_view& octets);
  void expect_within(std::chrono::milliseconds time) {
    deadline_ = loop_.now() + time;
    expired_ = drained_ = false;  // an old deadline may have passed in the very tick in which its work was done
  }
  void expect_nothing() { deadline_ = Monotonic::time_point::max(); }

  IoLoop& loop_;
  Acceptor& acceptor_;
  boost::asio::ip::tcp::socket socket_;
  ssl_st* tls_ = nullptr;
  RequestParser parser_;
  Response response_;
  std::string buffer_;  // octets received; [begin_, end_) are not consumed
  std::size_t begin_ = 0, end_ = 0;
  std::string carried_;  // octets of the next request that came with a body
  std::string out_;
  std::string request_id_;
  std::string peer_text_;
  Address peer_{};
  ClientKey client_{};
  bool peer_trusted_ = false;
  Monotonic::time_point deadline_ = Monotonic::time_point::max();
  bool expired_ = false;  // the deadline passed: pending operations were cancelled
  bool drained_ = false;  // so they were, not by a deadline but because the server ends
  bool idle_ = false;     // between requests
  bool linger_ = false;   // the peer may still be sending: let it read our answer before the reset
};

}  // namespace jwtd::http
