// json/quick_reader.cc - simdjson's tree, copied out member by member.
#include <simdjson.h>

#include <algorithm>
#include <vector>

#include "json/readers.h"

namespace jwtd::json {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;
using Kind = JsonMember::Kind;

// Beyond it, comparing each name with each would let a body of kilobytes cost milliseconds.
constexpr std::size_t kMaxNamesCompared = 16;

bool has_twice(const std::vector<JsonMember>& members) {
  if (members.size() <= kMaxNamesCompared) {
    for (auto one = members.begin(); one != members.end(); ++one) {
      if (std::any_of(members.begin(), one, [&](const JsonMember& other) { return other.name == one->name; })) return true;
    }
    return false;
  }
  std::vector<std::string_view> names;
  names.reserve(members.size());
  for (const JsonMember& member : members) names.push_back(member.name);
  std::sort(names.begin(), names.end());
  return std::adjacent_find(names.begin(), names.end()) != names.end();
}

bool copy(const element& from, std::size_t room, JsonMember& to);

template <class Range>
bool copy_all(const Range& range, std::size_t room, JsonMember& to) {
  if (room == 0) return false;
  to.members.reserve(range.size());
  for (const auto part : range) {
    JsonMember& member = to.members.emplace_back();
    if constexpr (std::is_same_v<Range, simdjson::dom::object>) {
      member.name = part.key;
      if (!copy(part.value, room - 1, member)) return false;
    } else if (!copy(part, room - 1, member)) {
      return false;
    }
  }
  return true;
}

// `room`: how many levels there may be from here on.
bool copy(const element& from, std::size_t room, JsonMember& to) {
  switch (from.type()) {
    case element_type::NULL_VALUE:
      return true;
    case element_type::BOOL:
      to.kind = Kind::kFlag;
      to.flag = from.get_bool().value_unsafe();
      return true;
    case element_type::STRING:
      to.kind = Kind::kString;
      to.text = from.get_string().value_unsafe();
      return true;
    case element_type::INT64:
      to.kind = Kind::kNumber;
      to.integer = from.get_int64().value_unsafe();
      to.number = static_cast<double>(*to.integer);
      return true;
    case element_type::UINT64:  // only what an int64_t has no room for
      to.kind = Kind::kNumber;
      to.number = static_cast<double>(from.get_uint64().value_unsafe());
      return true;
    case element_type::DOUBLE:
      to.kind = Kind::kNumber;
      to.number = from.get_double().value_unsafe();
      return true;
    case element_type::ARRAY:
      to.kind = Kind::kArray;
      return copy_all(from.get_array().value_unsafe(), room, to);
    case element_type::OBJECT:
      to.kind = Kind::kObject;
      return copy_all(from.get_object().value_unsafe(), room, to) && !has_twice(to.members);
  }
  return false;
}

}  // namespace

bool read_quickly(std::string_view text, std::size_t max_depth, JsonMember& top) {
  thread_local simdjson::dom::parser parser;
  thread_local std::string padded;  // simdjson reads beyond the text's end
  padded.reserve(text.size() + simdjson::SIMDJSON_PADDING);
  padded.assign(text);
  padded.append(simdjson::SIMDJSON_PADDING, ' ');
  element root;
  return parser.parse(padded.data(), text.size(), /*realloc_if_needed=*/false).get(root) == simdjson::SUCCESS && root.is_object() &&
         copy(root, max_depth, top);
}

}  // namespace jwtd::json
