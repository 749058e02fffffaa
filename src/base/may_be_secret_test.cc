// base/may_be_secret_test.cc - tests of base/may_be_secret.h.
#include "base/may_be_secret.h"

#include <gtest/gtest.h>

#include <string>

namespace jwtd {
namespace {

const std::string kLong(43, 'A');

TEST(MayBeSecret, KeysOfEveryFormAre) {
  for (const std::string& key : {kLong + "=", "/" + kLong + "=", "jwtd_" + kLong, std::string("whsec_c2VjcmV0"), std::string("-----BEGIN PRIVATE KEY-----"),
                                 std::string("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJDIn0.c2ln"), std::string("eyJhbGciOiJIUzI1NiIsInR5cCI6")}) {
    EXPECT_TRUE(may_be_key(key)) << key;
    EXPECT_TRUE(may_be_secret(key)) << key;
  }
}

TEST(MayBeSecret, PhoneNumbersHoweverTypedAre) {
  for (const char* number : {"15557308642", "+15557308642", "+1(555)730-8642", "1 (555) 730-8642", "x15557308642", "1234567"}) {
    EXPECT_TRUE(may_be_secret(number)) << number;
    EXPECT_FALSE(may_be_key(number)) << number;
  }
}

TEST(MayBeSecret, PathsNamesAndPortsAreNot) {
  for (const char* word : {"", "/etc/jwtd/api_key", "/var/lib/jwtd/keys/of/the/customer/that/is/named/here", "api_key", "jwtd_dev", "jwtd.toml", "127.0.0.1:8080", "8443", "192.168.100.100", "2026-11-30", "2026-11-30.log",
                           "/backup/20261130", "--phone", "store", "eyJ", "order-7", "441031D0-2F2E-4FBF-98C5-0D6D005829FF"}) {
    EXPECT_FALSE(may_be_secret(word)) << word;
  }
}

}  // namespace
}  // namespace jwtd
