// store/rocksdb/database.cc - opens the database, and keeps the list of its epochs.
#include "store/rocksdb/database.h"

#include <rocksdb/cache.h>

#include <algorithm>
#include <map>

#include "store/rocksdb/codec.h"
#include "store/rocksdb/log_check.h"
#include "store/rocksdb/log_space.h"

namespace jwtd::store {
namespace {

constexpr std::string_view kNamePrefix = "name.";
constexpr int kCacheShardBits = 2;  // few threads read

// Swallows RocksDB's own log: it quotes keys, which hold phone numbers. What an operator must know comes through Health.
class NoLog final : public rocksdb::Logger {
 public:
  NoLog() : Logger(rocksdb::InfoLogLevel::HEADER_LEVEL) {}
  using Logger::Logv;
  void Logv(const char*, va_list) override {}
};

Error open_error(const std::string& path, const rocksdb::Status& status) {
  const std::string why = path + ": " + describe(status);
  if (status.IsIOError() && status.ToString().find("lock") != std::string::npos) return Error(kStoreLocked, why);
  if (status.IsCorruption()) return Error(kStoreDamaged, why);
  return Error(kStoreOpenFailed, why);
}

std::string name_key(std::uint32_t number) {
  std::string key(kNamePrefix);
  for (int shift = 24; shift >= 0; shift -= 8) key.push_back(static_cast<char>(number >> shift));  // big-endian: read back in order
  return key;
}

std::string name_value(const Name& name) {
  std::string value;
  put_varint(name.iss.size(), value);
  return value + name.iss + name.kid;
}

std::optional<Name> read_name(std::string_view value) {
  const auto size = get_varint(value);
  if (!size || *size > value.size()) return std::nullopt;
  return Name{std::string(value.substr(0, *size)), std::string(value.substr(*size))};
}

}  // namespace

Result<std::unique_ptr<Database>> Database::open(const StoreOptions& options, const std::shared_ptr<rocksdb::FileSystem>& files,
                                                 const Tuning& tuning) {
  auto folder = Folder::claim(options.url, options.make_missing);
  if (!folder) return folder.error();
  std::unique_ptr<Database> database(new Database(*std::move(folder), tuning));
  if (auto opened = database->open_files(options, files); !opened) return opened.error();
  return database;
}

Status Database::open_files(const StoreOptions& options, const std::shared_ptr<rocksdb::FileSystem>& files) {
  const auto watch = std::make_shared<SyncWatch>();
  env_ = rocksdb::NewCompositeEnv(watch_syncs(prepare_log_space(files, folder_.path(), tuning_.log_space), watch));
  env_->LowerThreadPoolCPUPriority(rocksdb::Env::LOW, rocksdb::CpuPriority::kLow);
  health_ = std::make_shared<Health>(watch, options.on_event);
  cache_ = rocksdb::NewLRUCache(tuning_.cache, kCacheShardBits);

  rocksdb::DBOptions settings = database_options(tuning_);
  settings.env = env_.get();
  settings.info_log = std::make_shared<NoLog>();
  settings.listeners.push_back(health_);

  std::vector<std::string> names;
  if (env_->FileExists(folder_.path() + "/CURRENT").ok()) {
    const auto listed = rocksdb::DB::ListColumnFamilies(settings, folder_.path(), &names);
    if (!listed.ok()) return open_error(folder_.path(), listed);
    if (auto intact = check_logs(*env_, folder_.path()); !intact) return intact;
  } else {
    names.push_back(rocksdb::kDefaultColumnFamilyName);
  }
  std::vector<rocksdb::ColumnFamilyDescriptor> tables;
  for (const std::string& name : names) {
    const auto parsed = parse_table_name(name);
    if (!parsed && name != rocksdb::kDefaultColumnFamilyName && name != kNotesName) {
      return Error(kStoreOpenFailed, folder_.path() + ": has a table that this jwtd does not know: " + name);
    }
    tables.emplace_back(name, parsed ? table_options(parsed->table, tuning_, cache_) : name == kNotesName ? notes_options() : default_options());
  }
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  const auto opened = rocksdb::DB::Open(settings, folder_.path(), tables, &handles, &db);
  if (!opened.ok()) return open_error(folder_.path(), opened);
  db_.reset(db);

  std::map<std::uint64_t, std::shared_ptr<Epoch>, std::greater<>> found;
  for (std::size_t i = 0; i < handles.size(); ++i) {
    const auto parsed = parse_table_name(names[i]);
    if (names[i] == kNotesName) {
      keep_notes(handles[i]);
      continue;
    }
    if (!parsed) {
      db_->DestroyColumnFamilyHandle(handles[i]);  // DefaultColumnFamily() is always at hand
      continue;
    }
    auto& epoch = found[parsed->epoch];
    if (!epoch) epoch = make_epoch(db_.get(), parsed->epoch);
    epoch->tables[static_cast<std::size_t>(parsed->table)] = handles[i];
  }
  if (!notes_) {  // a new store, or one of format 1
    rocksdb::ColumnFamilyHandle* handle = nullptr;
    const auto made = db_->CreateColumnFamily(notes_options(), kNotesName, &handle);
    if (!made.ok()) return open_error(folder_.path(), made);
    keep_notes(handle);
  }
  EpochList list;
  for (auto& [number, epoch] : found) {
    // A crash between two of an epoch's tables leaves fewer than four.
    if (const auto completed = complete(*epoch); !completed.ok()) return open_error(folder_.path(), completed);
    list.push_back(epoch);
  }
  replace(std::move(list));
  if (found.empty()) {
    if (const auto added = add_epoch(); !added.ok()) return open_error(folder_.path(), added);
  }
  if (const auto status = keep_log_switchable(*db_); !status.ok()) return open_error(folder_.path(), status);
  return read_default_table();
}

Status Database::read_default_table() {
  const Error unreadable(kStoreDamaged, folder_.path() + ": the table of names cannot be read");
  const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator({}));
  for (it->Seek(rocksdb::Slice(kNamePrefix.data(), kNamePrefix.size())); it->Valid() && it->key().starts_with(std::string(kNamePrefix)); it->Next()) {
    auto name = read_name({it->value().data(), it->value().size()});
    if (!name || it->key().ToString() != name_key(names_.next())) return unreadable;
    names_.add(*std::move(name));
  }
  if (!it->status().ok()) return open_error(folder_.path(), it->status());
  for (const auto& epoch : *epochs()) {
    std::string value;
    const auto status = db_->Get({}, db_->DefaultColumnFamily(), epoch_key(epoch->number), &value);
    if (status.IsNotFound()) continue;
    if (!status.ok()) return open_error(folder_.path(), status);
    if (!read_epoch_value(value, *epoch)) return unreadable;
  }
  return {};
}

