// store/postgres/retention.h - epochs come and go: what is past retention leaves as whole partitions, so nothing is searched, rewritten or vacuumed.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "store/postgres/connection.h"
#include "store/record_times.h"

namespace jwtd::store::postgres {

// Opens an epoch when the newest has lasted a quarter of the retention, drops those whose every transaction is past it. Any number of nodes may
// do this at the same time. Fails with kStoreUnavailable; long readers of the tables (a dump, say) put it off, commits do not wait for them.
Status sweep_epochs(Connection& connection, std::chrono::seconds retention, UnixMillis now, std::chrono::milliseconds timeout);

// Removes notes that have expired at `now`, a slice at a time.
Status sweep_notes(Connection& connection, UnixMillis now, std::chrono::milliseconds timeout);

// The earliest created_at, in microseconds, that is not past retention at `now`.
std::int64_t first_kept(std::chrono::seconds retention, UnixMillis now);

struct Size {
  std::uint64_t transactions = 0;  // from the rows of each partition's first pages and the number of its pages
  std::uint64_t octets = 0;
};

Result<Size> estimate(Connection& connection, std::chrono::milliseconds timeout);

// By each partition's first and last pages.
Result<std::optional<RecordTimes>> look_at_times(Connection& connection, std::chrono::milliseconds timeout);

}  // namespace jwtd::store::postgres
