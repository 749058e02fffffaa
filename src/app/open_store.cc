// app/open_store.cc - one line a driver.
#include "app/open_store.h"

#include <string_view>

#include "app/first_line.h"
#include "store/memory/memory_store.h"
#include "store/mongodb/mongodb_store.h"
#include "store/postgres/postgres_store.h"
#include "store/rocksdb/rocksdb_store.h"

namespace jwtd::app {
Result<store::StoreOptions> store_options(const config::Store& settings) {
  store::StoreOptions options;
  options.url = settings.url;
  options.retention = settings.retention;
  options.connections = settings.connections;
  options.timeout = settings.timeout;
  options.create_indexes = settings.create_indexes;
  options.migrate = settings.migrate;
  if (Status status = take_first_line(settings.url_file, options.url); !status) return std::move(status).error();
  if (Status status = take_first_line(settings.password_file, options.password); !status) return std::move(status).error();
  return options;
}

Result<std::unique_ptr<store::Store>> open_store(const store::StoreOptions& options) {
  const std::string_view url = options.url;
  if (url == "memory:") return store::open_memory_store(options);
  if (url.starts_with("postgresql://") || url.starts_with("postgres://")) return store::open_postgres_store(options);
  if (url.starts_with("rocksdb:///")) return store::open_rocksdb_store(options);
  if (url.starts_with("mongodb://") || url.starts_with("mongodb+srv://")) return store::open_mongodb_store(options);
  return Error(kStoreUrlUnknown);
}

}  // namespace jwtd::app
