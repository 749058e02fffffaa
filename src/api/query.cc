// api/query.cc - names first, then values.
#include "api/query.h"

#include <algorithm>
#include <charconv>

#include "http/message.h"

namespace jwtd::api {

using http::QueryValue;

Status check_names(std::string_view query, std::initializer_list<std::string_view> known) {
  unsigned seen = 0;
  while (!query.empty()) {
    const auto end = query.find('&');
    const std::string_view name = query.substr(0, query.substr(0, end).find('='));
    if (!query.substr(0, end).empty()) {
      const auto at = std::find(known.begin(), known.end(), name);
      if (at == known.end()) return Error(kQueryParameterUnknown);
      const unsigned bit = 1u << (at - known.begin());
      if (seen & bit) return Error(kQueryParameterRepeated);
      seen |= bit;
    }
    query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
  }
  return {};
}

Result<std::size_t> page_limit(std::string_view query) {
  std::string text;
  const QueryValue found = http::query_value(query, "limit", text);
  if (found == QueryValue::kAbsent) return kDefaultPageRecords;
  std::size_t limit = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
  if (found == QueryValue::kMalformed || error != std::errc() || end != text.data() + text.size() || limit < 1 || limit > kMaxPageRecords) return Error(kPageLimitMalformed);
  return limit;
}

Result<bool> flag(std::string_view query, std::string_view name) {
  std::string text;
  const QueryValue found = http::query_value(query, name, text);
  if (found == QueryValue::kAbsent) return false;
  if (found == QueryValue::kMalformed || (text != "0" && text != "1")) return Error(kQueryParameterMalformed);
  return text == "1";
}

}  // namespace jwtd::api
