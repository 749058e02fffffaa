// base/base64_test.cc - the alphabets, and what a strict decoder refuses.
#include "base/base64.h"

#include <gtest/gtest.h>

#include <vector>

namespace jwtd {
namespace {

std::string base64url(std::string_view in) {
  std::string out;
  base64url_append(in, out);
  return out;
}

std::string all_octets() {
  std::string octets;
  for (int i = 0; i < 256; ++i) octets.push_back(static_cast<char>(i));
  return octets;
}

TEST(Base64, TheVectorsOfRfc4648) {  // s10
  const std::vector<std::pair<std::string, std::string>> vectors{
      {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [octets, text] : vectors) {
    EXPECT_EQ(base64_encode(octets), text);
    EXPECT_EQ(base64_decode(text), octets);
  }
}

TEST(Base64, TheLastTwoCharactersArePlusAndSlash) { EXPECT_EQ(base64_encode("\xFB\xEF\xFF"), "++//"); }

// Long enough for the way that takes twelve octets at once, and every character at every place in it.
TEST(Base64, EveryCharacterAtEveryPlaceComesBack) {
  for (unsigned shift = 0; shift < 64; ++shift) {
    std::string octets;
    for (unsigned i = 0; i < 64; i += 4) {  // four characters are three octets
      const auto value = [&](unsigned n) { return (i + n + shift) % 64; };
      const unsigned bits = value(0) << 18 | value(1) << 12 | value(2) << 6 | value(3);
      for (const int place : {16, 8, 0}) octets.push_back(static_cast<char>(bits >> place));
    }
    const std::string alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    EXPECT_EQ(base64_encode(octets), alphabet.substr(shift) + alphabet.substr(0, shift));
    EXPECT_EQ(base64_decode(base64_encode(octets)), octets);
    EXPECT_EQ(base64url_decode(base64url(octets)), octets);
  }
}

TEST(Base64, TheUrlAlphabetIsRefused) { EXPECT_EQ(base64_decode("--__"), std::nullopt); }

TEST(Base64, MissingPaddingIsRefused) {
  EXPECT_EQ(base64_decode("Zg"), std::nullopt);
  EXPECT_EQ(base64_decode("Zg="), std::nullopt);
  EXPECT_EQ(base64_decode("Zm8"), std::nullopt);
}

TEST(Base64, TooMuchPaddingIsRefused) {
  for (const char* text : {"=", "==", "===", "====", "Zm9v====", "Z===", "Zm9vZ===", "Zm8=="}) {
    EXPECT_EQ(base64_decode(text), std::nullopt) << text;
  }
}

TEST(Base64, PaddingWithinIsRefused) {
  EXPECT_EQ(base64_decode("Zg==Zm9v"), std::nullopt);
  EXPECT_EQ(base64_decode("Z=g="), std::nullopt);
}

TEST(Base64, TrailingBitsAreRefused) {
  EXPECT_EQ(base64_decode("Zh=="), std::nullopt);
  EXPECT_EQ(base64_decode("Zm9="), std::nullopt);
}

TEST(Base64, WhiteSpaceIsRefused) {
  EXPECT_EQ(base64_decode("Zm9v\n"), std::nullopt);
  EXPECT_EQ(base64_decode("Zm 9"), std::nullopt);
  EXPECT_EQ(base64_decode("Zm9vZm9\n"), std::nullopt);
}

TEST(Base64Url, TheExampleOfRfc7515) {  // appendix C
  EXPECT_EQ(base64url("\x03\xEC\xFF\xE0\xC1"), "A-z_4ME");
  EXPECT_EQ(base64url_decode("A-z_4ME"), "\x03\xEC\xFF\xE0\xC1");
}

TEST(Base64Url, EverySizeComesBack) {
  const std::string octets = all_octets();
  for (std::size_t size = 0; size <= octets.size(); ++size) {
    const std::string in = octets.substr(octets.size() - size);
    const std::string text = base64url(in);
    EXPECT_EQ(text.size(), base64url_size(size));
    EXPECT_EQ(base64url_decode(text), in);
  }
}

TEST(Base64Url, EncodeWritesExactlyItsSize) {
  const std::string octets = all_octets();
  for (std::size_t size = 0; size <= octets.size(); ++size) {
    std::string out(base64url_size(size) + 1, '#');
    const char* end = base64url_encode({reinterpret_cast<const unsigned char*>(octets.data()), size}, out.data());
    EXPECT_EQ(end, out.data() + out.size() - 1);
    EXPECT_EQ(out.back(), '#');
  }
}

TEST(Base64Url, AppendKeepsWhatWasThere) {
  std::string out = "head.";
  base64url_append("foo", out);
  EXPECT_EQ(out, "head.Zm9v");
}

TEST(Base64Url, PaddingIsRefused) {
  EXPECT_EQ(base64url_decode("Zg=="), std::nullopt);
  EXPECT_EQ(base64url_decode("Zm8="), std::nullopt);
}

TEST(Base64Url, ImpossibleSizesAreRefused) {
  EXPECT_EQ(base64url_decode("A"), std::nullopt);
  EXPECT_EQ(base64url_decode("Zm9vA"), std::nullopt);
}

TEST(Base64Url, WhatStandsBehindTheTextDoesNotCount) {
  const std::string_view more = "AAAAAAAAAAAA";
  for (const std::size_t size : {1u, 5u, 9u}) EXPECT_EQ(base64url_decode(more.substr(0, size)), std::nullopt) << size;
  EXPECT_EQ(base64url_decode(more.substr(0, 6)), std::string(4, '\0'));
}

TEST(Base64Url, TrailingBitsAreRefused) {
  EXPECT_EQ(base64url_decode("Zh"), std::nullopt);
  EXPECT_EQ(base64url_decode("Zm9"), std::nullopt);
}

TEST(Base64Url, OneTextForEachOctetString) {
  int texts = 0;
  const std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  for (const char first : alphabet) {
    for (const char second : alphabet) texts += base64url_decode(std::string{first, second}).has_value();
  }
  EXPECT_EQ(texts, 256);
}

TEST(Base64Url, OctetsOutsideTheAlphabetAreRefusedAtEveryPlace) {
  const std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  for (int octet = 0; octet < 256; ++octet) {
    if (alphabet.find(static_cast<char>(octet)) != std::string_view::npos) continue;
    for (const std::size_t size : {2u, 3u, 4u, 7u}) {
      for (std::size_t at = 0; at < size; ++at) {
        std::string text(size, 'A');
        text[at] = static_cast<char>(octet);
        EXPECT_EQ(base64url_decode(text), std::nullopt) << octet << " at " << at << " of " << size;
      }
    }
  }
}

}  // namespace
}  // namespace jwtd
