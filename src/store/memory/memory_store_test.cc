// store/memory/memory_store_test.cc - the contract, for the memory driver.
#include "store/memory/memory_store.h"

#include "tests/contract/store_contract.h"
#include "tests/contract/whole_store_contract.h"

namespace jwtd::store {
namespace {

class MemoryPlace final : public Place {
 public:
  std::unique_ptr<Store> open(std::chrono::seconds retention) override {
    StoreOptions options;
    options.url = "memory:";
    options.retention = retention;
    return open_memory_store(options);
  }
};

const auto kDriver = testing::Values(Driver{"memory", false, [] { return std::make_unique<MemoryPlace>(); }});
INSTANTIATE_TEST_SUITE_P(Memory, StoreContract, kDriver, name_of_driver);
INSTANTIATE_TEST_SUITE_P(Memory, WholeStore, kDriver, name_of_driver);

TEST(MemoryStore, SweepFreesWhatExpired) {
  StoreOptions options;
  options.retention = std::chrono::seconds(10);
  const auto store = open_memory_store(options);
  for (int i = 0; i < 5000; ++i) {
    Entry entry{make_record("x" + std::to_string(i), kPhone, kNow + i), true, Outcome::kInserted, {}};
    Entry* batch[] = {&entry};
    ASSERT_TRUE(store->commit(batch));
  }
  ASSERT_TRUE(store->sweep(kNow + 10'000 + 4000));
  EXPECT_EQ(store->stats().transactions, 1000u);
}

}  // namespace
}  // namespace jwtd::store
