// app/open_store.h - from a store URL to a driver: the only place that knows which drivers there are.
#pragma once

#include <memory>

#include "base/result.h"
#include "config/config.h"
#include "store/store.h"

namespace jwtd::app {

inline constexpr Code kStoreUrlUnknown{"store_url_unknown", Fault::kInvalidArgument, "The store URL must begin with rocksdb:///, mongodb:// or postgresql://, or be memory:"};

// Settings as a driver wants them, with what store.url_file and store.password_file hold. Fails as keys::read_secret_file() does.
Result<store::StoreOptions> store_options(const config::Store& settings);

// Fails with kStoreUrlUnknown, store::kStoreLocked, store::kStoreOpenFailed.
Result<std::unique_ptr<store::Store>> open_store(const store::StoreOptions& options);

// The same for a node that is to start while its database is away: then a store that refuses until it is back, and options.on_event hears why.
Result<std::unique_ptr<store::Store>> open_store_or_wait(const store::StoreOptions& options);

}  // namespace jwtd::app
