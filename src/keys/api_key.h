// keys/api_key.h - from the file that holds TeleSign's API key to the key that signs.
//
// The file has the key as TeleSign shows it: standard base64 with padding, white space around it ignored. A key that does not decode
// strictly is refused, unlike in TeleSign's SDKs, which skip what they do not know (reference/telesign.md 1.4).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "jose/hmac.h"

namespace jwtd::keys {

inline constexpr Code kApiKeyMalformed{"api_key_malformed", Fault::kInvalidArgument, "The API key is not standard base64"};

// Fails with kSecretUnreadable, kApiKeyMalformed or jose::kKeyTooShort; detail names the file, the rule, and what was found, never the key.
Result<jose::HmacKey> load_api_key(const std::string& path, jose::Algorithm algorithm);

// The same from text; white space around it is ignored, and detail names no file.
Result<jose::HmacKey> parse_api_key(std::string_view base64_text, jose::Algorithm algorithm);

// Whether this is a key that was printed in documentation (TeleSign's own, RFC 7515's, jwt.io's), with which anybody can sign. Worth a loud
// warning, not a refusal: whoever reproduces TeleSign's samples needs it. Compares kid(), so that no sample stands in the program.
bool is_published_sample(const jose::HmacKey& key);

// Whether this key is in the list that tools try first to break a token. By 32 bits of its kid: wrong about one good key in ten million, so
// worth a loud warning and not a refusal.
bool is_known_secret(const jose::HmacKey& key);

// Whether every user of the machine may read the file: worth a warning at start, not a refusal, since a container often has just one user.
// false also when there is no such file.
bool readable_by_everyone(const std::string& path);

// A new key: 64 random octets as base64, as TeleSign's look.
std::string generate_api_key();

}  // namespace jwtd::keys
