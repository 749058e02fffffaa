// store/rocksdb/reading.h - single transactions out of an open database, whichever epoch they lie in.
//
// Thread-safety: any thread. Ownership: nothing is kept; `epochs` is one of Database::epochs().
#pragma once

#include <rocksdb/db.h>

#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/rocksdb/codec.h"
#include "store/rocksdb/database.h"

namespace jwtd::store {

inline rocksdb::Slice slice_of(std::string_view text) { return {text.data(), text.size()}; }

Table table_of(std::string_view xid_key);

// The octets of the newest value under the key into `value`; false: there is none. Fails with kStoreUnavailable, kStoreDamaged.
Result<bool> read_current_octets(Database& database, const EpochList& epochs, std::string_view key, const rocksdb::ReadOptions& options,
                                 rocksdb::PinnableSlice& value);

// The newest that stands under the XID, past retention or not; nullopt: none. Fails with kStoreUnavailable, kStoreDamaged.
Result<std::optional<Value>> read_current(Database& database, const EpochList& epochs, const Xid& xid, std::string_view key,
                                          const rocksdb::ReadOptions& options = {});

// The same out of memory alone; nullopt: it is not all there.
std::optional<Result<std::optional<Value>>> read_current_at_once(Database& database, const EpochList& epochs, const Xid& xid, std::string_view key);

// Appends the tokens that `value` replaced, newest first, at most `most`. Those of this life of the XID: an expired transaction's may still
// lie under the same keys. Fails with kStoreUnavailable, kStoreDamaged.
Status read_earlier(Database& database, const EpochList& epochs, const Value& value, std::string_view key, std::size_t most,
                    std::vector<Record>& earlier, const rocksdb::ReadOptions& options = {});

}  // namespace jwtd::store
