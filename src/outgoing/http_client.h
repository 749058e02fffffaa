// outgoing/http_client.h - one HTTP request to somebody else's server, with everything bounded.
//
// TLS is always verified, against name and trust store. Redirects are answers like others and never followed: a signed request is for the one
// to whom it was written. Proxies of the environment (https_proxy and its like) are ignored: whom the service talks to stands in its
// configuration alone. Neither .netrc nor cookies are read.
//
// Thread-safety: none but for cancel(); one client for each thread, which keeps its connections open between requests. Ownership: what a request
// refers to outlives send().
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

namespace jwtd::outgoing {

inline constexpr Code kPeerUnreachable{"peer_unreachable", Fault::kUnavailable, "The server cannot be reached"};
inline constexpr Code kPeerTimeout{"peer_timeout", Fault::kDeadlineExceeded, "The server did not answer in time"};
inline constexpr Code kPeerUntrusted{"peer_untrusted", Fault::kUnavailable, "The server's certificate is not trusted"};
inline constexpr Code kPeerAnswerTooLarge{"peer_answer_too_large", Fault::kUnavailable, "The server's answer is larger than it may be"};
inline constexpr Code kPeerAnswerBroken{"peer_answer_broken", Fault::kUnavailable, "The server's answer is not HTTP, or broke off"};
inline constexpr Code kRequestCancelled{"request_cancelled", Fault::kUnavailable, "The request was given up because this process stops"};

struct Request {
  std::string url;                  // http:// or https://
  std::string method = "GET";       // or POST, which has a body
  std::vector<std::string> fields;  // "Name: value"
  std::string body;
  std::chrono::milliseconds timeout{5'000};  // for all of it: name, connection, TLS, answer
  std::size_t max_answer = 64 * 1024;        // octets of its body
  bool status_alone = false;                 // the answer is its head: the body is dropped, and whatever becomes of it is no failure
};

struct Answer {
  int status = 0;
  std::string content_type;
  std::string body;
  std::chrono::seconds retry_after{0};  // Retry-After, from now on; 0: none, or none that can be read
};

struct ClientOptions {
  std::string ca_file;  // PEM; empty: whom the system believes
};

class HttpClient {
 public:
  explicit HttpClient(ClientOptions options = {});
  HttpClient(HttpClient&&) noexcept;
  ~HttpClient();

  // Any answer is an outcome, whatever its status. Fails with one of the codes above; detail has the cause, and neither URL nor fields.
  Result<Answer> send(const Request& request);

  // Any thread: what is under way ends at once with kRequestCancelled, as does every later request.
  void cancel();

 private:
  struct Handle;
  std::unique_ptr<Handle> handle_;
};

}  // namespace jwtd::outgoing
