// http/connection.cc - plain connections use Asio's read and write directly; TLS runs OpenSSL on the same non-blocking socket.
#include "http/connection.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <sys/socket.h>

#include <boost/asio/buffer.hpp>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "http/problem.h"

namespace jwtd::http {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using error_code = boost::system::error_code;
using Milliseconds = std::chrono::milliseconds;

constexpr std::size_t kFirstBuffer = 2048;            // holds any normal request
constexpr std::size_t kBodyRead = 4096;
constexpr std::size_t kMaxRawBody = 4 * kMaxBodyBytes;  // chunk headers and extensions included
// Read and thrown away while lingering. Most clients send all of a body before they read the refusal; who sends more than this is no client.
constexpr std::size_t kMaxDiscard = 4 << 20;
constexpr std::size_t kDiscardRead = 16 * 1024;

bool well_formed_request_id(std::string_view id) {
  if (id.empty() || id.size() > kMaxRequestIdBytes) return false;
  return std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.';
  });
}

void append_number(std::string& out, std::size_t n) {
  std::array<char, 20> digits;
  out.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), n).ptr);
}

}  // namespace

// Resumes with the number of octets read; 0 is the end or an error.
struct Connection::ReadSome {
  Connection& c;
  char* to;
  std::size_t size;
  std::size_t got = 0;

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> h) {
    c.socket_.async_read_some(asio::buffer(to, size), [this, h](const error_code& error, std::size_t n) {
      got = error ? 0 : n;
      h.resume();
    });
  }
  std::size_t await_resume() const noexcept { return got; }
};

// Resumes when the socket is ready, with whether it is still of use.
struct Connection::Ready {
  Connection& c;
  tcp::socket::wait_type what;
  bool ok = false;

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> h) {
    c.socket_.async_wait(what, [this, h](const error_code& error) {
      ok = !error;
      h.resume();
    });
  }
  bool await_resume() const noexcept { return ok && !c.expired_; }
};

void Connection::start(IoLoop& loop, Acceptor& acceptor, tcp::socket socket) {
  (new Connection(loop, acceptor, std::move(socket)))->run();
}

Connection::Connection(IoLoop& loop, Acceptor& acceptor, tcp::socket socket)
    : loop_(loop), acceptor_(acceptor), socket_(std::move(socket)), buffer_(kFirstBuffer, '\0') {
  loop_.add(*this);
  error_code ignored;  // a socket that cannot do without delay is slower, not wrong
  socket_.set_option(tcp::no_delay(true), ignored);
  const auto remote = socket_.remote_endpoint(ignored);
  peer_text_ = remote.address().to_string(ignored);
  if (const auto address = parse_address(peer_text_)) peer_ = *address;
  client_ = client_key(peer_);
  for (const auto& network : loop_.shared.options.trusted_proxies) peer_trusted_ = peer_trusted_ || network.contains(peer_);
}

Connection::~Connection() {
  if (tls_) SSL_free(tls_);
  loop_.remove(*this);
}

void Connection::check_deadline(Monotonic::time_point now) {
  if (now < deadline_ || expired_) return;
  expired_ = true;
  error_code ignored;
  socket_.cancel(ignored);
}

void Connection::close_if_idle() {
  if (!idle_) return;
  expired_ = drained_ = true;
  error_code ignored;
  socket_.cancel(ignored);
}

void Connection::cut() {
  expired_ = true;
  error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_both, ignored);
  socket_.cancel(ignored);
}

Detached Connection::run() {
  error_code error;
  socket_.non_blocking(true, error);
  if (!error && (!acceptor_.tls || co_await handshake())) {
    for (bool more = true; more;) {
      parser_.reset();
      response_.reset();
      // The head is read here and not in a task of its own, because most of a request's life is this wait.
      expect_within(pending().empty() ? Milliseconds(kIdleTimeout) : Milliseconds(kHeadTimeout));
      Head head;
      std::size_t got = 1;
      while ((head = advance_head()) == Head::kRead && got > 0) {
        make_room();
        const bool first = pending().empty();
        idle_ = first;
        if (first && loop_.shared.draining.load(std::memory_order_relaxed)) break;
        char* const to = buffer_.data() + end_;
        const std::size_t room = buffer_.size() - end_;
        got = tls_ ? co_await read_tls(to, room) : co_await ReadSome{*this, to, room};
        idle_ = false;
        if (first && got > 0) expect_within(kHeadTimeout);  // for the whole head, from its first octet
        end_ += got;
      }
      if (head == Head::kRefused) co_await answer_refusal(parser_.refusal());
      if (head == Head::kRead && expired_ && !drained_) {
        loop_.shared.stats.timed_out.fetch_add(1, std::memory_order_relaxed);
        if (!pending().empty()) co_await answer_refusal(kRequestTimeout);
      }
      if (head != Head::kComplete) break;
      const auto started = Monotonic::now();
      if (parser_.has_body() && !co_await read_body()) break;
      identify();
      expect_nothing();
      Request& request = parser_.request();
      if (const Endpoint* endpoint = acceptor_.router->route(request, response_)) co_await (*endpoint)(request, response_);
      more = parser_.keep_alive() && !response_.close && !loop_.shared.draining.load(std::memory_order_relaxed);
      response_.close = !more;
      render(request.method == Method::kHead);
      expect_within(kWriteTimeout);
      std::string_view rest = out_;
      const bool sent = send_now(rest) && (rest.empty() || co_await write(rest));
      if (acceptor_.observer)
        acceptor_.observer(request, response_, std::chrono::duration_cast<std::chrono::microseconds>(Monotonic::now() - started));
      if (!sent) break;
      begin_ += parser_.has_body() ? 0 : parser_.head_octets();  // read_body() consumed its own
      if (begin_ == end_) begin_ = end_ = 0;
      if (!carried_.empty()) {
        buffer_.resize(std::max(buffer_.size(), carried_.size()));
        end_ = carried_.copy(buffer_.data(), carried_.size());
        carried_.clear();
      }
    }
    co_await finish();
  }
  delete this;
}

