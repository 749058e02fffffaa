// tests/contract/sample_records.h - records as tests of stores need them.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "store/record.h"

namespace jwtd::store {

inline constexpr UnixMillis kNow = 1'700'000'000'000;
inline constexpr const char* kPhone = "15555551234";
inline constexpr const char* kOtherPhone = "15555551235";

// A token as jwtd makes them by default: life 90 s, of which 80 s are left.
inline Record make_record(std::string_view xid, std::string_view phone = kPhone, UnixMillis recorded_at = kNow) {
  const UnixSeconds iat = recorded_at / 1000 - 10;
  return {*Xid::parse(xid), *Phone::parse(phone), "token." + std::string(xid) + "." + std::to_string(recorded_at), "iss", "kid",
          iat, iat + 90, recorded_at};
}

inline void expect_same(const Record& a, const Record& b) {
  EXPECT_EQ(a.xid, b.xid);
  EXPECT_EQ(a.phone, b.phone);
  EXPECT_EQ(a.token, b.token);
  EXPECT_EQ(a.iss, b.iss);
  EXPECT_EQ(a.kid, b.kid);
  EXPECT_EQ(a.iat, b.iat);
  EXPECT_EQ(a.exp, b.exp);
  EXPECT_EQ(a.recorded_at, b.recorded_at);
}

}  // namespace jwtd::store
