// document/document_test.cc - lines, kinds, and what toml++ must not get to see; config/ and access/ test the rest through their files.
#include "document/document.h"

#include <gtest/gtest.h>

namespace jwtd::document {
namespace {

TEST(Document, EveryValueKnowsItsKindAndLine) {
  const Document document = parse_toml("[listen]\npublic = \"a\"\nthreads = 2\n");
  ASSERT_EQ(document.error_line, 0u);
  const Node* listen = document.root.member("listen");
  ASSERT_TRUE(listen && listen->member("public") && listen->member("threads"));
  EXPECT_EQ(listen->member("public")->text, "a");
  EXPECT_EQ(listen->member("threads")->integer, 2);
  EXPECT_EQ(listen->member("threads")->line, 3u);
}

TEST(Document, AListInATableInAListIsSeen) {
  const Document document = parse_toml("[[caller]]\nscope = [\"read\", \"mint\"]\n");
  const Node* callers = document.root.member("caller");
  ASSERT_TRUE(callers && callers->kind == Node::Kind::kList && callers->items.size() == 1);
  const Node* scope = callers->items[0].member("scope");
  ASSERT_TRUE(scope);
  ASSERT_EQ(scope->items.size(), 2u);
  EXPECT_EQ(scope->items[1].text, "mint");
}

TEST(Document, AnErrorHasItsLine) { EXPECT_EQ(parse_toml("a = 1\nb = = 2\n").error_line, 2u); }

TEST(Document, MalformedHeadersAreErrorsAndNothingWorse) {
  for (const char* text : {"[[[", "[}", "[\r"}) EXPECT_NE(parse_toml(text).error_line, 0u) << text;
}

}  // namespace
}  // namespace jwtd::document
