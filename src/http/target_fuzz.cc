// http/target_fuzz.cc - whatever octets arrive, the parser answers, keeps its bounds, and its views stay inside its input.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "http/message.h"
#include "http/parser.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

bool inside(std::string_view part, std::string_view whole) {
  return part.empty() || (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size) {
  using namespace jwtd::http;
  const std::string input(reinterpret_cast<const char*>(octets), size);
  RequestParser parser;
  const RequestParser::Step step = parser.head(input);
  if (step == RequestParser::Step::kRefused) require(parser.refusal().status >= 400);
  if (step != RequestParser::Step::kComplete) return 0;

  require(parser.head_octets() <= input.size());
  const Request& request = parser.request();
  require(inside(request.path, input) && inside(request.query, input));
  require(request.path == "*" || request.path.starts_with('/'));
  require(request.path.find_first_of("\r\n \t") == std::string_view::npos);
  for (const Field& f : request.fields) require(inside(f.name, input) && inside(f.value, input));

  std::string decoded;
  for (std::size_t at = 0; at < request.path.size();) {
    const auto end = std::min(request.path.find('/', at + 1), request.path.size());
    if (decode_segment(request.path.substr(at + 1, end - at - 1), decoded))
      for (const char c : decoded) require(c >= 0x20 && c <= 0x7e && c != '/');
    at = end;
  }
  (void)query_value(request.query, "phone_number", decoded);

  std::size_t used = 0;
  if (parser.has_body()) {
    (void)parser.body(std::string_view(input).substr(parser.head_octets()), used);
    require(used <= input.size() - parser.head_octets());
    require(parser.request().body.size() <= jwtd::kMaxBodyBytes);
  }
  return 0;
}
