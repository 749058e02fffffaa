// store/postgres/values_test.cc - the binary forms, octet for octet.
#include "store/postgres/values.h"

#include <gtest/gtest.h>

namespace jwtd::store::postgres {
namespace {

std::string ascii(std::string_view octets) {
  std::string out;
  append_ascii(octets, out);
  return out;
}

TEST(PostgresText, ATokenIsWrittenAsItIs) { EXPECT_EQ(ascii("eyJ.a-b_c~.9"), "eyJ.a-b_c~.9"); }

TEST(PostgresText, WhatATextColumnCannotHoldIsEscaped) {
  EXPECT_EQ(ascii(std::string("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(ascii("\xff\x7f\x1f\\"), "\\xff\\x7f\\x1f\\x5c");
}

TEST(PostgresText, EveryOctetComesBack) {
  std::string all;
  for (int octet = 0; octet < 256; ++octet) all.push_back(static_cast<char>(octet));
  EXPECT_EQ(from_ascii(ascii(all)), all);
  EXPECT_EQ(from_ascii(""), "");
}

TEST(PostgresText, WhatWeDoNotWriteIsRefused) {
  for (const char* text : {"\\", "a\\x", "\\x0", "\\x0g", "\\xAB", "\\n00"}) EXPECT_FALSE(from_ascii(text)) << text;
}

TEST(PostgresTime, CountsMicrosecondsFrom2000) {
  EXPECT_EQ(to_micros(946'684'800'000), 0);
  EXPECT_EQ(to_micros(946'684'800'001), 1000);
  EXPECT_EQ(to_micros(0), -946'684'800'000'000);
  for (const UnixMillis at : {UnixMillis{-1}, UnixMillis{0}, UnixMillis{1'700'000'000'123}, kFirstMillis, kLastMillis}) EXPECT_EQ(from_micros(to_micros(at)), at);
}

TEST(PostgresTime, AFinerTimeIsRoundedDown) {
  EXPECT_EQ(from_micros(1), 946'684'800'000);
  EXPECT_EQ(from_micros(-1), 946'684'799'999);
}

TEST(PostgresNumber, IsInNetworkOrder) {
  EXPECT_EQ(int4_value(0x01020304), "\x01\x02\x03\x04");
  EXPECT_EQ(read_int4(int4_value(-2)), -2);
  EXPECT_EQ(read_int8(int8_value(-3)), -3);
  EXPECT_EQ(read_int8(int8_value(INT64_MIN)), INT64_MIN);
}

TEST(PostgresArray, HasItsHeaderAndASizeBeforeEachElement) {
  Array array(Array::Of::kText);
  array.add_text("ab");
  array.add_text("");
  const std::string_view octets = array.octets();
  EXPECT_EQ(octets, std::string_view("\0\0\0\1\0\0\0\0\0\0\0\x19\0\0\0\2\0\0\0\1\0\0\0\2ab\0\0\0\0", 30));
  array.clear();
  EXPECT_EQ(array.size(), 0u);
  EXPECT_EQ(array.octets(), std::string_view("\0\0\0\1\0\0\0\0\0\0\0\x19\0\0\0\0\0\0\0\1", 20));
}

}  // namespace
}  // namespace jwtd::store::postgres
