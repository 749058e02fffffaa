// base/may_be_secret.h - whether a word that somebody typed or configured is a key, a token or a phone number in the wrong place.
//
// Errors repeat what was wrong with a word, and go into logs and terminals; these words they must not repeat. A guess by form: what it misses is shown, and
// a file's name that looks like one is left out of its own error.
#pragma once

#include <string_view>

namespace jwtd {

// A key as PEM, base64 or of ours, a webhook secret, or a token.
bool may_be_key(std::string_view word);

// That, or a phone number: as many digits as one has, perhaps behind a plus or a letter, perhaps in groups. Addresses, dates and paths are none.
bool may_be_secret(std::string_view word);

}  // namespace jwtd
