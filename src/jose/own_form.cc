// jose/own_form.cc - one pass over a text of fixed form.
#include "jose/own_form.h"

#include <array>
#include <cstdint>
#include <cstring>

#include "base/base64.h"
#include "base/limits.h"
#include "base/secret.h"
#include "jose/claims.h"

namespace jwtd::jose {
namespace {

constexpr std::size_t kMaxOwnClaimsOctets = 384;  // the longest that claims_text() makes has about 290
constexpr std::size_t kMaxSignatureOctets = 64;
constexpr std::size_t kMaxDigits = 12;            // of a time: the year 9999 has 12

// Printable ASCII without a backslash: all that our form has, and between quotation marks it stands for itself. Eight octets at a time.
bool is_plain(std::string_view text) {
  constexpr std::uint64_t kOnes = 0x0101'0101'0101'0101, kHighs = 0x8080'8080'8080'8080;
  // The high bit of an octet is set where an octet without one is a control character, a DEL or a backslash.
  const auto suspicious = [](std::uint64_t octets) {
    const std::uint64_t backslash = octets ^ kOnes * '\\', low = octets & ~kHighs;
    return (octets | ~(low + kOnes * 0x60) | (low + kOnes) | (~(((backslash & ~kHighs) + kOnes * 0x7f) | backslash))) & kHighs;
  };
  std::size_t at = 0;
  std::uint64_t bad = 0, octets;
  for (; at + sizeof octets <= text.size(); at += sizeof octets) {
    std::memcpy(&octets, text.data() + at, sizeof octets);
    bad |= suspicious(octets);
  }
  octets = kOnes * ' ';
  std::memcpy(&octets, text.data() + at, text.size() - at);
  return (bad | suspicious(octets)) == 0;
}

class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool literal(std::string_view wanted) {
    if (!rest_.starts_with(wanted)) return false;
    rest_.remove_prefix(wanted.size());
    return true;
  }

  // A JSON string's inside, up to its quotation mark; is_plain() was asked about the text before.
  bool plain(std::string_view& out) {
    const auto* const end = rest_.empty() ? nullptr : static_cast<const char*>(std::memchr(rest_.data(), '"', rest_.size()));
    if (!end) return false;
    out = rest_.substr(0, static_cast<std::size_t>(end - rest_.data()));
    rest_.remove_prefix(out.size());
    return true;
  }

  // A JSON integer from 0 on, below 10^12: exact as a double.
  bool integer(double& out) {
    std::int64_t value = 0;
    std::size_t size = 0;
    for (; size < rest_.size() && size <= kMaxDigits && rest_[size] >= '0' && rest_[size] <= '9'; ++size) value = value * 10 + (rest_[size] - '0');
    if (size == 0 || size > kMaxDigits || (size > 1 && rest_[0] == '0') || value > kLatestTime) return false;
    out = static_cast<double>(value);
    rest_.remove_prefix(size);
    return true;
  }

  bool at_end() const { return rest_.empty(); }

 private:
  static constexpr std::int64_t kLatestTime = 253402300799;  // as the strict reader has it
  std::string_view rest_;
};

}  // namespace

bool read_own_claims(std::string_view text, SignedClaims& claims) {
  if (!is_plain(text)) return false;
  Scanner scan(text);
  std::string_view iss, phn, xid;
  const bool own = scan.literal(R"({"iss":")") && scan.plain(iss) && scan.literal(R"(","iat":)") && scan.integer(claims.iat) &&
                   scan.literal(R"(,"exp":)") && scan.integer(claims.exp) && scan.literal(R"(,"phn":")") && scan.plain(phn) &&
                   scan.literal(R"(","xid":")") && scan.plain(xid) && scan.literal(R"("})") && scan.at_end();
  if (!own) return false;
  claims.claims_json.assign(text);
  claims.iss.assign(iss);
  claims.phn.assign(phn);
  claims.xid.assign(xid);
  claims.nbf.reset();
  claims.has_aud = false;
  return true;
}

OwnForm read_own_form(std::string_view token, HmacSigner& signer, SignedClaims& claims) {
  const std::string_view header = encoded_header(signer.algorithm());
  const std::size_t signature_size = base64url_size(signature_octets(signer.algorithm()));
  const std::size_t around = header.size() + 2 + signature_size;
  if (token.size() <= around || token.size() > around + base64url_size(kMaxOwnClaimsOctets)) return OwnForm::kOther;
  const std::size_t input_size = token.size() - signature_size - 1;
  if (!token.starts_with(header) || token[header.size()] != '.' || token[input_size] != '.') return OwnForm::kOther;

  std::array<char, kMaxSignatureOctets> given;
  std::array<char, kMaxOwnClaimsOctets> text;
  const std::optional<std::size_t> given_size = base64url_decode(token.substr(input_size + 1), given);
  const std::optional<std::size_t> text_size = base64url_decode(token.substr(header.size() + 1, input_size - header.size() - 1), text);
  if (!given_size || !text_size) return OwnForm::kOther;

  std::array<unsigned char, kMaxSignatureOctets> octets;
  const std::size_t size = signer.sign(token.substr(0, input_size), octets.data());
  if (!equal_in_constant_time({given.data(), *given_size}, {reinterpret_cast<const char*>(octets.data()), size})) return OwnForm::kWrongSignature;
  return read_own_claims({text.data(), *text_size}, claims) ? OwnForm::kRead : OwnForm::kOther;
}

}  // namespace jwtd::jose
