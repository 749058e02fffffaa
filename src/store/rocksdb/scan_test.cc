// store/rocksdb/scan_test.cc - a scan beside damage: what cannot be read has a name, and everything else comes, whichever octet is wrong.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <set>

#include "store/rocksdb/damage_for_tests.h"
#include "store/rocksdb/driver.h"
#include "store/rocksdb/temporary_folder.h"
#include "tests/contract/sample_records.h"

namespace jwtd::store {
namespace {

namespace fs = std::filesystem;

constexpr int kTransactions = 1500;
constexpr int kPlacesAFile = 24;
constexpr std::uintmax_t kFooter = 53;  // of a table file; most of it is padding, which means nothing

class ScanOfDamage : public testing::Test {
 protected:
  std::unique_ptr<Store> open(const std::string& path) {
    StoreOptions options;
    options.url = "rocksdb://" + path;
    options.retention = std::chrono::seconds(0);
    auto opened = open_rocksdb_store_on(options, rocksdb::FileSystem::Default(), {.log_space = 0});
    return opened ? *std::move(opened) : nullptr;
  }

  // XIDs of both tables, 300 phones, every seventh reissued once; all in table files.
  void fill() {
    auto store = open(sound_.path());
    ASSERT_TRUE(store);
    const auto commit = [&](int from, UnixMillis at, int step) {
      std::vector<Entry> entries;
      for (int i = from; i < kTransactions; i += step) {
        const std::string number = std::to_string(100'000 + i);
        const std::string xid = (i % 2 == 0 ? "018bcfe5-6800-7abc-8def-000000" : "transaction-") + number;
        entries.push_back({make_record(xid, "15550" + std::to_string(100'000 + i % 300), at + i), false, {}, {}});
      }
      for (std::size_t i = 0; i < entries.size(); i += 500) {
        std::vector<Entry*> batch;
        for (std::size_t j = i; j < std::min(i + 500, entries.size()); ++j) batch.push_back(&entries[j]);
        ASSERT_TRUE(store->commit(batch));
      }
    };
    commit(0, kNow, 1);
    commit(0, kNow + 60'000, 7);
    store.reset();
    store = open(sound_.path());  // the log's content goes to tables
    scan(*store, all_, damaged_);
    ASSERT_EQ(all_.size(), static_cast<std::size_t>(kTransactions));
    ASSERT_TRUE(damaged_.empty());
  }

  static void scan(Store& store, std::map<std::string, Transaction>& all, std::vector<Slice::Damage>& damaged, std::size_t limit = 100) {
    all.clear();
    damaged.clear();
    std::string cursor;
    int slices = 0;
    do {
      auto slice = store.scan(limit, cursor, kNow);
      ASSERT_TRUE(slice) << slice.error().message();
      for (auto& transaction : slice->transactions) {
        const std::string xid = transaction.current.xid.text();
        ASSERT_TRUE(all.emplace(xid, std::move(transaction)).second) << xid << " came twice";
      }
      damaged.insert(damaged.end(), slice->damaged.begin(), slice->damaged.end());
      cursor = slice->next;
    } while (!cursor.empty() && ++slices < kTransactions);
  }

  TemporaryFolder sound_, hurt_;
  std::map<std::string, Transaction> all_;
  std::vector<Slice::Damage> damaged_;
};

TEST_F(ScanOfDamage, EveryTransactionIsShownOrNamedWhicheverOctetIsWrong) {
  fill();
  int places = 0, refused = 0, named_xids = 0, shown = 0;
  for (const auto& file : fs::directory_iterator(sound_.path())) {
    if (file.path().extension() != ".sst") continue;
    const auto size = file.file_size();
    for (int place = 0; place < kPlacesAFile; ++place, ++places) {
      const auto at = size * static_cast<std::uintmax_t>(place) / kPlacesAFile;
      fs::remove_all(hurt_.path());
      fs::copy(sound_.path(), hurt_.path(), fs::copy_options::recursive);
      flip(hurt_.path() + "/" + file.path().filename().string(), at);
      const auto store = open(hurt_.path());
      if (!store) {
        ++refused;
        continue;
      }
      std::map<std::string, Transaction> all;
      std::vector<Slice::Damage> damaged;
      scan(*store, all, damaged);
      ASSERT_TRUE(!damaged.empty() || at + kFooter > size) << file.path() << " at " << at;
      std::set<std::string> named;
      for (const auto& damage : damaged) {
        EXPECT_FALSE(damage.what.empty());
        named.insert(damage.where);
      }
      for (const auto& [xid, transaction] : all_) {
        const auto found = all.find(xid);
        ASSERT_NE(found == all.end(), named.count(xid) == 0) << xid << ", " << file.path() << " at " << at;
        if (found == all.end()) {
          ++named_xids;
          EXPECT_FALSE(store->find(*Xid::parse(xid), kNow)) << xid << " is served, and called damaged";
          continue;
        }
        ++shown;
        ASSERT_EQ(found->second.current.token, transaction.current.token);
        ASSERT_EQ(found->second.earlier.size(), transaction.earlier.size());
      }
    }
  }
  std::printf("NOTE scan: %d places, %d stores refused, %d XIDs named, %d transactions shown\n", places, refused, named_xids, shown);
  EXPECT_GT(places - refused, places / 2);
  EXPECT_GT(named_xids, 0);
}

TEST_F(ScanOfDamage, ACopyOfADamagedStoreHoldsAllThatIsSound) {
  fill();
  const std::string largest = largest_table(sound_.path());
  flip(largest, fs::file_size(largest) / 3);
  const auto store = open(sound_.path());
  ASSERT_TRUE(store);
  std::map<std::string, Transaction> first, second;
  std::vector<Slice::Damage> damaged;
  scan(*store, first, damaged, 1);
  scan(*store, second, damaged, 5000);
  EXPECT_EQ(first.size(), second.size());
  EXPECT_LT(first.size(), all_.size());
  EXPECT_GT(first.size(), all_.size() / 2);
}

}  // namespace
}  // namespace jwtd::store
