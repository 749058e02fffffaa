// store/memory/growing_table_test.cc - a table beside std::map, through growth and removal.
#include "store/memory/growing_table.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <string>

namespace jwtd::store {
namespace {

struct NumberHash {
  std::size_t operator()(std::uint64_t number) const { return number * 0x9e37'79b9'7f4a'7c15 >> 20; }
};
struct OneHash {
  std::size_t operator()(std::uint64_t) const { return 7; }
};

template <class Hash>
void compare_with_a_map(std::uint64_t keys, int steps) {
  GrowingTable<std::uint64_t, std::unique_ptr<int>, Hash> table;
  std::map<std::uint64_t, int> expected;
  std::mt19937_64 chance(1);
  for (int i = 0; i < steps; ++i) {
    const std::uint64_t key = chance() % keys;
    if (chance() % 4 == 0) {
      table.erase(key);
      expected.erase(key);
    } else if (auto* found = table.find(key)) {
      **found = i;
      expected.at(key) = i;
    } else {
      EXPECT_EQ(**&table.insert(key, std::make_unique<int>(i)), i);
      ASSERT_TRUE(expected.emplace(key, i).second);
    }
    ASSERT_EQ(table.size(), expected.size());
  }
  for (std::uint64_t key = 0; key < keys; ++key) {
    const auto* found = table.find(key);
    const auto wanted = expected.find(key);
    ASSERT_EQ(found != nullptr, wanted != expected.end()) << key;
    if (found) { ASSERT_EQ(**found, wanted->second); }
  }
}

TEST(GrowingTable, HoldsWhatAMapHolds) { compare_with_a_map<NumberHash>(5000, 50'000); }
TEST(GrowingTable, HoldsWhatAMapHoldsWhenAllKeysCollide) { compare_with_a_map<OneHash>(100, 2000); }

TEST(GrowingTable, AValueStaysWhereItIs) {
  GrowingTable<std::uint64_t, int, NumberHash> table;
  const int* const first = &table.insert(0, 0);
  for (std::uint64_t i = 1; i < 10'000; ++i) table.insert(i, 0);
  EXPECT_EQ(table.find(std::uint64_t{0}), first);
}

}  // namespace
}  // namespace jwtd::store
