// store/rocksdb/tables.cc - every setting that is not RocksDB's default, with its reason.
#include "store/rocksdb/tables.h"

#include <rocksdb/filter_policy.h>
#include <rocksdb/rate_limiter.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>

#include <algorithm>
#include <limits>

#include "store/rocksdb/codec.h"
#include "store/rocksdb/phone_memtable.h"

namespace jwtd::store {
namespace {

constexpr double kFilterBits = 10;                  // an XID that is not there costs a read once in a hundred files
constexpr double kMemtableFilter = 0.02;            // of the write buffer: about 15 bits a transaction
constexpr std::uint64_t kFileBytes = 64 << 20;      // of a merged file; keeps their number low
constexpr std::size_t kBlockBytes = 8 << 10;        // half the index of 4 KiB, and a point read still is one disk read
constexpr int kOpenFiles = 256;                     // leaves descriptors to connections
constexpr std::uint64_t kSmoothing = 1 << 20;       // octets after which written data is pushed out, so that syncs find little to do
constexpr std::size_t kManifestBytes = 1 << 20;           // then it is written anew: it names keys of files that are long gone
constexpr std::size_t kManifestPreallocation = 64 << 10;  // the default of 4 MiB hurts on small disks

rocksdb::BlockBasedTableOptions block_options(const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::BlockBasedTableOptions options;
  options.block_cache = cache;
  options.block_size = kBlockBytes;
  options.format_version = 5;
  options.filter_policy.reset(rocksdb::NewBloomFilterPolicy(kFilterBits));
  // Indexes and filters live in the cache, in pieces: memory stays bounded however many transactions there are.
  options.cache_index_and_filter_blocks = true;
  options.pin_l0_filter_and_index_blocks_in_cache = true;
  options.pin_top_level_index_and_filter = true;
  options.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  options.partition_filters = true;
  options.optimize_filters_for_memory = false;
  return options;
}

// Many runs are merged at once, so that a record is rewritten log_width(n) times instead of ten times a level.
void merge_widely(const Tuning& tuning, rocksdb::ColumnFamilyOptions& options) {
  options.compaction_style = rocksdb::kCompactionStyleUniversal;
  options.num_levels = 7;
  options.level0_file_num_compaction_trigger = static_cast<int>(tuning.merge_width);
  options.compaction_options_universal.min_merge_width = tuning.merge_width;
  options.compaction_options_universal.size_ratio = 20;
  // Nothing is ever deleted or overwritten but by a reissue, so there is no space to win by merging all.
  options.compaction_options_universal.max_size_amplification_percent = std::numeric_limits<unsigned>::max();
}

}  // namespace

rocksdb::DBOptions database_options(const Tuning& tuning) {
  rocksdb::DBOptions options;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  options.paranoid_checks = true;
  options.track_and_verify_wals_in_manifest = true;
  // Every batch is synced before the next is written, so only the last one can be torn, and nobody was answered for it.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  options.max_total_wal_size = tuning.max_log;
  options.allow_concurrent_memtable_write = false;  // one writer
  options.enable_write_thread_adaptive_yield = false;
  options.max_background_jobs = tuning.jobs;
  options.max_subcompactions = 1;
  options.max_open_files = kOpenFiles;
  options.bytes_per_sync = kSmoothing;
  options.max_manifest_file_size = kManifestBytes;
  options.manifest_preallocation_size = kManifestPreallocation;
  options.use_direct_io_for_flush_and_compaction = tuning.direct_io;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  options.keep_log_file_num = 1;
  options.max_bgerror_resume_count = 0;  // health.h decides what is tried again
  if (tuning.background_rate != 0) {
    options.rate_limiter.reset(rocksdb::NewGenericRateLimiter(static_cast<std::int64_t>(tuning.background_rate)));
  }
  return options;
}

rocksdb::ColumnFamilyOptions table_options(Table table, const Tuning& tuning, const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions options;
  options.compression = rocksdb::kNoCompression;  // packed fields and signatures do not shrink
  options.write_buffer_size = tuning.transactions_buffer;
  options.max_write_buffer_number = 4;
  options.target_file_size_base = kFileBytes;
  // Reads look into one file more for each; a stall of commits is worse.
  options.level0_slowdown_writes_trigger = 48;
  options.level0_stop_writes_trigger = 64;
  options.soft_pending_compaction_bytes_limit = 0;
  options.hard_pending_compaction_bytes_limit = 0;
  auto blocks = block_options(cache);
  switch (table) {
    case Table::kOrdered:
      options.level0_file_num_compaction_trigger = tuning.ordered_files_to_merge;
      options.max_bytes_for_level_base = 8 * kFileBytes;
      options.level_compaction_dynamic_level_bytes = false;
      break;
    case Table::kScattered:
      // Most given XIDs are new, and it is the fresh table where finding that out costs most.
      options.memtable_prefix_bloom_size_ratio = kMemtableFilter;
      options.memtable_whole_key_filtering = true;
      merge_widely(tuning, options);
      break;
    case Table::kEarlier:
      merge_widely(tuning, options);
      break;
    case Table::kPhones:
      merge_widely(tuning, options);
      options.write_buffer_size = tuning.phones_buffer;
      options.prefix_extractor.reset(rocksdb::NewFixedPrefixTransform(kPhoneKeyPrefix));
      blocks.whole_key_filtering = false;
      if (tuning.append_phones) options.memtable_factory = make_phone_memtable_factory();
      break;
  }
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(blocks));
  return options;
}

// Few, and most of them gone soon: a level's worth of merging keeps what was removed from piling up before what is looked for.
rocksdb::ColumnFamilyOptions notes_options() {
  rocksdb::ColumnFamilyOptions options;
  options.compression = rocksdb::kNoCompression;
  options.write_buffer_size = 8 << 20;
  // Each verification asks whether its key was revoked, and each callback whether its reference is known: mostly not.
  options.memtable_prefix_bloom_size_ratio = kMemtableFilter;
  options.memtable_whole_key_filtering = true;
  return options;
}

rocksdb::ColumnFamilyOptions default_options() {
  rocksdb::ColumnFamilyOptions options;
  options.compression = rocksdb::kNoCompression;
  options.write_buffer_size = 1 << 20;
  return options;
}

}  // namespace jwtd::store
