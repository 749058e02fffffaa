// store/memory/memory_store.h - transactions in this process's memory, for tests and for measuring without a disk.
//
// Nothing survives the process. Cost: about 1 us and 600 octets a transaction; memory is bounded by the retention alone.
// Thread-safety: as store.h; one mutex, held for one batch, one look-up or 1024 removals.
#pragma once

#include <memory>

#include "store/store.h"

namespace jwtd::store {

std::unique_ptr<Store> open_memory_store(const StoreOptions& options);

}  // namespace jwtd::store
