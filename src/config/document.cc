// config/document.cc - the fence around toml++: its types, and its errors, end here.
#include "config/document.h"

#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#define TOML_UNRELEASED_FEATURES 0
#define TOML_ENABLE_FORMATTERS 0
// Ours has three levels; toml++ recurses once for each, and its default of 256 serves nobody here.
#define TOML_MAX_NESTED_VALUES 16
#include <toml++/toml.h>

namespace jwtd::config {
namespace {

constexpr unsigned kConvertedLevels = 3;   // section, [[limit]] table or list, value
constexpr unsigned kMaxDotsInALine = 200;  // outside strings and comments; "a.b.c" makes a table for each dot, and tables are destroyed recursively

unsigned line_of(const toml::node& node) { return node.source().begin.line; }

Node convert(const toml::node& from, unsigned levels) {
  Node out;
  out.line = line_of(from);
  if (const auto* table = from.as_table()) {
    out.kind = Node::Kind::kTable;
    if (levels == 0) return out;
    for (const auto& [key, value] : *table) {
      out.items.push_back(convert(value, levels - 1));
      out.items.back().name = std::string(key.str());
      // A table made by a dotted key has no place of its own, but its key has one.
      if (out.items.back().line == 0) out.items.back().line = key.source().begin.line;
    }
  } else if (const auto* list = from.as_array()) {
    out.kind = Node::Kind::kList;
    if (levels == 0) return out;
    for (const auto& item : *list) out.items.push_back(convert(item, levels - 1));
  } else if (const auto* text = from.as_string()) {
    out.kind = Node::Kind::kText;
    out.text = text->get();
  } else if (const auto* integer = from.as_integer()) {
    out.kind = Node::Kind::kInteger;
    out.integer = integer->get();
  } else if (const auto* flag = from.as_boolean()) {
    out.kind = Node::Kind::kFlag;
    out.flag = flag->get();
  } else {
    out.kind = from.is_floating_point() ? Node::Kind::kDecimal : Node::Kind::kDate;
  }
  return out;
}

// The first line with more than kMaxDotsInALine dots, else 0. Follows strings just well enough to leave their content out.
unsigned line_of_too_many_dots(std::string_view text) {
  enum class In { kPlain, kComment, kString, kLongString } in = In::kPlain;
  char quote = 0;
  unsigned line = 1, dots = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool triple = text.substr(i, 3) == std::string(3, c);
    if (c == '\n') {
      ++line;
      dots = 0;
      if (in != In::kLongString) in = In::kPlain;
    } else if (in == In::kPlain) {
      if (c == '#') in = In::kComment;
      if (c == '.' && ++dots > kMaxDotsInALine) return line;
      if (c == '"' || c == '\'') {
        quote = c;
        in = triple ? In::kLongString : In::kString;
        if (triple) i += 2;
      }
    } else if (in == In::kString || in == In::kLongString) {
      if (c == '\\' && quote == '"' && i + 1 < text.size() && text[i + 1] != '\n') {
        ++i;
      } else if (c == quote && (in == In::kString || triple)) {
        if (in == In::kLongString) {
          i += 2;
          while (i + 1 < text.size() && text[i + 1] == quote) ++i;  // """" ends with a quote inside
        }
        in = In::kPlain;
      }
    }
  }
  return 0;
}

}  // namespace

const Node* Node::member(std::string_view wanted) const {
  for (const Node& item : items) {
    if (item.name == wanted) return &item;
  }
  return nullptr;
}

const char* name_of(Node::Kind kind) {
  switch (kind) {
    case Node::Kind::kText: return "a string";
    case Node::Kind::kInteger: return "an integer";
    case Node::Kind::kDecimal: return "a decimal number";
    case Node::Kind::kFlag: return "a boolean";
    case Node::Kind::kDate: return "a date or time";
    case Node::Kind::kList: return "a list";
    case Node::Kind::kTable: return "a table";
  }
  return "a value";
}

Document parse_toml(std::string_view text) {
  Document out;
  if (const unsigned line = line_of_too_many_dots(text); line != 0) {
    out.error_line = line;
    out.error = "This is not TOML that jwtd reads: a line has more than " + std::to_string(kMaxDotsInALine) + " dots outside strings.";
    return out;
  }
  const toml::parse_result result = toml::parse(text);
  if (!result) {
    out.error_line = result.error().source().begin.line;
    out.error = "This is not TOML: " + std::string(result.error().description()) + ".";
    return out;
  }
  out.root = convert(result.table(), kConvertedLevels);
  return out;
}

}  // namespace jwtd::config
