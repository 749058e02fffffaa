// issue/verifier.h - judges a token, check by check: the one engine behind POST /v1/verify, introspection, revocation and `jwtd token verify`.
//
// look() needs the token, the keys and the clock; hold_against() adds what the store knows. Neither asks a store by itself, nor blocks. A verdict
// that fails before the store is final: what is on record cannot save it.
//
// Details are for people who may see them: they hold numbers and key names, never a phone number, a key or a token.
//
// Thread-safety: a Verifier holds prepared HMAC contexts: one for each thread, from for_another_thread().
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "jose/jws.h"
#include "store/record.h"

namespace jwtd::issue {

inline constexpr Code kNotOnRecord{"token_not_on_record", Fault::kInvalidArgument, "The token is not on record"};
inline constexpr Code kTokenRevoked{"token_revoked", Fault::kInvalidArgument, "The token was revoked"};
inline constexpr Code kTokenConsumed{"token_consumed", Fault::kInvalidArgument, "The token's transaction was used already"};

// What a key that a token may have been signed with is to us. Only the first two make a token count; the others explain why one does not.
enum class KeyRole : std::uint8_t {
  kCurrent,
  kRetired,               // issuer.previous_api_key_file: still verifies during a change
  kUndecoded,             // the current key's text, used without base64-decoding it
  kUndecodedWithNewline,  // the same with the newline of its file
  kOtherAlgorithm,        // the current key under another algorithm than the configured one
  kOtherIssuer,           // of another issuer that is configured here
};

struct VerificationKey {
  KeyRole role;
  jose::HmacKey key;
  std::string issuer;  // only of kOtherIssuer
};

// The current key and what it is mistaken for, and the retired one unless `previous_key_file` is empty. Fails as keys::load_api_key() does.
Result<std::vector<VerificationKey>> load_verification_keys(const std::string& key_file, const std::string& previous_key_file, jose::Algorithm algorithm);

struct Check {
  std::string_view name;       // form header algorithm key signature claims issuer iat exp audience on_record revoked consumed
  std::optional<bool> passed;  // nullopt: not looked at, and the detail says why
  std::string detail;
};

struct Verdict {
  const Code* failure = nullptr;  // of the first check that failed; its title is the short reason. nullptr: valid, as far as it was looked at
  std::string detail;             // of that check
  std::string hint;               // the usual mistake behind it, if it is one and an explanation was asked for
  std::vector<Check> checks;      // in the order above; empty unless an explanation was asked for
  bool is_signed = false;         // by a current or retired key: then `claims` and `kid` are what it says
  jose::SignedClaims claims;
  std::string kid;
};

class Verifier {
 public:
  // `issuer`: what iss must be. One key of `keys` at least is kCurrent. `leeway` >= 0, in the token's favour.
  Verifier(std::string issuer, std::chrono::seconds leeway, std::vector<VerificationKey> keys);

  // With the same keys, which both share, and contexts of its own.
  Verifier for_another_thread() const;

  // Everything that needs no store. `verdict` is overwritten; its strings keep their memory. Without `explain` no checks and no hint.
  // Cost: about 0.5 us for a good token of ours.
  void look(std::string_view token, UnixSeconds now, bool explain, Verdict& verdict);

  // What this key id is here: "current", "former" (still verifies during a change), or "unknown".
  std::string_view kid_is(std::string_view kid) const;

  // The transaction that a token revokes: it is signed by one of our keys for this issuer, expired, not valid yet, or neither. nullopt: it is none of ours.
  std::optional<Xid> revocable(std::string_view token, UnixSeconds now);

 private:
  struct Candidate {
    std::shared_ptr<const VerificationKey> key;
    jose::JwsReader reader;
  };

  Verifier(std::string issuer, std::chrono::seconds leeway) : issuer_(std::move(issuer)), leeway_(leeway) {}

  Status read(std::string_view token, Verdict& verdict, KeyRole& role);
  const Candidate* suspect(std::string_view token) const;
  void explain_unsigned(std::string_view token, const Error& error, Verdict& verdict) const;

  std::string issuer_;
  std::chrono::seconds leeway_;
  std::vector<Candidate> believed_;  // current first, then retired
  std::vector<Candidate> suspects_;
};

// Adds what is on record to a verdict that has not failed yet. `transaction`: what stands under the token's XID, if anything does. `key_revoked`: there
// is a note that the verdict's kid is revoked.
void hold_against(std::string_view token, const std::optional<store::Transaction>& transaction, bool key_revoked, bool explain, Verdict& verdict);

// Adds to the explanation that the store was not asked: offline, or because the verdict has failed already.
void leave_record_open(std::string_view why, Verdict& verdict);

}  // namespace jwtd::issue
