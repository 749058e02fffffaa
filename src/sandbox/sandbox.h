// sandbox/sandbox.h - plays the provider: takes a token, "calls" the phone, hears the code, tells its status, sends callbacks. docs/SANDBOX.md.
//
// What TeleSign does not document (reference/telesign.md 6) is invented here, and only has to be enough for a whole flow on a laptop. What it does
// document is kept: the envelope, the codes, both signatures, the checks of a token.
//
// Thread-safety: routes run on one loop; the rest before the server starts, but for set_callback_url().
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"
#include "base/time.h"
#include "http/router.h"
#include "jose/hmac.h"
#include "sandbox/callback_sender.h"

namespace jwtd::sandbox {

struct SandboxOptions {
  std::string customer_id;
  std::string code;          // what every call says; empty: five random digits each
  unsigned copies = 1;       // of each callback
  std::string ca_file;       // PEM: who signed the certificate of an https callback URL; empty: whom the system believes
  std::function<void(std::string_view line)> say;  // what happens, for a person; from two threads
  UnixMillis (*clock)() = &wall_now;
};

class Sandbox {
 public:
  // `key` is for HS256; `key_text` is what Basic authorization holds.
  Sandbox(SandboxOptions options, jose::HmacKey key, Secret key_text);

  void add_routes(http::Router& router);
  void set_callback_url(std::string url) { sender_.set_url(std::move(url)); }

 private:
  struct Attempt {
    std::string xid, reference_id, initiate_id, verification_code;
    std::int64_t code = 2400;
    UnixMillis updated_at = 0;
  };

  void initiate(const http::Request& request, http::Response& response);
  void finalize(const http::Request& request, http::Response& response);
  void status(const http::Request& request, http::Response& response);
  void order(const http::Request& request, http::Response& response);

  Status authorized(const http::Request& request) const;
  std::string envelope(const Attempt& attempt, std::int64_t code, UnixMillis updated_at) const;
  void call_back(const Attempt& attempt, std::int64_t code, UnixMillis updated_at, unsigned copies);
  void answer(http::Response& response, int status, std::string body) const;
  void refuse(http::Response& response, int status, std::int64_t code, std::string_view description) const;

  const SandboxOptions options_;
  const jose::HmacKey key_;
  const Secret key_text_;
  CallbackSender sender_;
  std::map<std::string, Attempt> by_xid_;                // the latest attempt of each
  std::map<std::string, std::string> xid_of_initiation_;  // initiate_id -> XID
};

}  // namespace jwtd::sandbox
