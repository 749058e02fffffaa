// store/rocksdb/phone_memtable_test.cc - RocksDB over the appended table behaves as over its own.
#include "store/rocksdb/phone_memtable.h"

#include <gtest/gtest.h>
#include <rocksdb/db.h>
#include <rocksdb/slice_transform.h>

#include <atomic>
#include <map>
#include <memory>
#include <random>
#include <thread>

#include "store/rocksdb/temporary_folder.h"

namespace jwtd::store {
namespace {

std::string key_of(unsigned phone, unsigned rest) {
  std::string key(8, '\0');
  key[6] = static_cast<char>(phone >> 8);
  key[7] = static_cast<char>(phone);
  return key + std::to_string(rest);
}

class PhoneMemtable : public testing::Test {
 protected:
  PhoneMemtable() {
    rocksdb::Options options;
    options.create_if_missing = true;
    options.allow_concurrent_memtable_write = false;
    options.memtable_factory = make_phone_memtable_factory();
    options.prefix_extractor.reset(rocksdb::NewFixedPrefixTransform(8));
    rocksdb::DB* db = nullptr;
    EXPECT_TRUE(rocksdb::DB::Open(options, folder_.path(), &db).ok());
    db_.reset(db);
  }

  std::vector<std::string> keys_of(unsigned phone) {
    rocksdb::ReadOptions options;
    options.prefix_same_as_start = true;
    const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(options));
    std::vector<std::string> keys;
    for (it->Seek(key_of(phone, 0).substr(0, 8)); it->Valid(); it->Next()) keys.push_back(it->key().ToString());
    return keys;
  }

  std::vector<std::string> all_keys() {
    rocksdb::ReadOptions options;
    options.total_order_seek = true;
    const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(options));
    std::vector<std::string> keys;
    for (it->SeekToFirst(); it->Valid(); it->Next()) keys.push_back(it->key().ToString());
    return keys;
  }

  TemporaryFolder folder_;
  std::unique_ptr<rocksdb::DB> db_;
};

TEST_F(PhoneMemtable, HoldsWhatAnOrderedMapHoldsBeforeAndAfterFlushes) {
  std::mt19937 random(7);
  std::map<std::string, int> model;
  for (int i = 0; i < 20'000; ++i) {
    const std::string key = key_of(random() % 300, random() % 200);
    if (random() % 5 == 0) {
      ASSERT_TRUE(db_->Delete({}, key).ok());
      model.erase(key);
    } else {
      ASSERT_TRUE(db_->Put({}, key, "").ok());
      model[key] = i;
    }
    if (i % 7000 == 6999) {
      ASSERT_TRUE(db_->Flush({}).ok());
    }
  }
  std::vector<std::string> expected;
  for (const auto& [key, i] : model) expected.push_back(key);
  EXPECT_EQ(all_keys(), expected);
  for (unsigned phone = 0; phone < 310; ++phone) {
    std::vector<std::string> of_phone;
    for (const auto& key : expected) {
      if (key.substr(0, 8) == key_of(phone, 0).substr(0, 8)) of_phone.push_back(key);
    }
    EXPECT_EQ(keys_of(phone), of_phone) << phone;
  }
  ASSERT_TRUE(db_->Flush({}).ok());
  EXPECT_EQ(all_keys(), expected);
}

TEST_F(PhoneMemtable, CanBeReadWhileItIsWritten) {
  constexpr unsigned kKeys = 30'000;
  std::atomic<unsigned> written{0};
  std::atomic<bool> wrong{false};
  std::thread reader([&] {
    for (unsigned seen = 0; seen < kKeys;) {
      seen = written.load();
      if (keys_of(3).size() < seen / 10) wrong = true;
    }
  });
  for (unsigned i = 0; i < kKeys; ++i) {
    ASSERT_TRUE(db_->Put({}, key_of(i % 10, i), "").ok());
    written = i + 1;
  }
  reader.join();
  EXPECT_FALSE(wrong);
}

}  // namespace
}  // namespace jwtd::store
