// store/rocksdb/rocksdb_store.cc - the store's functions over an open database.
#include "store/rocksdb/rocksdb_store.h"

#include <rocksdb/write_batch.h>

#include <algorithm>
#include <deque>
#include <map>

#include "base/limits.h"
#include "store/cursor.h"
#include "store/decide.h"
#include "store/events.h"
#include "store/rocksdb/changes.h"
#include "store/rocksdb/codec.h"
#include "store/rocksdb/database.h"
#include "store/rocksdb/driver.h"
#include "store/rocksdb/phone_keys.h"
#include "store/rocksdb/reading.h"
#include "store/rocksdb/record_times.h"
#include "store/rocksdb/scan.h"

namespace jwtd::store {
namespace {

const std::vector<Event> kNoEvents;
constexpr int kBoundsPerRetention = 64;  // how much later than needed an epoch may go, so that its bound is rarely written
constexpr std::chrono::milliseconds kBoundStepForEver = std::chrono::hours(1);

// Gives an epoch its former bounds back when the batch that moved them is not written: those in memory are never ahead of those on disk.
class UnlessKept {
 public:
  explicit UnlessKept(Epoch& epoch) : epoch_(epoch), began_(epoch.began), bound_(epoch.bound) {}
  ~UnlessKept() {
    if (kept_) return;
    epoch_.began = began_;
    epoch_.bound = bound_;
  }
  UnlessKept(const UnlessKept&) = delete;
  UnlessKept& operator=(const UnlessKept&) = delete;
  void keep() { kept_ = true; }

 private:
  Epoch& epoch_;
  const std::optional<UnixMillis> began_;
  const UnixMillis bound_;
  bool kept_ = false;
};

class RocksdbStore final : public Store, public TellsRecordTimes {
 public:
  RocksdbStore(const StoreOptions& options, std::unique_ptr<Database> database)
      : retention_(options.retention), database_(std::move(database)) {}

  Status commit(std::span<Entry* const> batch) override;
  Status apply(std::span<Change* const> changes) override { return apply_changes(*database_, changes, retention_); }
  Result<std::optional<std::string>> note(const NoteName& name, UnixMillis now) override { return read_note(*database_, name, now); }
  Result<std::vector<Note>> notes(std::string_view kind, std::string_view after, std::size_t limit, UnixMillis now) override {
    return list_notes(*database_, kind, after, limit, now);
  }
  Result<std::optional<Transaction>> find(const Xid& xid, UnixMillis now) override;
  std::optional<Result<std::optional<Transaction>>> find_at_once(const Xid& xid, UnixMillis now) override;
  std::optional<Result<std::optional<std::string>>> note_at_once(const NoteName& name, UnixMillis now) override {
    return read_note_at_once(*database_, name, now);
  }
  Result<Page> find_by_phone(const Phone& phone, std::size_t limit, std::string_view cursor, UnixMillis now) override;
  Status writable() override { return database_->health().check(database_->db(), true); }
  Status sweep(UnixMillis now) override;
  Result<Slice> scan(std::size_t limit, std::string_view cursor, UnixMillis now) override;
  Result<Adopted> adopt(std::span<const Transaction> transactions) override;
  Stats stats() override;
  std::string_view driver() const override { return "rocksdb"; }
  Result<std::optional<RecordTimes>> record_times() override { return record_times_of(*database_); }

 private:
  // What stands under an XID while a batch is decided.
  struct Standing {
    std::string_view key;
    const Record* current = nullptr;  // nullptr: absent or expired
    UnixMillis created_at = 0;
    std::uint64_t number = 0;
    const std::vector<Event>* events = nullptr;
    bool damaged = false;
  };

  Status look_up(std::span<Entry* const> batch, const EpochList& epochs);
  Standing& standing_of(std::string_view key);
  Status write_one(Entry& entry, std::string_view key, Standing* standing, Epoch& epoch);
  Result<std::uint32_t> name_of(const Record& record);
  void note_created(Epoch& epoch, UnixMillis created_at);
  Status write_adopted(const Transaction& transaction, std::string_view key, Epoch& epoch);
  Status write_batch();
  Status drop_expired(UnixMillis now);
  std::string_view key_of(std::size_t i) const { return std::string_view(keys_).substr(key_ends_[i], key_ends_[i + 1] - key_ends_[i]); }

