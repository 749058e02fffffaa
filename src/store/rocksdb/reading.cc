// store/rocksdb/reading.cc - looks into the epochs one after the other, the newest first.
#include "store/rocksdb/reading.h"

#include <algorithm>

#include "store/rocksdb/health.h"

namespace jwtd::store {

Table table_of(std::string_view xid_key) { return is_ordered(xid_key) ? Table::kOrdered : Table::kScattered; }

Result<bool> read_current_octets(Database& database, const EpochList& epochs, std::string_view key, const rocksdb::ReadOptions& options,
                                 rocksdb::PinnableSlice& value) {
  for (const auto& epoch : epochs) {
    const auto status = database.db().Get(options, (*epoch)[table_of(key)], slice_of(key), &value);
    if (status.IsNotFound()) continue;
    if (!status.ok()) return read_error(status);
    return true;
  }
  return false;
}

Result<std::optional<Value>> read_current(Database& database, const EpochList& epochs, const Xid& xid, std::string_view key,
                                          const rocksdb::ReadOptions& options) {
  rocksdb::PinnableSlice value;
  const auto found = read_current_octets(database, epochs, key, options, value);
  if (!found) return found.error();
  if (!*found) return std::optional<Value>();
  auto read = read_value(xid, view(value), database.names());
  if (!read) return read.error();
  return std::optional<Value>(*std::move(read));
}

std::optional<Result<std::optional<Value>>> read_current_at_once(Database& database, const EpochList& epochs, const Xid& xid, std::string_view key) {
  using Found = Result<std::optional<Value>>;
  rocksdb::ReadOptions options;
  options.read_tier = rocksdb::kBlockCacheTier;
  rocksdb::PinnableSlice value;
  const auto found = read_current_octets(database, epochs, key, options, value);
  if (!found) return std::nullopt;  // it is not in memory, or a fault: the look-up that may wait says which
  if (!*found) return Found(std::optional<Value>());
  auto read = read_value(xid, view(value), database.names());
  return read ? Found(std::optional<Value>(*std::move(read))) : Found(read.error());
}

Status read_earlier(Database& database, const EpochList& epochs, const Value& value, std::string_view key, std::size_t most,
                    std::vector<Record>& earlier, const rocksdb::ReadOptions& options) {
  std::string prefix;
  append_earlier_prefix(key, prefix);
  std::vector<std::pair<std::uint64_t, Record>> tokens;
  for (const auto& epoch : epochs) {
    const std::unique_ptr<rocksdb::Iterator> it(database.db().NewIterator(options, (*epoch)[Table::kEarlier]));
    std::size_t taken = 0;
    for (it->Seek(prefix); it->Valid() && it->key().starts_with(prefix) && taken < most; it->Next()) {
      auto token = read_value(value.record.xid, view(it->value()), database.names());
      if (!token) return token.error();
      // A reissue between the two reads has put the current one here too.
      if (token->created_at != value.created_at || token->number >= value.number) continue;
      tokens.emplace_back(token->number, std::move(token->record));
      ++taken;
    }
    if (!it->status().ok()) return read_error(it->status());
  }
  std::sort(tokens.begin(), tokens.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  for (auto& token : tokens) {
    if (earlier.size() == most) break;
    earlier.push_back(std::move(token.second));
  }
  return {};
}

}  // namespace jwtd::store
