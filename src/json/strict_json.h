// json/strict_json.h - a JSON object that somebody else wrote, read strictly: the one reader for tokens, callbacks and request bodies.
//
// Stricter than RFC 8259 where trust needs it: the text is one object and nothing else, in UTF-8 without a byte order mark, no object in it
// has two members of one name (RFC 7515 s4, RFC 7519 s4), and nesting is bounded. The size is the caller's to bound. Cost: linear but for the
// look-up of names.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace jwtd::json {

struct JsonMember {
  enum class Kind : unsigned char { kNull, kFlag, kNumber, kString, kArray, kObject };

  std::string name;   // empty: an array's item
  Kind kind = Kind::kNull;
  bool flag = false;
  std::string text;   // of a string, unescaped: may hold a NUL
  double number = 0;  // of a number: exact for every integer below 2^53
  std::optional<std::int64_t> integer;  // of a number written without fraction and exponent, if it has room
  std::vector<JsonMember> members;      // of an object or array, in the order of the text

  const JsonMember* find(std::string_view wanted) const;  // nullptr: absent, or this is no object
};

class JsonObject {
 public:
  // nullopt: it is not such an object, or nested more than `max_depth` deep, itself included; `why` says in words, with positions but
  // without quoting values.
  static std::optional<JsonObject> parse(std::string_view text, std::size_t max_depth, std::string& why);

  const JsonMember* find(std::string_view name) const { return top_.find(name); }  // nullptr: absent
  bool has(std::string_view name) const { return find(name) != nullptr; }
  const std::vector<JsonMember>& members() const { return top_.members; }  // in the order of the text

 private:
  JsonMember top_;
};

// `text` in quotation marks if it is short printable ASCII, so that an error about a foreign text cannot play tricks on a terminal; else its size. The second
// is for what anybody may have written, and goes into logs: it quotes nothing with as many digits as a phone number has.
std::string quoted_if_printable(std::string_view text);
std::string quoted_if_harmless(std::string_view text);

}  // namespace jwtd::json
