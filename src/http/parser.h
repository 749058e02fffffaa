// http/parser.h - from octets to a Request: the grammar by Boost.Beast's tokenizer, the rules that keep two parsers from disagreeing by us.
//
// Refused with 400 and close, because another hop might read them differently (RFC 9112 s11.2): bare LF or CR, white space before a colon,
// folded fields (s5.2), zero or two Hosts (s3.2), Transfer-Encoding with Content-Length (s6.3), anything but exactly "chunked" (s6.1),
// a repeated or non-decimal Content-Length, controls and octets above 127 in the target. Trailers keep to the same lines. Sizes: base/limits.h.
//
// Thread-safety: none. Reused for all requests of a connection.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "http/message.h"
#include "http/problem.h"

namespace jwtd::http {

class RequestParser {
 public:
  RequestParser();
  ~RequestParser();

  enum class Step : unsigned char { kNeedMore, kComplete, kRefused };

  void reset();

  // `buffer` begins where the request begins and only grows between calls. kComplete: request() is filled but for the body; its
  // views point into `buffer`, which must stay where it is until reset(). kRefused: refusal() says why; the connection must be closed.
  Step head(std::string_view buffer);
  std::size_t head_octets() const;  // after kComplete: where the body begins
  bool has_body() const;            // a body follows, which must be read before the next request
  bool expects_continue() const;
  bool keep_alive() const;

  // Feeds octets after the head; `consumed` of them belong to this request. kComplete: request().body is whole.
  Step body(std::string_view octets, std::size_t& consumed);

  Request& request();
  const HttpCode& refusal() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace jwtd::http
