// base/out_of_memory_test.cc - how it ends.
#include "base/out_of_memory.h"

#include <gtest/gtest.h>

namespace jwtd {
namespace {

TEST(OutOfMemoryDeathTest, EndsWithASentenceAndOne) {
  EXPECT_EXIT(out_of_memory(), testing::ExitedWithCode(1), "jwtd: out of memory");
}

}  // namespace
}  // namespace jwtd
