// telesign/status_client.h - Get Status: asks the provider about one transaction. reference/telesign.md 2 and 4.
//
// A call blocks for the time-out at most. If the provider finds fault with our clock or nonce, it is asked once more with fresh ones in what is left
// of it, and for no other reason. Nothing is followed: neither redirects nor proxies of the environment (outgoing/http_client.h).
//
// Thread-safety: fetch() and cancel() from any thread; each call at once has a connection of its own, kept for the next.
#pragma once

#include <chrono>
#include <string>
#include <utility>

#include "base/ids.h"
#include "base/result.h"
#include "base/secret.h"
#include "base/time.h"
#include "jose/hmac.h"
#include "outgoing/client_pool.h"
#include "telesign/report.h"

namespace jwtd::telesign {

inline constexpr Code kProviderUnavailable{"provider_unavailable", Fault::kUnavailable, "TeleSign cannot be reached, or cannot answer now."};
inline constexpr Code kProviderTimeout{"provider_timeout", Fault::kDeadlineExceeded, "TeleSign did not answer in time."};
inline constexpr Code kProviderRefused{"provider_refused", Fault::kUnavailable, "TeleSign refused the request: the operator has to look at key, clock and account."};
inline constexpr Code kProviderAnswerMalformed{"provider_answer_malformed", Fault::kUnavailable, "TeleSign's answer is not the status of this transaction."};
inline constexpr Code kProviderReferenceUnknown{"provider_reference_unknown", Fault::kNotFound, "TeleSign knows no such transaction, or no longer."};

enum class Auth : std::uint8_t { kDigest, kBasic };

struct StatusClientOptions {
  std::string url;          // "https://rest-api.telesign.com", without a path
  std::string status_path;  // with {xid} in it
  std::string customer_id;
  Auth auth = Auth::kDigest;
  std::chrono::milliseconds timeout{5'000};  // of a fetch()
  std::string ca_file;      // PEM; empty: whom the system believes
  UnixMillis (*clock)() = &wall_now;
};

struct Fetched : Result<Report> {
  using Result::Result;
  Fetched(Result<Report> report) : Result(std::move(report)) {}  // NOLINT
  std::chrono::seconds retry_after{0};  // what the provider asks for with 429 or 503, for all our questions; 0: nothing
};

class StatusClient {
 public:
  // `key` is for HS256 (signature.h). `key_text` is needed for Basic alone: the file's text, as read_secret_file() gives it.
  StatusClient(StatusClientOptions options, jose::HmacKey key, Secret key_text = {});

  // What the provider says now. An answer that names another transaction is refused; one that names none is taken, for this was asked. Which
  // reference id it has is not held against an earlier one: a transaction may be tried twice.
  // Fails with the codes above; detail has the provider's own codes, and never the key.
  Fetched fetch(const Xid& xid);

  // Ends what is under way at once with kProviderUnavailable, as every later fetch() does.
  void cancel() { clients_.cancel(); }

 private:
  outgoing::Request request_for(const Xid& xid, std::chrono::milliseconds timeout) const;

  const StatusClientOptions options_;
  const jose::HmacKey key_;
  const Secret key_text_;
  outgoing::ClientPool clients_;
};

}  // namespace jwtd::telesign
