// store/memory/memory_store_test.cc - the contract, for the memory driver.
#include "store/memory/memory_store.h"

#include <atomic>
#include <cstdlib>

#include "tests/contract/store_contract.h"
#include "tests/contract/timeline_contract.h"
#include "tests/contract/whole_store_contract.h"

namespace {
std::atomic<std::size_t> largest_allocation{0};
}

// Not inlined, or g++ takes new and free() for a mismatch.
[[gnu::noinline]] void* operator new(std::size_t octets) {
  if (octets > largest_allocation) largest_allocation = octets;
  void* const made = std::malloc(octets);
  if (made == nullptr) std::abort();
  return made;
}
[[gnu::noinline]] void operator delete(void* made) noexcept { std::free(made); }
[[gnu::noinline]] void operator delete(void* made, std::size_t) noexcept { std::free(made); }

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
INSTANTIATE_TEST_SUITE_P(Memory, TimelineContract, kDriver, name_of_driver);

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

// A table that moves to a larger place makes all commits wait; that it is large shows in what it asks for at once.
TEST(MemoryStore, NoGrowthMovesManyRecordsAtOnce) {
  const auto store = open_memory_store({});
  largest_allocation = 0;
  for (int i = 0; i < 100'000; ++i) {
    const std::string phone = i % 2 == 0 ? kPhone : std::to_string(15'550'000'000 + i);
    Entry entry{make_record("x" + std::to_string(i), phone, kNow + i), true, Outcome::kInserted, {}};
    Entry* batch[] = {&entry};
    ASSERT_TRUE(store->commit(batch));
  }
  EXPECT_EQ(store->stats().transactions, 100'000u);
  // The list of arrivals doubles an index of 8 octets for every four records; a table's index would have 8 for each.
  EXPECT_LT(largest_allocation, 400'000u);
}

}  // namespace
}  // namespace jwtd::store
