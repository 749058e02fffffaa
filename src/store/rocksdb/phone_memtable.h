// store/rocksdb/phone_memtable.h - where RocksDB keeps fresh phone index keys until they go to a file.
//
// RocksDB's own tables keep keys sorted at every insert, which for random phones was the greatest part of a commit's CPU. Keys of this
// column family are only appended (about 20 ns); a look-up for one phone scans an array of integers, and a flush sorts once, by the integer
// first. Every key begins with 8 octets of phone number (codec.h).
//
// Thread-safety: one writer, any readers at the same time, without locks but for the making of iterators.
#pragma once

#include <rocksdb/memtablerep.h>

#include <memory>

namespace jwtd::store {

std::shared_ptr<rocksdb::MemTableRepFactory> make_phone_memtable_factory();

}  // namespace jwtd::store
