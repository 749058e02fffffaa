// config/draft.h - a configuration while it is read: what was set, where, and what is wrong so far.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/load.h"
#include "config/settings.h"
#include "document/document.h"

namespace jwtd::config {

using document::Document;
using document::Node;
using document::parse_toml;

class Draft {
 public:
  Draft(std::string_view file_name, Surroundings surroundings) : file_name_(file_name), surroundings_(std::move(surroundings)) {}

  Config config;

  // `what` is a sentence; its full stop is put here.
  void problem(unsigned line, std::string what) { problems_.push_back({line, {place(line), ended(std::move(what))}}); }
  void problem(std::string where, std::string what) { problems_.push_back({0, {std::move(where), ended(std::move(what))}}); }
  void warning(std::string where, std::string what) { warnings_.push_back({0, {std::move(where), ended(std::move(what))}}); }
  // The same, where `key` was set; where it was not, the file.
  void problem_at(std::string_view key, std::string what);
  void warning_at(std::string_view key, std::string what);

  // Puts `node` into the configuration if it has the setting's shape and an allowed value. `where` is empty for the file.
  void apply(const Setting& setting, const Node& node, const std::string& where);
  void apply_text(const Setting& setting, std::string_view text, const std::string& where);

  // True for a command line's word, which every user of the machine can read in `ps`.
  bool stands_in_flags(std::string_view key) const { return origin_of(key).where.starts_with("--"); }
  bool was_set(std::string_view key) const { return origins_.find(key) != origins_.end(); }
  void note_origin(std::string_view key, unsigned line, std::string where) { origins_[std::string(key)] = {line, std::move(where)}; }
  std::string place(unsigned line) const;

  Loaded finish() &&;

 private:
  struct Origin {
    unsigned line = 0;
    std::string where;
  };
  struct Finding {
    unsigned line;
    Problem problem;
  };
  static std::string ended(std::string sentence);
  Origin origin_of(std::string_view key) const;
  static std::vector<Problem> in_order(std::vector<Finding> findings);

  std::string file_name_;
  Surroundings surroundings_;
  std::map<std::string, Origin, std::less<>> origins_;
  std::vector<Finding> problems_, warnings_;
};

// sections.cc: a document's sections into the draft.
void read_document(const Node& root, Draft& draft);
// How an unknown key is answered: `"publik" is not a setting of [listen]; did you mean "public"?`
std::string about_unknown_key(std::string_view section, std::string_view name);

// limit_section.cc: [[limit]].
void read_limits(const Node& list, Draft& draft);

// rules.cc: what no setting can say alone.
void check_rules(Draft& draft);

}  // namespace jwtd::config
