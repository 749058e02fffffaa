// jose/own_form.h - reads a token that looks exactly as we write them, at little more than the price of its HMAC; private to jose/.
//
// The strict reader of jws.cc would say the same of it, with the same values; a fuzzer holds them together. What looks different in any way (another
// header, an escape, white space, a fraction) is left to that reader, which also knows why.
#pragma once

#include <string>
#include <string_view>

#include "jose/hmac.h"
#include "jose/jws.h"

namespace jwtd::jose {

enum class OwnForm : unsigned char {
  kRead,            // the header is encoded_header()'s, the signature is right, and the claims have the form of claims_text()
  kWrongSignature,  // the header is that, all three parts are base64url, and the signature has its size and is not right
  kOther,           // ask the strict reader
};
// `claims` is filled with kRead, and may be changed otherwise.
OwnForm read_own_form(std::string_view token, HmacSigner& signer, SignedClaims& claims);

// What the strict reader says of it, and of any other token.
Status read_any_form(std::string_view token, HmacSigner& signer, const std::string& kid, SignedClaims& claims);

// The claims' half of it. The text is the caller's word: no signature is looked at.
bool read_own_claims(std::string_view text, SignedClaims& claims);

}  // namespace jwtd::jose
