// store/cursor.cc - a page's cursor: 8 octets checksum, 8 octets created_at, the XID's text; a scan's: 8 octets checksum, the position. All base64url.
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

constexpr std::uint64_t kOfAScan = ~std::uint64_t{0};  // in place of a phone number, which it cannot be

std::uint64_t checksum(std::uint64_t bound_to, std::string_view position) {  // FNV-1a
  std::string bound;
  append_word(bound_to, bound);
  bound += position;
  std::uint64_t sum = 0xcbf29ce484222325;
  for (char octet : bound) sum = (sum ^ static_cast<unsigned char>(octet)) * 0x100000001b3;
  return sum;
}

std::string sealed(std::uint64_t bound_to, std::string_view position) {
  std::string octets;
  append_word(checksum(bound_to, position), octets);
  octets += position;
  std::string text;
  base64url_append(octets, text);
  return text;
}

Result<std::string> unsealed(std::uint64_t bound_to, std::string_view cursor, std::size_t most) {
  if (cursor.size() > base64url_size(kWordOctets + most)) return Error(kCursorMalformed);
  auto octets = base64url_decode(cursor);
  if (!octets || octets->size() <= kWordOctets) return Error(kCursorMalformed);
  const std::uint64_t sum = read_word(*octets);
  octets->erase(0, kWordOctets);
  if (sum != checksum(bound_to, *octets)) return Error(kCursorMalformed);
  return *std::move(octets);
}

}  // namespace

std::string write_cursor(const Phone& phone, const Position& last) {
  std::string position;
  append_word(static_cast<std::uint64_t>(last.created_at), position);
  position += last.xid.view();
  return sealed(phone.packed(), position);
}

Result<Position> read_cursor(const Phone& phone, std::string_view cursor) {
  const auto position = unsealed(phone.packed(), cursor, kWordOctets + Xid::kMaxSize);
  if (!position) return position.error();
  if (position->size() <= kWordOctets) return Error(kCursorMalformed);
  const auto xid = Xid::parse(std::string_view(*position).substr(kWordOctets));
  if (!xid) return Error(kCursorMalformed);
  return Position{static_cast<UnixMillis>(read_word(*position)), *xid};
}

std::string write_scan_cursor(std::string_view position) { return sealed(kOfAScan, position); }

Result<std::string> read_scan_cursor(std::string_view cursor) { return unsealed(kOfAScan, cursor, kMaxScanPosition); }

}  // namespace jwtd::store
