// http/parser_test.cc - the rules of parser.h, one by one.
#include "http/parser.h"

#include <gtest/gtest.h>

#include <string>

namespace jwtd::http {
namespace {

using Step = RequestParser::Step;

struct Parsed {
  RequestParser parser;
  std::string octets;
  Step step;

  explicit Parsed(std::string text) : octets(std::move(text)), step(parser.head(octets)) {}
  int refused_with() const { return step == Step::kRefused ? parser.refusal().status : 0; }
};

std::string with_fields(const std::string& fields) { return "GET /v1/token/15551234567 HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n"; }

TEST(Parser, AWholeHeadGivesMethodPathQueryAndFields) {
  Parsed p("GET /v1/transactions?phone_number=1 HTTP/1.1\r\nHost: localhost\r\nX-A:  b \r\n\r\nrest");
  ASSERT_EQ(p.step, Step::kComplete);
  const Request& r = p.parser.request();
  EXPECT_EQ(r.method, Method::kGet);
  EXPECT_EQ(r.path, "/v1/transactions");
  EXPECT_EQ(r.query, "phone_number=1");
  EXPECT_EQ(r.field("x-a"), "b");
  EXPECT_EQ(p.octets.substr(p.parser.head_octets()), "rest");
  EXPECT_TRUE(p.parser.keep_alive());
}

TEST(Parser, AHeadMayComeOctetByOctet) {
  const std::string whole = with_fields("X-A: b\r\n");
  RequestParser parser;
  for (std::size_t n = 1; n < whole.size(); ++n) ASSERT_EQ(parser.head(std::string_view(whole).substr(0, n)), Step::kNeedMore) << n;
  EXPECT_EQ(parser.head(whole), Step::kComplete);
}

TEST(Parser, LeadingEmptyLinesAreSkippedUpToABound) {
  EXPECT_EQ(Parsed("\r\n\r\n" + with_fields("")).step, Step::kComplete);
  EXPECT_EQ(Parsed("\r\n\r\n\r\n\r\n\r\n" + with_fields("")).refused_with(), 400);
}

TEST(Parser, OneHostIsNeededWithHttp11) {
  EXPECT_EQ(Parsed("GET / HTTP/1.1\r\n\r\n").refused_with(), 400);
  EXPECT_EQ(Parsed("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n").refused_with(), 400);
  EXPECT_EQ(Parsed("GET / HTTP/1.0\r\n\r\n").step, Step::kComplete);
}

TEST(Parser, AHostWithAPathOrUserinfoIsRefused) {
  EXPECT_EQ(Parsed("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n").refused_with(), 400);
  EXPECT_EQ(Parsed("GET / HTTP/1.1\r\nHost: a@b\r\n\r\n").refused_with(), 400);
  EXPECT_EQ(Parsed("GET / HTTP/1.1\r\nHost: a:70000000\r\n\r\n").refused_with(), 400);
  EXPECT_EQ(Parsed("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n").step, Step::kComplete);
}

TEST(Parser, LineEndsAreCrLfOnly) {
  EXPECT_EQ(Parsed("GET / HTTP/1.1\nHost: a\n\n").refused_with(), 400);
  EXPECT_EQ(Parsed(with_fields("X: a\rY: b\r\n")).refused_with(), 400);
}

TEST(Parser, FoldedFieldsAreRefused) { EXPECT_EQ(Parsed(with_fields("X: a\r\n b\r\n")).refused_with(), 400); }

TEST(Parser, WhiteSpaceBeforeTheColonIsRefused) { EXPECT_EQ(Parsed(with_fields("X : a\r\n")).refused_with(), 400); }

TEST(Parser, ControlsInValuesAreRefused) {
  EXPECT_EQ(Parsed(with_fields(std::string("X: a\0b\r\n", 8))).refused_with(), 400);
  EXPECT_EQ(Parsed(with_fields("X: a\tb\r\n")).step, Step::kComplete);
}

TEST(Parser, LengthAndCodingTogetherAreRefused) {
  EXPECT_EQ(Parsed(with_fields("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n")).refused_with(), 400);
}

TEST(Parser, AContentLengthIsOneDecimalNumber) {
  for (const char* bad : {"+5", "-1", "0x5", "5 5", "5,5", "", "99999999999999999999999"})
    EXPECT_EQ(Parsed(with_fields(std::string("Content-Length: ") + bad + "\r\n")).refused_with(), 400) << bad;
  EXPECT_EQ(Parsed(with_fields("Content-Length: 5\r\nContent-Length: 5\r\n")).refused_with(), 400);
}

TEST(Parser, AnAnnouncedBodyAboveTheBoundIsRefusedAtOnce) {
  EXPECT_EQ(Parsed(with_fields("Content-Length: 1073741824\r\n")).refused_with(), 413);
}

TEST(Parser, OnlyTheChunkedCodingIsKnown) {
  EXPECT_EQ(Parsed(with_fields("Transfer-Encoding: gzip, chunked\r\n")).refused_with(), 501);
  EXPECT_EQ(Parsed(with_fields("Transfer-Encoding: xchunked\r\n")).refused_with(), 501);
  EXPECT_EQ(Parsed("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n").refused_with(), 400);
}

TEST(Parser, OnlyHttp10And11AreSpoken) {
  EXPECT_EQ(Parsed("GET / HTTP/2.0\r\nHost: a\r\n\r\n").refused_with(), 505);
  EXPECT_EQ(Parsed("GET / HTTP/1.2\r\nHost: a\r\n\r\n").refused_with(), 505);
  EXPECT_EQ(Parsed("GET /\r\n\r\n").refused_with(), 400);
  EXPECT_EQ(Parsed("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").refused_with(), 505);
}

TEST(Parser, ATargetIsPrintableAsciiOfUris) {
  for (const char* bad : {"/a b", "/a\"b", "/{a}", "/a#b", "/\xe9", "/a\x02"})
    EXPECT_EQ(Parsed(std::string("GET ") + bad + " HTTP/1.1\r\nHost: a\r\n\r\n").refused_with(), 400) << bad;
}

TEST(Parser, AbsoluteFormIsReadAsItsPath) {
  Parsed p("GET https://localhost/v1/token/15551234567 HTTP/1.1\r\nHost: localhost\r\n\r\n");
  ASSERT_EQ(p.step, Step::kComplete);
  EXPECT_EQ(p.parser.request().path, "/v1/token/15551234567");
  EXPECT_EQ(Parsed("GET ftp://localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n").refused_with(), 400);
  EXPECT_EQ(Parsed("GET localhost:443 HTTP/1.1\r\nHost: localhost\r\n\r\n").refused_with(), 400);
}

TEST(Parser, AnAsteriskIsForOptionsOnly) {
  EXPECT_EQ(Parsed("GET * HTTP/1.1\r\nHost: a\r\n\r\n").refused_with(), 400);
  EXPECT_EQ(Parsed("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").step, Step::kComplete);
}

TEST(Parser, ALongTargetIs414AndALongHead431) {
  EXPECT_EQ(Parsed("GET /" + std::string(16'000, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n").refused_with(), 414);
  EXPECT_EQ(Parsed(with_fields("X: " + std::string(64'000, 'a') + "\r\n")).refused_with(), 431);
  std::string many;
  for (int i = 0; i < 200; ++i) many += "X-" + std::to_string(i) + ": 1\r\n";
  EXPECT_EQ(Parsed(with_fields(many)).refused_with(), 431);
}

TEST(Parser, AnEndlessHeadIsRefusedBeforeItEnds) {
  EXPECT_EQ(Parsed("GET / HTTP/1.1\r\nX: " + std::string(20'000, 'a')).refused_with(), 431);
  EXPECT_EQ(Parsed("GET /" + std::string(20'000, 'a')).refused_with(), 414);
}

TEST(Parser, ABodyOfKnownLengthEndsWhereItSays) {
  Parsed p("POST /v1/tokens HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n");
  ASSERT_EQ(p.step, Step::kComplete);
  ASSERT_TRUE(p.parser.has_body());
  std::size_t used = 0;
  EXPECT_EQ(p.parser.body("hel", used), Step::kNeedMore);
  EXPECT_EQ(used, 3u);
  EXPECT_EQ(p.parser.body("loGET", used), Step::kComplete);
  EXPECT_EQ(used, 2u);
  EXPECT_EQ(p.parser.request().body, "hello");
}

TEST(Parser, AChunkedBodyIsPutTogether) {
  Parsed p("POST /v1/tokens HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  ASSERT_EQ(p.step, Step::kComplete);
  std::size_t used = 0;
  const std::string body = "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\nGET";
  ASSERT_EQ(p.parser.body(body, used), Step::kComplete);
  EXPECT_EQ(body.substr(used), "GET");
  EXPECT_EQ(p.parser.request().body, "hello");
}

TEST(Parser, TrailersKeepToTheLinesOfAHead) {
  const std::string head = "POST /v1/tokens HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const char* const body : {"0\r\nX: a\r\n\r\n", "1\r\na\r\n0\r\nX: a\r\nY:\r\n\r\n", "1;x=y\r\na\r\n000\r\n\r\n"}) {
    Parsed p(head);
    std::size_t used = 0;
    EXPECT_EQ(p.parser.body(body, used), Step::kComplete) << body;
    EXPECT_EQ(used, std::string_view(body).size());
  }
  for (const char* const body : {"0\r\nX: a\r\n b\r\n\r\n", "1\r\na\r\n0\r\nX: a\r\n\tb\r\n\r\n", "0\r\nX : a\r\n\r\n", "0\r\nX: a\nY: b\r\n\r\n",
                                 "0\r\nX: a\rb\r\n\r\n", "0\r\n: a\r\n\r\n", "0\r\n X: a\r\n\r\n"}) {
    Parsed p(head);
    std::size_t used = 0;
    ASSERT_EQ(p.parser.body(body, used), Step::kRefused) << body;
    EXPECT_EQ(p.parser.refusal().status, 400) << body;
  }
}

TEST(Parser, TrailersThatComeOctetByOctetAreTheSame) {
  const std::string head = "POST /v1/tokens HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  const auto fed = [&](const std::string& body) {
    Parsed p(head);
    std::string have;
    Step step = Step::kNeedMore;
    for (std::size_t i = 0; i < body.size() && step == Step::kNeedMore; ++i) {
      have += body[i];
      std::size_t used = 0;
      step = p.parser.body(have, used);
      have.erase(0, used);
    }
    return step;
  };
  EXPECT_EQ(fed("1\r\na\r\n0\r\nX: a\r\n\r\n"), Step::kComplete);
  EXPECT_EQ(fed("1\r\na\r\n0\r\nX: a\r\n b\r\n\r\n"), Step::kRefused);
}

TEST(Parser, AChunkedBodyAboveTheBoundIsRefused) {
  Parsed p("POST /v1/tokens HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  std::size_t used = 0;
  EXPECT_EQ(p.parser.body("8000\r\n" + std::string(0x8000, 'a') + "\r\n", used), Step::kRefused);
  EXPECT_EQ(p.parser.refusal().status, 413);
}

TEST(Parser, ConnectionCloseEndsKeepAlive) {
  EXPECT_FALSE(Parsed(with_fields("Connection: Upgrade, close\r\n")).parser.keep_alive());
  EXPECT_FALSE(Parsed("GET / HTTP/1.0\r\n\r\n").parser.keep_alive());
  EXPECT_TRUE(Parsed("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").parser.keep_alive());
}

TEST(Parser, AnUnknownExpectationFails) {
  EXPECT_EQ(Parsed(with_fields("Expect: 200-ok\r\n")).refused_with(), 417);
  EXPECT_TRUE(Parsed(with_fields("Expect: 100-continue\r\n")).parser.expects_continue());
}

TEST(Parser, ExpectationsOfAnHttp10ClientAreIgnored) {
  for (const char* const value : {"100-continue", "200-ok"}) {
    Parsed p("POST /v1/tokens HTTP/1.0\r\nExpect: " + std::string(value) + "\r\nContent-Length: 2\r\n\r\n");
    EXPECT_EQ(p.step, Step::kComplete) << value;
    EXPECT_FALSE(p.parser.expects_continue()) << value;
  }
}

}  // namespace
}  // namespace jwtd::http
