// app/open_store.cc - one line a driver.
#include "app/open_store.h"

#include <string_view>

#include "store/memory/memory_store.h"
#include "store/rocksdb/rocksdb_store.h"

namespace jwtd::app {

Result<std::unique_ptr<store::Store>> open_store(const store::StoreOptions& options) {
  const std::string_view url = options.url;
  if (url == "memory:") return store::open_memory_store(options);
  if (url.starts_with("rocksdb:///")) return store::open_rocksdb_store(options);
  return Error(kStoreUrlUnknown);
}

}  // namespace jwtd::app
