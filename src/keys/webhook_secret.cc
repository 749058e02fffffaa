// keys/webhook_secret.cc - reads the secret without quoting it anywhere.
#include "keys/webhook_secret.h"

#include <optional>

#include "base/base64.h"
#include "base/limits.h"
#include "base/secret.h"

namespace jwtd::keys {
namespace {

constexpr std::string_view kPrefix = "whsec_";
constexpr std::size_t kGeneratedOctets = 32;

}  // namespace

Result<jose::HmacKey> parse_webhook_secret(std::string_view text) {
  if (!text.starts_with(kPrefix)) return Error(kWebhookSecretMalformed, "it does not begin with whsec_");
  std::optional<std::string> octets = base64_decode(text.substr(kPrefix.size()));
  if (!octets) return Error(kWebhookSecretMalformed, "what stands behind whsec_ is not base64 with its padding");
  if (octets->size() < kMinWebhookSecretBytes) return Error(kWebhookSecretTooShort, "it has " + std::to_string(octets->size()) + " octets");
  return jose::HmacKey::make(jose::Algorithm::kHs256, Secret(*std::move(octets)), kMinWebhookSecretBytes);
}

Result<jose::HmacKey> load_webhook_secret(const std::string& path) {
  const Result<Secret> text = read_secret_file(path);
  if (!text) return text.error();
  Result<jose::HmacKey> key = parse_webhook_secret(text->expose());
  if (!key) return Error(key.error().code(), path + ": " + key.error().detail());
  return key;
}

std::string generate_webhook_secret() { return std::string(kPrefix) + base64_encode(random_octets(kGeneratedOctets)); }

}  // namespace jwtd::keys
