// store/rocksdb/tables.h - the column families, and how RocksDB is set for each.
//
// There is one set of four for each epoch (epochs.h), named "ordered.3" and so on, and two for all: the
// default one, which holds names and epochs, and that of notes.
#pragma once

#include <rocksdb/cache.h>
#include <rocksdb/options.h>

#include <array>
#include <memory>
#include <string>

namespace jwtd::store {

enum class Table : std::size_t {
  kOrdered,    // transactions whose XID is a version 7 UUID: written at one end, so their files never overlap for long
  kScattered,  // transactions with any other XID
  kEarlier,    // tokens that a newer one of their transaction replaced
  kPhones,     // phone index, empty values
};
inline constexpr const char* kNotesName = "notes";
inline constexpr std::size_t kTables = 4;
inline constexpr std::array<const char*, kTables> kTableNames{"ordered", "scattered", "earlier", "phones"};

// What was chosen by measuring; docs/adr/0003 has the figures. Sizes in octets.
struct Tuning {
  std::size_t transactions_buffer = 32 << 20;  // about 350,000 transactions: the memory, and what a restart reads again
  std::size_t phones_buffer = 8 << 20;         // about 190,000 keys; larger ones measured the same
  std::size_t cache = 64 << 20;                // blocks, indexes and filters of all tables
  std::size_t log_space = 32 << 20;            // of zeros under each log: what 190,000 records with our own XIDs take, and some; 0: none
  std::size_t max_log = 128 << 20;             // write-ahead log; bounds the time of a restart
  int ordered_files_to_merge = 8;              // fresh files of "ordered" before they are moved down
  unsigned merge_width = 8;                    // sorted runs of the other tables before they are merged
  std::size_t background_rate = 0;             // octets a second for flushes and merges together; 0: unbounded
  bool append_phones = true;                   // phone_memtable.h; false: RocksDB's skip list
  bool direct_io = false;                      // for flushes and merges
  int jobs = 2;
};

rocksdb::DBOptions database_options(const Tuning& tuning);
rocksdb::ColumnFamilyOptions table_options(Table table, const Tuning& tuning, const std::shared_ptr<rocksdb::Cache>& cache);
rocksdb::ColumnFamilyOptions default_options();
rocksdb::ColumnFamilyOptions notes_options();

}  // namespace jwtd::store
