// api/transactions.h - the routes that look things up: GET /v1/transactions/{xid} and GET /v1/transactions?phone_number=.
//
// Both need a caller with the scope read. Phone numbers in full, and tokens, are for callers that have read:pii too.
#pragma once

#include <atomic>
#include <cstdint>

#include "api/admin_context.h"
#include "http/router.h"
#include "timeline/placing.h"

namespace jwtd::api {

using timeline::kTransactionUnknown;
inline constexpr Code kPhoneNumberMissing{"phone_number_missing", Fault::kInvalidArgument,
                                           "This route needs the query parameter phone_number."};
// One for any number of loops.
struct TransactionsContext : AdminContext {
  std::atomic<std::uint64_t>* damaged = nullptr;  // counts the transactions that were asked for and cannot be read; may be nullptr
};

// The query's phone_number. Fails with kPhoneNumberMissing, kPhoneMalformed.
Result<Phone> phone_number(std::string_view query);
// The path's first parameter. Fails with kXidMalformed.
Result<Xid> xid_of(const http::Request& request);

void add_transaction_routes(http::Router& router, const TransactionsContext& context);

}  // namespace jwtd::api
