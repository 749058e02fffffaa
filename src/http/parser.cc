// http/parser.cc - Beast's basic_parser with a sink that keeps views, between our checks of the raw head and of its meaning.
#include "http/parser.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cctype>
#include <optional>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

namespace jwtd::http {
namespace {

namespace beast = boost::beast;
using beast::string_view;

std::string_view std_view(string_view v) { return {v.data(), v.size()}; }

Method method_of(std::string_view name) {
  if (name == "GET") return Method::kGet;
  if (name == "HEAD") return Method::kHead;
  if (name == "POST") return Method::kPost;
  if (name == "OPTIONS") return Method::kOptions;
  if (name == "PUT") return Method::kPut;
  if (name == "DELETE") return Method::kDelete;
  if (name == "PATCH") return Method::kPatch;
  return Method::kOther;
}

// Collects what the tokenizer finds. Views point into the caller's buffer, because put() always gets the whole head at once.
class Sink final : public beast::http::basic_parser<true> {
 public:
  explicit Sink(std::array<Field, kMaxFields>& table) : fields(table) {
    header_limit(static_cast<std::uint32_t>(kMaxHeadBytes));
    body_limit(kMaxBodyBytes);
  }

  std::string_view method, target;
  int version = 0;
  std::array<Field, kMaxFields>& fields;  // the parser's, so that a request does not pay for clearing it
  std::size_t field_count = 0;
  bool too_many_fields = false;
  std::string body;

