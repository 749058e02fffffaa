// api/transactions.h - the routes that look things up: GET /v1/transactions/{xid} and GET /v1/transactions?phone_number=.
//
// Both need a caller with the scope read. Phone numbers in full, and tokens, are for callers that have read:pii too.
#pragma once

#include <atomic>
#include <cstdint>

#include "access/snapshot.h"
#include "base/log.h"
#include "base/time.h"
#include "http/router.h"
#include "store/read_pool.h"
#include "store/store.h"
#include "timeline/placing.h"

namespace jwtd::api {

using timeline::kTransactionUnknown;
inline constexpr Code kPhoneNumberMissing{"phone_number_missing", Fault::kInvalidArgument,
                                           "This route needs the query parameter phone_number."};
// One for any number of loops; everything it refers to outlives it, and it outlives the router.
struct TransactionsContext {
  store::Store& store;
  store::ReadPool& reads;
  const access::Snapshot& callers;
  Log* log = nullptr;  // gets the detail of what the store could not do; nullptr: nobody does
  UnixMillis (*now)() = wall_now;
  std::atomic<std::uint64_t>* damaged = nullptr;  // counts the transactions that were asked for and cannot be read; may be nullptr
};

// The query's phone_number. Fails with kPhoneNumberMissing, kPhoneMalformed.
Result<Phone> phone_number(std::string_view query);
// The path's first parameter. Fails with kXidMalformed.
Result<Xid> xid_of(const http::Request& request);

void add_transaction_routes(http::Router& router, const TransactionsContext& context);

}  // namespace jwtd::api
