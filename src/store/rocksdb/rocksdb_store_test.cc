// store/rocksdb/rocksdb_store_test.cc - the contract for the RocksDB driver, and what only this driver promises.
#include "store/rocksdb/rocksdb_store.h"

#include "store/rocksdb/temporary_folder.h"
#include "tests/contract/store_contract.h"
#include "tests/contract/timeline_contract.h"
#include "tests/contract/whole_store_contract.h"

namespace jwtd::store {
namespace {

class RocksdbPlace final : public Place {
 public:
  std::unique_ptr<Store> open(std::chrono::seconds retention) override {
    StoreOptions options;
    options.url = "rocksdb://" + folder_.path();
    options.retention = retention;
    auto store = open_rocksdb_store(options);
    EXPECT_TRUE(store) << store.error().message();
    return store ? *std::move(store) : nullptr;
  }

 private:
  TemporaryFolder folder_;
};

const auto kDriver = testing::Values(Driver{"rocksdb", true, [] { return std::make_unique<RocksdbPlace>(); }});
INSTANTIATE_TEST_SUITE_P(Rocksdb, StoreContract, kDriver, name_of_driver);
INSTANTIATE_TEST_SUITE_P(Rocksdb, WholeStore, kDriver, name_of_driver);
INSTANTIATE_TEST_SUITE_P(Rocksdb, TimelineContract, kDriver, name_of_driver);

}  // namespace
}  // namespace jwtd::store