Task<bool> Connection::handshake() {
  if (!loop_.tls || !(tls_ = SSL_new(loop_.tls->native()))) co_return false;
  SSL_set_fd(tls_, socket_.native_handle());
  expect_within(kHandshakeTimeout);
  while (true) {
    ERR_clear_error();
    const int done = SSL_accept(tls_);
    if (done == 1) co_return true;
    const int why = SSL_get_error(tls_, done);
    const bool wait = why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE;
    if (!wait || !co_await Ready{*this, why == SSL_ERROR_WANT_READ ? tcp::socket::wait_read : tcp::socket::wait_write}) {
      loop_.shared.stats.tls_failed.fetch_add(1, std::memory_order_relaxed);
      ERR_clear_error();
      // A failed handshake must not be followed by SSL_shutdown (SSL_get_error(3)).
      SSL_free(tls_);
      tls_ = nullptr;
      co_return false;
    }
  }
}

Task<std::size_t> Connection::read_tls(char* to, std::size_t size) {
  while (true) {
    ERR_clear_error();
    const int got = SSL_read(tls_, to, static_cast<int>(size));
    if (got > 0) co_return static_cast<std::size_t>(got);
    const int why = SSL_get_error(tls_, got);
    const bool wait = why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE;
    if (!wait || !co_await Ready{*this, why == SSL_ERROR_WANT_READ ? tcp::socket::wait_read : tcp::socket::wait_write}) co_return 0;
  }
}

void Connection::make_room() {
  if (end_ < buffer_.size()) return;
  if (begin_ > 0) {
    std::copy(buffer_.begin() + begin_, buffer_.begin() + end_, buffer_.begin());
    end_ -= begin_;
    begin_ = 0;
  } else {
    buffer_.resize(buffer_.size() * 2);  // the parser refuses before it exceeds kMaxHeadBytes by much
  }
}

// What is to be done about the head, after whatever has arrived so far.
Connection::Head Connection::advance_head() {
  if (pending().empty()) return Head::kRead;
  switch (parser_.head(pending())) {
    case RequestParser::Step::kComplete: return Head::kComplete;
    case RequestParser::Step::kRefused: return Head::kRefused;
    case RequestParser::Step::kNeedMore: break;
  }
  return Head::kRead;
}

Task<bool> Connection::read_body() {
  expect_within(kBodyTimeout);
  begin_ += parser_.head_octets();
  std::size_t used = 0, raw = 0;
  RequestParser::Step step = parser_.body(pending(), used);
  begin_ += used;
  if (step == RequestParser::Step::kNeedMore && parser_.expects_continue() && pending().empty() &&
      !co_await write("HTTP/1.1 100 Continue\r\n\r\n"))
    co_return false;
  // The head must stay where it is, so a body that did not come along is read through a buffer of its own.
  std::string fresh;
  std::size_t have = 0;
  if (step == RequestParser::Step::kNeedMore) {
    fresh.assign(pending());
    have = fresh.size();
    begin_ = end_;
  }
  while (step == RequestParser::Step::kNeedMore) {
    fresh.resize(have + kBodyRead);
    const std::size_t got = tls_ ? co_await read_tls(fresh.data() + have, kBodyRead) : co_await ReadSome{*this, fresh.data() + have, kBodyRead};
    if (got == 0) {
      if (!expired_) co_return false;
      loop_.shared.stats.timed_out.fetch_add(1, std::memory_order_relaxed);
      co_await answer_refusal(kRequestTimeout);
      co_return false;
    }
    have += got;
    raw += got;
    if (raw > kMaxRawBody) {
      co_await answer_refusal(kBodyTooLarge);
      co_return false;
    }
    step = parser_.body({fresh.data(), have}, used);
    fresh.erase(0, used);
    have -= used;
  }
  if (step == RequestParser::Step::kRefused) {
    co_await answer_refusal(parser_.refusal());
    co_return false;
  }
  carried_.assign(fresh, 0, have);  // the beginning of the next request, if it came with the body's end
  co_return true;
}

