// store/rocksdb/changes.cc - reads what stands, applies the one rule (store/events.h), writes the whole batch with one sync.
#include "store/rocksdb/changes.h"

#include <rocksdb/slice.h>
#include <rocksdb/write_batch.h>

#include <map>
#include <memory>
#include <utility>

#include "store/decide.h"
#include "store/events.h"
#include "store/rocksdb/codec.h"
#include "store/rocksdb/reading.h"

namespace jwtd::store {
namespace {

constexpr std::size_t kSweptAtOnce = 1000;            // notes of one write: some milliseconds
constexpr std::string_view kErasedMark = "erased";    // in the default table: something is to be merged away

Status write(Database& database, rocksdb::WriteBatch& writes) {
  if (writes.Count() == 0) return {};
  const auto status = database.db().Write(durable(), &writes);
  return status.ok() ? Status() : database.health().write_failed(database.db(), status);
}

bool is_over(UnixMillis expires_at, UnixMillis now) { return expires_at != 0 && expires_at <= now; }

class Batch {
 public:
  Batch(Database& database, std::chrono::seconds retention)
      : database_(database), epochs_(database.epochs()), bounds_(*epochs_->front()), retention_(retention) {}

  Status add(Change& change) {
    change.applied = Applied::kWritten;
    change.transaction.reset();
    if (change.xid) {
      std::string key;
      append_xid_key(*change.xid, key);
      auto standing = look_up(*change.xid, key);
      if (!standing) {
        if (!standing.error().is(kStoreDamaged)) return standing.error();
        if (!change.erase || !change.of) {
          change.applied = Applied::kDamaged;
        } else if (auto erased = erase_unread(key, *change.xid, *change.of); !erased) {
          return erased;
        } else {
          made_[key].clear();
        }
      } else if (!*standing) {
        change.applied = Applied::kAbsent;
      } else if (change.event) {
        if (auto added = add_event(key, **std::move(standing), change); !added) return added;
      } else if (change.erase) {
        if (auto erased = erase(key, *change.xid); !erased) return erased;
        made_[key].clear();
      }
    }
    return change.applied == Applied::kWritten ? write_notes(change) : Status();
  }

  Status write() {
    // Each table in the order of its keys: a skip list finds the next place from the last one.
    Epoch& newest = *epochs_->front();
    for (const auto& [key, value] : made_) {
      if (!value.empty()) writes_.Put(newest[table_of(key)], key, value);
    }
    for (const auto& [key, value] : notes_) {
      if (value) writes_.Put(database_.notes(), key, *value);
      else writes_.Delete(database_.notes(), key);
    }
    const Status written = store::write(database_, writes_);
    if (written) bounds_.keep();
    return written;
  }

 private:
  // As it stands after the changes before; octets_ has it as it is stored.
  Result<std::optional<Value>> look_up(const Xid& xid, const std::string& key) {
    octets_.Reset();
    if (const auto made = made_.find(key); made != made_.end()) {
      if (made->second.empty()) return std::optional<Value>();
      octets_.PinSelf(made->second);
    } else {
      const auto found = read_current_octets(database_, *epochs_, key, {}, octets_);
      if (!found) return found.error();
      if (!*found) return std::optional<Value>();
    }
    auto value = read_value(xid, view(octets_), database_.names());
    if (!value) return value.error();
    return std::optional<Value>(*std::move(value));
  }

  // The value that was read stays as it is, octet by octet, and gets one event more.
  Status add_event(const std::string& key, Value value, Change& change) {
    change.applied = Applied::kAbsent;
    if (past_retention(value.created_at, retention_, change.event->at)) return {};
    Transaction& left = change.transaction.emplace(Transaction{value.created_at, value.number, std::move(value.record), {}, std::move(value.events)});
    change.applied = append(left, *change.event, change.decides);
    if (change.applied != Applied::kWritten) return {};
    std::string made;
    if (auto grown = append_value_with(*change.event, view(octets_), made); !grown) return grown;
    hold_in(*epochs_->front(), left.created_at, change.event->at, retention_, writes_);
    made_[key] = std::move(made);
    return {};
  }

