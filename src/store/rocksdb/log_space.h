// store/rocksdb/log_space.h - gives every write-ahead log its space before it is written, as zeros that are on disk already.
//
// Appending to a file changes its size, so each fdatasync also has to commit the file system's journal. Overwriting zeros does not: measured
// on ext4, the sync of a batch takes half the time and half the CPU (docs/adr/0003). RocksDB's own preallocation does not help, since it leaves
// the size alone, and its recycling of logs is not allowed with the recovery that we need.
//
// A thread keeps one file of zeros at hand, "log.space"; a new log begins as that file. When there is none (no room, or logs change faster than
// it is made), a log is appended to as usual. Readers skip zeros at a log's end: RocksDB by its format, log_check.h because nothing follows.
//
// Thread-safety: as any FileSystem. Ownership: the thread ends with the FileSystem.
#pragma once

#include <rocksdb/file_system.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace jwtd::store {

inline constexpr std::string_view kLogSpaceName = "log.space";  // in the store's folder; may be left behind by a crash and is made anew

// `octets` of zeros for each log; 0: returns `below` unchanged. The first file is made before this returns, if it can be.
std::shared_ptr<rocksdb::FileSystem> prepare_log_space(const std::shared_ptr<rocksdb::FileSystem>& below, const std::string& folder, std::size_t octets);

}  // namespace jwtd::store
