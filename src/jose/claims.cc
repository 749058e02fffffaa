// jose/claims.cc - writes claims into a buffer on the stack, and from there straight into the token's one allocation.
#include "jose/claims.h"

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <span>

#include "base/base64.h"
#include "base/limits.h"

namespace jwtd::jose {

namespace {

constexpr std::size_t kMaxIntegerCharacters = 20;  // "-9223372036854775808"
constexpr std::size_t kPunctuationCharacters = 48;  // {"iss":"","iat":,"exp":,"phn":"","xid":""} and room to spare
constexpr std::size_t kMaxClaimsCharacters =
    kPunctuationCharacters + kMaxIssuerBytes + 2 * kMaxIntegerCharacters + Phone::kMaxDigits + Xid::kMaxSize;
constexpr std::size_t kMaxSignatureOctets = 64;

using ClaimsBuffer = std::array<char, kMaxClaimsCharacters>;

char* put(char* to, std::string_view text) {
  std::memcpy(to, text.data(), text.size());
  return to + text.size();
}

template <class Integer>
char* put_number(char* to, Integer number) {
  return std::to_chars(to, to + kMaxIntegerCharacters, number).ptr;
}

std::string_view write_claims(const Claims& claims, ClaimsBuffer& buffer) {
  if (claims.iss.size() > kMaxIssuerBytes) std::abort();
  char* at = put(buffer.data(), R"({"iss":")");
  at = put(at, claims.iss);
  at = put_number(put(at, R"(","iat":)"), claims.iat);
  at = put_number(put(at, R"(,"exp":)"), claims.exp);
  at = put_number(put(at, R"(,"phn":")"), claims.phn.packed());
  at = put(put(at, R"(","xid":")"), claims.xid.view());
  at = put(at, R"("})");
  return {buffer.data(), static_cast<std::size_t>(at - buffer.data())};
}

std::span<const unsigned char> octets_of(std::string_view text) {
  return {reinterpret_cast<const unsigned char*>(text.data()), text.size()};
}

// The whole token's room, filled up to the end of the signing input (RFC 7515 s5.1).
struct Draft {
  std::string token;
  std::size_t input_size;
};

Draft begin_token(Algorithm algorithm, const Claims& claims, std::size_t signature_size) {
  ClaimsBuffer buffer;
  const std::string_view text = write_claims(claims, buffer);
  const std::string_view header = encoded_header(algorithm);
  const std::size_t input_size = header.size() + 1 + base64url_size(text.size());
  Draft draft{std::string(input_size + 1 + base64url_size(signature_size), '.'), input_size};
  char* at = put(draft.token.data(), header);
  base64url_encode(octets_of(text), at + 1);
  return draft;
}

}  // namespace

bool is_issuer_name(std::string_view text) {
  if (text.empty() || text.size() > kMaxIssuerBytes) return false;
  for (const char c : text) {
    if (c < 0x20 || c > 0x7e || c == '"' || c == '\\') return false;
  }
  return true;
}

std::string_view encoded_header(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::kHs256: return "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";
    case Algorithm::kHs384: return "eyJhbGciOiJIUzM4NCIsInR5cCI6IkpXVCJ9";
    case Algorithm::kHs512: return "eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9";
  }
  std::abort();
}

std::string claims_text(const Claims& claims) {
  ClaimsBuffer buffer;
  return std::string(write_claims(claims, buffer));
}

std::string compact(Algorithm algorithm, const Claims& claims, std::string_view signature) {
  Draft draft = begin_token(algorithm, claims, signature.size());
  base64url_encode(octets_of(signature), draft.token.data() + draft.input_size + 1);
  return std::move(draft.token);
}

std::string issue(HmacSigner& signer, const Claims& claims) {
  Draft draft = begin_token(signer.algorithm(), claims, signature_octets(signer.algorithm()));
  unsigned char signature[kMaxSignatureOctets];
  const std::size_t size = signer.sign(std::string_view(draft.token).substr(0, draft.input_size), signature);
  base64url_encode({signature, size}, draft.token.data() + draft.input_size + 1);
  return std::move(draft.token);
}

}  // namespace jwtd::jose
