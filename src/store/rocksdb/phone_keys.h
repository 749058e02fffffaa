// store/rocksdb/phone_keys.h - a phone's index keys, of all epochs as one list: newest first, all of one millisecond at a time.
//
// The keys of one millisecond do not sort as the texts of their XIDs (codec.h packs UUIDs), so each such group is sorted here.
#pragma once

#include <rocksdb/db.h>

#include <memory>
#include <optional>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "store/rocksdb/epochs.h"

namespace jwtd::store {

class PhoneKeys {
 public:
  // Begins with the newest that is not newer than `from`. `epochs` must outlive this.
  PhoneKeys(rocksdb::DB& db, const EpochList& epochs, const Phone& phone, UnixMillis from);

  struct Group {
    UnixMillis created_at;
    std::vector<Xid> xids;  // descending
  };
  // nullopt at the end. Fails with kStoreUnavailable, kStoreDamaged.
  Result<std::optional<Group>> next();

 private:
  std::vector<std::unique_ptr<rocksdb::Iterator>> iterators_;
};

}  // namespace jwtd::store
