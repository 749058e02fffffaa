// store/rocksdb/log_check.h - tells a torn end of the write-ahead log from damage in its middle, before RocksDB reads it.
//
// RocksDB replays a log up to the first thing it cannot read and forgets the rest. At the end of a log that is right: a power cut tears the
// batch that was being written, and nobody was answered for it. Before the end it would silently lose records that callers hold.
// Every batch is synced before the next is appended to the same file, so a whole batch after a broken one proves damage.
//
// Cost: reads the log files once, about 3 ms a megabyte; they are bounded by Tuning::max_log.
#pragma once

#include <rocksdb/env.h>

#include <string>
#include <string_view>

#include "base/result.h"

namespace jwtd::store {

// Fails with kStoreDamaged, naming file and place.
Status check_logs(rocksdb::Env& env, const std::string& folder);

// The place of the damage in one log file's content, or npos.
std::size_t find_log_damage(std::string_view log);

// Where the last whole batch ends before anything else than the next one: what of a log that is being written may be relied on.
std::size_t intact_log_end(std::string_view log);

}  // namespace jwtd::store
