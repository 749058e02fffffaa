// store/cursor_test.cc - tests of store/cursor.h.
#include "store/cursor.h"

#include <gtest/gtest.h>

#include "store/store.h"

namespace jwtd::store {
namespace {

const Phone kPhone = *Phone::parse("15555551234");
const Position kPosition{1'500'000'000'123, *Xid::parse("11111111-2222-4333-8444-555555555555")};

TEST(Cursor, ComesBackAsItWasWritten) {
  const auto back = read_cursor(kPhone, write_cursor(kPhone, kPosition));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->created_at, kPosition.created_at);
  EXPECT_EQ(back->xid, kPosition.xid);
}

TEST(Cursor, KeepsTheLongestXidAndAClockBefore1970) {
  const Position odd{-1, *Xid::parse(std::string(Xid::kMaxSize, '~'))};
  const auto back = read_cursor(kPhone, write_cursor(kPhone, odd));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->created_at, -1);
  EXPECT_EQ(back->xid, odd.xid);
}

TEST(Cursor, IsRefusedForAnotherPhone) {
  const auto back = read_cursor(*Phone::parse("15555551235"), write_cursor(kPhone, kPosition));
  ASSERT_FALSE(back);
  EXPECT_TRUE(back.error().is(kCursorMalformed));
}

TEST(Cursor, AnyChangedCharacterIsRefused) {
  const std::string cursor = write_cursor(kPhone, kPosition);
  for (std::size_t i = 0; i < cursor.size(); ++i) {
    std::string changed = cursor;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(read_cursor(kPhone, changed)) << i;
    EXPECT_FALSE(read_cursor(kPhone, cursor.substr(0, i))) << i;
  }
}

TEST(Cursor, OfAScanComesBackAndIsNoPagesCursor) {
  const std::string position = std::string("any\0octets", 10) + std::string(kMaxScanPosition - 10, '~');
  const std::string cursor = write_scan_cursor(position);
  const auto back = read_scan_cursor(cursor);
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, position);
  EXPECT_FALSE(read_cursor(kPhone, cursor));
  EXPECT_FALSE(read_scan_cursor(write_cursor(kPhone, kPosition)));
  EXPECT_FALSE(read_scan_cursor(cursor.substr(1)));
}

TEST(Cursor, DoesNotContainThePhone) { EXPECT_EQ(write_cursor(kPhone, kPosition).find("15555551234"), std::string::npos); }

}  // namespace
}  // namespace jwtd::store
