// store/rocksdb/scan.cc - one iterator for each table of each epoch, advanced together; where one breaks, the index by phone number.
#include "store/rocksdb/scan.h"

#include <rocksdb/sst_file_reader.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "store/cursor.h"
#include "store/decide.h"
#include "store/rocksdb/reading.h"

namespace jwtd::store {
namespace {

constexpr std::size_t kReadAhead = 1 << 20;  // octets; a scan reads every block once, in order
constexpr std::size_t kAllTokens = std::numeric_limits<std::size_t>::max();

rocksdb::ReadOptions options_of_a_scan() {
  rocksdb::ReadOptions options;
  options.verify_checksums = true;
  options.fill_cache = false;  // what is read once must not push out what is asked for
  options.total_order_seek = true;
  options.readahead_size = kReadAhead;
  return options;
}

rocksdb::ReadOptions options_of_a_look_up() {
  rocksdb::ReadOptions options;
  options.verify_checksums = true;
  options.fill_cache = false;
  return options;
}

class Scan {
 public:
  Scan(Database& database, std::size_t limit, std::string_view after, std::chrono::seconds retention, UnixMillis now)
      : database_(database), epochs_(database.epochs()), limit_(limit), after_(after), retention_(retention), now_(now) {}

  Result<Slice> run() {
    for (const auto& epoch : *epochs_) {
      for (const Table table : {Table::kOrdered, Table::kScattered}) {
        sources_.emplace_back(database_.db().NewIterator(options_of_a_scan(), (*epoch)[table]));
        auto& it = *sources_.back();
        it.Seek(after_);
        if (it.Valid() && view(it.key()) == after_) it.Next();
      }
    }
    for (;;) {
      rocksdb::Iterator* first = nullptr;  // of those with the smallest key the newest epoch's
      for (const auto& it : sources_) {
        if (!it->Valid()) {
          if (it->status().IsCorruption()) return around_the_damage();
          if (!it->status().ok()) return read_error(it->status());
        } else if (first == nullptr || it->key().compare(first->key()) < 0) {
          first = it.get();
        }
      }
      if (first == nullptr) return end();
      if (slice_.transactions.size() == limit_) return stop();
      after_ = first->key().ToString();
      const auto xid = read_xid_key(after_);
      if (!xid) {
        slice_.damaged.push_back({"a key of " + std::to_string(after_.size()) + " octets", "it holds no XID"});
      } else if (auto added = add(*xid, read_value(*xid, view(first->value()), database_.names())); !added) {
        return added.error();
      }
      for (const auto& it : sources_) {
        if (it->Valid() && view(it->key()) == after_) it->Next();
      }
    }
  }

 private:
  // Fails only when the store does.
  Status add(const Xid& xid, Result<Value> value) {
    const auto damaged = [&](const Error& error, const char* whose) -> Status {
      if (!error.is(kStoreDamaged)) return error;
      slice_.damaged.push_back({xid.text(), whose + error.message()});
      return {};
    };
    if (!value) return damaged(value.error(), "");
    if (past_retention(value->created_at, retention_, now_)) return {};
    Transaction transaction{value->created_at, value->number, value->record, {}, std::move(value->events)};
    if (value->number > 1) {
      const auto read = read_earlier(database_, *epochs_, *value, after_, kAllTokens, transaction.earlier, options_of_a_look_up());
      if (!read) return damaged(read.error(), "an earlier token: ");
    }
    slice_.transactions.push_back(std::move(transaction));
    return {};
  }

  // Goes on behind after_, with a table that cannot be read there.
  Result<Slice> around_the_damage() {
    std::set<std::string> keys;  // the smallest behind after_, at most `room`
    const std::size_t room = limit_ - slice_.transactions.size();
    if (room == 0) return stop();
    const auto offer = [&](std::string_view key) {
      if (key <= after_ || (keys.size() == room && key >= *keys.rbegin())) return;
      keys.emplace(key);
      if (keys.size() > room) keys.erase(std::prev(keys.end()));
    };
    for (const auto& it : sources_) {
      for (std::size_t taken = 0; it->Valid() && taken < room; it->Next(), ++taken) offer(view(it->key()));
    }
    for (const auto& epoch : *epochs_) {
      const std::unique_ptr<rocksdb::Iterator> it(database_.db().NewIterator(options_of_a_scan(), (*epoch)[Table::kPhones]));
      for (it->SeekToFirst(); it->Valid(); it->Next()) {
        if (const auto key = read_phone_key(view(it->key()))) offer(key->xid_key);
      }
      if (it->status().ok()) continue;
      if (!it->status().IsCorruption()) return read_error(it->status());
      slice_.damaged.push_back({table_name(Table::kPhones, epoch->number), "transactions may be missing without a name, for the index is damaged too"});
    }
    for (const std::string& key : keys) {
      after_ = key;
      const auto xid = read_xid_key(key);
      if (!xid) continue;
      auto value = read_current(database_, *epochs_, *xid, key, options_of_a_look_up());
      if (value && !*value) continue;  // an index key that a dropped epoch's transaction left
      auto added = value ? add(*xid, **std::move(value)) : add(*xid, value.error());
      if (!added) return added.error();
    }
    return keys.size() < room ? end() : stop();
  }

  Result<Slice> stop() {
    slice_.next = write_scan_cursor(after_);
    return std::move(slice_);
  }

  Result<Slice> end() {
    sources_.clear();
    std::vector<rocksdb::LiveFileMetaData> files;
    database_.db().GetLiveFilesMetaData(&files);
    rocksdb::Options options;
    options.env = database_.db().GetEnv();
    for (const auto& file : files) {
      rocksdb::SstFileReader reader(options);
      rocksdb::Status status = reader.Open(file.db_path + file.name);
      if (status.IsPathNotFound() || status.IsNotFound()) continue;  // merged away meanwhile
      if (status.ok()) status = reader.VerifyChecksum(options_of_a_scan());
      if (status.ok()) continue;
      if (!status.IsCorruption()) return read_error(status);
      slice_.damaged.push_back({file.column_family_name + file.name, describe(status)});
    }
    return std::move(slice_);
  }

  Database& database_;
  const std::shared_ptr<const EpochList> epochs_;
  const std::size_t limit_;
  std::string after_;  // the last key that was handled
  const std::chrono::seconds retention_;
  const UnixMillis now_;
  std::vector<std::unique_ptr<rocksdb::Iterator>> sources_;  // newest epoch first
  Slice slice_;
};

}  // namespace

Result<Slice> scan_database(Database& database, std::size_t limit, std::string_view after, std::chrono::seconds retention, UnixMillis now) {
  return Scan(database, limit, after, retention, now).run();
}

}  // namespace jwtd::store
