// limit/siphash.h - SipHash (Aumasson, Bernstein 2012): a short-input hash that cannot be aimed without its key.
//
// SipHash<2, 4> is the paper's; SipHash<1, 3> is the reduced form that hash tables use, where all an attacker sees is the time of a
// look-up. Cost: for 16 octets six rounds with <1, 3>, ten with <2, 4>. Allocates nothing; thread-safe, since it has no state but the key.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace jwtd::limit {

template <int kBlockRounds, int kFinalRounds>
class SipHash {
 public:
  static constexpr std::size_t kKeyBytes = 16;

  explicit SipHash(std::string_view key) : k0_(load(key.data())), k1_(load(key.data() + 8)) {}  // exactly kKeyBytes

  std::uint64_t operator()(std::string_view in) const {
    State s{k0_ ^ 0x736f6d6570736575, k1_ ^ 0x646f72616e646f6d, k0_ ^ 0x6c7967656e657261, k1_ ^ 0x7465646279746573};
    std::size_t at = 0;
    for (; at + 8 <= in.size(); at += 8) s.absorb(load(in.data() + at));
    std::uint64_t last = static_cast<std::uint64_t>(in.size()) << 56;
    for (unsigned shift = 0; at < in.size(); ++at, shift += 8)
      last |= static_cast<std::uint64_t>(static_cast<unsigned char>(in[at])) << shift;
    s.absorb(last);
    s.c ^= 0xff;
    for (int i = 0; i < kFinalRounds; ++i) s.round();
    return s.a ^ s.b ^ s.c ^ s.d;
  }

 private:
  struct State {
    std::uint64_t a, b, c, d;
    void round() {
      a += b, b = std::rotl(b, 13), b ^= a, a = std::rotl(a, 32);
      c += d, d = std::rotl(d, 16), d ^= c;
      a += d, d = std::rotl(d, 21), d ^= a;
      c += b, b = std::rotl(b, 17), b ^= c, c = std::rotl(c, 32);
    }
    void absorb(std::uint64_t word) {
      d ^= word;
      for (int i = 0; i < kBlockRounds; ++i) round();
      a ^= word;
    }
  };

  static std::uint64_t load(const char* octets) {  // little-endian
    std::uint64_t word;
    std::memcpy(&word, octets, sizeof word);
    if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
    return word;
  }

  std::uint64_t k0_;
  std::uint64_t k1_;
};

}  // namespace jwtd::limit
