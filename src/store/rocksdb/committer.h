// store/rocksdb/committer.h - proposed tokens become one durable write: what stands is read, decided on (store/decide.h), and written with one sync.
//
// A transaction is written to the newest epoch (epochs.h), whose bounds go into the same write when it moves them.
//
// Thread-safety: any thread; one call at a time writes (Database::writing()).
#pragma once

#include <rocksdb/write_batch.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/rocksdb/codec.h"
#include "store/rocksdb/database.h"
#include "store/store.h"

namespace jwtd::store {

class Committer {
 public:
  Committer(Database& database, std::chrono::seconds retention) : database_(database), retention_(retention) {}

  // As Store::commit() and Store::adopt().
  Status commit(std::span<Entry* const> batch);
  Result<Adopted> adopt(std::span<const Transaction> transactions);

 private:
  // What stands under an XID while a batch is decided.
  struct Standing {
    std::string_view key;
    const Record* current = nullptr;  // nullptr: absent or expired
    UnixMillis created_at = 0;
    std::uint64_t number = 0;
    const std::vector<Event>* events = nullptr;
    bool damaged = false;
  };

  Status look_up(std::span<Entry* const> batch, const EpochList& epochs);
  Standing& standing_of(std::string_view key);
  Status write_one(Entry& entry, std::string_view key, Standing* standing, Epoch& epoch);
  Result<std::uint32_t> name_of(const Record& record);
  Status write_adopted(const Transaction& transaction, std::string_view key, Epoch& epoch);
  Status write_batch();
  std::string_view key_of(std::size_t i) const { return std::string_view(keys_).substr(key_ends_[i], key_ends_[i + 1] - key_ends_[i]); }

  Database& database_;
  const std::chrono::seconds retention_;

  // Kept between batches for their memory; guarded by Database::writing().
  rocksdb::WriteBatch writes_;
  std::string keys_;
  std::vector<std::size_t> key_ends_;
  std::vector<Standing> standings_;
  std::vector<std::uint32_t> slots_;  // open hash table of 1 + index in standings_
  std::deque<Value> found_;
  std::string value_, earlier_value_, other_key_;
};

}  // namespace jwtd::store
