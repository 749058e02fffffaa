// store/rocksdb/epochs.cc - names and stored form of epochs.
#include "store/rocksdb/epochs.h"

#include <charconv>
#include <limits>

namespace jwtd::store {
namespace {

constexpr std::string_view kEpochPrefix = "epoch.";
constexpr std::size_t kWordOctets = 8;
constexpr int kBoundsPerRetention = 64;  // how much later than needed an epoch may go, so that its bound is rarely written
constexpr std::chrono::milliseconds kBoundStepForEver = std::chrono::hours(1);

void append_word(std::int64_t word, std::string& out) {
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(static_cast<std::uint64_t>(word) >> shift));
}

std::int64_t read_word(std::string_view octets) {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < kWordOctets; ++i) word = word << 8 | static_cast<unsigned char>(octets[i]);
  return static_cast<std::int64_t>(word);
}

}  // namespace

std::optional<TableName> parse_table_name(const std::string& name) {
  const std::size_t dot = name.find('.');
  if (dot == std::string::npos) return std::nullopt;
  std::uint64_t epoch = 0;
  const auto [end, failure] = std::from_chars(name.data() + dot + 1, name.data() + name.size(), epoch);
  if (failure != std::errc() || end != name.data() + name.size()) return std::nullopt;
  for (std::size_t i = 0; i < kTables; ++i) {
    if (name.compare(0, dot, kTableNames[i]) == 0) return TableName{static_cast<Table>(i), epoch};
  }
  return std::nullopt;
}

std::string table_name(Table table, std::uint64_t epoch) {
  return std::string(kTableNames[static_cast<std::size_t>(table)]) + "." + std::to_string(epoch);
}

std::shared_ptr<Epoch> make_epoch(rocksdb::DB* db, std::uint64_t number) {
  return std::shared_ptr<Epoch>(new Epoch{number}, [db](Epoch* epoch) {
    for (auto* table : epoch->tables) {
      if (table != nullptr) db->DestroyColumnFamilyHandle(table);
    }
    delete epoch;
  });
}

std::string epoch_key(std::uint64_t number) { return std::string(kEpochPrefix) + std::to_string(number); }

std::string epoch_value(const Epoch& epoch) {
  std::string value;
  append_word(*epoch.began, value);
  append_word(epoch.bound, value);
  return value;
}

bool read_epoch_value(std::string_view value, Epoch& epoch) {
  if (value.size() != 2 * kWordOctets) return false;
  epoch.began = read_word(value);
  epoch.bound = read_word(value.substr(kWordOctets));
  return true;
}

void hold_in(Epoch& epoch, UnixMillis created_at, UnixMillis at, std::chrono::seconds retention, rocksdb::WriteBatch& writes) {
  if (epoch.began && created_at <= epoch.bound) return;
  const std::chrono::milliseconds step = retention.count() == 0 ? kBoundStepForEver : std::chrono::milliseconds(retention) / kBoundsPerRetention;
  if (!epoch.began) epoch.began = at;
  epoch.bound = created_at + step.count();
  writes.Put(epoch_key(epoch.number), epoch_value(epoch));  // in the default table
}

}  // namespace jwtd::store
