// store/postgres/rows.h - from rows to records, with every value checked: others may write to these tables too.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "store/postgres/connection.h"
#include "store/record.h"

namespace jwtd::store::postgres {

// A transaction as it stands in the database.
struct Standing {
  Record record;
  UnixMillis created_at = 0;
  std::int32_t number = 1;  // of the record in its transaction
  std::int32_t epoch = 0;   // 0: not known, written by ourselves
  bool closed = false;      // events.h; where the statement asks for it
};

// Fail with kStoreDamaged; the detail names the XID if there is one, and never a phone number.
Result<Standing> read_standing(const Rows& rows, std::size_t row);
// With its events, as statements that show them have them; `earlier` is left empty.
Result<Transaction> read_transaction(const Rows& rows, std::size_t row, std::int32_t* epoch = nullptr);
Result<Record> read_earlier(const Rows& rows, std::size_t row, const Phone& phone);

// Whether the tables can hold it: times between 4700 B.C. and the year 200,000.
bool is_storable(const Record& record);

}  // namespace jwtd::store::postgres
