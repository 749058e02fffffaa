// jose/hmac.h - a shared secret bound to one HMAC algorithm for life (RFC 8725 s3.1), and signers made from it.
//
// HS256, HS384 and HS512 are RFC 7518 s3.2. The key is octets: TeleSign shows it as base64, and keys/ decodes it before it gets here.
//
// Thread-safety: HmacKey is immutable. HmacSigner carries a context: one per thread.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/limits.h"
#include "base/result.h"
#include "base/secret.h"

namespace jwtd::jose {

inline constexpr Code kKeyTooShort{"key_too_short", Fault::kInvalidArgument,
                                   "The key is shorter than 32 octets, the least that RFC 7518 s3.2 allows"};
inline constexpr Code kAlgorithmUnknown{"algorithm_unknown", Fault::kInvalidArgument, "The algorithm must be HS256, HS384 or HS512"};

enum class Algorithm : unsigned char { kHs256, kHs384, kHs512 };

std::string_view name_of(Algorithm algorithm);         // "HS256"
std::size_t signature_octets(Algorithm algorithm);     // 32, 48, 64
Result<Algorithm> parse_algorithm(std::string_view name);  // exact, case-sensitive: RFC 7515 s4.1.1

class HmacSigner;

class HmacKey {
 public:
  // Fails with kKeyTooShort below `least` octets, whatever the algorithm (detail has the number found). RFC 7518 s3.2 wants as many octets as
  // the hash has, but TeleSign keys have 55 to 66: shorter_than_hash() tells, and the start-up warns. A key that signs no JWS may have another bound.
  static Result<HmacKey> make(Algorithm algorithm, Secret octets, std::size_t least = kMinHmacKeyBytes);

  Algorithm algorithm() const { return algorithm_; }
  // Names the key without telling it: 11 characters of base64url(SHA-256("jwtd kid" || octets)). Stands in records, not in tokens.
  const std::string& kid() const { return kid_; }
  bool shorter_than_hash() const { return octets_.size() < signature_octets(algorithm_); }
  HmacSigner signer() const;

 private:
  friend class HmacSigner;
  HmacKey(Algorithm algorithm, Secret octets, std::string kid);
  Algorithm algorithm_;
  Secret octets_;
  std::string kid_;
};

// Cost: about 0.26 us for the 234 octets of a usual token under HS256 with SHA extensions; hmac.cc compares the ways.
class HmacSigner {
 public:
  explicit HmacSigner(const HmacKey& key);
  HmacSigner(HmacSigner&&) noexcept;
  HmacSigner& operator=(HmacSigner&&) noexcept;
  ~HmacSigner();

  // Writes signature_octets(algorithm()) octets to `out`, which has room for 64. Returns how many.
  std::size_t sign(std::string_view input, unsigned char* out);
  Algorithm algorithm() const;

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace jwtd::jose
