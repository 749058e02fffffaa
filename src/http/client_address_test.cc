// http/client_address_test.cc - addresses as texts, networks, and whom the fields of proxies may make us believe in.
#include "http/client_address.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace jwtd::http {
namespace {

Address address(std::string_view text) {
  const std::optional<Address> parsed = parse_address(text);
  EXPECT_TRUE(parsed) << text;
  return parsed.value_or(Address{});
}

const std::vector<TrustedNetwork>& proxies() {
  static const std::vector<TrustedNetwork> networks{
      {address("10.0.0.0"), 96 + 8}, {address("192.0.2.128"), 96 + 25}, {address("2001:db8:ffff::"), 48}};
  return networks;
}

Address seen(std::vector<std::string_view> lines, bool rfc7239 = false, std::string_view peer = "10.0.0.1") {
  return client_address(address(peer), lines, rfc7239, proxies());
}
Address forwarded(std::vector<std::string_view> lines, std::string_view peer = "10.0.0.1") { return seen(std::move(lines), true, peer); }

TEST(ParseAddress, TheFourFormsAreRead) {
  EXPECT_EQ(address("10.0.0.1"), (Address{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1}));
  EXPECT_EQ(address("2001:db8::1"), (Address{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}));
  EXPECT_EQ(address("[2001:db8::1]:443"), address("2001:db8::1"));
  EXPECT_EQ(address("[2001:DB8::1]"), address("2001:db8::1"));
  EXPECT_EQ(address("10.0.0.1:80"), address("10.0.0.1"));
  EXPECT_EQ(address("10.0.0.1:65535"), address("10.0.0.1"));
  EXPECT_EQ(address("1:2:3:4:5:6:7:8"), address("1:2:3:4:5:6:7:8"));
}

TEST(ParseAddress, AMappedAddressEqualsTheIPv4One) {
  EXPECT_EQ(address("::ffff:192.0.2.1"), address("192.0.2.1"));
  EXPECT_EQ(address("::FFFF:c000:201"), address("192.0.2.1"));
  EXPECT_NE(address("::192.0.2.1"), address("192.0.2.1"));
}

TEST(ParseAddress, EverythingElseIsNoAddress) {
  for (const char* text : {"",
                           " ",
                           "1",
                           "1.2.3",
                           "1.2.3.4.5",
                           "1.2.3.256",
                           "01.2.3.4",
                           "1.2.3.04",
                           "0x1.2.3.4",
                           "1.2.3.4 ",
                           " 1.2.3.4",
                           "1.2.3.4:",
                           "1.2.3.4:x",
                           "1.2.3.4:65536",
                           "1.2.3.4:000080",
                           "1.2.3.4:-1",
                           "1.2.3.4/8",
                           "[1.2.3.4]",
                           "[1.2.3.4]:80",
                           "2001:db8::1]",
                           "[2001:db8::1",
                           "[2001:db8::1]443",
                           "[2001:db8::1]:",
                           "[]",
                           "[",
                           "]",
                           ":",
                           "::::",
                           "1::2::3",
                           "1:2:3:4:5:6:7",
                           "1:2:3:4:5:6:7:8:9",
                           "fe80::1%eth0",
                           "[fe80::1%25eth0]",
                           "12345::",
                           "unknown",
                           "_hidden",
                           "localhost",
                           "\"1.2.3.4\"",
                           "2001:db8::1%0",
                           "1.2.3.4,5.6.7.8",
                           "[[::1]]",
                           "[::1]]"}) {
    EXPECT_FALSE(parse_address(text)) << text;
  }
  EXPECT_FALSE(parse_address(std::string_view("1.2.3.4\0", 8)));
  EXPECT_FALSE(parse_address(std::string_view("::1\0x", 5)));
  EXPECT_FALSE(parse_address(std::string(1000, ':')));
  EXPECT_FALSE(parse_address(std::string(1000, '1')));
}

TEST(ClientKey, AnIPv4AddressCountsWhole) {
  EXPECT_NE(client_key(address("192.0.2.1")), client_key(address("192.0.2.2")));
  EXPECT_EQ(client_key(address("192.0.2.1")), client_key(address("::ffff:192.0.2.1")));
  EXPECT_EQ(client_key(address("192.0.2.1")).octets, (std::array<std::uint8_t, 9>{4, 192, 0, 2, 1}));
}

TEST(ClientKey, AnIPv6AddressCountsByItsFirst64Bits) {
  EXPECT_EQ(client_key(address("2001:db8:1:2::1")), client_key(address("2001:db8:1:2:ffff:ffff:ffff:ffff")));
  EXPECT_NE(client_key(address("2001:db8:1:2::1")), client_key(address("2001:db8:1:3::1")));
  EXPECT_EQ(client_key(address("2001:db8:1:2::1")).octets, (std::array<std::uint8_t, 9>{6, 0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 2}));
}

TEST(TrustedNetwork, APrefixNeedNotEndAtAnOctet) {
  const TrustedNetwork half{address("192.0.2.128"), 96 + 25};
  EXPECT_TRUE(half.contains(address("192.0.2.128")));
  EXPECT_TRUE(half.contains(address("192.0.2.255")));
  EXPECT_FALSE(half.contains(address("192.0.2.127")));
  EXPECT_FALSE(half.contains(address("192.0.3.128")));
}

TEST(TrustedNetwork, TheEndsOfThePrefixAreExact) {
  EXPECT_TRUE((TrustedNetwork{address("192.0.2.1"), 128}.contains(address("192.0.2.1"))));
  EXPECT_FALSE((TrustedNetwork{address("192.0.2.1"), 128}.contains(address("192.0.2.0"))));
  EXPECT_TRUE((TrustedNetwork{address("192.0.2.1"), 500}.contains(address("192.0.2.1"))));
  EXPECT_FALSE((TrustedNetwork{address("192.0.2.1"), 500}.contains(address("192.0.2.0"))));
  EXPECT_TRUE((TrustedNetwork{Address{}, 0}.contains(address("2001:db8::1"))));
  EXPECT_FALSE((TrustedNetwork{address("0.0.0.0"), 96}.contains(address("2001:db8::1"))));
}

TEST(ClientAddress, WithoutATrustedPeerTheFieldsAreNotRead) {
  EXPECT_EQ(seen({"1.2.3.4"}, false, "192.0.2.1"), address("192.0.2.1"));
  EXPECT_EQ(forwarded({"for=1.2.3.4"}, "192.0.2.1"), address("192.0.2.1"));
  const std::vector<std::string_view> lines{"1.2.3.4"};
  EXPECT_EQ(client_address(address("10.0.0.1"), lines, false, {}), address("10.0.0.1"));
}

TEST(ClientAddress, WithoutAFieldThePeerCounts) {
  EXPECT_EQ(seen({}), address("10.0.0.1"));
  EXPECT_EQ(seen({""}), address("10.0.0.1"));
  EXPECT_EQ(forwarded({" , ,"}), address("10.0.0.1"));
}

TEST(ForwardedFor, TheFirstHopFromTheRightThatIsNotOursIsTheClient) {
  EXPECT_EQ(seen({"203.0.113.7"}), address("203.0.113.7"));
  EXPECT_EQ(seen({"198.51.100.1, 203.0.113.7"}), address("203.0.113.7"));
  EXPECT_EQ(seen({"198.51.100.1,203.0.113.7 ,\t10.9.9.9, 2001:db8:ffff::2"}), address("203.0.113.7"));
  EXPECT_EQ(seen({"203.0.113.7:5566"}), address("203.0.113.7"));
  EXPECT_EQ(seen({"[2001:db8::7]:5566"}), address("2001:db8::7"));
  EXPECT_EQ(seen({"2001:db8::7"}), address("2001:db8::7"));
}

TEST(ForwardedFor, SeveralLinesAreOneListInTheirOrder) {
  EXPECT_EQ(seen({"198.51.100.1", "203.0.113.7", "10.0.0.2"}), address("203.0.113.7"));
  EXPECT_EQ(seen({"203.0.113.7", ""}), address("203.0.113.7"));
}

TEST(ForwardedFor, WhenAllHopsAreOursTheFarthestCounts) { EXPECT_EQ(seen({"10.0.0.3, 10.0.0.2"}), address("10.0.0.3")); }

TEST(ForwardedFor, AHopThatIsNoAddressEndsTheWalkAtOurLastProxy) {
  for (const char* text : {"203.0.113.7, unknown", "203.0.113.7, _hidden", "203.0.113.7, 10.0.0.256", "203.0.113.7, \"198.51.100.1\"",
                           "203.0.113.7, for=198.51.100.1", "203.0.113.7 198.51.100.1"}) {
    EXPECT_EQ(seen({text}), address("10.0.0.1")) << text;
  }
  EXPECT_EQ(seen({"203.0.113.7, garbage, 10.0.0.2"}), address("10.0.0.2"));
}

TEST(ForwardedFor, EmptyElementsAreIgnored) { EXPECT_EQ(seen({"203.0.113.7, ,,10.0.0.2 ,"}), address("203.0.113.7")); }

TEST(ForwardedFor, ATrustedPeerMayBeAMappedAddress) { EXPECT_EQ(seen({"203.0.113.7"}, false, "::ffff:10.1.2.3"), address("203.0.113.7")); }

TEST(ForwardedFor, SixtyFourHopsAreWalkedAndNoMore) {
  std::string list = "203.0.113.7";
  for (std::size_t i = 1; i < kMaxForwardedHops; ++i) list += ",10.0.0.2";
  EXPECT_EQ(seen({list}), address("203.0.113.7"));
  EXPECT_EQ(seen({list + ",10.0.0.2"}), address("10.0.0.2"));
  EXPECT_EQ(seen({"203.0.113.7," + std::string(kMaxForwardedHops, ',')}), address("10.0.0.1"));
}

// RFC 7239 s4 and s6 have most of these.
TEST(Forwarded, TheRfcsExamplesAreRead) {
  EXPECT_EQ(forwarded({"For=\"[2001:db8:cafe::17]:4711\""}), address("2001:db8:cafe::17"));
  EXPECT_EQ(forwarded({"for=192.0.2.60;proto=http;by=203.0.113.43"}), address("192.0.2.60"));
  EXPECT_EQ(forwarded({"for=192.0.2.43, for=198.51.100.17"}), address("198.51.100.17"));
  EXPECT_EQ(forwarded({"for=192.0.2.43,for=\"[2001:db8:cafe::17]\",for=unknown"}), address("10.0.0.1"));
  EXPECT_EQ(forwarded({"for=_hidden, for=_SEVKISEK"}), address("10.0.0.1"));
  EXPECT_EQ(forwarded({"for=\"192.0.2.43:47011\""}), address("192.0.2.43"));
  EXPECT_EQ(forwarded({"for=\"192.0.2.43:_port-1\""}), address("192.0.2.43"));
}

TEST(Forwarded, TheWalkIsFromTheRightOverAllLines) {
  EXPECT_EQ(forwarded({"for=198.51.100.1", "for=203.0.113.7, for=10.0.0.3;by=10.0.0.2"}), address("203.0.113.7"));
  EXPECT_EQ(forwarded({"for=198.51.100.1, for=\"[2001:db8:ffff::9]\"", "for=10.0.0.3"}), address("198.51.100.1"));
}

TEST(Forwarded, NamesDoNotDependOnCase) {
  EXPECT_EQ(forwarded({"FOR=203.0.113.7"}), address("203.0.113.7"));
  EXPECT_EQ(forwarded({"proto=https;fOr=203.0.113.7"}), address("203.0.113.7"));
}

TEST(Forwarded, QuotedStringsMayHoldDividersAndEscapes) {
  EXPECT_EQ(forwarded({R"(for=203.0.113.7;x="a,b;for=1.1.1.1")"}), address("203.0.113.7"));
  EXPECT_EQ(forwarded({R"(for="203\.0.113.7")"}), address("203.0.113.7"));
  EXPECT_EQ(forwarded({R"(for=203.0.113.7;x="a\"b,c")"}), address("203.0.113.7"));
  EXPECT_EQ(forwarded({R"(for=203.0.113.7;x="a\\", for=10.0.0.2)"}), address("203.0.113.7"));
}

TEST(Forwarded, SpaceAndEmptyPairsAroundSemicolonsAreTaken) {
  EXPECT_EQ(forwarded({"for=203.0.113.7 ; proto=https;"}), address("203.0.113.7"));
}

TEST(Forwarded, WhatTheGrammarDoesNotHaveEndsTheWalk) {
  for (const char* text : {"proto=https",
                           "for=",
                           "for",
                           "=203.0.113.7",
                           "for=\"\"",
                           "for=\"203.0.113.7",
                           "for=203.0.113.7\"",
                           "for= 203.0.113.7",
                           "for =203.0.113.7",
                           "for=203.0.113.7:80",
                           "for=2001:db8::7",
                           "for=[2001:db8::7]",
                           "for=\"2001:db8::7\"",
                           "for=\"[203.0.113.7]\"",
                           "for=203.0.113.7;for=203.0.113.8",
                           "for=203.0.113.7;FOR=203.0.113.7",
                           "203.0.113.7",
                           "for=unknown",
                           "for=\"unknown\"",
                           "for=_x",
                           "for=\"203.0.113.7:_\"",
                           "for=\"203.0.113.7:\"",
                           "for=\"203.0.113.7:99999\"",
                           "for=\"203.0.113.7\"x",
                           "for=\"203.0.113.7\\\"",
                           "for=203.0.113.7;b@d=1",
                           "for=203.0.113.7;novalue"}) {
    EXPECT_EQ(forwarded({text}), address("10.0.0.1")) << text;
  }
  EXPECT_EQ(forwarded({"for=\"" + std::string(5000, '1') + "\""}), address("10.0.0.1"));
}

// The heart of the matter: a client may send any octets at all; our proxy appends what it saw; that is what must count.
TEST(ClientAddress, NothingThatAClientSendsHidesWhatOurProxyAppended) {
  std::mt19937 random(1);
  const std::string_view pieces[]{"\"", "\\", ",", ";",   "for=", "for=\"",  "10.0.0.9", "1.2.3.4", "[2001:db8::1]",
                                  " ",  "=",  "x", "\"[", "]\"",  "unknown", "\t",       ":80",     "_h"};
  for (int i = 0; i < 50'000; ++i) {
    std::string sent;
    for (unsigned n = random() % 12; n > 0; --n) sent += pieces[random() % std::size(pieces)];
    ASSERT_EQ(seen({sent + ", 203.0.113.7"}), address("203.0.113.7")) << sent;
    ASSERT_EQ(seen({sent, "203.0.113.7, 10.0.0.2"}), address("203.0.113.7")) << sent;
    ASSERT_EQ(forwarded({sent + ", for=203.0.113.7"}), address("203.0.113.7")) << sent;
    ASSERT_EQ(forwarded({sent + ",for=\"[2001:db8::7]:1\";proto=https"}), address("2001:db8::7")) << sent;
    ASSERT_EQ(forwarded({sent, "proto=http;for=203.0.113.7, for=\"10.0.0.2:7\""}), address("203.0.113.7")) << sent;
  }
}

}  // namespace
}  // namespace jwtd::http
