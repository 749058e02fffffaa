// app/open_store.h - from a store URL to a driver: the only place that knows which drivers there are.
#pragma once

#include <memory>

#include "base/result.h"
#include "store/store.h"

namespace jwtd::app {

inline constexpr Code kStoreUrlUnknown{"store_url_unknown", Fault::kInvalidArgument, "The store URL must begin with rocksdb:/// or be memory:"};

// Fails with kStoreUrlUnknown, store::kStoreLocked, store::kStoreOpenFailed.
Result<std::unique_ptr<store::Store>> open_store(const store::StoreOptions& options);

}  // namespace jwtd::app
