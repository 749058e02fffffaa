// document/document.cc - the fence around toml++: its types, and its errors, end here.
#include "document/document.h"

namespace jwtd::document {
namespace {
struct BrokenInvariant {};
[[noreturn]] void broken_invariant() { throw BrokenInvariant(); }
}  // namespace
}  // namespace jwtd::document

// toml++ 3.3 states as an invariant what "[[[" breaks, and in a release build it is undefined what happens then. Its asserts stay in, and throw.
#undef NDEBUG
#define TOML_ASSERT(expr)                              \
  do {                                                 \
    if (!(expr)) ::jwtd::document::broken_invariant();   \
  } while (false)
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 1
#define TOML_UNRELEASED_FEATURES 0
#define TOML_ENABLE_FORMATTERS 0
// Ours has three levels; toml++ recurses once for each, and its default of 256 serves nobody here.
#define TOML_MAX_NESTED_VALUES 16
#include <toml++/toml.h>

#include <algorithm>
#include <cctype>

namespace jwtd::document {
namespace {

constexpr unsigned kConvertedLevels = 4;   // section, [[caller]] table, list, value
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

struct Refusal {
  unsigned line = 0;  // 0: none
  const char* why = "";
};

// What toml++ 3.3 must not get to see: more nesting than the stack holds, and characters that its tables do not expect in a key (U+2EFF is one;
// TOML allows none outside ASCII there). Follows strings just well enough to leave their content out.
Refusal refuse_what_breaks_the_parser(std::string_view text) {
  enum class In { kPlain, kComment, kString, kLongString } in = In::kPlain;
  char quote = 0;
  unsigned line = 1, dots = 0;
  for (std::size_t i = text.starts_with("\xef\xbb\xbf") ? 3 : 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool triple = text.substr(i, 3) == std::string(3, c);
    if (c == '\n') {
      ++line;
      dots = 0;
      if (in != In::kLongString) in = In::kPlain;
    } else if (in == In::kPlain) {
      if (c == '#') in = In::kComment;
      if (static_cast<unsigned char>(c) >= 0x80) return {line, "only strings and comments may have characters outside ASCII"};
      if (c == '.' && ++dots > kMaxDotsInALine) return {line, "a line has more than 200 dots outside strings"};
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
  return {};
}

// toml++ names no place for a broken invariant; the cause is a header whose name begins with what no name does, as in "[[[" or "[}".
unsigned line_of_malformed_header(std::string_view text) {
  unsigned line = 1;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    std::string_view head = text.substr(0, end);
    head.remove_prefix(std::min(head.find_first_not_of(" \t"), head.size()));
    const auto name = head.find_first_not_of("[ \t");
    const bool header = head.starts_with('['), plain = name != std::string_view::npos && (std::isalnum(static_cast<unsigned char>(head[name])) ||
                                                                                         std::string_view("_-\"'").find(head[name]) != std::string_view::npos);
    if (header && (!plain || head.starts_with("[[["))) return line;
    text.remove_prefix(std::min(end + 1, text.size()));
    ++line;
  }
  return 1;
}

Document refused(unsigned line, std::string_view why) {
  Document out;
  out.error_line = line;
  out.error = "This is not TOML: " + std::string(why) + ".";
  return out;
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
  if (const Refusal refusal = refuse_what_breaks_the_parser(text); refusal.line != 0) return refused(refusal.line, refusal.why);
  try {
    Document out;
    out.root = convert(toml::parse(text), kConvertedLevels);
    return out;
  } catch (const toml::parse_error& error) {
    return refused(error.source().begin.line, error.description());
  } catch (const BrokenInvariant&) {
    return refused(line_of_malformed_header(text), "the name of a section is malformed");
  }
}

}  // namespace jwtd::document
