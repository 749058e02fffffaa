// store/cursor.cc - cursor layout: 8 octets checksum, 8 octets created_at, the XID's text; all base64url.
#include "store/cursor.h"

#include <cstdint>

#include "base/base64.h"
#include "store/store.h"

namespace jwtd::store {
namespace {

constexpr std::size_t kWordOctets = 8;

void append_word(std::uint64_t word, std::string& out) {
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(word >> shift));
}

std::uint64_t read_word(std::string_view octets) {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < kWordOctets; ++i) word = word << 8 | static_cast<unsigned char>(octets[i]);
  return word;
}

std::uint64_t checksum(const Phone& phone, std::string_view position) {  // FNV-1a
  std::string bound;
  append_word(phone.packed(), bound);
  bound += position;
  std::uint64_t sum = 0xcbf29ce484222325;
  for (char octet : bound) sum = (sum ^ static_cast<unsigned char>(octet)) * 0x100000001b3;
  return sum;
}

}  // namespace

std::string write_cursor(const Phone& phone, const Position& last) {
  std::string position;
  append_word(static_cast<std::uint64_t>(last.created_at), position);
  position += last.xid.view();
  std::string octets;
  append_word(checksum(phone, position), octets);
  octets += position;
  std::string text;
  base64url_append(octets, text);
  return text;
}

Result<Position> read_cursor(const Phone& phone, std::string_view cursor) {
  constexpr std::size_t kLongest = base64url_size(2 * kWordOctets + Xid::kMaxSize);
  if (cursor.size() > kLongest) return Error(kCursorMalformed);
  const auto octets = base64url_decode(cursor);
  if (!octets || octets->size() <= 2 * kWordOctets) return Error(kCursorMalformed);
  const std::string_view position = std::string_view(*octets).substr(kWordOctets);
  if (read_word(*octets) != checksum(phone, position)) return Error(kCursorMalformed);
  const auto xid = Xid::parse(position.substr(kWordOctets));
  if (!xid) return Error(kCursorMalformed);
  return Position{static_cast<UnixMillis>(read_word(position)), *xid};
}

}  // namespace jwtd::store
