// telesign/signature.h - what proves who speaks: our requests to the provider, and its callbacks to us. reference/telesign.md 3 and 4.
//
// All keys here are for HS256, whatever algorithm the tokens have: the provider knows no other for requests and callbacks.
//
// Thread-safety: pure functions; a CallbackCheck belongs to one thread.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "jose/hmac.h"

namespace jwtd::telesign {

inline constexpr Code kCallbackUnsigned{"callback_unsigned", Fault::kUnauthenticated, "The callback carries no signature."};
inline constexpr Code kCallbackSignatureWrong{"callback_signature_wrong", Fault::kUnauthenticated, "The callback's signature is not the provider's."};

struct OutgoingRequest {
  std::string_view method;        // "GET"
  std::string_view path;          // without host and query
  std::string_view date;          // IMF-fixdate, sent as Date, or as x-ts-date with date_is_x_ts
  std::string_view nonce;         // sent as x-ts-nonce; fresh in every request
  std::string_view content_type;  // as it is sent; empty for GET and DELETE
  std::string_view body;          // as it is sent
  bool date_is_x_ts = false;
};

// The lines that are signed, joined by LF; x-ts-auth-method is HMAC-SHA256.
std::string string_to_sign(const OutgoingRequest& request);

// The values of the field Authorization. Basic has the key as TeleSign shows it, base64 and all.
std::string digest_authorization(std::string_view customer_id, const jose::HmacKey& key, const OutgoingRequest& request);
std::string basic_authorization(std::string_view customer_id, const Secret& key_text);

// HMAC-SHA256 in standard base64: what a callback with this body carries.
std::string signature_of(std::string_view text, const jose::HmacKey& key);

// Whether a callback is the provider's. Keeps the keys' schedules: making one for each callback costs more than the HMAC.
class CallbackCheck {
 public:
  // The current key, and during a change the former one too.
  CallbackCheck(std::string customer_id, std::span<const jose::HmacKey> keys);

  // Each of the two fields may be empty; one that is right is enough. It is "TSA id:signature", or the signature alone, over the body as it came
  // in; the id, if there is one, is the customer's, in whatever case. Every key is tried, whichever matches, in time that depends on
  // sizes only. Fails with kCallbackUnsigned, kCallbackSignatureWrong (detail: that the id is another one, if it is).
  // Nothing in it is bound to a time: who has seen a callback can send it again for ever. Reports are made for that (report.h, event_of()).
  Status check(std::string_view authorization, std::string_view x_ts_authorization, std::string_view body);

 private:
  const std::string customer_id_;
  std::vector<jose::HmacSigner> signers_;
};

}  // namespace jwtd::telesign
