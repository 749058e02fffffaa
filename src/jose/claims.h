// jose/claims.h - the five claims of a TeleSign App Verify token, and the way from them to a signed token.
//
// Order and form are fixed (reference/telesign.md 1.2): iss, iat, exp, phn, xid; the times are JSON integers; no white space. So the
// claims determine the text, and a store may keep the claims and the signature instead of the text.
#pragma once

#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/time.h"
#include "jose/hmac.h"

namespace jwtd::jose {

// 1 to kMaxIssuerBytes printable ASCII characters that need no escape in JSON.
bool is_issuer_name(std::string_view text);

struct Claims {
  std::string_view iss;  // is_issuer_name(); whoever reads it from outside checks. A longer one is a broken invariant: the program stops.
  UnixSeconds iat;
  UnixSeconds exp;
  Phone phn;
  Xid xid;
};

// base64url({"alg":"HS256","typ":"JWT"}) and its siblings.
std::string_view encoded_header(Algorithm algorithm);

// {"iss":"...","iat":1,"exp":2,"phn":"...","xid":"..."}
std::string claims_text(const Claims& claims);

// The compact JWS (RFC 7515 s3.1) with a signature that was computed before. `signature` is raw octets.
std::string compact(Algorithm algorithm, const Claims& claims, std::string_view signature);

// The signed token. Cost: one allocation, about 0.4 us under HS256.
std::string issue(HmacSigner& signer, const Claims& claims);

}  // namespace jwtd::jose
