// keys/webhook_secret.h - the secret that signs what is forwarded, as Standard Webhooks writes it: "whsec_" and base64.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "jose/hmac.h"

namespace jwtd::keys {

inline constexpr Code kWebhookSecretMalformed{"webhook_secret_malformed", Fault::kInvalidArgument, "The secret is not \"whsec_\" and standard base64"};
inline constexpr Code kWebhookSecretTooShort{"webhook_secret_too_short", Fault::kInvalidArgument, "The secret has fewer than the 24 octets that Standard Webhooks asks for"};

// Fails with kSecretUnreadable, kWebhookSecretMalformed or kWebhookSecretTooShort: Standard Webhooks has 24 to 64 octets, and more do no harm. detail
// names the file, never the secret.
Result<jose::HmacKey> load_webhook_secret(const std::string& path);
Result<jose::HmacKey> parse_webhook_secret(std::string_view text);

// A new one: 32 random octets.
std::string generate_webhook_secret();

}  // namespace jwtd::keys