void Connection::identify() {
  Request& request = parser_.request();
  request.secure = tls_ != nullptr;
  request.peer = peer_text_;
  request.client = client_;
  if (peer_trusted_) {
    const std::string_view name = loop_.shared.options.rfc7239 ? "forwarded" : "x-forwarded-for";
    std::array<std::string_view, kMaxFields> values;
    std::size_t count = 0;
    for (const Field& f : request.fields)
      if (equal_ignoring_case(f.name, name)) values[count++] = f.value;
    request.client = client_key(client_address(peer_, {values.data(), count}, loop_.shared.options.rfc7239, loop_.shared.options.trusted_proxies));
  }
  const std::string_view theirs = request.field("x-request-id");
  request_id_.clear();
  if (well_formed_request_id(theirs)) {
    request_id_ = theirs;
  } else {
    loop_.write_request_id(request_id_);
  }
  request.request_id = request_id_;
}

// A request that never got to an endpoint. The connection ends after it, since where the next request begins is not certain.
Task<void> Connection::answer_refusal(const HttpCode& code) {
  loop_.shared.stats.refused_heads.fetch_add(1, std::memory_order_relaxed);
  Request& request = parser_.request();
  request_id_.clear();
  loop_.write_request_id(request_id_);
  request.request_id = request_id_;
  request.peer = peer_text_;
  request.client = client_;
  response_.reset();
  render_problem(response_, code, request.request_id);
  response_.close = true;
  linger_ = true;
  render(request.method == Method::kHead);
  expect_within(kWriteTimeout);
  co_await write(out_);
  if (acceptor_.observer) acceptor_.observer(request, response_, std::chrono::microseconds(0));
}

void Connection::render(bool head_only) {
  const Response& r = response_;
  out_.assign("HTTP/1.1 ");
  append_number(out_, static_cast<std::size_t>(r.status));
  out_.append(" ").append(reason_phrase(r.status)).append("\r\n").append(loop_.date_line());
  if (!r.content_type.empty()) out_.append("Content-Type: ").append(r.content_type).append("\r\nX-Content-Type-Options: nosniff\r\n");
  // RFC 9110 s8.6: none with 204; with HEAD only if it is what GET would have sent, which an endpoint that did not make a body cannot know.
  if (r.status != 204 && !(head_only && r.body.empty())) {
    out_.append("Content-Length: ");
    append_number(out_, r.body.size());
    out_.append("\r\n");
  }
  out_.append(r.fields).append("X-Request-Id: ").append(request_id_).append("\r\n");
  if (tls_ && loop_.shared.options.strict_transport) out_.append("Strict-Transport-Security: max-age=63072000\r\n");  // two years: Mozilla's guideline
  if (r.close) {
    out_.append("Connection: close\r\n");
  } else if (parser_.request().http_1_0) {
    out_.append("Connection: keep-alive\r\n");
  }
  out_.append("\r\n");
  if (!head_only) out_.append(r.body);
}

// Sends what the socket takes at once; `octets` becomes the rest. False: the connection is broken.
bool Connection::send_now(std::string_view& octets) {
  if (tls_) return true;
  const ssize_t n = ::send(socket_.native_handle(), octets.data(), octets.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (n < 0) return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
  octets.remove_prefix(static_cast<std::size_t>(n));
  return true;
}

Task<bool> Connection::write(std::string_view octets) {
  while (!octets.empty()) {
    auto wait_for = tcp::socket::wait_write;
    if (tls_) {
      ERR_clear_error();
      const int n = SSL_write(tls_, octets.data(), static_cast<int>(octets.size()));
      if (n > 0) {
        octets.remove_prefix(static_cast<std::size_t>(n));
        continue;
      }
      const int why = SSL_get_error(tls_, n);
      if (why == SSL_ERROR_WANT_READ) {
        wait_for = tcp::socket::wait_read;
      } else if (why != SSL_ERROR_WANT_WRITE) {
        co_return false;
      }
    } else {
      const std::size_t before = octets.size();
      if (!send_now(octets)) co_return false;
      if (octets.size() != before) continue;
    }
    if (!co_await Ready{*this, wait_for}) co_return false;
  }
  co_return true;
}

// Says goodbye: close_notify (RFC 8446 s6.1), then FIN; and after a refusal reads on for a moment, because closing with unread octets would
// reset the connection under our answer (RFC 9112 s9.6).
Task<void> Connection::finish() {
  if (tls_) {
    ERR_clear_error();
    SSL_shutdown(tls_);
    ERR_clear_error();
  }
  error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
  if (!linger_ && pending().empty()) co_return;
  expect_within(kLingerTimeout);
  std::string sink(kDiscardRead, '\0');
  for (std::size_t total = 0; total < kMaxDiscard;) {
    const std::size_t got = co_await ReadSome{*this, sink.data(), sink.size()};
    if (got == 0 || expired_) break;
    total += got;
  }
}

}  // namespace jwtd::http
