// json/exact_reader.cc - nlohmann's SAX parser with the strictness that it lacks.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "json/readers.h"

namespace jwtd::json {
namespace {

// The parser's listener. Every function returns whether to go on.
class Listener final : public nlohmann::json_sax<nlohmann::json> {
 public:
  Listener(JsonMember& top, std::size_t max_depth, std::string& why) : top_(top), max_depth_(max_depth), why_(why) {}

  bool null() override { return add({.kind = Kind::kNull}); }
  bool boolean(bool flag) override { return add({.kind = Kind::kFlag, .flag = flag}); }
  bool number_integer(number_integer_t n) override {
    return add({.kind = Kind::kNumber, .number = static_cast<double>(n), .integer = n});
  }
  bool number_unsigned(number_unsigned_t n) override {
    JsonMember member{.kind = Kind::kNumber, .number = static_cast<double>(n)};
    if (n <= static_cast<number_unsigned_t>(INT64_MAX)) member.integer = static_cast<std::int64_t>(n);
    return add(std::move(member));
  }
  bool number_float(number_float_t n, const string_t&) override { return add({.kind = Kind::kNumber, .number = n}); }
  bool string(string_t& text) override { return add({.kind = Kind::kString, .text = std::move(text)}); }
  bool binary(binary_t&) override { return false; }

  bool start_object(std::size_t) override { return enter(Kind::kObject); }
  bool end_object() override { return leave(); }
  bool start_array(std::size_t) override { return enter(Kind::kArray); }
  bool end_array() override { return leave(); }

  bool key(string_t& name) override {
    if (!open_.back().names.insert(name).second) return refuse("the member " + quoted_if_harmless(name) + " stands there twice");
    name_ = std::move(name);
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception&) override {
    return refuse("it is not JSON from octet " + std::to_string(position) + " on");
  }

 private:
  using Kind = JsonMember::Kind;

  struct Open {
    JsonMember* value;            // stays where it is: only the innermost open value's members grow
    std::set<std::string> names;  // seen in it; an array has none
  };

  bool refuse(std::string why) {
    why_ = std::move(why);
    return false;
  }

  bool enter(Kind kind) {
    if (open_.size() == max_depth_) return refuse("it is nested more than " + std::to_string(max_depth_) + " deep");
    if (open_.empty()) {
      top_.kind = kind;
      open_.push_back({&top_, {}});
    } else {
      add({.kind = kind});
      open_.push_back({&open_.back().value->members.back(), {}});
    }
    return true;
  }

  bool leave() {
    open_.pop_back();
    return true;
  }

  bool add(JsonMember member) {
    member.name = std::move(name_);
    name_.clear();
    open_.back().value->members.push_back(std::move(member));
    return true;
  }

  JsonMember& top_;
  const std::size_t max_depth_;
  std::string& why_;
  std::string name_;  // of the member whose value comes next; empty in an array
  std::vector<Open> open_;
};

}  // namespace

bool read_exactly(std::string_view text, std::size_t max_depth, JsonMember& top, std::string& why) {
  // The parser would take a NUL for the end.
  if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos) {
    why = "octet " + std::to_string(nul + 1) + " is a NUL";
    return false;
  }
  if (const std::size_t first = text.find_first_not_of(" \t\r\n"); first == std::string_view::npos || text[first] != '{') {
    why = "it is not a JSON object";
    return false;
  }
  Listener listener(top, max_depth, why);
  return nlohmann::json::sax_parse(text, &listener);
}

}  // namespace jwtd::json
