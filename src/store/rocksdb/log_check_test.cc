// store/rocksdb/log_check_test.cc - tests of store/rocksdb/log_check.h against logs that RocksDB wrote.
#include "store/rocksdb/log_check.h"

#include <gtest/gtest.h>
#include <rocksdb/db.h>

#include <filesystem>
#include <memory>
#include <vector>

#include "store/rocksdb/temporary_folder.h"

namespace jwtd::store {
namespace {

struct Log {
  std::string content;
  std::vector<std::size_t> ends;  // of each batch
};

Log write_log(const std::vector<std::size_t>& sizes) {
  const TemporaryFolder folder;
  rocksdb::Options options;
  options.create_if_missing = true;
  rocksdb::DB* db = nullptr;
  EXPECT_TRUE(rocksdb::DB::Open(options, folder.path(), &db).ok());
  Log log;
  std::string path;
  for (const auto& file : std::filesystem::directory_iterator(folder.path())) {
    if (file.path().extension() == ".log") path = file.path();
  }
  for (const std::size_t size : sizes) {
    EXPECT_TRUE(db->Put({}, "k", std::string(size, 'v')).ok());
    log.ends.push_back(std::filesystem::file_size(path));
  }
  EXPECT_TRUE(rocksdb::ReadFileToString(rocksdb::Env::Default(), path, &log.content).ok());
  delete db;
  return log;
}

// Batches of growing size; the last ones span blocks.
Log make_log() {
  std::vector<std::size_t> sizes;
  for (std::size_t i = 0; i < 40; ++i) sizes.push_back(i * 100 + (i > 35 ? 40'000 : 0));
  return write_log(sizes);
}

constexpr auto kNone = std::string_view::npos;

TEST(LogCheck, AWholeLogIsNotDamaged) {
  EXPECT_EQ(find_log_damage(make_log().content), kNone);
  EXPECT_EQ(find_log_damage(""), kNone);
}

TEST(LogCheck, ABatchMayBeCutByTheEndOfABlockAnywhere) {
  constexpr std::size_t kBlock = 32 * 1024, kHeaders = 7 + 12 + 4;  // of the piece, the batch, and a Put with a short key
  for (std::size_t left = 0; left < 64; ++left) {
    const Log log = write_log({kBlock - left - kHeaders - 3, 100, 100});
    EXPECT_EQ(find_log_damage(log.content), kNone) << left;
  }
}

TEST(LogCheck, ALogCutAnywhereIsTornAndNotDamaged) {
  const Log log = make_log();
  const std::string_view content = log.content;
  for (std::size_t size = 0; size < content.size(); size += size + 9000 < content.size() ? 997 : 13) {
    EXPECT_EQ(find_log_damage(content.substr(0, size)), kNone) << size;
  }
}

TEST(LogCheck, AChangedOctetBeforeTheLastBatchIsDamage) {
  const Log log = make_log();
  const std::size_t last_batch = log.ends[log.ends.size() - 2];
  for (std::size_t at = 0; at < last_batch; at += at < 300 ? 1 : 499) {
    std::string changed = log.content;
    changed[at] ^= 0x40;
    EXPECT_NE(find_log_damage(changed), kNone) << at;
  }
}

TEST(LogCheck, AChangedOctetInTheLastBatchIsATornEnd) {
  const Log log = make_log();
  for (std::size_t at = log.ends[log.ends.size() - 2]; at < log.content.size(); at += 499) {
    std::string changed = log.content;
    changed[at] ^= 0x40;
    EXPECT_EQ(find_log_damage(changed), kNone) << at;
  }
}

TEST(LogCheck, APageOfZerosIsDamageAlsoBetweenTwoBatches) {
  const Log log = make_log();
  std::string changed = log.content;
  std::fill(changed.begin() + static_cast<std::ptrdiff_t>(log.ends[5]), changed.begin() + static_cast<std::ptrdiff_t>(log.ends[7]), '\0');
  EXPECT_NE(find_log_damage(changed), kNone);
}

TEST(LogCheck, AMissingBatchIsDamage) {
  const Log log = make_log();
  std::string changed = log.content;
  changed.erase(log.ends[5], log.ends[6] - log.ends[5]);
  changed.resize(log.ends[20]);
  EXPECT_NE(find_log_damage(changed), kNone);
}

}  // namespace
}  // namespace jwtd::store
