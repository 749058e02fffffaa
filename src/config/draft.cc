// config/draft.cc - keeps findings with their places, so that they come out in the file's order.
#include "config/draft.h"

#include <algorithm>
#include <limits>

#include "config/values.h"

namespace jwtd::config {
namespace {

Node::Kind kind_of(Shape shape) {
  switch (shape) {
    case Shape::kText: return Node::Kind::kText;
    case Shape::kInteger: return Node::Kind::kInteger;
    case Shape::kFlag: return Node::Kind::kFlag;
    case Shape::kTextList: return Node::Kind::kList;
  }
  return Node::Kind::kText;
}

}  // namespace

std::string Draft::ended(std::string sentence) {
  if (!sentence.ends_with('?') && !sentence.ends_with('.')) sentence += '.';
  return sentence;
}

std::string Draft::place(unsigned line) const { return line == 0 ? file_name_ : file_name_ + ":" + std::to_string(line); }

Draft::Origin Draft::origin_of(std::string_view key) const {
  const auto found = origins_.find(key);
  return found == origins_.end() ? Origin{0, file_name_} : found->second;
}

void Draft::problem_at(std::string_view key, std::string what) {
  Origin origin = origin_of(key);
  problems_.push_back({origin.line, {std::move(origin.where), ended(std::move(what))}});
}

void Draft::warning_at(std::string_view key, std::string what) {
  Origin origin = origin_of(key);
  warnings_.push_back({origin.line, {std::move(origin.where), ended(std::move(what))}});
}

void Draft::apply(const Setting& setting, const Node& node, const std::string& where) {
  const std::string here = where.empty() ? place(node.line) : where;
  note_origin(setting.key, node.line, here);
  const Complain complain = [&](const Node& at, std::string what) {
    what = std::string(setting.key) + " " + what;
    if (where.empty()) problem(at.line != 0 ? at.line : node.line, std::move(what));
    else problem(where, std::move(what));
  };
  if (node.kind != kind_of(setting.shape)) {
    const char* wanted = setting.shape == Shape::kTextList ? "a list of strings" : name_of(kind_of(setting.shape));
    return complain(node, std::string("must be ") + wanted + " such as " + setting.example + ", not " + name_of(node.kind));
  }
  if (setting.shape == Shape::kTextList) {
    bool all_text = true;
    for (const Node& item : node.items) {
      if (item.kind == Node::Kind::kText) continue;
      complain(item, std::string("must be a list of strings such as ") + setting.example + ", and has " + name_of(item.kind));
      all_text = false;
    }
    if (!all_text) return;
  }
  setting.apply(config, node, surroundings_, complain);
}

void Draft::apply_text(const Setting& setting, std::string_view text, const std::string& where) {
  Node node;
  const bool shaped = node_from_text(setting, text, node, [&](const Node&, std::string what) {
    problem(where, std::string(setting.key) + " " + std::move(what));
  });
  if (shaped) apply(setting, node, where);
}

std::vector<Problem> Draft::in_order(std::vector<Finding> findings) {
  std::stable_sort(findings.begin(), findings.end(), [](const Finding& a, const Finding& b) {
    constexpr unsigned kBehindTheFile = std::numeric_limits<unsigned>::max();
    return (a.line == 0 ? kBehindTheFile : a.line) < (b.line == 0 ? kBehindTheFile : b.line);
  });
  std::vector<Problem> out;
  for (Finding& finding : findings) out.push_back(std::move(finding.problem));
  return out;
}

Loaded Draft::finish() && {
  Loaded out;
  out.config = std::move(config);
  out.problems = in_order(std::move(problems_));
  out.warnings = in_order(std::move(warnings_));
  for (auto& [key, origin] : origins_) out.origins[key] = std::move(origin.where);
  return out;
}

}  // namespace jwtd::config
