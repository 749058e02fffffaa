// cli/stores.h - what the `store` verbs need to know of drivers; app/ provides it, so that cli/ knows none.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "config/config.h"
#include "store/store.h"

namespace jwtd::cli {

struct Stores {
  // What [store] says, with the files that it names read. Fails as base/secret.h's read_secret_file().
  std::function<Result<store::StoreOptions>(const config::Store&)> options;
  // Fails with what the driver fails with; with a Fault::kInvalidArgument for a URL that is no store's.
  std::function<Result<std::unique_ptr<store::Store>>(const store::StoreOptions&)> open;
  // store/rocksdb/backup.h; for other drivers they fail and name the database's own tools.
  std::function<Result<store::Copied>(const std::string& url, const std::string& folder)> backup;
  std::function<Result<store::Copied>(const std::string& backup, const std::string& url, const std::function<Status(store::Store&)>& check)> restore;
  // Whether the driver has a schema that StoreOptions::migrate brings up to date.
  std::function<bool(std::string_view url)> has_schema;
};

}  // namespace jwtd::cli
