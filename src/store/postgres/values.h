// store/postgres/values.h - parameters and result columns in PostgreSQL's binary forms: integers in network order, times in microseconds since 2000.
//
// Texts go as ASCII whatever the database's encoding: other octets, and the backslash, become \xHH. Tokens, key names and XIDs hold neither,
// so psql shows them as they are; what does comes back octet for octet all the same.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace jwtd::store::postgres {

// -- texts ----------------------------------------------------------------------------------------------------------
void append_ascii(std::string_view octets, std::string& out);
std::optional<std::string> from_ascii(std::string_view text);  // nullopt: not what append_ascii() writes

// -- times ----------------------------------------------------------------------------------------------------------
// What a timestamptz can hold of UnixMillis, with room at both ends: 4700 B.C. to the year 200,000.
inline constexpr UnixMillis kFirstMillis = -210'000'000'000'000;
inline constexpr UnixMillis kLastMillis = 6'200'000'000'000'000;
inline constexpr std::int64_t kNever = INT64_MAX;    // 'infinity'
inline constexpr std::int64_t kAlways = INT64_MIN;   // '-infinity'

std::int64_t to_micros(UnixMillis at);      // kFirstMillis <= at <= kLastMillis
UnixMillis from_micros(std::int64_t micros);  // rounded down, should somebody else have written a finer time

// -- one parameter --------------------------------------------------------------------------------------------------
std::string int4_value(std::int32_t value);
std::string int8_value(std::int64_t value);  // timestamptz too, from to_micros()

std::int32_t read_int4(std::string_view octets);  // exactly 4 octets
std::int64_t read_int8(std::string_view octets);  // exactly 8 octets

// A one-dimensional array, as unnest() takes it; keeps its memory between batches.
class Array {
 public:
  enum class Of : std::uint32_t { kInt8 = 20, kInt4 = 23, kText = 25, kTime = 1184 };  // PostgreSQL's type numbers, fixed for ever (pg_type.dat)

  explicit Array(Of element);
  void clear();
  void add_int4(std::int32_t value);
  void add_int8(std::int64_t value);
  void add_time(UnixMillis at) { add_int8(to_micros(at)); }
  void add_text(std::string_view octets);
  void add_ascii(std::string_view text);  // as it stands: printable ASCII
  std::size_t size() const { return size_; }
  std::string_view octets();  // until the next change

 private:
  std::string octets_;
  std::size_t size_ = 0;
};

}  // namespace jwtd::store::postgres
