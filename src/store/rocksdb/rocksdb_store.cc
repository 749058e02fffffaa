// store/rocksdb/rocksdb_store.cc - the store's functions over an open database.
#include "store/rocksdb/rocksdb_store.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/limits.h"
#include "store/cursor.h"
#include "store/decide.h"
#include "store/rocksdb/changes.h"
#include "store/rocksdb/codec.h"
#include "store/rocksdb/committer.h"
#include "store/rocksdb/database.h"
#include "store/rocksdb/driver.h"
#include "store/rocksdb/phone_keys.h"
#include "store/rocksdb/reading.h"
#include "store/rocksdb/record_times.h"
#include "store/rocksdb/scan.h"

namespace jwtd::store {
namespace {

class RocksdbStore final : public Store, public TellsRecordTimes {
 public:
  RocksdbStore(const StoreOptions& options, std::unique_ptr<Database> database)
      : retention_(options.retention), database_(std::move(database)), committer_(*database_, retention_) {}

  Status commit(std::span<Entry* const> batch) override { return committer_.commit(batch); }
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
  Status writable() override { return database_->health().state(); }
  void recover() override;
  Status sweep(UnixMillis now) override;
  Result<Slice> scan(std::size_t limit, std::string_view cursor, UnixMillis now) override;
  Result<Adopted> adopt(std::span<const Transaction> transactions) override { return committer_.adopt(transactions); }
  Stats stats() override;
  std::string_view driver() const override { return "rocksdb"; }
  Result<std::optional<RecordTimes>> record_times() override { return record_times_of(*database_); }

 private:
  Status drop_expired(UnixMillis now);

  const std::chrono::seconds retention_;
  const std::unique_ptr<Database> database_;
  Committer committer_;
};

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

// -- background -----------------------------------------------------------------------------------------------------

void RocksdbStore::recover() {
  (void)database_->check(true);  // writable() tells
}

Status RocksdbStore::sweep(UnixMillis now) {
  if (auto healthy = database_->check(false); !healthy) return healthy;
  if (auto swept = sweep_notes(*database_, now); !swept) return swept;
  if (auto dropped = drop_expired(now); !dropped) return dropped;
  return merge_away_what_was_erased(*database_);
}

Status RocksdbStore::drop_expired(UnixMillis now) {
  const auto failed = [&](const rocksdb::Status& status) { return database_->health().write_failed(database_->db(), status); };
  const auto epochs = database_->epochs();
  std::optional<UnixMillis> began;
  {
    const std::scoped_lock lock(database_->writing());
    began = epochs->front()->began;
  }
  const bool kept_for_ever = retention_.count() == 0;
  const UnixMillis span = std::chrono::milliseconds(retention_).count() / static_cast<int>(kEpochsPerRetention);
  const bool due = (began && !kept_for_ever && now - *began >= span) || epochs->front()->unmerged;
  if (due && epochs->size() < kMaxEpochs) {
    if (const auto status = database_->add_epoch(); !status.ok()) return failed(status);
    // So that the log, too, holds nothing older than the new epoch.
    if (const auto status = database_->flush_all(); !status.ok()) return failed(status);
  }
  if (kept_for_ever) return {};
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
