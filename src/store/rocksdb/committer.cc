// store/rocksdb/committer.cc - one look-up for the batch, one write for the batch.
#include "store/rocksdb/committer.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "store/decide.h"
#include "store/events.h"
#include "store/rocksdb/reading.h"

namespace jwtd::store {
namespace {

const std::vector<Event> kNoEvents;

}  // namespace

Status Committer::commit(std::span<Entry* const> batch) {
  const std::scoped_lock lock(database_.writing());
  if (auto healthy = database_.check(false); !healthy) return healthy;
  const auto epochs = database_.epochs();
  Epoch& newest = *epochs->front();
  UnlessKept bounds(newest);

  writes_.Clear();
  keys_.clear();
  key_ends_.assign(1, 0);
  for (const Entry* entry : batch) {
    append_xid_key(entry->proposed.xid, keys_);
    key_ends_.push_back(keys_.size());
  }
  const bool has_given = std::any_of(batch.begin(), batch.end(), [](const Entry* entry) { return !entry->xid_is_new; });
  if (has_given) {
    if (auto looked = look_up(batch, *epochs); !looked) return looked;
  }
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (auto written = write_one(*batch[i], key_of(i), has_given ? &standing_of(key_of(i)) : nullptr, newest); !written) return written;
  }
  if (auto written = write_batch(); !written) return written;
  bounds.keep();
  return {};
}

Status Committer::write_batch() {
  if (writes_.Count() == 0) return {};
  const auto status = database_.db().Write(durable(), &writes_);
  return status.ok() ? Status() : database_.health().write_failed(database_.db(), status);
}

// Fills standings_ for every XID of the batch.
Status Committer::look_up(std::span<Entry* const> batch, const EpochList& epochs) {
  standings_.clear();
  found_.clear();
  std::size_t size = 16;
  while (size < 2 * batch.size()) size *= 2;
  slots_.assign(size, 0);
  standings_.reserve(batch.size());

  std::vector<std::size_t> wanted[2];  // by table: indexes in the batch
  for (std::size_t i = 0; i < batch.size(); ++i) {
    standing_of(key_of(i));
    if (!batch[i]->xid_is_new) wanted[static_cast<std::size_t>(table_of(key_of(i)))].push_back(i);
  }
  rocksdb::ReadOptions options;
  for (const Table table : {Table::kOrdered, Table::kScattered}) {
    auto& missing = wanted[static_cast<std::size_t>(table)];
    for (const auto& epoch : epochs) {
      if (missing.empty()) break;
      std::vector<rocksdb::Slice> keys;
      for (const std::size_t i : missing) keys.push_back(slice_of(key_of(i)));
      std::vector<rocksdb::PinnableSlice> values(keys.size());
      std::vector<rocksdb::Status> statuses(keys.size());
      database_.db().MultiGet(options, (*epoch)[table], keys.size(), keys.data(), values.data(), statuses.data());
      std::vector<std::size_t> still_missing;
      for (std::size_t k = 0; k < keys.size(); ++k) {
        const std::size_t i = missing[k];
        if (statuses[k].IsNotFound()) {
          still_missing.push_back(i);
          continue;
        }
        if (!statuses[k].ok() && !statuses[k].IsCorruption()) return Error(kStoreUnavailable, describe(statuses[k]));
        Standing& standing = standing_of(key_of(i));
        auto value = statuses[k].ok() ? read_value(batch[i]->proposed.xid, view(values[k]), database_.names()) : read_error(statuses[k]);
        if (!value) {
          standing.damaged = true;
          continue;
        }
        found_.push_back(*std::move(value));
        standing.current = &found_.back().record;
        standing.created_at = found_.back().created_at;
        standing.number = found_.back().number;
        standing.events = &found_.back().events;
      }
      missing = std::move(still_missing);
    }
  }
  return {};
}

Committer::Standing& Committer::standing_of(std::string_view key) {
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t at = std::hash<std::string_view>()(key) & mask;; at = (at + 1) & mask) {
    if (slots_[at] == 0) {
      standings_.push_back({key});
      slots_[at] = static_cast<std::uint32_t>(standings_.size());
    }
    Standing& standing = standings_[slots_[at] - 1];
    if (standing.key == key) return standing;
  }
}

