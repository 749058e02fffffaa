// store/rocksdb/epochs.h - transactions in sets by the time they came, so that retention drops a whole set and never searches for what is old.
//
// New transactions go to the newest epoch. A quarter of the retention after an epoch's first one, sweep() opens the next. An epoch goes when
// everything in it is past retention: its files are unlinked, nothing is rewritten. A transaction is looked for in the newest epoch first;
// a reissue is written to the newest, and covers what the older ones hold.
//
// Each epoch has a bound, durable with the records: no transaction in it was created later. That goes for every value that is written to it,
// of new transactions and of old ones that are reissued or get an event: after a clock that was ahead an old one may have been created later than now.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <array>
#include <atomic>
#include <chrono>
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
  std::optional<UnixMillis> began;  // when something was first written to it; guarded, like the bound, by Database::writing() until it is closed
  UnixMillis bound = 0;
  std::atomic<bool> unmerged{false};  // a table's files can be merged no more: the next sweep opens another epoch

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

// Before a transaction's value is written to the epoch, at the wall clock's `at`: makes the bound hold for it, where it does not yet, in the same
// write. The time from which the epoch counts its own age is `at`, so that a value of long ago does not make it old. Callers have an UnlessKept around it.
void hold_in(Epoch& epoch, UnixMillis created_at, UnixMillis at, std::chrono::seconds retention, rocksdb::WriteBatch& writes);

// Gives an epoch its former bounds back when the batch that moved them is not written: those in memory are never ahead of those on disk.
class UnlessKept {
 public:
  explicit UnlessKept(Epoch& epoch) : epoch_(epoch), began_(epoch.began), bound_(epoch.bound) {}
  ~UnlessKept() {
    if (kept_) return;
    epoch_.began = began_;
    epoch_.bound = bound_;
  }
  UnlessKept(const UnlessKept&) = delete;
  UnlessKept& operator=(const UnlessKept&) = delete;
  void keep() { kept_ = true; }

 private:
  Epoch& epoch_;
  const std::optional<UnixMillis> began_;
  const UnixMillis bound_;
  bool kept_ = false;
};

}  // namespace jwtd::store
