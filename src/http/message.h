// http/message.h - one request and its response, as endpoints see them.
//
// A Request's views point into the connection's buffer and live until the endpoint's task has finished. Paths are split into
// segments before they are decoded (RFC 3986 s2.2), so an escaped slash never makes a new segment.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/client_key.h"
#include "base/limits.h"

namespace jwtd::http {

bool equal_ignoring_case(std::string_view a, std::string_view lower_case);  // ASCII

enum class Method : std::uint8_t { kGet, kHead, kPost, kPut, kDelete, kPatch, kOptions, kOther };

struct Field {
  std::string_view name;   // as sent; compare without regard to ASCII case
  std::string_view value;  // without surrounding white space
};

struct Request {
  Method method = Method::kOther;
  bool http_1_0 = false;
  bool secure = false;             // came over TLS
  std::string_view path;           // raw, from '/' to before '?'
  std::string_view query;          // raw, without '?'
  std::span<const Field> fields;
  std::string_view body;           // whole, at most kMaxBodyBytes
  std::string_view peer;           // numeric address of the TCP peer
  std::string_view request_id;     // the client's X-Request-Id if well formed, else made here
  ClientKey client;         // the peer, or what trusted proxies say
  std::string_view route;          // template of the matched route ("/v1/token/{phone_number}"), or "" before routing
  std::array<std::string_view, 2> params{};  // raw segments that matched {...}, in order

  // First field of that name (lower case), or "".
  std::string_view field(std::string_view lower_case_name) const;
};

// Reused for the requests of a connection, so that its strings keep their memory.
struct Response {
  int status = 200;
  std::string_view content_type;   // static storage; "" : no body is meant
  std::string fields;              // complete extra lines: "Name: value\r\n"...
  std::string body;
  bool close = false;              // close the connection after this one
  std::string_view error_id;       // Code::id of a problem, for log and metrics; "" on success

  void reset();
  void add_field(std::string_view name, std::string_view value);
};

// One segment, decoded once. False: a bad escape, %00 or another control, %2F, or octets that are not ASCII (nothing we serve needs them).
bool decode_segment(std::string_view raw, std::string& out);

// The decoded value of a query parameter; nullopt-like false when absent or badly escaped. '+' is a plus sign, not a space.
enum class QueryValue : std::uint8_t { kAbsent, kMalformed, kFound };
QueryValue query_value(std::string_view query, std::string_view name, std::string& out);

}  // namespace jwtd::http
