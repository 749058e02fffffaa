// limit/siphash_test.cc - against the paper's vector, the reference implementation's, and OpenSSL 3's for the reduced form.
#include "limit/siphash.h"

#include <gtest/gtest.h>

#include <string>

namespace jwtd::limit {
namespace {

std::string counting(std::size_t size) {
  std::string out;
  for (std::size_t i = 0; i < size; ++i) out += static_cast<char>(i);
  return out;
}

// Published as octets, least significant first.
std::uint64_t octets(std::uint64_t as_printed) { return __builtin_bswap64(as_printed); }

TEST(SipHash, TheStandardFormGivesThePublishedValues) {
  const SipHash<2, 4> hash(counting(16));
  EXPECT_EQ(hash(counting(15)), 0xa129ca6149be45e5);  // the paper's appendix A
  EXPECT_EQ(hash(counting(0)), octets(0x310E0EDD47DB6F72));
  EXPECT_EQ(hash(counting(1)), octets(0xFD67DC93C539F874));
  EXPECT_EQ(hash(counting(7)), octets(0x37D1018BF50002AB));
  EXPECT_EQ(hash(counting(8)), octets(0x6224939A79F5F593));
  EXPECT_EQ(hash(counting(16)), octets(0xDB9BC2577FCC2A3F));
  EXPECT_EQ(hash(counting(63)), octets(0x724506EB4C328A95));
}

TEST(SipHash, TheReducedFormGivesThePublishedValues) {
  const SipHash<1, 3> hash(counting(16));
  EXPECT_EQ(hash(counting(0)), octets(0xDCC40F055801ACAB));
  EXPECT_EQ(hash(counting(1)), octets(0x93CA577DF39BF4C9));
  EXPECT_EQ(hash(counting(7)), octets(0x4011B19B987D92D3));
  EXPECT_EQ(hash(counting(8)), octets(0x8E9A298D11959036));
  EXPECT_EQ(hash(counting(15)), octets(0x5699512A6DD820D3));
  EXPECT_EQ(hash(counting(16)), octets(0x668B907D1ADD4FCC));
  EXPECT_EQ(hash(counting(63)), octets(0xA8B3BBB76290199D));
}

TEST(SipHash, AnotherKeyGivesAnotherValue) {
  EXPECT_NE((SipHash<1, 3>(counting(16))("client")), (SipHash<1, 3>(std::string(16, 'k'))("client")));
}

}  // namespace
}  // namespace jwtd::limit
