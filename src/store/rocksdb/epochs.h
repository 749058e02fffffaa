// store/rocksdb/epochs.h - transactions in sets by the time they came, so that retention drops a whole set and never searches for what is old.
//
// New transactions go to the newest epoch. A quarter of the retention after an epoch's first one, sweep() opens the next. An epoch goes when
// everything in it is past retention: its files are unlinked, nothing is rewritten. A transaction is looked for in the newest epoch first;
// a reissue is written to the newest, and covers what the older ones hold.
//
// Each epoch has a bound, durable with the records: no transaction in it was created later.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "base/time.h"
#include "store/rocksdb/tables.h"

namespace jwtd::store {

inline constexpr std::size_t kEpochsPerRetention = 4;
inline constexpr std::size_t kMaxEpochs = 16;  // look-ups pass through all; a clock that jumps to and fro must not make more

struct Epoch {
  std::uint64_t number;
  std::array<rocksdb::ColumnFamilyHandle*, kTables> tables{};
  std::optional<UnixMillis> began;  // created_at of its first transaction; only used by the committing thread and, closed, by sweep()
  UnixMillis bound = 0;

  rocksdb::ColumnFamilyHandle* operator[](Table table) const { return tables[static_cast<std::size_t>(table)]; }
};

// Newest first. Handles are closed when the last list that has them goes.
using EpochList = std::vector<std::shared_ptr<Epoch>>;

// "ordered.3" -> {kOrdered, 3}
struct TableName {
  Table table;
  std::uint64_t epoch;
};
std::optional<TableName> parse_table_name(const std::string& name);
std::string table_name(Table table, std::uint64_t epoch);

std::shared_ptr<Epoch> make_epoch(rocksdb::DB* db, std::uint64_t number);

std::string epoch_key(std::uint64_t number);  // in the default table
std::string epoch_value(const Epoch& epoch);
bool read_epoch_value(std::string_view value, Epoch& epoch);

}  // namespace jwtd::store