  const std::chrono::seconds retention_;
  const std::unique_ptr<Database> database_;

  // Kept between batches for their memory; only used by commit().
  rocksdb::WriteBatch writes_;
  std::string keys_;
  std::vector<std::size_t> key_ends_;
  std::vector<Standing> standings_;
  std::vector<std::uint32_t> slots_;  // open hash table of 1 + index in standings_
  std::deque<Value> found_;
  std::string value_, earlier_value_, other_key_;
};

// -- commit ---------------------------------------------------------------------------------------------------------

Status RocksdbStore::commit(std::span<Entry* const> batch) {
  const std::scoped_lock lock(database_->writing());
  if (auto healthy = database_->health().check(database_->db(), false); !healthy) return healthy;
  const auto epochs = database_->epochs();
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

Status RocksdbStore::write_batch() {
  if (writes_.Count() == 0) return {};
  const auto status = database_->db().Write(durable(), &writes_);
  return status.ok() ? Status() : database_->health().write_failed(database_->db(), status);
}

// Fills standings_ for every XID of the batch.
Status RocksdbStore::look_up(std::span<Entry* const> batch, const EpochList& epochs) {
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
      database_->db().MultiGet(options, (*epoch)[table], keys.size(), keys.data(), values.data(), statuses.data());
      std::vector<std::size_t> still_missing;
      for (std::size_t k = 0; k < keys.size(); ++k) {
        const std::size_t i = missing[k];
        if (statuses[k].IsNotFound()) {
          still_missing.push_back(i);
          continue;
        }
        if (!statuses[k].ok() && !statuses[k].IsCorruption()) return Error(kStoreUnavailable, describe(statuses[k]));
        Standing& standing = standing_of(key_of(i));
        auto value = statuses[k].ok() ? read_value(batch[i]->proposed.xid, view(values[k]), database_->names()) : read_error(statuses[k]);
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

RocksdbStore::Standing& RocksdbStore::standing_of(std::string_view key) {
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
Status RocksdbStore::write_one(Entry& entry, std::string_view key, Standing* standing, Epoch& epoch) {
  const Record& proposed = entry.proposed;
  entry.standing.reset();
  if (standing != nullptr && standing->damaged) {
    entry.outcome = Outcome::kDamaged;
    return {};
  }
  const bool stands = standing != nullptr && standing->current != nullptr &&
                      !past_retention(standing->created_at, retention_, proposed.recorded_at);
  entry.outcome = stands ? decide(*standing->current, proposed, is_closed(*standing->events)) : Outcome::kInserted;
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
    note_created(epoch, created_at);
    other_key_.clear();
    append_phone_prefix(proposed.phone, created_at, other_key_);
    other_key_.append(key);
    writes_.Put(epoch[Table::kPhones], other_key_, rocksdb::Slice());
  }
  value_.clear();
  append_value(proposed, created_at, number, *name, reissued ? std::span(*standing->events) : std::span<const Event>(), value_);
  writes_.Put(epoch[table_of(key)], slice_of(key), value_);
  if (standing != nullptr) *standing = {standing->key, &proposed, created_at, number, reissued ? standing->events : &kNoEvents, false};
  return {};
}

Result<std::uint32_t> RocksdbStore::name_of(const Record& record) {
  Names& names = database_->names();
  if (const auto number = names.number_of(record.iss, record.kid)) return *number;
  const std::uint32_t number = names.next();
  const auto status = database_->add_name(record.iss, record.kid);
  if (!status.ok()) return database_->health().write_failed(database_->db(), status);
  return number;
}

void RocksdbStore::note_created(Epoch& epoch, UnixMillis created_at) {
  if (epoch.began && created_at <= epoch.bound) return;
  const std::chrono::milliseconds step =
      retention_.count() == 0 ? kBoundStepForEver : std::chrono::milliseconds(retention_) / kBoundsPerRetention;
  if (!epoch.began) epoch.began = created_at;
  epoch.bound = created_at + step.count();
  writes_.Put(database_->db().DefaultColumnFamily(), epoch_key(epoch.number), epoch_value(epoch));
}

// -- reading --------------------------------------------------------------------------------------------------------

Result<std::optional<Transaction>> RocksdbStore::find(const Xid& xid, UnixMillis now) {
  const auto epochs = database_->epochs();
  std::string key;
  append_xid_key(xid, key);
  auto value = read_current(*database_, *epochs, xid, key);
  if (!value) return value.error();
  if (!*value || past_retention((*value)->created_at, retention_, now)) return std::optional<Transaction>();
  Transaction transaction{(*value)->created_at, (*value)->number, (*value)->record, {}, std::move((*value)->events)};
  if (transaction.issued > 1) {
    if (auto earlier = read_earlier(*database_, *epochs, **value, key, kMaxEarlierTokens, transaction.earlier); !earlier) return earlier.error();
  }
  return std::optional<Transaction>(std::move(transaction));
}

std::optional<Result<std::optional<Transaction>>> RocksdbStore::find_at_once(const Xid& xid, UnixMillis now) {
  using Found = Result<std::optional<Transaction>>;
  const auto epochs = database_->epochs();
  std::string key;
  append_xid_key(xid, key);
  auto value = read_current_at_once(*database_, *epochs, xid, key);
  if (!value) return std::nullopt;
  if (!*value) return Found(value->error());
  std::optional<Value>& there = **value;
  if (!there || past_retention(there->created_at, retention_, now)) return Found(std::optional<Transaction>());
  if (there->number > 1) return std::nullopt;  // earlier tokens are a search
  return Found(std::optional<Transaction>(Transaction{there->created_at, there->number, std::move(there->record), {}, std::move(there->events)}));
}

Result<Page> RocksdbStore::find_by_phone(const Phone& phone, std::size_t limit, std::string_view cursor, UnixMillis now) {
  std::optional<Position> after;
  if (!cursor.empty()) {
    auto position = read_cursor(phone, cursor);
    if (!position) return position.error();
    after = *position;
  }
  const auto epochs = database_->epochs();
  PhoneKeys keys(database_->db(), *epochs, phone, after ? after->created_at : std::numeric_limits<UnixMillis>::max());
  Page page;
  std::optional<Position> last;  // that the page has, sound or not
  for (;;) {
    auto group = keys.next();
    if (!group) return group.error();
    if (!*group || past_retention((*group)->created_at, retention_, now)) return page;
    for (const Xid& xid : (*group)->xids) {
      if (after && (*group)->created_at == after->created_at && xid >= after->xid) continue;
      std::string key;
      append_xid_key(xid, key);
      auto value = read_current(*database_, *epochs, xid, key);
      const bool damaged = !value && value.error().is(kStoreDamaged);
      if (!value && !damaged) return value.error();
      // Index keys of an expired transaction whose XID came anew are left where they are.
      if (!damaged && (!*value || (*value)->created_at != (*group)->created_at || (*value)->record.phone != phone)) continue;
      if (page.transactions.size() + page.damaged.size() == limit) {
        page.next = write_cursor(phone, *last);
        return page;
      }
      last = Position{(*group)->created_at, xid};
      if (damaged) {
        page.damaged.push_back(xid);
        continue;
      }
      page.transactions.push_back({(*value)->created_at, (*value)->number, std::move((*value)->record), {}, std::move((*value)->events)});
    }
  }
}

// -- all of it ------------------------------------------------------------------------------------------------------

Result<Slice> RocksdbStore::scan(std::size_t limit, std::string_view cursor, UnixMillis now) {
  std::string after;
  if (!cursor.empty()) {
    auto position = read_scan_cursor(cursor);
    if (!position) return position.error();
    after = *std::move(position);
  }
  return scan_database(*database_, limit, after, retention_, now);
}

// Into the newest epoch, which then goes when the youngest of them has expired: retention stays exact for readers, and is up to twice as long on
// disk for what a copy brought. The epoch begins with the oldest of them, so that the next sweep() opens another for what comes after the copy.
Result<Adopted> RocksdbStore::adopt(std::span<const Transaction> transactions) {
  const std::scoped_lock lock(database_->writing());
  if (auto healthy = database_->health().check(database_->db(), false); !healthy) return healthy.error();
  const auto epochs = database_->epochs();
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
    auto standing = read_current(*database_, *epochs, current.xid, key);
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

Status RocksdbStore::write_adopted(const Transaction& transaction, std::string_view key, Epoch& epoch) {
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
  note_created(epoch, transaction.created_at);
  if (transaction.created_at < *epoch.began) {
    epoch.began = transaction.created_at;
    writes_.Put(database_->db().DefaultColumnFamily(), epoch_key(epoch.number), epoch_value(epoch));
  }
  return {};
}

// -- background -----------------------------------------------------------------------------------------------------

Status RocksdbStore::sweep(UnixMillis now) {
  if (auto healthy = database_->health().check(database_->db(), false); !healthy) return healthy;
  if (auto swept = sweep_notes(*database_, now); !swept) return swept;
  if (auto dropped = drop_expired(now); !dropped) return dropped;
  return merge_away_what_was_erased(*database_);
}

Status RocksdbStore::drop_expired(UnixMillis now) {
  if (retention_.count() == 0) return {};
  const auto failed = [&](const rocksdb::Status& status) { return database_->health().write_failed(database_->db(), status); };
  const auto epochs = database_->epochs();
  std::optional<UnixMillis> began;
  {
    const std::scoped_lock lock(database_->writing());
    began = epochs->front()->began;
  }
  const UnixMillis span = std::chrono::milliseconds(retention_).count() / static_cast<int>(kEpochsPerRetention);
  if (began && now - *began >= span && epochs->size() < kMaxEpochs) {
    if (const auto status = database_->add_epoch(); !status.ok()) return failed(status);
    // So that the log, too, holds nothing older than the new epoch.
    if (const auto status = database_->flush_all(); !status.ok()) return failed(status);
  }
  EpochList gone;
  const auto list = database_->epochs();
  std::copy_if(list->begin() + 1, list->end(), std::back_inserter(gone),
               [&](const auto& epoch) { return !epoch->began || past_retention(epoch->bound, retention_, now); });
  if (gone.empty()) return {};
  if (const auto status = database_->drop(gone); !status.ok()) return failed(status);
  return {};
}

Stats RocksdbStore::stats() {
  Stats stats;
  auto& db = database_->db();
  const auto epochs = database_->epochs();
  for (const auto& epoch : *epochs) {
    std::uint64_t number = 0;
    for (const Table table : {Table::kOrdered, Table::kScattered}) {
      if (db.GetIntProperty((*epoch)[table], rocksdb::DB::Properties::kEstimateNumKeys, &number)) stats.transactions += number;
    }
    for (auto* table : epoch->tables) {
      if (db.GetIntProperty(table, rocksdb::DB::Properties::kTotalSstFilesSize, &number)) stats.bytes += number;
    }
  }
  rocksdb::VectorLogPtr logs;
  if (db.GetSortedWalFiles(logs).ok()) {
    for (const auto& log : logs) stats.bytes += log->SizeFileBytes();
  }
  return stats;
}

}  // namespace

Result<std::unique_ptr<Store>> open_rocksdb_store_on(const StoreOptions& options, const std::shared_ptr<rocksdb::FileSystem>& files,
                                                     const Tuning& tuning) {
  try {
    auto database = Database::open(options, files, tuning);
    if (!database) return database.error();
    return std::unique_ptr<Store>(std::make_unique<RocksdbStore>(options, *std::move(database)));
  } catch (const std::exception& failure) {
    return Error(kStoreOpenFailed, options.url + ": " + failure.what());
  }
}

Result<std::unique_ptr<Store>> open_rocksdb_store(const StoreOptions& options) {
  return open_rocksdb_store_on(options, rocksdb::FileSystem::Default(), {});
}

}  // namespace jwtd::store
