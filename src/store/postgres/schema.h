// store/postgres/schema.h - the tables, how they come to be, and whether they are ours.
//
// Everything lives in the schema "jwtd" of the database. jwtd.migrations holds the number of each migration that was applied; a program knows those up
// to kSchemaVersion. Migrations run in one transaction, and two programs that try at the same time wait for each other.
//
// An epoch is one partition of jwtd.transactions and one of jwtd.earlier_tokens; new transactions go to the newest.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "store/postgres/connection.h"

namespace jwtd::store::postgres {

inline constexpr int kSchemaVersion = 2;

// Fails with kStoreOpenFailed: no schema and `migrate` is false, one that is newer than this program, one that jwtd did not make.
Status ready_schema(Connection& connection, bool migrate, const std::function<void(std::string_view)>& on_event);

// SQL that makes the tables of an epoch and opens it; for a transaction.
std::string open_epoch_sql(int epoch);
std::string drop_epoch_sql(int epoch);

}  // namespace jwtd::store::postgres
