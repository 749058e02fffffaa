// timeline/phone_in_text.cc - a text, or each of a JSON's.
#include "timeline/phone_in_text.h"

#include <algorithm>
#include <string>

#include <nlohmann/json.hpp>

#include "base/phone_in_text.h"

namespace jwtd::timeline {
namespace {

bool json_names(const nlohmann::json& json, const Phone& phone) {
  if (json.is_string()) return holds_phone(json.get_ref<const std::string&>(), phone);
  if (json.is_number()) return holds_phone(json.dump(), phone);
  if (json.is_object()) {
    return std::any_of(json.items().begin(), json.items().end(), [&](const auto& member) { return holds_phone(member.key(), phone) || json_names(member.value(), phone); });
  }
  return json.is_array() && std::any_of(json.begin(), json.end(), [&](const nlohmann::json& one) { return json_names(one, phone); });
}

}  // namespace

bool names_phone(std::string_view text, const Phone& phone) {
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  return json.is_discarded() ? holds_phone(text, phone) : json_names(json, phone);
}

}  // namespace jwtd::timeline