 private:
  void on_request_impl(beast::http::verb, string_view method_text, string_view target_text, int v, beast::error_code&) override {
    method = std_view(method_text);
    target = std_view(target_text);
    version = v;
  }
  void on_response_impl(int, string_view, int, beast::error_code&) override {}
  void on_field_impl(beast::http::field, string_view name, string_view value, beast::error_code&) override {
    if (field_count == fields.size()) {
      too_many_fields = true;
      return;
    }
    fields[field_count++] = {std_view(name), std_view(value)};
  }
  void on_header_impl(beast::error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, beast::error_code&) override {}
  std::size_t on_body_impl(string_view octets, beast::error_code&) override {
    body.append(octets.data(), octets.size());
    return octets.size();
  }
  void on_chunk_header_impl(std::uint64_t, string_view, beast::error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, string_view octets, beast::error_code& ec) override {
    if (body.size() + octets.size() > kMaxBodyBytes) {
      ec = beast::http::error::body_limit;
      return 0;
    }
    body.append(octets.data(), octets.size());
    return octets.size();
  }
  void on_finish_impl(beast::error_code&) override {}
};

// Which characters may stand where. One table, because every octet of every head is looked up in it.
enum CharClass : std::uint8_t { kToken = 1, kTarget = 2, kRegName = 4, kValue = 8 };

constexpr std::array<std::uint8_t, 256> kClasses = [] {
  std::array<std::uint8_t, 256> classes{};
  const auto add = [&classes](std::string_view characters, CharClass c) {
    for (const char ch : characters) classes[static_cast<unsigned char>(ch)] |= c;
  };
  constexpr std::string_view alphanumeric = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  for (const CharClass c : {kToken, kTarget, kRegName}) add(alphanumeric, c);
  add("!#$%&'*+-.^_`|~", kToken);            // RFC 9110 s5.6.2
  add("-._~%!$&'()*+,;=:@/?", kTarget);      // RFC 3986: path and query; who decodes an escape checks it
  add("-._~%!$&'()*+,;=", kRegName);         // RFC 3986 s3.2.2
  for (int ch = 0x20; ch < 256; ++ch)
    if (ch != 0x7f) classes[static_cast<std::size_t>(ch)] |= kValue;  // RFC 9110 s5.5
  classes['\t'] |= kValue;
  return classes;
}();

bool is(char c, CharClass wanted) { return (kClasses[static_cast<unsigned char>(c)] & wanted) != 0; }

// uri-host [":" port], RFC 9110 s7.2: no path, no userinfo, nothing that ends a host early elsewhere.
bool is_host(std::string_view host) {
  if (host.empty()) return false;
  if (host.front() == '[') {
    const auto end = host.find(']');
    if (end == std::string_view::npos || end < 3) return false;
    for (const char c : host.substr(1, end - 1))
      if (!(std::isxdigit(static_cast<unsigned char>(c)) || c == ':' || c == '.')) return false;
    host.remove_prefix(end + 1);
  } else {
    const auto end = std::min(host.find(':'), host.size());
    if (end == 0) return false;
    for (const char c : host.substr(0, end))
      if (!is(c, kRegName)) return false;
    host.remove_prefix(end);
  }
  if (host.empty()) return true;
  if (host.front() != ':' || host.size() > 6) return false;
  return std::all_of(host.begin() + 1, host.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// Line structure that the tokenizer is lenient about, of a head or of a last chunk with its trailers: every line ends in CRLF, no CR or LF elsewhere, no folding, no space before a colon.
bool lines_are_strict(std::string_view head) {
  const char* at = head.data();
  const char* const end = at + head.size();
  const auto line_ends = [&] { return end - at >= 2 && at[0] == '\r' && at[1] == '\n'; };
  while (at < end && is(*at, kValue)) ++at;  // the request line, or the chunk's size
  while (true) {
    if (!line_ends()) return false;
    at += 2;
    if (line_ends()) return at + 2 == end;
    const char* const name = at;
    while (at < end && is(*at, kToken)) ++at;
    if (at == name || at == end || *at != ':') return false;
    ++at;
    while (at < end && is(*at, kValue)) ++at;
  }
}

// Whether `list` ("close, Upgrade") has the token.
bool list_has(std::string_view list, std::string_view lower_case_token) {
  while (!list.empty()) {
    const auto end = list.find(',');
    std::string_view item = list.substr(0, end);
    while (!item.empty() && (item.front() == ' ' || item.front() == '\t')) item.remove_prefix(1);
    while (!item.empty() && (item.back() == ' ' || item.back() == '\t')) item.remove_suffix(1);
    if (equal_ignoring_case(item, lower_case_token)) return true;
    if (end == std::string_view::npos) break;
    list.remove_prefix(end + 1);
  }
  return false;
}

}  // namespace

struct RequestParser::Impl {
  std::array<Field, kMaxFields> fields;
  std::optional<Sink> sink;
  Request request;
  const HttpCode* refusal = nullptr;
  std::size_t scanned = 0;      // octets of the buffer known to hold no end of head
  std::size_t leading = 0;      // empty lines before the request line, octets
  std::size_t head_octets = 0;
  bool has_body = false, expects_continue = false, keep_alive = false;

  Step refuse(const HttpCode& code) {
    refusal = &code;
    return Step::kRefused;
  }

  Step request_line(std::string_view line);
  Step framing();
  Step target();
};

// What can be said about the first line before Beast sees it: its length, and a version that is none of ours.
RequestParser::Step RequestParser::Impl::request_line(std::string_view line) {
  const auto first = line.find(' '), last = line.rfind(' ');
  if (first == std::string_view::npos || first == last || first == 0) return refuse(kBadRequest);
  if (last - first - 1 > kMaxTargetBytes) return refuse(kTargetTooLong);
  const std::string_view version = line.substr(last + 1);
  const bool well_formed = version.size() == 8 && version.starts_with("HTTP/") && version[5] >= '0' && version[5] <= '9' &&
                           version[6] == '.' && version[7] >= '0' && version[7] <= '9';
  if (!well_formed) return refuse(kBadRequest);
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return refuse(kVersionUnsupported);
  return Step::kComplete;
}

RequestParser::Step RequestParser::Impl::framing() {
  std::size_t hosts = 0, lengths = 0, codings = 0;
  std::string_view host, length, coding, connection_close;
  bool close = false, stay = false;
  expects_continue = false;
  for (const Field& f : request.fields) {
    if (f.name.size() == 4 && equal_ignoring_case(f.name, "host")) {
      ++hosts;
      host = f.value;
    } else if (f.name.size() == 14 && equal_ignoring_case(f.name, "content-length")) {
      ++lengths;
      length = f.value;
    } else if (f.name.size() == 17 && equal_ignoring_case(f.name, "transfer-encoding")) {
      ++codings;
      coding = f.value;
    } else if (f.name.size() == 10 && equal_ignoring_case(f.name, "connection")) {
      close = close || list_has(f.value, "close");
      stay = stay || list_has(f.value, "keep-alive");
    } else if (f.name.size() == 6 && equal_ignoring_case(f.name, "expect") && !request.http_1_0) {  // RFC 9110 s10.1.1: ignored in HTTP/1.0
      if (!equal_ignoring_case(f.value, "100-continue")) return refuse(kExpectationFailed);
      expects_continue = true;
    }
  }
  if (hosts > 1 || (hosts == 0 && !request.http_1_0)) return refuse(kBadRequest);
  if (hosts == 1 && !is_host(host)) return refuse(kBadRequest);
  if (lengths > 1 || codings > 1 || (lengths && codings)) return refuse(kBadRequest);
  if (codings && request.http_1_0) return refuse(kBadRequest);  // RFC 9112 s6.1: framing from an HTTP/1.0 sender cannot be trusted
  if (codings && !equal_ignoring_case(coding, "chunked")) return refuse(coding.empty() ? kBadRequest : kNotImplemented);
  std::uint64_t octets = 0;
  if (lengths) {
    const auto [end, error] = std::from_chars(length.data(), length.data() + length.size(), octets);
    if (error != std::errc{} || end != length.data() + length.size() || length.empty()) return refuse(kBadRequest);
    if (octets > kMaxBodyBytes) return refuse(kBodyTooLarge);
  }
  has_body = codings || octets > 0;
  keep_alive = request.http_1_0 ? (stay && !close) : !close;
  return Step::kComplete;
}

// origin-form, absolute-form (its authority goes before Host, RFC 9112 s3.2.2), or "*" with OPTIONS.
RequestParser::Step RequestParser::Impl::target() {
  std::string_view t = sink->target;
  if (t.size() > kMaxTargetBytes) return refuse(kTargetTooLong);
  for (const char c : t)
    if (!is(c, kTarget)) return refuse(kBadRequest);
  if (t == "*") {
    if (request.method != Method::kOptions) return refuse(kBadRequest);
    request.path = t;
    return Step::kComplete;
  }
  if (!t.starts_with('/')) {
    const auto scheme = t.find("://");
    if (scheme == std::string_view::npos) return refuse(kBadRequest);
    if (!equal_ignoring_case(t.substr(0, scheme), "http") && !equal_ignoring_case(t.substr(0, scheme), "https")) return refuse(kBadRequest);
    t.remove_prefix(scheme + 3);
    const auto end = std::min(t.find_first_of("/?"), t.size());
    if (!is_host(t.substr(0, end))) return refuse(kBadRequest);
    t.remove_prefix(end);
    if (t.empty() || t.front() == '?') return refuse(kRouteUnknown);  // the root, and nothing is there
  }
  const auto question = t.find('?');
  request.path = t.substr(0, question);
  request.query = question == std::string_view::npos ? std::string_view{} : t.substr(question + 1);
  return Step::kComplete;
}

RequestParser::RequestParser() : impl_(std::make_unique<Impl>()) {}
RequestParser::~RequestParser() = default;

void RequestParser::reset() {
  impl_->sink.reset();
  impl_->request = Request{};
  impl_->refusal = nullptr;
  impl_->scanned = impl_->leading = impl_->head_octets = 0;
  impl_->has_body = impl_->expects_continue = impl_->keep_alive = false;
}

RequestParser::Step RequestParser::head(std::string_view buffer) {
  Impl& m = *impl_;
  while (buffer.substr(m.leading).starts_with("\r\n")) {
    m.leading += 2;
    if (m.leading > 2 * kMaxLeadingEmptyLines) return m.refuse(kBadRequest);
  }
  const std::string_view rest = buffer.substr(m.leading);
  const std::size_t from = m.scanned > m.leading + 3 ? m.scanned - m.leading - 3 : 0;
  const auto end = rest.find("\r\n\r\n", from);
  if (end == std::string_view::npos) {
    m.scanned = buffer.size();
    if (rest.empty()) return Step::kNeedMore;
    // Refuse as early as it is certain, so that garbage does not hold a connection until the time-out.
    if (!is(rest.front(), kToken) && rest != "\r") return m.refuse(kBadRequest);
    const auto line_end = rest.find('\n');
    if (line_end == std::string_view::npos) {
      if (rest.size() > kMaxTargetBytes + 64) return m.refuse(rest.find(' ') < 64 ? kTargetTooLong : kBadRequest);
    } else {
      if (line_end == 0 || rest[line_end - 1] != '\r') return m.refuse(kBadRequest);
      if (const Step step = m.request_line(rest.substr(0, line_end - 1)); step == Step::kRefused) return step;
      if (rest.size() > kMaxHeadBytes) return m.refuse(kHeadTooLarge);
    }
    return Step::kNeedMore;
  }

  const std::string_view head = rest.substr(0, end + 4);
  const std::string_view line = head.substr(0, head.find("\r\n"));
  if (const Step step = m.request_line(line); step == Step::kRefused) return step;
  if (head.size() > kMaxHeadBytes) return m.refuse(kHeadTooLarge);
  if (!lines_are_strict(head)) return m.refuse(kBadRequest);

  m.sink.emplace(m.fields);
  beast::error_code error;
  const std::size_t used = m.sink->put(boost::asio::const_buffer(head.data(), head.size()), error);
  if (m.sink->too_many_fields) return m.refuse(kHeadTooLarge);
  if (error == beast::http::error::body_limit) return m.refuse(kBodyTooLarge);
  if (error || used != head.size() || !m.sink->is_header_done()) return m.refuse(kBadRequest);

  m.head_octets = m.leading + head.size();
  m.request.method = method_of(m.sink->method);
  m.request.http_1_0 = m.sink->version == 10;
  m.request.fields = {m.fields.data(), m.sink->field_count};
  if (const Step step = m.framing(); step == Step::kRefused) return step;
  return m.target();
}

RequestParser::Step RequestParser::body(std::string_view octets, std::size_t& consumed) {
  Impl& m = *impl_;
  consumed = 0;
  while (!m.sink->is_done()) {
    beast::error_code error;
    const std::size_t before = consumed;
    consumed += m.sink->put(boost::asio::const_buffer(octets.data() + consumed, octets.size() - consumed), error);
    if (error == beast::http::error::need_more) return Step::kNeedMore;
    if (error == beast::http::error::body_limit) return m.refuse(kBodyTooLarge);
    if (error) return m.refuse(kBadRequest);
    if (m.sink->is_done() && m.sink->chunked()) {  // the tokenizer takes the last chunk and all trailers at once
      std::string_view last = octets.substr(before, consumed - before);
      if (last.starts_with("\r\n")) last.remove_prefix(2);  // the end of the chunk before
      if (!lines_are_strict(last)) return m.refuse(kBadRequest);
    }
    if (consumed == octets.size() && !m.sink->is_done()) return Step::kNeedMore;
  }
  m.request.body = m.sink->body;
  return Step::kComplete;
}

std::size_t RequestParser::head_octets() const { return impl_->head_octets; }
bool RequestParser::has_body() const { return impl_->has_body; }
bool RequestParser::expects_continue() const { return impl_->expects_continue; }
bool RequestParser::keep_alive() const { return impl_->keep_alive; }
Request& RequestParser::request() { return impl_->request; }
const HttpCode& RequestParser::refusal() const { return *impl_->refusal; }

}  // namespace jwtd::http
