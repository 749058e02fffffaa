// api/query.cc - names first, then values.
#include "api/query.h"

#include <algorithm>
#include <charconv>

#include "http/message.h"
#include "store/store.h"

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

Result<PageWish> page_wish(std::string_view query) {
  PageWish wish;
  std::string text;
  if (const QueryValue found = http::query_value(query, "limit", text); found != QueryValue::kAbsent) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), wish.limit);
    const bool whole = found != QueryValue::kMalformed && error == std::errc() && end == text.data() + text.size();
    if (!whole || wish.limit < 1 || wish.limit > kMaxPageRecords) return Error(kPageLimitMalformed);
  }
  // No cursor is longer than a note's key, which is one.
  if (http::query_value(query, "cursor", wish.cursor) == QueryValue::kMalformed || wish.cursor.size() > kMaxNoteKeyBytes) return Error(store::kCursorMalformed);
  return wish;
}

Result<bool> flag(std::string_view query, std::string_view name) {
  std::string text;
  const QueryValue found = http::query_value(query, name, text);
  if (found == QueryValue::kAbsent) return false;
  if (found == QueryValue::kMalformed || (text != "0" && text != "1")) return Error(kQueryParameterMalformed);
  return text == "1";
}

}  // namespace jwtd::api
