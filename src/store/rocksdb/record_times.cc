// store/rocksdb/record_times.cc - first and last of what is in order, some of what is not.
#include "store/rocksdb/record_times.h"

#include "store/rocksdb/codec.h"

namespace jwtd::store {
namespace {

constexpr int kLookedAt = 4096;  // records: milliseconds

}  // namespace

Result<std::optional<RecordTimes>> record_times_of(Database& database) {
  std::optional<RecordTimes> times;
  const auto epochs = database.epochs();
  for (const auto& epoch : *epochs) {
    for (const Table table : {Table::kOrdered, Table::kScattered}) {
      const std::unique_ptr<rocksdb::Iterator> it(database.db().NewIterator({}, (*epoch)[table]));
      const auto take = [&] {
        if (const auto at = read_created_at(view(it->value()))) widen(times, *at);
      };
      if (table == Table::kScattered) {
        it->SeekToFirst();
        for (int seen = 0; it->Valid() && seen < kLookedAt; ++seen, it->Next()) take();
      } else {
        if (it->SeekToFirst(); it->Valid()) take();
        if (it->SeekToLast(); it->Valid()) take();
      }
      if (!it->status().ok()) return read_error(it->status());
    }
  }
  return times;
}

}  // namespace jwtd::store
