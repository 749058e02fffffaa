// config/sections.cc - walks a document's sections, and says of an unknown name which one was meant.
#include <algorithm>

#include "config/draft.h"
#include "config/nearest.h"
#include "config/values.h"

namespace jwtd::config {
namespace {

using namespace std::string_literals;

std::string section_of(std::string_view key) { return std::string(key.substr(0, key.find('.'))); }
std::string name_in_section(std::string_view key) { return std::string(key.substr(key.find('.') + 1)); }

std::vector<std::string> section_names() {
  std::vector<std::string> out;
  for (const std::string& key : known_keys()) {
    if (out.empty() || out.back() != section_of(key)) out.push_back(section_of(key));
  }
  return out;
}

std::vector<std::string> names_in(std::string_view section) {
  std::vector<std::string> out;
  for (const std::string& key : known_keys()) {
    if (section_of(key) == section) out.push_back(name_in_section(key));
  }
  return out;
}

bool is_section(std::string_view name) {
  const auto sections = section_names();
  return std::find(sections.begin(), sections.end(), name) != sections.end();
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

// A key that stands in the wrong section, or none, is looked up by its name alone.
std::string key_by_name(std::string_view name) {
  std::vector<std::string> names;
  for (const std::string& key : known_keys()) names.push_back(name_in_section(key));
  const std::string found = nearest(name, names);
  if (found.empty()) return {};
  const auto at = std::find(names.begin(), names.end(), found) - names.begin();
  return known_keys()[static_cast<std::size_t>(at)];
}

bool is_named_as_a_secret(std::string_view name) {
  for (const std::string_view ending : {"key", "secret", "password", "passphrase", "token", "pem"}) {
    if (name.ends_with(ending)) return true;
  }
  return false;
}

const char* home_of_secrets(std::string_view section) {
  if (section == "issuer") return "issuer.api_key_file, the path of a file with the key";
  if (section == "telesign") return "issuer.api_key_file, the path of a file with the key";
  if (section == "callbacks") return "callbacks.forward_secret_file, the path of a file with the secret";
  if (section == "tls") return "tls.key, the path of a PEM file";
  if (section == "auth") return "auth.callers_file, which jwtd caller add writes";
  return nullptr;
}

void read_section(const Node& section, Draft& draft) {
  if (section.kind == Node::Kind::kList) {
    return draft.problem(section.line, "[" + section.name + "] stands in one pair of brackets, and only once");
  }
  if (section.kind != Node::Kind::kTable) {
    return draft.problem(section.line, section.name + " must be a section, [" + section.name + "], not " + name_of(section.kind));
  }
  if (section.name == "tls") {
    draft.config.tls.enabled = true;
    draft.note_origin("tls", section.line, draft.place(section.line));
  }
  for (const Node& value : section.items) {
    const Setting* setting = find_setting(section.name + "." + value.name);
    if (setting != nullptr) draft.apply(*setting, value, "");
    else draft.problem(value.line, about_unknown_key(section.name, value.name));
  }
}

}  // namespace

std::string about_unknown_key(std::string_view section, std::string_view name) {
  if (section == "limit") return "[[limit]] rules stand only in the file";
  if (!is_section(section)) {
    const std::string unknown = in_quotes(section) + " is not a section";
    std::vector<std::string> sections = section_names();
    sections.push_back("limit");
    if (const std::string near = nearest(section, sections); !near.empty()) return unknown + "; did you mean " + in_quotes(near) + "?";
    return unknown + "; there are " + joined(sections);
  }
  const char* home = home_of_secrets(section);
  if (home != nullptr && is_named_as_a_secret(name)) {
    return in_quotes(name) + " is not a setting of [" + std::string(section) + "]: secrets never stand in the configuration; use " + home;
  }
  const std::string unknown = in_quotes(name) + " is not a setting of [" + std::string(section) + "]";
  if (const std::string near = nearest(name, names_in(section)); !near.empty()) return unknown + "; did you mean " + in_quotes(near) + "?";
  if (const std::string elsewhere = key_by_name(name); !elsewhere.empty()) {
    return unknown + "; did you mean " + in_quotes(name_in_section(elsewhere)) + " of [" + section_of(elsewhere) + "]?";
  }
  return unknown + "; it has " + joined(names_in(section));
}

void read_document(const Node& root, Draft& draft) {
  for (const Node& item : root.items) {
    if (is_section(item.name)) {
      read_section(item, draft);
    } else if (item.name == "limit") {
      read_limits(item, draft);
    } else if (const bool value = item.kind != Node::Kind::kTable && item.kind != Node::Kind::kList; value && !key_by_name(item.name).empty()) {
      const std::string meant = key_by_name(item.name);
      draft.problem(item.line, in_quotes(item.name) + " stands in no section; did you mean " + in_quotes(name_in_section(meant)) + " of [" +
                                   section_of(meant) + "]?");
    } else {
      draft.problem(item.line, about_unknown_key(item.name, ""));
    }
  }
}

}  // namespace jwtd::config
