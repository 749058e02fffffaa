// api/query.h - the parameters of a query, read strictly; private to api/.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "base/limits.h"
#include "base/result.h"

namespace jwtd::api {

inline constexpr Code kQueryParameterUnknown{"query_parameter_unknown", Fault::kInvalidArgument,
                                             "The query has a parameter that this route does not take."};
inline constexpr Code kQueryParameterRepeated{"query_parameter_repeated", Fault::kInvalidArgument, "The query has a parameter twice."};
inline constexpr Code kQueryParameterMalformed{"query_parameter_malformed", Fault::kInvalidArgument, "A parameter of the query has a value that this route does not take."};
inline constexpr Code kPageLimitMalformed{"page_limit_malformed", Fault::kInvalidArgument,
                                           "The limit must be a whole number from 1 to 100."};

inline constexpr std::size_t kDefaultPageRecords = 20;

// A misspelled name that were ignored would answer another question than the one that was asked. Fails with kQueryParameterUnknown,
// kQueryParameterRepeated.
Status check_names(std::string_view query, std::initializer_list<std::string_view> known);

// Which page of a list: the parameters `limit`, kDefaultPageRecords without one, and `cursor`, empty for the first page.
struct PageWish {
  std::size_t limit = kDefaultPageRecords;
  std::string cursor;
};
// Fails with kPageLimitMalformed, store::kCursorMalformed. Whether a cursor of a good form is one of this list is for the store to say.
Result<PageWish> page_wish(std::string_view query);

// Whether `name` is 1; absent is false. Fails with kQueryParameterMalformed for anything but 0 and 1.
Result<bool> flag(std::string_view query, std::string_view name);

}  // namespace jwtd::api
