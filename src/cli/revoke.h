// cli/revoke.h - `jwtd revoke`: ends tokens by transaction, phone number or key, in the store itself.
//
// A RocksDB folder belongs to the server that has it open: beside that, POST /v1/revocations is the way, and the refusal says so. Over a database the
// two do the same.
#pragma once

#include <string>

#include "cli/store.h"

namespace jwtd::cli {

struct Revoke {
  StorePlace store;
  std::string xid, phone, kid;  // exactly one is not empty
  std::string phone_file;       // its first line is the phone number, which then stands in no list of processes
  bool json = false;            // -o json: {"transactions","already_revoked","keys"} as POST /v1/revocations
};

// kExitOk; kExitFailed: the store is in use, failed, or has no such transaction; kExitUsage.
int revoke(const Revoke& request, const Stores& stores, const Streams& streams, UnixMillis now);

}  // namespace jwtd::cli
