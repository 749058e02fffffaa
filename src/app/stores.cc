// app/stores.cc - which verb goes to which driver.
#include "app/stores.h"

#include "app/open_store.h"
#include "store/rocksdb/backup.h"

namespace jwtd::app {
namespace {

bool is_folder(std::string_view url) { return url.starts_with("rocksdb://"); }

Error no_folder(std::string_view url) {
  if (url.starts_with("mongodb")) return Error(kNotAFolder, "use mongodump and mongorestore, or jwtd store copy");
  if (url.starts_with("postgres")) return Error(kNotAFolder, "use pg_dump or pg_basebackup, or jwtd store copy");
  return Error(kNotAFolder);
}

}  // namespace

cli::Stores stores() {
  cli::Stores stores;
  stores.options = store_options;
  stores.open = open_store;
  stores.backup = [](const std::string& url, const std::string& folder) -> Result<store::Copied> {
    if (!is_folder(url)) return no_folder(url);
    return store::backup_rocksdb_store(url, folder);
  };
  stores.restore = [](const std::string& backup, const std::string& url, const std::function<Status(store::Store&)>& check) -> Result<store::Copied> {
    if (!is_folder(url)) return no_folder(url);
    return store::restore_rocksdb_store(backup, url, check);
  };
  stores.has_schema = [](std::string_view url) { return url.starts_with("postgres://") || url.starts_with("postgresql://"); };
  return stores;
}

}  // namespace jwtd::app