  // In every epoch, whether it was covered there, had expired, or belonged to another phone.
  Status erase(const std::string& key, const Xid& xid) {
    std::string earlier;
    append_earlier_prefix(key, earlier);
    for (const auto& epoch : *epochs_) {
      auto here = read_current(database_, {epoch}, xid, key);
      if (!here && !here.error().is(kStoreDamaged)) return here.error();
      if (!here || *here) writes_.Delete((*epoch)[table_of(key)], key);
      if (here && *here) {
        std::string phone_key;
        append_phone_prefix((*here)->record.phone, (*here)->created_at, phone_key);
        // The index stands in the epoch where the transaction began.
        for (const auto& other : *epochs_) writes_.Delete((*other)[Table::kPhones], phone_key + key);
      }
      const std::unique_ptr<rocksdb::Iterator> it(database_.db().NewIterator({}, (*epoch)[Table::kEarlier]));
      for (it->Seek(earlier); it->Valid() && it->key().starts_with(earlier); it->Next()) writes_.Delete((*epoch)[Table::kEarlier], it->key());
      if (!it->status().ok()) return read_error(it->status());
    }
    writes_.Put(database_.db().DefaultColumnFamily(), slice_of(kErasedMark), rocksdb::Slice());
    return {};
  }

  // What names its place in the phone's list cannot be read, so it is looked for there.
  Status erase_unread(const std::string& key, const Xid& xid, const Phone& phone) {
    std::string prefix;
    append_phone_prefix(phone, 0, prefix);
    prefix.resize(kPhoneKeyPrefix);
    rocksdb::ReadOptions options;
    options.prefix_same_as_start = true;
    for (const auto& epoch : *epochs_) {
      const std::unique_ptr<rocksdb::Iterator> it(database_.db().NewIterator(options, (*epoch)[Table::kPhones]));
      for (it->Seek(prefix); it->Valid(); it->Next()) {
        const auto there = read_phone_key(view(it->key()));
        if (there && there->xid_key == key) writes_.Delete((*epoch)[Table::kPhones], it->key());
      }
      if (!it->status().ok()) return read_error(it->status());
    }
    return erase(key, xid);
  }

  Status write_notes(const Change& change) {
    std::vector<const Note*> puts;
    for (const Note& note : notes_to_put(change)) {
      const auto may = note.where.empty() ? Result<bool>(true) : is_there(note_key(note.where, note.key));
      if (!may) return may.error();
      if (*may) puts.push_back(&note);
    }
    for (const NoteName& name : change.remove) notes_[note_key(name.kind, name.key)].reset();
    for (const Note* const note : puts) {
      notes_[note_key(note->kind, note->key)] = note_value(*note);
      if (note->expires_at != 0) notes_[note_expiry_key(note->expires_at, note->kind, note->key)].emplace();
    }
    return {};
  }

  // After the changes before.
  Result<bool> is_there(const std::string& note_key) const {
    if (const auto made = notes_.find(note_key); made != notes_.end()) return made->second.has_value();
    rocksdb::PinnableSlice value;
    const auto status = database_.db().Get({}, database_.notes(), note_key, &value);
    if (!status.ok() && !status.IsNotFound()) return read_error(status);
    return status.ok();
  }

