// app/descriptors_test.cc - tests of app/descriptors.h; the limits of a real process are tests/e2e/test_starved.py's.
#include "app/descriptors.h"

#include <gtest/gtest.h>

namespace jwtd::app {
namespace {

TEST(ShareOut, WithRoomForAllEachGetsWhatItWants) {
  EXPECT_EQ(share_out(20'256, {20'000, 256}), (ConnectionBounds{20'000, 256}));
  EXPECT_EQ(share_out(1'000'000, {20'000, 256}), (ConnectionBounds{20'000, 256}));
}

TEST(ShareOut, WithoutItTheAdminListenerGetsAnEighth) {
  EXPECT_EQ(share_out(800, {20'000, 256}), (ConnectionBounds{700, 100}));
  EXPECT_EQ(share_out(20'255, {20'000, 256}), (ConnectionBounds{19'999, 256})) << "or what it wants, if that is less";
}

TEST(ShareOut, WhatThePublicListenerLeavesIsNotLost) { EXPECT_EQ(share_out(14'000, {1'000, 20'000}), (ConnectionBounds{1'000, 13'000})); }

TEST(ShareOut, EachGetsOneAtLeast) {
  for (const std::size_t room : {0, 1, 2, 3}) {
    const ConnectionBounds found = share_out(room, {10, 10});
    EXPECT_GE(found.on_public, 1u) << room;
    EXPECT_GE(found.on_admin, 1u) << room;
  }
}

}  // namespace
}  // namespace jwtd::app
