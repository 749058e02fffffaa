// config/values_test.cc - durations, endpoints, networks, and the nearest word.
#include "config/values.h"

#include <gtest/gtest.h>

#include "config/nearest.h"

namespace jwtd::config {
namespace {

using namespace std::chrono_literals;

TEST(Duration, HasDigitsAndOneUnit) {
  EXPECT_EQ(*parse_duration("500ms"), 500ms);
  EXPECT_EQ(*parse_duration("90s"), 90s);
  EXPECT_EQ(*parse_duration("10m"), 10min);
  EXPECT_EQ(*parse_duration("1h"), 1h);
  EXPECT_EQ(*parse_duration("30d"), 720h);
  EXPECT_EQ(*parse_duration("0s"), 0s);
}

TEST(Duration, AnythingElseIsRefused) {
  for (const char* text : {"", "90", "s", "-1s", "+1s", " 1s", "1s ", "1 s", "1.5s", "1h30m", "1S", "1w", "0x1s", "1s\n", "99999999999999999999s"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
}

TEST(Duration, AHundredYearsAreTheMost) {
  EXPECT_TRUE(parse_duration("36500d"));
  EXPECT_FALSE(parse_duration("36501d"));
  EXPECT_FALSE(parse_duration("999999999999999999d"));
}

TEST(Duration, ItsTextReadsBackToItself) {
  for (const auto value : {0s, 1s, 90s, 119s, 600s, 3600s, 5400s, 86'400s, 2'592'000s}) {
    EXPECT_EQ(*parse_duration(duration_text(value)), value) << duration_text(value);
  }
  EXPECT_EQ(duration_text(90s), "90s");
  EXPECT_EQ(duration_text(720h), "30d");
}

TEST(EndpointText, IsAnAddressAndAPort) {
  EXPECT_EQ(parse_endpoint("0.0.0.0:8443")->text(), "0.0.0.0:8443");
  EXPECT_EQ(parse_endpoint("[::1]:8081")->host, "::1");
  EXPECT_EQ(parse_endpoint("[::]:8443")->text(), "[::]:8443");
  EXPECT_EQ(parse_endpoint("localhost:8080")->host, "localhost");
  EXPECT_EQ(parse_endpoint("127.0.0.1:0")->port, 0);
  EXPECT_EQ(parse_endpoint("[2001:DB8:0::1]:65535")->text(), "[2001:db8::1]:65535");
}

TEST(EndpointText, APortAloneMeansAllIPv4Addresses) { EXPECT_EQ(parse_endpoint(":8080")->text(), "0.0.0.0:8080"); }

TEST(EndpointText, NamesAndHalvesAreRefused) {
  for (const char* text : {"", ":", "8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:80x", "example.com:80", "::1:8081",
                           "[::1]", "[::1", "[127.0.0.1]:80", "1.2.3:80", "[]:80", "127.0.0.1 :80", "Localhost:80", "[fe80::1%eth0]:80"}) {
    EXPECT_FALSE(parse_endpoint(text)) << text;
  }
}

TEST(EndpointText, AnOctetOfZeroDoesNotCutTheAddress) { EXPECT_FALSE(parse_endpoint(std::string_view("127.0.0.1\0x:80", 14))); }

TEST(Loopback, IsKnownInAllItsForms) {
  for (const char* text : {"127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "localhost:1", "[::ffff:127.0.0.1]:1"}) EXPECT_TRUE(is_loopback(*parse_endpoint(text))) << text;
  for (const char* text : {"0.0.0.0:1", "[::]:1", "10.0.0.1:1", "[2001:db8::1]:1", "[::ffff:10.0.0.1]:1"}) EXPECT_FALSE(is_loopback(*parse_endpoint(text))) << text;
}

TEST(NetworkText, HasAnAddressAndAPrefix) {
  EXPECT_EQ(parse_network("10.0.0.0/8")->prefix, 104u);
  EXPECT_EQ(parse_network("10.1.2.3")->prefix, 128u);
  EXPECT_EQ(parse_network("2001:db8::/32")->prefix, 32u);
  EXPECT_EQ(parse_network("0.0.0.0/0")->prefix, 96u);
  for (const char* text : {"10.0.0.0/8", "10.1.2.3/32", "2001:db8::/32", "0.0.0.0/0", "::/0", "::1/128"}) {
    EXPECT_EQ(network_text(*parse_network(text)), text);
  }
}

TEST(NetworkText, BitsBehindThePrefixAreRefusedWithTheNetworkMeant) {
  const auto network = parse_network("10.1.2.3/8");
  ASSERT_FALSE(network);
  EXPECT_NE(network.error().detail().find("10.0.0.0/8"), std::string::npos);
  EXPECT_FALSE(parse_network("2001:db8::1/32"));
}

TEST(NetworkText, AnythingElseIsRefused) {
  for (const char* text : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0/8", "10.0.0.0/-1", "ten/8", "10.0.0.0/8/8"}) {
    EXPECT_FALSE(parse_network(text)) << text;
  }
}

TEST(InQuotes, HoldsNoControlCharactersAndIsShort) {
  EXPECT_EQ(in_quotes("a\"b\\c\n\x1b"), "\"a\\\"b\\\\c\\u000A\\u001B\"");
  EXPECT_LT(in_quotes(std::string(5000, 'x')).size(), 100u);
}

TEST(Nearest, CountsSwapsAsOneEdit) {
  EXPECT_EQ(edit_distance("levle", "level"), 1u);
  EXPECT_EQ(edit_distance("publik", "public"), 1u);
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("ca", "abc"), 3u);
}

TEST(Nearest, IsSilentWhenNothingIsNear) {
  EXPECT_EQ(nearest("publik", {"admin", "public"}), "public");
  EXPECT_EQ(nearest("colour", {"admin", "public"}), "");
  EXPECT_EQ(nearest("", {"a"}), "");
  EXPECT_EQ(nearest(std::string(100'000, 'a'), {"a"}), "");
}

}  // namespace
}  // namespace jwtd::config
