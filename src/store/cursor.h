// store/cursor.h - where a page of a phone's transactions ended, as text that a client hands back.
//
// Bound to its phone by a checksum, without containing it: cursors stand in URLs. The checksum finds accidents and mix-ups; it is not a
// signature, and need not be one: a forged cursor shows nothing that the phone's list would not show anyway.
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

}  // namespace jwtd::store
