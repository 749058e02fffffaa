// http/tls.h - the server's TLS settings: Mozilla's "intermediate" guideline (version 5.8), session tickets, reload.
//
// Thread-safety: a TlsContext is immutable and shared by all connections; a reload makes a new one and swaps the shared_ptr, so
// connections that are open keep theirs. Session tickets stay valid across a reload (the ticket keys are handed on), for a day at most and
// not beyond the process (ticket_keys.h). There is no cache of sessions on our side.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/time.h"

struct ssl_ctx_st;  // SSL_CTX

namespace jwtd::http {

inline constexpr Code kTlsPairUnusable{"tls_pair_unusable", Fault::kInvalidArgument, "The certificate and key cannot be used"};

enum class TlsMinimum : unsigned char { k1_1, k1_2, k1_3 };

struct TlsOptions {
  std::string certificate;  // path, PEM, leaf first then intermediates
  std::string key;          // path, PEM
  TlsMinimum minimum = TlsMinimum::k1_2;
  Monotonic::time_point (*clock)() = &Monotonic::now;  // of the ticket keys
};

class TicketKeys;

class TlsContext {
 public:
  // Fails with kTlsPairUnusable; detail names file and reason (unreadable, not PEM, key of another certificate, RSA below 2048 bits,
  // expired or not yet valid).
  // `previous`: where the ticket keys come from on a reload; may be null.
  static Result<std::shared_ptr<const TlsContext>> make(const TlsOptions& options, const TlsContext* previous);
  ~TlsContext();

  ssl_ctx_st* native() const { return context_; }
  const std::string& subject() const { return subject_; }      // for the log
  std::int64_t not_after() const { return not_after_; }        // Unix seconds: expiry of the leaf, for log and metrics

 private:
  TlsContext() = default;
  ssl_ctx_st* context_ = nullptr;
  std::shared_ptr<TicketKeys> tickets_;
  std::string subject_;
  std::int64_t not_after_ = 0;
};

// A self-signed P-256 certificate for `jwtd dev`: CN and SANs localhost, 127.0.0.1, ::1; `days` of validity. Replaces both files, key
// mode 0600; each is written beside its place and renamed. Fails with kTlsPairUnusable.
Status write_development_certificate(const std::string& certificate_path, const std::string& key_path, int days);

}  // namespace jwtd::http
