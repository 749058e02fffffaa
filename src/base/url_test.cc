// base/url_test.cc - what is hidden of a URL, and what is not.
#include "base/url.h"

#include <gtest/gtest.h>

namespace jwtd {
namespace {

TEST(WithoutPassword, HidesWhatStandsBeforeTheHost) {
  EXPECT_EQ(without_password("postgresql://jwtd:s3cret@db:5432/x"), "postgresql://jwtd:***@db:5432/x");
  EXPECT_EQ(without_password("redis://:s3cret@h:6379"), "redis://:***@h:6379");
  EXPECT_EQ(without_password("mongodb://u:p@a,b,c/jwt_db?w=majority"), "mongodb://u:***@a,b,c/jwt_db?w=majority");
}

TEST(WithoutPassword, HidesPasswordsThatWereNotEncoded) {
  EXPECT_EQ(without_password("postgresql://u:pa@ss/w?rd@h/x"), "postgresql://u:***@h/x");
}

TEST(WithoutPassword, HidesParameters) {
  EXPECT_EQ(without_password("postgresql://h/x?user=u&password=p&sslmode=require"), "postgresql://h/x?user=u&password=***&sslmode=require");
  EXPECT_EQ(without_password("mongodb://h/x?tlsCertificateKeyFilePassword=p"), "mongodb://h/x?tlsCertificateKeyFilePassword=***");
}

TEST(WithoutPassword, LeavesOtherUrlsAlone) {
  for (const char* url : {"memory:", "rocksdb:///var/lib/jwtd", "mongodb://h/jwt_db", "postgresql://u@h/db"}) {
    EXPECT_EQ(without_password(url), url);
    EXPECT_FALSE(has_password(url));
  }
}

TEST(ParseHttpUrl, TakesItApart) {
  const auto parts = [](std::string_view url) {
    const auto parsed = parse_http_url(url);
    return parsed ? (parsed->tls ? "tls " : "") + parsed->host + ' ' + std::to_string(parsed->port) + ' ' + parsed->target : "none";
  };
  EXPECT_EQ(parts("https://rest-api.telesign.com"), "tls rest-api.telesign.com 443 /");
  EXPECT_EQ(parts("http://127.0.0.1:8080/a/b?c=d"), "127.0.0.1 8080 /a/b?c=d");
  EXPECT_EQ(parts("https://[::1]:1/?x"), "tls ::1 1 /?x");
  EXPECT_EQ(parts("http://h?x"), "h 80 /?x");
}

TEST(ParseHttpUrl, OtherTextsAreNone) {
  for (const char* url : {"", "https://", "https:///x", "ftp://h", "h", "https://u:p@h", "https://u@h/x", "https://h:", "https://h:0", "https://h:65536",
                          "https://h:1x", "https://h/a b", "https://h/#f", "https://[::1", "https://[::1]x", "https://[x]", "https://h/\n", "HTTPS://h",
                          "https://127.0.0.1\\@evil/"}) {
    EXPECT_FALSE(parse_http_url(url)) << url;
  }
}

TEST(WithoutPassword, TrustsNothingThatIsNotAUrl) { EXPECT_EQ(without_password("host=h user=u:p@x"), "***"); }

}  // namespace
}  // namespace jwtd
