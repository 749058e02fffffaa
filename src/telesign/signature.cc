// telesign/signature.cc - the string to sign, line by line, and the two forms of a callback's signature.
#include "telesign/signature.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/base64.h"

namespace jwtd::telesign {
namespace {

constexpr std::size_t kMaxHmacOctets = 64;
constexpr std::string_view kScheme = "TSA ";

std::string hmac(std::string_view text, jose::HmacSigner& signer) {
  std::array<unsigned char, kMaxHmacOctets> octets;
  const std::size_t size = signer.sign(text, octets.data());
  return {reinterpret_cast<const char*>(octets.data()), size};
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  const auto fold = [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return fold(x) == fold(y); });
}

struct Claimed {
  bool other_customer = false;
  std::string signature;  // octets
};

// nullopt: the field is not of either form.
std::optional<Claimed> read(std::string_view field, std::string_view customer_id) {
  Claimed claimed;
  if (equal_ignoring_case(field.substr(0, kScheme.size()), kScheme)) {  // RFC 9110 s11.1
    field.remove_prefix(kScheme.size());
    while (field.starts_with(' ')) field.remove_prefix(1);
    const std::size_t colon = field.rfind(':');  // base64 has none, and a customer id may
    if (colon == std::string_view::npos) return std::nullopt;
    claimed.other_customer = !equal_ignoring_case(field.substr(0, colon), customer_id);  // TeleSign's own sample sends it in capitals
    field.remove_prefix(colon + 1);
  }
  std::optional<std::string> octets = base64_decode(field);
  if (!octets || octets->size() != jose::signature_octets(jose::Algorithm::kHs256)) return std::nullopt;
  claimed.signature = *std::move(octets);
  return claimed;
}

}  // namespace

std::string string_to_sign(const OutgoingRequest& request) {
  std::string out;
  out.append(request.method).append("\n").append(request.content_type).append("\n");
  if (!request.date_is_x_ts) out.append(request.date);
  out.append("\nx-ts-auth-method:HMAC-SHA256\n");
  if (request.date_is_x_ts) out.append("x-ts-date:").append(request.date).append("\n");
  if (!request.nonce.empty()) out.append("x-ts-nonce:").append(request.nonce).append("\n");
  if (!request.content_type.empty() && !request.body.empty()) out.append(request.body).append("\n");
  return out.append(request.path);
}

std::string digest_authorization(std::string_view customer_id, const jose::HmacKey& key, const OutgoingRequest& request) {
  return std::string(kScheme).append(customer_id).append(":").append(signature_of(string_to_sign(request), key));
}

std::string basic_authorization(std::string_view customer_id, const Secret& key_text) {
  return "Basic " + base64_encode(std::string(customer_id) + ':' + std::string(key_text.expose()));
}

std::string signature_of(std::string_view text, const jose::HmacKey& key) {
  jose::HmacSigner signer = key.signer();
  return base64_encode(hmac(text, signer));
}

CallbackCheck::CallbackCheck(std::string customer_id, std::span<const jose::HmacKey> keys) : customer_id_(std::move(customer_id)) {
  for (const jose::HmacKey& key : keys) signers_.push_back(key.signer());
}

Status CallbackCheck::check(std::string_view authorization, std::string_view x_ts_authorization, std::string_view body) {
  const std::array<std::optional<Claimed>, 2> fields{read(authorization, customer_id_), read(x_ts_authorization, customer_id_)};
  if (!fields[0] && !fields[1]) return Error(kCallbackUnsigned);
  bool right = false, of_another = false;
  for (jose::HmacSigner& signer : signers_) {
    const std::string expected = hmac(body, signer);
    for (const auto& claimed : fields) {
      const bool same = claimed && equal_in_constant_time(claimed->signature, expected);
      right |= same && !claimed->other_customer;
      of_another |= claimed && claimed->other_customer;
    }
  }
  if (right) return {};
  return of_another ? Error(kCallbackSignatureWrong, "the customer id in front of it is another one than issuer.customer_id") : Error(kCallbackSignatureWrong);
}

}  // namespace jwtd::telesign