void Database::keep_notes(rocksdb::ColumnFamilyHandle* handle) {
  notes_ = std::shared_ptr<rocksdb::ColumnFamilyHandle>(handle, [db = db_.get()](rocksdb::ColumnFamilyHandle* one) { db->DestroyColumnFamilyHandle(one); });
}

std::shared_ptr<const EpochList> Database::epochs() const {
  const std::scoped_lock lock(epochs_mutex_);
  return epochs_;
}

void Database::replace(EpochList list) {
  auto fresh = std::make_shared<const EpochList>(std::move(list));
  const std::scoped_lock lock(epochs_mutex_);
  epochs_.swap(fresh);
}

Status Database::check(bool insist) {
  for (const std::string& table : health_->failed_merges()) merge_no_more(table);
  return health_->check(*db_, insist);
}

// RocksDB would read the damaged file again each second. Until the next start, which tries once more; sweep() opens another epoch behind the one
// concerned if it is the one that is written to, so that its files do not pile up.
void Database::merge_no_more(const std::string& table) {
  rocksdb::ColumnFamilyHandle* handle = table == kNotesName ? notes_.get() : table == rocksdb::kDefaultColumnFamilyName ? db_->DefaultColumnFamily() : nullptr;
  const auto list = epochs();  // keeps the handle open
  if (const auto parsed = parse_table_name(table)) {
    for (const auto& epoch : *list) {
      if (epoch->number != parsed->epoch) continue;
      epoch->unmerged = true;
      handle = (*epoch)[parsed->table];
    }
  }
  if (handle == nullptr) return;  // dropped since
  // What fails here is not lost: the merge is tried, and fails, each second.
  db_->SetOptions(handle, {{"disable_auto_compactions", "true"}}).PermitUncheckedError();
}

rocksdb::Status Database::complete(Epoch& epoch) {
  for (std::size_t i = 0; i < kTables; ++i) {
    if (epoch.tables[i] != nullptr) continue;
    const auto table = static_cast<Table>(i);
    const auto status = db_->CreateColumnFamily(table_options(table, tuning_, cache_), table_name(table, epoch.number), &epoch.tables[i]);
    if (!status.ok()) return status;
  }
  return rocksdb::Status::OK();
}

rocksdb::Status Database::add_epoch() {
  EpochList list = *epochs();
  auto epoch = make_epoch(db_.get(), list.empty() ? 1 : list.front()->number + 1);
  const auto status = complete(*epoch);
  if (!status.ok()) return status;
  list.insert(list.begin(), std::move(epoch));
  const std::scoped_lock lock(writing_);
  replace(std::move(list));
  return status;
}

rocksdb::Status Database::drop(const EpochList& gone) {
  EpochList rest;
  for (const auto& epoch : *epochs()) {
    if (std::find(gone.begin(), gone.end(), epoch) == gone.end()) rest.push_back(epoch);
  }
  replace(std::move(rest));
  for (const auto& epoch : gone) {
    auto status = db_->DropColumnFamilies({epoch->tables.begin(), epoch->tables.end()});
    if (status.ok()) status = db_->Delete(durable(), epoch_key(epoch->number));
    if (!status.ok()) return status;
  }
  return rocksdb::Status::OK();
}

rocksdb::Status Database::flush_all() {
  std::vector<rocksdb::ColumnFamilyHandle*> tables{db_->DefaultColumnFamily(), notes_.get()};
  const auto list = epochs();
  for (const auto& epoch : *list) tables.insert(tables.end(), epoch->tables.begin(), epoch->tables.end());
  const auto status = db_->Flush({}, tables);
  return status.ok() ? keep_log_switchable(*db_) : status;
}

rocksdb::Status Database::add_name(const std::string& iss, const std::string& kid) {
  const Name name{iss, kid};
  auto status = db_->Put(durable(), name_key(names_.next()), name_value(name));
  if (status.ok()) names_.add(name);
  return status;
}

}  // namespace jwtd::store
