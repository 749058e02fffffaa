// jose/strict_json.cc - nlohmann's SAX parser with the strictness that it lacks.
#include "jose/strict_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/limits.h"

namespace jwtd::jose {

namespace {

constexpr std::size_t kMaxQuotedCharacters = 40;  // of a foreign name in an error text

}  // namespace

// The parser's listener. Every function returns whether to go on.
class JsonReader final : public nlohmann::json_sax<nlohmann::json> {
 public:
  JsonReader(JsonObject& object, std::string& why) : object_(object), why_(why) {}

  bool null() override { return value(JsonMember::Kind::kOther); }
  bool boolean(bool) override { return value(JsonMember::Kind::kOther); }
  bool number_integer(number_integer_t n) override { return value(JsonMember::Kind::kNumber, {}, static_cast<double>(n)); }
  bool number_unsigned(number_unsigned_t n) override { return value(JsonMember::Kind::kNumber, {}, static_cast<double>(n)); }
  bool number_float(number_float_t n, const string_t&) override { return value(JsonMember::Kind::kNumber, {}, n); }
  bool string(string_t& text) override { return value(JsonMember::Kind::kString, std::move(text)); }
  bool binary(binary_t&) override { return false; }

  bool start_object(std::size_t) override {
    if (!nested()) return false;
    open_.emplace_back();
    return true;
  }

  bool key(string_t& name) override {
    if (!open_.back().insert(name).second) return refuse("the member " + quoted_if_harmless(name) + " stands there twice");
    if (open_.size() == 1) name_ = std::move(name);
    return true;
  }

  bool end_object() override { return leave(); }

  bool start_array(std::size_t) override {
    if (!nested()) return false;
    open_.emplace_back();
    return true;
  }

  bool end_array() override { return leave(); }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception&) override {
    return refuse("it is not JSON from octet " + std::to_string(position) + " on");
  }

 private:
  bool refuse(std::string why) {
    why_ = std::move(why);
    return false;
  }

  bool nested() {
    if (open_.size() < kMaxTokenJsonDepth) return open_.empty() || value(JsonMember::Kind::kOther);
    return refuse("it is nested more than " + std::to_string(kMaxTokenJsonDepth) + " deep");
  }

  bool leave() {
    open_.pop_back();
    return true;
  }

  // Only the top object's own members are kept.
  bool value(JsonMember::Kind kind, std::string text = {}, double number = 0) {
    if (open_.size() == 1) object_.members_.push_back({std::move(name_), kind, std::move(text), number});
    return true;
  }

  JsonObject& object_;
  std::string& why_;
  std::string name_;                         // of the member whose value comes next, at the top
  std::vector<std::set<std::string>> open_;  // names seen in each object that is not closed yet; arrays have none
};

std::optional<JsonObject> JsonObject::parse(std::string_view text, std::string& why) {
  // The parser would skip a byte order mark, and would take a NUL for the end.
  if (text.starts_with("\xef\xbb\xbf")) {
    why = "it begins with a byte order mark";
    return std::nullopt;
  }
  if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos) {
    why = "octet " + std::to_string(nul + 1) + " is a NUL";
    return std::nullopt;
  }
  if (const std::size_t first = text.find_first_not_of(" \t\r\n"); first == std::string_view::npos || text[first] != '{') {
    why = "it is not a JSON object";
    return std::nullopt;
  }
  JsonObject object;
  JsonReader reader(object, why);
  if (!nlohmann::json::sax_parse(text, &reader)) return std::nullopt;
  return object;
}

const JsonMember* JsonObject::find(std::string_view name) const {
  const auto found = std::find_if(members_.begin(), members_.end(), [&](const JsonMember& member) { return member.name == name; });
  return found == members_.end() ? nullptr : &*found;
}

std::string quoted_if_harmless(std::string_view text) {
  const bool harmless = text.size() <= kMaxQuotedCharacters &&
                        std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c <= 0x7e && c != '"'; });
  return harmless ? '"' + std::string(text) + '"' : "of " + std::to_string(text.size()) + " octets";
}

}  // namespace jwtd::jose
