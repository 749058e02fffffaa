// app/open_store.cc - one line a driver.
#include "app/open_store.h"

#include <string_view>

#include "app/first_line.h"
#include "store/late_store.h"
#include "store/memory/memory_store.h"
#include "store/mongodb/mongodb_store.h"
#include "store/postgres/postgres_store.h"
#include "store/rocksdb/rocksdb_store.h"

namespace jwtd::app {
namespace {

bool is_postgres(std::string_view url) { return url.starts_with("postgresql://") || url.starts_with("postgres://"); }
bool is_mongodb(std::string_view url) { return url.starts_with("mongodb://") || url.starts_with("mongodb+srv://"); }

// Besides what open_store() fails with: store::kStoreUnavailable, a database is away.
Result<std::unique_ptr<store::Store>> try_to_open(const store::StoreOptions& options) {
  const std::string_view url = options.url;
  if (url == "memory:") return store::open_memory_store(options);
  if (is_postgres(url)) return store::open_postgres_store(options);
  if (url.starts_with("rocksdb:///")) return store::open_rocksdb_store(options);
  if (is_mongodb(url)) return store::open_mongodb_store(options);
  return Error(kStoreUrlUnknown);
}

}  // namespace

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
  auto store = try_to_open(options);
  if (!store && store.error().is(store::kStoreUnavailable)) return Error(store::kStoreOpenFailed, store.error().detail());
  return store;
}

Result<std::unique_ptr<store::Store>> open_store_or_wait(const store::StoreOptions& options) {
  auto store = try_to_open(options);
  const bool database = is_postgres(options.url) || is_mongodb(options.url);
  if (store || !database || !store.error().is(store::kStoreUnavailable)) return store;
  store::LateStore::Options late;
  late.open = [options] { return try_to_open(options); };
  late.driver = is_postgres(options.url) ? "postgresql" : "mongodb";
  late.commits_at_once = is_postgres(options.url) ? store::postgres_commits_at_once(options) : store::mongodb_commits_at_once(options);
  late.on_event = options.on_event;
  return std::unique_ptr<store::Store>(std::make_unique<store::LateStore>(std::move(late), store.error()));
}

}  // namespace jwtd::app
