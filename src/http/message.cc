// http/message.cc - fields, segments and query parameters, without any copy that is not asked for.
#include "http/message.h"

#include <cstring>

#include "base/percent.h"

namespace jwtd::http {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

// Printable ASCII only: nothing that jwtd takes in a path or a query has other octets, so no UTF-8 rule can be got wrong.
bool percent_decode(std::string_view raw, std::string& out) {
  out.clear();
  for (std::size_t i = 0; i < raw.size(); ++i) {
    char c = raw[i];
    if (c == '%') {
      const int octet = percent_octet(raw, i);
      if (octet == kNoOctet) return false;
      c = static_cast<char>(octet);
      i += 2;
    }
    if (c < 0x20 || c > 0x7e) return false;  // char is signed here: octets above 127 are negative
    out.push_back(c);
  }
  return true;
}

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view lower_case) {
  if (a.size() != lower_case.size()) return false;
  if (std::memcmp(a.data(), lower_case.data(), a.size()) == 0) return true;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (lower(a[i]) != lower_case[i]) return false;
  return true;
}

std::string_view Request::field(std::string_view lower_case_name) const {
  for (const Field& f : fields)
    if (equal_ignoring_case(f.name, lower_case_name)) return f.value;
  return {};
}

void Response::reset() {
  status = 200;
  content_type = {};
  fields.clear();
  body.clear();
  close = false;
  error_id = {};
}

void Response::add_field(std::string_view name, std::string_view value) {
  fields.append(name).append(": ").append(value).append("\r\n");
}

bool decode_segment(std::string_view raw, std::string& out) {
  return percent_decode(raw, out) && out.find('/') == std::string::npos;
}

QueryValue query_value(std::string_view query, std::string_view name, std::string& out) {
  while (!query.empty()) {
    const auto end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    const auto equals = pair.find('=');
    if (pair.substr(0, equals) == name) {
      const std::string_view raw = equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1);
      return percent_decode(raw, out) ? QueryValue::kFound : QueryValue::kMalformed;
    }
    if (end == std::string_view::npos) break;
    query.remove_prefix(end + 1);
  }
  return QueryValue::kAbsent;
}

}  // namespace jwtd::http
