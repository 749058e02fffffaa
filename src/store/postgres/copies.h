// store/postgres/copies.h - all of a store a slice at a time, and what another store hands over: for copies and checks, not for serving.
//
// Thread-safety: none, as Connection. Each round trip may take half a minute.
#pragma once

#include <chrono>
#include <span>
#include <string_view>

#include "base/result.h"
#include "store/postgres/connection.h"
#include "store/store.h"

namespace jwtd::store::postgres {

// As Store::scan() and Store::adopt().
Result<Slice> scan_slice(Connection& connection, std::chrono::seconds retention, std::size_t limit, std::string_view cursor, UnixMillis now);
Result<Adopted> adopt_transactions(Connection& connection, std::chrono::seconds retention, std::span<const Transaction> transactions);

}  // namespace jwtd::store::postgres
