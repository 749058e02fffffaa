// cli/revoke.h - `jwtd revoke`: ends tokens by transaction, phone number, key or token, through a running jwtd or in the store itself.
//
// A RocksDB folder belongs to the server that has it open: beside that, the admin listener is the way, and the refusal says so. Over a database the
// two do the same.
#pragma once

#include <string>

#include "cli/admin_client.h"
#include "cli/private_argument.h"
#include "cli/store.h"

namespace jwtd::cli {

struct Revoke {
  AdminPlace place;  // with a key_file this is where to ask, and the caller needs the scope revoke
  StorePlace store;  // otherwise; for a token a configuration, whose key verifies it
  std::string xid, kid, token_file;  // of these and `phone` exactly one is given; token_file: "-" is standard input
  PhoneArgument phone;
  bool json = false;  // -o json: {"transactions","already_revoked","keys","kid_is"} as POST /v1/revocations
};

// kExitOk; kExitFailed: the server or the store refused or failed, or has no such transaction, or did not sign the token; kExitUsage.
int revoke(const Revoke& request, const Stores& stores, const Streams& streams, UnixMillis now);

}  // namespace jwtd::cli
