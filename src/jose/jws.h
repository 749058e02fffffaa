// jose/jws.h - from a compact JWS to claims that can be trusted, or to the exact reason why not.
//
// There is no type for a parsed but unchecked token: verify() is the only way from text to VerifiedJws, and JwsReader, which looks at the signature
// first, the only one to SignedClaims. inspect() shows a token's parts to a person and says nothing about trust. Rules: RFC 7515 s5.2, RFC 7519 s7.2, RFC 8725; header names are unique (RFC 7515 s4), an
// unknown "crit" is refused (s4.1.11), alg is the key's or nothing (RFC 8725 s3.1), typ is absent or "JWT" in any case (RFC 7519 s5.1),
// "b64" is refused (RFC 7797 s3: it changes what is signed), "zip", "jwk", "jku", "x5u", "x5c" never have an effect. JSON is strict:
// UTF-8, no duplicate members, an object on top, at most kMaxTokenJsonDepth deep.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "jose/hmac.h"

namespace jwtd::jose {

inline constexpr Code kTokenMalformed{"token_malformed", Fault::kInvalidArgument, "This is not a compact JWS"};
inline constexpr Code kHeaderRefused{"token_header_refused", Fault::kInvalidArgument, "The token's header is not acceptable"};
inline constexpr Code kAlgorithmMismatch{"token_algorithm_mismatch", Fault::kInvalidArgument, "The token's algorithm is not the key's"};
inline constexpr Code kSignatureInvalid{"token_signature_invalid", Fault::kInvalidArgument, "The signature does not match"};
inline constexpr Code kClaimMissing{"token_claim_missing", Fault::kInvalidArgument, "A claim is missing or has the wrong type"};
inline constexpr Code kIssuerMismatch{"token_issuer_mismatch", Fault::kInvalidArgument, "The token is from another issuer"};
inline constexpr Code kExpired{"token_expired", Fault::kInvalidArgument, "The token has expired"};
inline constexpr Code kNotYetValid{"token_not_yet_valid", Fault::kInvalidArgument, "The token is not valid yet"};
inline constexpr Code kAudienceRefused{"token_audience_refused", Fault::kInvalidArgument, "The token is for another audience"};

struct Policy {
  std::string issuer;             // exact; empty: any
  std::chrono::seconds leeway{0}; // for exp, nbf and iat, against clocks that differ
};

struct VerifiedJws {
  Algorithm algorithm;
  std::string header_json;
  std::string claims_json;
  std::string iss;
  UnixSeconds iat;
  UnixSeconds exp;
  std::string phn;  // empty: absent
  std::string xid;  // empty: absent
};

// The first check that fails, in the order of the Codes above, but that the claims are read only after the signature was found right, so
// kTokenMalformed can also come then. detail has the numbers ("expired 12 s ago: exp 1500000090, now 1500000102"), never a phone number.
// Valid is: exp > now (RFC 7519 s4.1.4), nbf <= now, iat <= now, all with the leeway, and iat < exp. exp, iat and iss are required;
// NumericDates are numbers from 0 to the end of the year 9999 and may be fractional on input (the fraction counts, and is cut off in
// VerifiedJws). A token with an "aud" is refused: ours have none (RFC 7519 s4.1.3). Cost: about 4 us; JwsReader is for those who do it often.
Result<VerifiedJws> verify(std::string_view token, const HmacKey& key, const Policy& policy, UnixSeconds now);

// What a rightly signed token says, before anybody asked whether it is of this issuer and of this moment.
struct SignedClaims {
  std::string claims_json;
  std::string iss;
  std::string phn;           // empty: absent
  std::string xid;           // empty: absent
  double iat = 0;            // NumericDates, with their fractions
  double exp = 0;
  std::optional<double> nbf;
  bool has_aud = false;
};

// The first half of verify(), for many tokens under one key: form, header, algorithm, signature, and what the claims must be to be claims.
//
// Thread-safety: holds the key's prepared context: one for each thread.
class JwsReader {
 public:
  explicit JwsReader(const HmacKey& key);

  // Fills `claims` (whose strings keep their memory) or says what verify() would say: kTokenMalformed, kHeaderRefused, kAlgorithmMismatch,
  // kSignatureInvalid, kClaimMissing. Cost: little more than the HMAC for tokens as we write them (own_form.h), about 3 us for others.
  Status read(std::string_view token, SignedClaims& claims);

 private:
  HmacSigner signer_;
  std::string kid_;
};

// The second half, a question each. verify() asks them in this order. `issuer` empty: any. The leeway counts in the token's favour.
Status check_issuer(const SignedClaims& claims, std::string_view issuer);                           // kIssuerMismatch
Status check_exp(const SignedClaims& claims, std::chrono::seconds leeway, UnixSeconds now);         // kExpired: over, or not after iat
Status check_iat(const SignedClaims& claims, std::chrono::seconds leeway, UnixSeconds now);         // kNotYetValid: nbf or iat in the future
Status check_audience(const SignedClaims& claims);                                                  // kAudienceRefused
Status check_claims(const SignedClaims& claims, const Policy& policy, UnixSeconds now);             // all four

// Whether the signature is right under this key and nothing else; for finding out why verify() said no (a key that was not base64-decoded).
bool signature_matches(std::string_view token, const HmacKey& key);

struct Inspection {
  std::string header_json;   // as it stands in the token, UTF-8
  std::string claims_json;
  std::size_t signature_octets;
};
// Only for showing to a person. Fails with kTokenMalformed (detail says which part and why).
Result<Inspection> inspect(std::string_view token);

}  // namespace jwtd::jose
