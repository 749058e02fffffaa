// config/limit_section.cc - [[limit]]: name, key, rate, burst and on_failure of each rule.
#include <algorithm>
#include <optional>
#include <set>

#include "config/draft.h"
#include "config/nearest.h"
#include "config/values.h"

namespace jwtd::config {
namespace {

constexpr std::size_t kMaxRuleNameBytes = 64;  // it stands in fields and metrics
constexpr std::int64_t kMostPermits = 1'000'000'000;

const std::vector<std::string>& rule_keys() {
  static const std::vector<std::string> keys{"name", "key", "rate", "burst", "on_failure"};
  return keys;
}

// One of a rule's strings; a problem when it is not there or is none.
const Node* text_of(const Node& rule, const char* key, const char* example, Draft& draft) {
  const Node* node = rule.member(key);
  if (node == nullptr) {
    draft.problem(rule.line, std::string("[[limit]] needs ") + key + ", such as " + key + " = " + example);
    return nullptr;
  }
  if (node->kind == Node::Kind::kText) return node;
  draft.problem(node->line, std::string("limit ") + key + " must be a string such as " + example + ", not " + name_of(node->kind));
  return nullptr;
}

void take_name(const Node& node, limit::Rule& rule, std::set<std::string>& names, Draft& draft) {
  const bool allowed = std::all_of(node.text.begin(), node.text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
  if (!allowed || node.text.empty() || node.text.size() > kMaxRuleNameBytes) {
    draft.problem(node.line, "limit name must be 1 to 64 characters out of a-z 0-9 - _; " + in_quotes(node.text) + " is not");
  } else if (!names.insert(node.text).second) {
    draft.problem(node.line, "limit name " + in_quotes(node.text) + " stands at another [[limit]] already; names must differ");
  }
  rule.name = node.text;
}

void take_key(const Node& node, limit::Rule& rule, Draft& draft) {
  if (node.text == "client") rule.key = limit::KeyKind::kClient;
  else if (node.text == "phone") rule.key = limit::KeyKind::kPhone;
  else if (node.text == "all") rule.key = limit::KeyKind::kAll;
  else draft.problem(node.line, "limit key must be \"client\", \"phone\" or \"all\"; " + in_quotes(node.text) + " is neither");
}

void take_rate(const Node& node, limit::Rule& rule, Draft& draft) {
  auto rates = limit::parse_rates(node.text);
  if (rates) rule.rates = std::move(*rates);
  else draft.problem(node.line, "limit rate must be such as \"10 per minute\" or \"10/minute; 100 per 5 hours\"; " + in_quotes(node.text) +
                                    " is not" + (rates.error().detail().empty() ? "" : ": " + rates.error().detail()));
}

void take_burst(const Node& node, limit::Rule& rule, Draft& draft) {
  if (node.kind != Node::Kind::kInteger) {
    return draft.problem(node.line, std::string("limit burst must be an integer such as 5, not ") + name_of(node.kind));
  }
  if (node.integer < 1 || node.integer > kMostPermits) {
    return draft.problem(node.line, "limit burst must be from 1 to 1000000000; " + std::to_string(node.integer) + " is not");
  }
  if (rule.rates.size() > 1) {
    return draft.problem(node.line, "limit burst goes with a single rate; here are " + std::to_string(rule.rates.size()) +
                                        ": split them over two [[limit]], or leave burst out");
  }
  if (rule.rates.size() == 1) rule.rates.front().burst = static_cast<std::uint32_t>(node.integer);
}

void take_on_failure(const Node& node, limit::Rule& rule, Draft& draft) {
  if (node.text == "open") rule.on_failure = limit::OnFailure::kOpen;
  else if (node.text == "closed") rule.on_failure = limit::OnFailure::kClosed;
  else if (node.text == "local") rule.on_failure = limit::OnFailure::kLocal;
  else draft.problem(node.line, "limit on_failure must be \"open\", \"closed\" or \"local\"; " + in_quotes(node.text) + " is neither");
}

void read_rule(const Node& node, std::set<std::string>& names, Draft& draft) {
  for (const Node& member : node.items) {
    if (std::find(rule_keys().begin(), rule_keys().end(), member.name) != rule_keys().end()) continue;
    const std::string near = nearest(member.name, rule_keys());
    draft.problem(member.line, in_quotes(member.name) + " is not a setting of [[limit]]" +
                                   (near.empty() ? std::string("; it has name, key, rate, burst, on_failure") : "; did you mean " + in_quotes(near) + "?"));
  }
  limit::Rule rule{};
  if (const Node* name = text_of(node, "name", "\"per-client\"", draft)) take_name(*name, rule, names, draft);
  if (const Node* key = text_of(node, "key", "\"client\"", draft)) take_key(*key, rule, draft);
  if (const Node* rate = text_of(node, "rate", "\"10 per minute\"", draft)) take_rate(*rate, rule, draft);
  if (const Node* burst = node.member("burst")) take_burst(*burst, rule, draft);
  if (node.member("on_failure") != nullptr) {
    if (const Node* on_failure = text_of(node, "on_failure", "\"local\"", draft)) take_on_failure(*on_failure, rule, draft);
  }
  draft.config.rules.push_back(std::move(rule));
}

}  // namespace

void read_limits(const Node& list, Draft& draft) {
  if (list.kind != Node::Kind::kList) {
    return draft.problem(list.line, "[[limit]] stands in two pairs of brackets, once for each rule; the table's own settings are in [limits]");
  }
  std::set<std::string> names;
  for (const Node& item : list.items) {
    if (item.kind == Node::Kind::kTable) read_rule(item, names, draft);
    else draft.problem(item.line, std::string("limit must be a list of tables, written [[limit]], and has ") + name_of(item.kind));
  }
  std::size_t rates = 0;
  for (const limit::Rule& rule : draft.config.rules) rates += rule.rates.size();
  if (rates > kMaxLimitRates) {
    draft.problem(list.line, "the [[limit]] rules have " + std::to_string(rates) + " rates, and may have " + std::to_string(kMaxLimitRates));
  }
}

}  // namespace jwtd::config