  Database& database_;
  const std::shared_ptr<const EpochList> epochs_;
  UnlessKept bounds_;
  const std::chrono::seconds retention_;
  rocksdb::WriteBatch writes_;
  rocksdb::PinnableSlice octets_;                            // of what look_up() found
  std::map<std::string, std::string> made_;                  // by the XID's key: the value that this batch writes; empty: it erases it
  std::map<std::string, std::optional<std::string>> notes_;  // by their keys, also those of what expires; nullopt: to be removed
};

}  // namespace

Status apply_changes(Database& database, std::span<Change* const> changes, std::chrono::seconds retention) {
  const std::scoped_lock lock(database.writing());
  if (auto healthy = database.check(false); !healthy) return healthy;
  Batch batch(database, retention);
  for (Change* const change : changes) {
    if (auto added = batch.add(*change); !added) return added;
  }
  return batch.write();
}

namespace {

// nullopt: the options let it say nothing.
std::optional<Result<std::optional<std::string>>> look_up_note(Database& database, const NoteName& name, UnixMillis now, const rocksdb::ReadOptions& options) {
  using Found = Result<std::optional<std::string>>;
  std::string value;
  const std::string key = note_key(name.kind, name.key);
  const auto status = database.db().Get(options, database.notes(), key, &value);
  if (status.IsIncomplete()) return std::nullopt;
  if (status.IsNotFound()) return Found(std::optional<std::string>());
  if (!status.ok()) return Found(read_error(status));
  auto note = read_note(key, value);
  if (!note) return Found(Error(kStoreDamaged, "a note is too short"));
  return Found(is_over(note->expires_at, now) ? std::optional<std::string>() : std::optional<std::string>(std::move(note->value)));
}

}  // namespace

std::optional<Result<std::optional<std::string>>> read_note_at_once(Database& database, const NoteName& name, UnixMillis now) {
  rocksdb::ReadOptions options;
  options.read_tier = rocksdb::kBlockCacheTier;
  return look_up_note(database, name, now, options);
}

Result<std::optional<std::string>> read_note(Database& database, const NoteName& name, UnixMillis now) {
  auto found = look_up_note(database, name, now, {});
  return found ? *std::move(found) : Error(kStoreUnavailable, "a note could not be read");
}

Result<std::vector<Note>> list_notes(Database& database, std::string_view kind, std::string_view after, std::size_t limit, UnixMillis now) {
  const std::string prefix = note_key(kind, {});
  const std::string from = note_key(kind, after);
  const std::unique_ptr<rocksdb::Iterator> it(database.db().NewIterator({}, database.notes()));
  std::vector<Note> found;
  for (it->Seek(from); it->Valid() && it->key().starts_with(prefix) && found.size() < limit; it->Next()) {
    if (view(it->key()) == from) continue;
    auto note = read_note(view(it->key()), view(it->value()));
    if (!note) return Error(kStoreDamaged, "a note is too short");
    if (!is_over(note->expires_at, now)) found.push_back(*std::move(note));
  }
  if (!it->status().ok()) return read_error(it->status());
  return found;
}

Status sweep_notes(Database& database, UnixMillis now) {
  const std::string first = note_expiry_key(0, {}, {}).substr(0, 1);
  for (bool more = true; more;) {
    const std::scoped_lock lock(database.writing());
    rocksdb::WriteBatch writes;
    std::size_t taken = 0;
    more = false;
    const std::unique_ptr<rocksdb::Iterator> it(database.db().NewIterator({}, database.notes()));
    for (it->Seek(first); it->Valid(); it->Next()) {
      const auto expiry = read_note_expiry_key(view(it->key()));
      if (!expiry || !is_over(expiry->expires_at, now)) break;
      if (++taken > kSweptAtOnce) {
        more = true;
        break;
      }
      writes.Delete(database.notes(), it->key());
      std::string value;
      const auto status = database.db().Get({}, database.notes(), expiry->note_key, &value);
      if (status.IsNotFound()) continue;
      if (!status.ok()) return read_error(status);
      const auto note = read_note(expiry->note_key, value);
      if (note && is_over(note->expires_at, now)) writes.Delete(database.notes(), expiry->note_key);
    }
    if (!it->status().ok()) return read_error(it->status());
    if (auto written = write(database, writes); !written) return written;
  }
  return {};
}

Status merge_away_what_was_erased(Database& database) {
  auto& db = database.db();
  std::string value;
  const auto marked = db.Get({}, db.DefaultColumnFamily(), slice_of(kErasedMark), &value);
  if (marked.IsNotFound()) return {};
  if (!marked.ok()) return read_error(marked);
  const auto failed = [&](const rocksdb::Status& status) { return database.health().write_failed(db, status); };
  // A merge that meets a damaged block ends all writing until a restart; the octets of what was erased are the lesser evil.
  rocksdb::ReadOptions reading;
  reading.fill_cache = false;
  if (const auto sound = db.VerifyChecksum(reading); !sound.ok()) {
    return Error(read_error(sound).code(), "what was erased stays in the files, because one is damaged: " + describe(sound));
  }
  {
    // First: what is erased from now on asks for another round.
    const std::scoped_lock lock(database.writing());
    if (const auto status = db.Delete(durable(), db.DefaultColumnFamily(), slice_of(kErasedMark)); !status.ok()) return failed(status);
  }
  const auto put_back = [&](const rocksdb::Status& status) -> Status {
    const std::scoped_lock lock(database.writing());
    const auto again = db.Put(durable(), db.DefaultColumnFamily(), slice_of(kErasedMark), rocksdb::Slice());
    return failed(again.ok() ? status : again);
  };
  // The log holds it too: a flush begins another, and RocksDB removes the old one.
  if (const auto status = database.flush_all(); !status.ok()) return put_back(status);
  rocksdb::CompactRangeOptions options;
  options.exclusive_manual_compaction = false;
  options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
  const auto epochs = database.epochs();
  for (const auto& epoch : *epochs) {
    for (auto* const table : epoch->tables) {
      if (const auto status = db.CompactRange(options, table, nullptr, nullptr); !status.ok()) return put_back(status);
    }
  }
  const auto status = db.CompactRange(options, database.notes(), nullptr, nullptr);
  return status.ok() ? Status() : put_back(status);
}

}  // namespace jwtd::store
