// jose/strict_json.h - what stands at the top of a JSON object, read strictly; private to jose/.
//
// Stricter than RFC 8259 where tokens need it: the text is one object and nothing else, in UTF-8 without a byte order mark, no object in it
// has two members of one name (RFC 7515 s4, RFC 7519 s4), and nesting is bounded. Cost: linear but for the look-up of names.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace jwtd::jose {

struct JsonMember {
  enum class Kind : unsigned char { kString, kNumber, kOther };  // other: true, false, null, an array or an object

  std::string name;
  Kind kind;
  std::string text;   // of a string, unescaped
  double number = 0;  // of a number: exact for every integer below 2^53
};

class JsonObject {
 public:
  // nullopt: it is not such an object; `why` says in words, with positions but without quoting values.
  static std::optional<JsonObject> parse(std::string_view text, std::string& why);

  const JsonMember* find(std::string_view name) const;  // nullptr: absent
  bool has(std::string_view name) const { return find(name) != nullptr; }

 private:
  friend class JsonReader;
  std::vector<JsonMember> members_;  // in the order of the text
};

// `text` in quotation marks if it is short printable ASCII, so that an error about a foreign token cannot play tricks on a terminal.
std::string quoted_if_harmless(std::string_view text);

}  // namespace jwtd::jose
