// cli/transactions.h - `jwtd transactions export|erase`: what a data subject may ask for, from a running jwtd over its admin listener.
#pragma once

#include "cli/admin_client.h"
#include "cli/cli.h"
#include "cli/private_argument.h"

namespace jwtd::cli {

struct TransactionsRequest {
  AdminPlace place;  // the caller needs read, read:pii and callbacks to export, admin to erase
  PhoneArgument phone;
};

// One JSON object: {"phone_number", "transactions": [...], "unmatched_callbacks": [...]}, each transaction with its tokens and events as
// GET /v1/transactions/{xid} has them; and callbacks that name the number and have no transaction. What the
// store cannot read is named in "damaged", and the exit code is kExitFailed although all else is there.
int transactions_export(const TransactionsRequest& request, const Streams& streams);
// {"transactions", "tokens", "events", "damaged", "callbacks"}: how much was removed.
int transactions_erase(const TransactionsRequest& request, const Streams& streams);

}  // namespace jwtd::cli
