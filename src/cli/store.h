// cli/store.h - `jwtd store copy|stats|check|backup|restore|migrate`: whole stores, whatever driver keeps them.
//
// store_group.cc fills the requests from arguments; the functions do the job and return the exit code (cli/cli.h). Results go to `out`, progress
// and what went wrong to `err`. No password, phone number or token is printed; an XID that could be a phone number is masked as one.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/time.h"
#include "cli/cli.h"
#include "cli/stores.h"
#include "jose/hmac.h"

namespace jwtd::cli {

// Where a store is: a URL without a password, or a configuration whose [store] is meant.
struct StorePlace {
  std::string where;
  std::string password_file;  // as store.password_file; empty: the configuration's, or none
};

struct StoreCopy {
  StorePlace from, to;
  std::string state_file;      // how far it is; empty: default_state_file(). Gone after a copy that reached its end
  std::uint64_t rate = 0;      // transactions a second at most; 0: as fast as both are
  std::uint64_t sample = 1000; // transactions that are read back from both and compared
  std::optional<std::chrono::seconds> retention;  // of `to`; without it the configuration's, or 30 days for a URL
  bool json = false;
};

// In the current folder, named after the two places.
std::string default_state_file(const StoreCopy& request);

// Everything that the source keeps goes through Store::scan() and Store::adopt(). May be interrupted at any moment and run again. kExitOk: all is there, and
// counts and sample agree; kExitFailed: a store failed, or something was damaged, different or wrong, which is said; kExitUsage: a place is none.
// JSON: {"ok","transactions","written","present","different","expired","damaged":[{"where","what"}],"found","compared","wrong":[xid]}
int store_copy(const StoreCopy& request, const Stores& stores, const Streams& streams, UnixMillis now);

struct StoreStats {
  StorePlace store;
  bool json = false;  // {"driver","url","transactions","bytes","oldest","newest"}; the times are null where the store cannot tell
};
int store_stats(const StoreStats& request, const Stores& stores, const Streams& streams);

struct StoreCheck {
  StorePlace store;
  std::string key_file;  // as issuer.api_key_file: signatures made with this key are verified; empty: none are
  bool json = false;     // {"ok","transactions","tokens","signatures","other_keys","damaged":[{"where","what"}],"damaged_count"}
};

// Reads every record, verifies its checksum and that its token says what the record says. kExitOk: all is sound; kExitFailed: something is
// damaged, a line each; kExitUsage: no such store, or a key that cannot be used.
int store_check(const StoreCheck& request, const Stores& stores, const Streams& streams, UnixMillis now);

struct StoreBackup {
  StorePlace store;
  std::string to;     // a folder that is not there yet, or empty
  bool json = false;  // {"transactions","bytes","linked"}
};
int store_backup(const StoreBackup& request, const Stores& stores, const Streams& streams);

struct StoreRestore {
  std::string from;   // a folder that store_backup() made
  std::string to;     // rocksdb:// URL or folder; not there yet, or empty
  bool json = false;
};
// Checks the copy as store_check() before it appears.
int store_restore(const StoreRestore& request, const Stores& stores, const Streams& streams, UnixMillis now);

struct StoreMigrate {
  StorePlace store;
  bool json = false;  // {"driver","done":[what]}
};
int store_migrate(const StoreMigrate& request, const Stores& stores, const Streams& streams);

}  // namespace jwtd::cli
