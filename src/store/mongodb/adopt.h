// store/mongodb/adopt.h - transactions of another store, as they stand; for copies.
#pragma once

#include <chrono>
#include <span>

#include "base/result.h"
#include "store/mongodb/connections.h"
#include "store/store.h"

namespace jwtd::store {

// As Store::adopt(). What has all its earlier tokens beyond kMaxEarlierTokens gets documents in tokens_earlier first.
Result<Adopted> adopt_transactions(Connections& connections, std::chrono::seconds retention, std::span<const Transaction> transactions);

}  // namespace jwtd::store
