// base/uuid7.h - makes XIDs: version 7 UUIDs (RFC 9562 s5.7), 36 characters, lower case.
//
// They sort by the time they were made, so every store appends instead of scattering. Layout: 48 bits of Unix
// milliseconds, 12 bits that count within the millisecond (s6.2 method 1: rand_a as a counter, seeded at random),
// 62 random bits. Within one generator ids strictly increase, also when the wall clock goes back.
//
// Thread-safety: none; one generator for each thread (their ids interleave; the 62 random bits keep them apart).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/ids.h"
#include "base/time.h"

namespace jwtd {

class XidGenerator {
 public:
  XidGenerator() = default;
  XidGenerator(const XidGenerator&) = delete;
  XidGenerator& operator=(const XidGenerator&) = delete;

  Xid next(UnixMillis now);

 private:
  std::uint64_t random64();

  UnixMillis last_ms_ = 0;
  std::uint16_t counter_ = 0;  // 12 bits
  std::array<unsigned char, 4096> pool_{};  // random octets drawn in one call: the system's source costs most per call
  std::size_t left_ = 0;
};

}  // namespace jwtd
