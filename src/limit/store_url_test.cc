// limit/store_url_test.cc - what is read, what is refused, and that no complaint repeats a password.
#include "limit/store_url.h"

#include <gtest/gtest.h>

namespace jwtd::limit {
namespace {

TEST(StoreUrl, HasDefaults) {
  const auto url = parse_store_url("redis://cache.internal");
  ASSERT_TRUE(url) << url.error().message();
  EXPECT_FALSE(url->tls);
  EXPECT_EQ(url->host, "cache.internal");
  EXPECT_EQ(url->port, 6379);
  EXPECT_EQ(url->database, 0u);
  EXPECT_EQ(url->user + url->password, "");
}

TEST(StoreUrl, HasEveryPart) {
  const auto url = parse_store_url("rediss://jwtd:p%40ss%2Fw@[2001:db8::1]:7000/3");
  ASSERT_TRUE(url) << url.error().message();
  EXPECT_TRUE(url->tls);
  EXPECT_EQ(url->host, "2001:db8::1");
  EXPECT_EQ(url->port, 7000);
  EXPECT_EQ(url->user, "jwtd");
  EXPECT_EQ(url->password, "p@ss/w");
  EXPECT_EQ(url->database, 3u);
  EXPECT_EQ(url->place(), "rediss://[2001:db8::1]:7000/3");
}

TEST(StoreUrl, APasswordMayStandUnencoded) {
  const auto url = parse_store_url("redis://:a:b@c/d@127.0.0.1/1");
  ASSERT_TRUE(url) << url.error().message();
  EXPECT_EQ(url->password, "a:b@c/d");
  EXPECT_EQ(url->host, "127.0.0.1");
  EXPECT_EQ(url->database, 1u);
}

TEST(StoreUrl, OthersAreRefusedWithoutBeingRepeated) {
  for (const char* text : {"", "redis", "redis:", "redis:/pa55word", "redis://", "redis://:pa55word@", "redis://:pa55word@:6379", "redis://pa55word@host",
                           "redis://:pa55word%@host", "redis://:pa55word%4@host", "redis://host:0", "redis://host:65536", "redis://host:port",
                           "redis://host:1:2", "redis://[::1", "redis://[::1]6379", "redis://:pa55word@host/db", "redis://host/10000", "redis://host/0/1",
                           "redis://host/0?x=pa55word", "http://:pa55word@host", "unix:///tmp/redis", "redis://ho st"}) {
    const auto url = parse_store_url(text);
    ASSERT_FALSE(url) << text;
    EXPECT_TRUE(url.error().is(kLimitStoreUrlMalformed));
    EXPECT_FALSE(url.error().detail().empty());
    EXPECT_EQ(url.error().message().find("pa55word"), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace jwtd::limit