// `standing` is nullptr when every XID of the batch was just made: then none can stand.
Status Committer::write_one(Entry& entry, std::string_view key, Standing* standing, Epoch& epoch) {
  const Record& proposed = entry.proposed;
  entry.standing.reset();
  if (standing != nullptr && standing->damaged) {
    entry.outcome = Outcome::kDamaged;
    return {};
  }
  const bool stands = standing != nullptr && standing->current != nullptr;
  entry.outcome = stands ? decide({*standing->current, standing->created_at, is_closed(*standing->events)}, proposed, retention_) : Outcome::kInserted;
  if (entry.outcome == Outcome::kReused) entry.standing = *standing->current;
  if (entry.outcome != Outcome::kInserted && entry.outcome != Outcome::kReissued) return {};

  const auto name = name_of(proposed);
  if (!name) return name.error();
  const bool reissued = entry.outcome == Outcome::kReissued;
  const UnixMillis created_at = reissued ? standing->created_at : proposed.recorded_at;
  const std::uint64_t number = reissued ? standing->number + 1 : 1;
  if (reissued) {
    const auto former = name_of(*standing->current);
    if (!former) return former.error();
    earlier_value_.clear();
    append_value(*standing->current, created_at, standing->number, *former, {}, earlier_value_);
    other_key_.clear();
    append_earlier_key(key, standing->number, other_key_);
    writes_.Put(epoch[Table::kEarlier], other_key_, earlier_value_);
  } else {
    other_key_.clear();
    append_phone_prefix(proposed.phone, created_at, other_key_);
    other_key_.append(key);
    writes_.Put(epoch[Table::kPhones], other_key_, rocksdb::Slice());
  }
  hold_in(epoch, created_at, proposed.recorded_at, retention_, writes_);
  value_.clear();
  append_value(proposed, created_at, number, *name, reissued ? std::span(*standing->events) : std::span<const Event>(), value_);
  writes_.Put(epoch[table_of(key)], slice_of(key), value_);
  if (standing != nullptr) *standing = {standing->key, &proposed, created_at, number, reissued ? standing->events : &kNoEvents, false};
  return {};
}

Result<std::uint32_t> Committer::name_of(const Record& record) {
  Names& names = database_.names();
  if (const auto number = names.number_of(record.iss, record.kid)) return *number;
  const std::uint32_t number = names.next();
  const auto status = database_.add_name(record.iss, record.kid);
  if (!status.ok()) return database_.health().write_failed(database_.db(), status);
  return number;
}

// Into the newest epoch, which then goes when the youngest of them has expired: retention stays exact for readers, and is up to twice as long on
// disk for what a copy brought. The epoch begins with the oldest of them, so that the next sweep() opens another for what comes after the copy.
Result<Adopted> Committer::adopt(std::span<const Transaction> transactions) {
  const std::scoped_lock lock(database_.writing());
  if (auto healthy = database_.check(false); !healthy) return healthy.error();
  const auto epochs = database_.epochs();
  Epoch& newest = *epochs->front();
  UnlessKept bounds(newest);
  writes_.Clear();
  Adopted adopted;
  std::map<std::string, const Record*> written;  // in this batch: XID's key, current token
  for (const Transaction& transaction : transactions) {
    const Record& current = transaction.current;
    std::string key;
    append_xid_key(current.xid, key);
    if (const auto before = written.find(key); before != written.end()) {
      ++(before->second->token == current.token ? adopted.present : adopted.different);
      continue;
    }
    auto standing = read_current(database_, *epochs, current.xid, key);
    if (!standing && !standing.error().is(kStoreDamaged)) return standing.error();
    if (!standing) {  // whatever it was, it is left alone
      ++adopted.different;
      continue;
    }
    if (*standing && !past_retention((*standing)->created_at, retention_, current.recorded_at)) {
      ++((*standing)->record.token == current.token ? adopted.present : adopted.different);
      continue;
    }
    if (auto put = write_adopted(transaction, key, newest); !put) return put.error();
    written.emplace(std::move(key), &current);
    ++adopted.written;
  }
  if (auto put = write_batch(); !put) return put.error();
  bounds.keep();
  return adopted;
}

Status Committer::write_adopted(const Transaction& transaction, std::string_view key, Epoch& epoch) {
  // What another store numbered differently is numbered by what there is.
  const std::uint64_t issued = std::max<std::uint64_t>(transaction.issued, transaction.earlier.size() + 1);
  std::uint64_t number = issued;
  const auto put = [&](const Record& record, std::span<const Event> events, rocksdb::ColumnFamilyHandle* table, std::string_view under) -> Status {
    const auto name = name_of(record);
    if (!name) return name.error();
    value_.clear();
    append_value(record, transaction.created_at, number--, *name, events, value_);
    writes_.Put(table, slice_of(under), value_);
    return {};
  };
  if (auto done = put(transaction.current, transaction.events, epoch[table_of(key)], key); !done) return done;
  for (const Record& earlier : transaction.earlier) {
    other_key_.clear();
    append_earlier_key(key, number, other_key_);
    if (auto done = put(earlier, {}, epoch[Table::kEarlier], other_key_); !done) return done;
  }
  other_key_.clear();
  append_phone_prefix(transaction.current.phone, transaction.created_at, other_key_);
  other_key_.append(key);
  writes_.Put(epoch[Table::kPhones], other_key_, rocksdb::Slice());
  hold_in(epoch, transaction.created_at, transaction.created_at, retention_, writes_);
  if (transaction.created_at < *epoch.began) {
    epoch.began = transaction.created_at;
    writes_.Put(database_.db().DefaultColumnFamily(), epoch_key(epoch.number), epoch_value(epoch));
  }
  return {};
}

}  // namespace jwtd::store
