// keys/api_key.h - from the file that holds TeleSign's API key to the key that signs.
//
// The file has the key as TeleSign shows it: standard base64 with padding, white space around it ignored. A key that does not decode
// strictly is refused, unlike in TeleSign's SDKs, which skip what they do not know (reference/telesign.md 1.4).
#pragma once

#include <string>

#include "base/result.h"
#include "jose/hmac.h"

namespace jwtd::keys {

inline constexpr Code kApiKeyMalformed{"api_key_malformed", Fault::kInvalidArgument, "The API key is not standard base64"};
inline constexpr Code kApiKeyExposed{"api_key_exposed", Fault::kInvalidArgument, "The file with the API key can be read by every user"};

// Fails with kSecretUnreadable, kApiKeyMalformed or jose::kKeyTooShort; detail names the file, the rule, and what was found, never the key.
Result<jose::HmacKey> load_api_key(const std::string& path, jose::Algorithm algorithm);

// The same from text (tests, `jwtd dev`).
Result<jose::HmacKey> parse_api_key(std::string_view base64_text, jose::Algorithm algorithm);

// A new key: 64 random octets as base64, as TeleSign's look.
std::string generate_api_key();

}  // namespace jwtd::keys
