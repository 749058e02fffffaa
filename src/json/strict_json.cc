// json/strict_json.cc - the quick reader for what is right, the exact one for all that it does not take.
#include "json/strict_json.h"

#include <algorithm>
#include <cstddef>

#include "base/ids.h"
#include "json/readers.h"

namespace jwtd::json {

namespace {

constexpr std::size_t kMaxQuotedCharacters = 40;  // of a foreign name in an error text

std::string octets(std::string_view text) { return "of " + std::to_string(text.size()) + " octets"; }

}  // namespace

std::optional<JsonObject> JsonObject::parse(std::string_view text, std::size_t max_depth, std::string& why) {
  if (text.starts_with("\xef\xbb\xbf")) {  // some versions of either library would skip it
    why = "it begins with a byte order mark";
    return std::nullopt;
  }
  std::optional<JsonObject> object(std::in_place);
  if (read_quickly(text, max_depth, object->top_)) return object;
  object.emplace();
  if (!read_exactly(text, max_depth, object->top_, why)) object.reset();
  return object;
}

const JsonMember* JsonMember::find(std::string_view wanted) const {
  if (kind != Kind::kObject) return nullptr;
  const auto found = std::find_if(members.begin(), members.end(), [&](const JsonMember& member) { return member.name == wanted; });
  return found == members.end() ? nullptr : &*found;
}

std::string quoted_if_printable(std::string_view text) {
  const bool printable = text.size() <= kMaxQuotedCharacters &&
                        std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c <= 0x7e && c != '"'; });
  return printable ? '"' + std::string(text) + '"' : octets(text);
}

std::string quoted_if_harmless(std::string_view text) {
  // However they are separated: a name needs no seven digits, so none is worth a phone number in a log.
  const auto digits = std::count_if(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  return digits < static_cast<std::ptrdiff_t>(Phone::kMinDigits) ? quoted_if_printable(text) : octets(text);
}

}  // namespace jwtd::json
