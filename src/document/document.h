// document/document.h - a TOML document as plain values with the lines they stand on: all that config/ and access/ see of TOML.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace jwtd::document {

inline constexpr Code kTomlMalformed{"toml_malformed", Fault::kInvalidArgument, "The file is not TOML"};

struct Node {
  enum class Kind : std::uint8_t { kText, kInteger, kDecimal, kFlag, kDate, kList, kTable };

  Kind kind = Kind::kTable;
  unsigned line = 0;  // 1 is the first; 0: not from a file
  std::string name;   // of a table's member
  std::string text;
  std::int64_t integer = 0;
  bool flag = false;
  std::vector<Node> items;  // of a list or table; below the fourth level they are left out, since nothing of ours lies there

  const Node* member(std::string_view wanted) const;
};

const char* name_of(Node::Kind kind);  // "a string", "an integer"

struct Document {
  Node root;
  unsigned error_line = 0;  // 0: there is no error
  std::string error;        // a sentence; TOML's first error only, because what follows one cannot be trusted
};

Document parse_toml(std::string_view text);

}  // namespace jwtd::document
