// cli/store_check.h - reads a whole store and says what is wrong with it; private to cli/'s store verbs.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/record_check.h"
#include "store/store.h"

namespace jwtd::cli {

struct CheckFindings {
  std::uint64_t transactions = 0, tokens = 0;
  std::uint64_t damaged_count = 0;
  std::vector<store::Slice::Damage> damaged;  // the first kMaxNamed
};

// Fails when the store does.
Result<CheckFindings> check_store(store::Store& store, RecordCheck& records, const Streams& streams, UnixMillis now);

}  // namespace jwtd::cli
