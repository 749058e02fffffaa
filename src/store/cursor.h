// store/cursor.h - where a page of a phone's transactions ended, as text that a client hands back; and where a slice of a whole store did.
//
// A page's is bound to its phone by a checksum, without containing it: cursors stand in URLs. The checksum finds accidents and mix-ups; it is
// not a signature, and need not be one: a forged cursor shows nothing that the phone's list would not show anyway.
#pragma once

#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"

namespace jwtd::store {

struct Position {  // of the last transaction that was shown
  UnixMillis created_at;
  Xid xid;
};

std::string write_cursor(const Phone& phone, const Position& last);

// Fails with kCursorMalformed (store.h), also for another phone's cursor.
Result<Position> read_cursor(const Phone& phone, std::string_view cursor);

// For Store::scan(): `position` is the driver's own, at most kMaxScanPosition octets of any kind, and never a phone number.
inline constexpr std::size_t kMaxScanPosition = 128;  // an XID and a few numbers
std::string write_scan_cursor(std::string_view position);
Result<std::string> read_scan_cursor(std::string_view cursor);  // fails with kCursorMalformed, also for a page's

}  // namespace jwtd::store
