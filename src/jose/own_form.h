// jose/own_form.h - reads a token that looks exactly as we write them, at little more than the price of its HMAC; private to jose/.
//
// The strict reader of jws.cc would say the same of it, with the same values; a fuzzer holds them together. What looks different in any way (another
// header, an escape, white space, a fraction, a signature that is not right) is left to that reader, which also knows why.
#pragma once

#include <string_view>

#include "jose/hmac.h"
#include "jose/jws.h"

namespace jwtd::jose {

// True: the header is encoded_header()'s, the signature is right, and the claims have the form of claims_text(). `claims` is filled then, and may be
// changed otherwise.
bool read_own_form(std::string_view token, HmacSigner& signer, SignedClaims& claims);

// The claims' half of it. The text is the caller's word: no signature is looked at.
bool read_own_claims(std::string_view text, SignedClaims& claims);

}  // namespace jwtd::jose
