// base/uuid7.cc - the layout of RFC 9562 s5.7 and the counter that keeps it increasing.
#include "base/uuid7.h"

#include <algorithm>
#include <cstring>

#include "base/secret.h"

namespace jwtd {
namespace {

constexpr UnixMillis kMaxMillis = (UnixMillis{1} << 48) - 1;  // the year 10889
constexpr std::uint16_t kMaxCounter = 0xFFF;
constexpr std::uint16_t kSeedMask = 0x7FF;  // the counter starts in its lower half: at least 2048 ids before it is used up (s6.2)
constexpr std::size_t kUuidSize = 36;

constexpr auto kHexPairs = [] {
  std::array<char, 512> table{};
  constexpr char kDigits[] = "0123456789abcdef";
  for (std::size_t octet = 0; octet < 256; ++octet) {
    table[octet * 2] = kDigits[octet >> 4];
    table[octet * 2 + 1] = kDigits[octet & 15];
  }
  return table;
}();

// The lowest `octets` octets of `value`, highest first.
char* append_hex(char* out, std::uint64_t value, int octets) {
  for (int shift = (octets - 1) * 8; shift >= 0; shift -= 8, out += 2) {
    std::memcpy(out, &kHexPairs[(value >> shift & 0xFF) * 2], 2);
  }
  return out;
}

}  // namespace

Xid XidGenerator::next(UnixMillis now) {
  now = std::clamp(now, UnixMillis{0}, kMaxMillis);
  if (now > last_ms_ || counter_ == kMaxCounter) {
    // A used-up millisecond borrows from the next one; the clock catches up.
    last_ms_ = std::max(now, last_ms_ + 1);
    counter_ = static_cast<std::uint16_t>(random64() & kSeedMask);
  } else {
    ++counter_;
  }
  const auto millis = static_cast<std::uint64_t>(last_ms_);
  constexpr std::uint64_t kVersion = 0x7000;
  constexpr std::uint64_t kVariant = 0x8000'0000'0000'0000;  // 0b10, s4.1
  const std::uint64_t low = (random64() >> 2) | kVariant;

  Xid xid;
  char* out = xid.text_.data();
  out = append_hex(out, millis >> 16, 4);
  *out++ = '-';
  out = append_hex(out, millis & 0xFFFF, 2);
  *out++ = '-';
  out = append_hex(out, kVersion | counter_, 2);
  *out++ = '-';
  out = append_hex(out, low >> 48, 2);
  *out++ = '-';
  append_hex(out, low, 6);
  xid.size_ = kUuidSize;
  return xid;
}

std::uint64_t XidGenerator::random64() {
  std::uint64_t value;
  if (left_ < sizeof value) {
    fill_random(pool_);
    left_ = pool_.size();
  }
  left_ -= sizeof value;
  std::memcpy(&value, pool_.data() + left_, sizeof value);
  return value;
}

}  // namespace jwtd
