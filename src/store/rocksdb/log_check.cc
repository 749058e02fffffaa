// store/rocksdb/log_check.cc - reads RocksDB's log format: blocks of 32 KiB, in them records of checksum, size, type and a piece of a batch.
#include "store/rocksdb/log_check.h"

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "store/store.h"

namespace jwtd::store {
namespace {

constexpr std::size_t kBlock = 32 * 1024;
constexpr std::size_t kHeader = 7;        // checksum 4, size 2, type 1
constexpr std::size_t kBatchHeader = 12;  // sequence 8, count 4
enum Type : unsigned char { kWhole = 1, kFirst = 2, kMiddle = 3, kLast = 4 };

constexpr std::array<std::uint32_t, 256> make_crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? crc >> 1 ^ 0x82f63b78 : crc >> 1;  // Castagnoli, reflected
    table[i] = crc;
  }
  return table;
}
constexpr auto kCrcTable = make_crc_table();

std::uint32_t masked_crc(std::string_view octets) {
  std::uint32_t crc = 0xffffffff;
  for (const char octet : octets) crc = kCrcTable[(crc ^ static_cast<unsigned char>(octet)) & 0xff] ^ crc >> 8;
  crc = ~crc;
  return (crc >> 15 | crc << 17) + 0xa282ead8;
}

std::uint64_t little_endian(std::string_view octets) {
  std::uint64_t number = 0;
  for (std::size_t i = octets.size(); i-- > 0;) number = number << 8 | static_cast<unsigned char>(octets[i]);
  return number;
}

struct Piece {
  Type type;
  std::string_view payload;
};

// The intact piece that begins here, if one does.
std::optional<Piece> piece_at(std::string_view log, std::size_t at) {
  const std::size_t left = std::min(kBlock - at % kBlock, log.size() - at);
  if (left < kHeader) return std::nullopt;
  const auto type = static_cast<unsigned char>(log[at + 6]);
  if (type < kWhole || type > kLast) return std::nullopt;
  const std::size_t size = little_endian(log.substr(at + 4, 2));
  if (size > left - kHeader) return std::nullopt;
  if (masked_crc(log.substr(at + 6, 1 + size)) != little_endian(log.substr(at, 4))) return std::nullopt;
  return Piece{static_cast<Type>(type), log.substr(at + kHeader, size)};
}

bool begins_batch(const Piece& piece) { return (piece.type == kWhole || piece.type == kFirst) && piece.payload.size() >= kBatchHeader; }

bool has_batch_after(std::string_view log, std::size_t from) {
  for (std::size_t at = from; at + kHeader <= log.size(); ++at) {
    if (log[at + 6] != kWhole && log[at + 6] != kFirst) continue;
    const auto piece = piece_at(log, at);
    if (piece && begins_batch(*piece)) return true;
  }
  return false;
}

}  // namespace

std::size_t find_log_damage(std::string_view log) {
  std::optional<std::uint64_t> next_sequence;
  std::string header;
  bool within_batch = false;
  for (std::size_t at = 0; at < log.size();) {
    const std::size_t left_in_block = kBlock - at % kBlock;
    if (left_in_block < kHeader) {  // filler
      at += left_in_block;
      continue;
    }
    const auto piece = piece_at(log, at);
    if (!piece) return has_batch_after(log, at + 1) ? at : std::string_view::npos;
    const bool begins = piece->type == kWhole || piece->type == kFirst;
    if (begins == within_batch) return at;
    if (begins) header.clear();
    // A batch's own header may be cut by the end of a block.
    if (header.size() < kBatchHeader) {
      header += piece->payload.substr(0, kBatchHeader - header.size());
      if (header.size() == kBatchHeader) {
        const std::uint64_t sequence = little_endian(std::string_view(header).substr(0, 8));
        if (next_sequence && sequence != *next_sequence) return at;
        next_sequence = sequence + little_endian(std::string_view(header).substr(8, 4));
      }
    }
    within_batch = piece->type == kFirst || piece->type == kMiddle;
    at += kHeader + piece->payload.size();
  }
  return std::string_view::npos;
}

std::size_t intact_log_end(std::string_view log) {
  std::size_t end = 0;
  bool within_batch = false;
  for (std::size_t at = 0; at < log.size();) {
    const std::size_t left_in_block = kBlock - at % kBlock;
    if (left_in_block < kHeader) {
      at += left_in_block;
      continue;
    }
    const auto piece = piece_at(log, at);
    if (!piece || (piece->type == kWhole || piece->type == kFirst) == within_batch) return end;
    within_batch = piece->type == kFirst || piece->type == kMiddle;
    at += kHeader + piece->payload.size();
    if (!within_batch) end = at;
  }
  return end;
}

Status check_logs(rocksdb::Env& env, const std::string& folder) {
  std::vector<std::string> names;
  if (!env.GetChildren(folder, &names).ok()) return Error(kStoreOpenFailed, folder + ": cannot be listed");
  for (const std::string& name : names) {
    if (!name.ends_with(".log")) continue;
    std::string log;
    const auto status = rocksdb::ReadFileToString(&env, folder + "/" + name, &log);
    if (!status.ok()) return Error(kStoreOpenFailed, folder + ": " + status.ToString());
    const std::size_t at = find_log_damage(log);
    if (at == std::string_view::npos) continue;
    return Error(kStoreDamaged, folder + "/" + name + ": damaged at octet " + std::to_string(at) +
                                    ", with whole batches after it. Restore the store from a backup, or move the file away and lose what it holds.");
  }
  return {};
}

}  // namespace jwtd::store
