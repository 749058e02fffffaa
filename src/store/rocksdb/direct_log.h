// store/rocksdb/direct_log.h - a write-ahead log written past the page cache, in whole blocks.
//
// A log is written once and read after a crash only, so a copy in the page cache is of no use, and making it, marking it dirty and finding it
// again at the sync is a quarter of a commit's kernel time (docs/adr/0003). The last block, filled in part, is written again with the next batch:
// the same octets where some stood, zeros behind, which readers take for the log's end.
//
// What reaches the disk is decided as before: Flush() hands over what was appended, Sync() makes it durable; an error of either is returned once
// and nothing is tried again.
//
// Ownership: takes the file. Thread-safety: as any FSWritableFile; Sync() may come from another thread than Append().
#pragma once

#include <rocksdb/file_system.h>

#include <memory>

namespace jwtd::store {

// `file` was opened with FileOptions::use_direct_writes and stands at its first octet.
std::unique_ptr<rocksdb::FSWritableFile> make_direct_log(std::unique_ptr<rocksdb::FSWritableFile> file);

}  // namespace jwtd::store
