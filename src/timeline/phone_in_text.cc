// timeline/phone_in_text.cc - runs of digits, in a text or in each of a JSON's.
#include "timeline/phone_in_text.h"

#include <algorithm>
#include <string>

#include <nlohmann/json.hpp>

namespace jwtd::timeline {
namespace {

bool text_names(std::string_view text, std::string_view digits) {
  constexpr std::string_view kBetweenDigits = " -.()/+";
  std::string run, joined;  // the digits since the last other character, and since the last that stands in no phone number
  const auto is_it = [&] { return run == digits || joined == digits; };
  for (const char c : text) {
    if (c >= '0' && c <= '9') {
      run += c;
      joined += c;
      continue;
    }
    if (is_it()) return true;
    run.clear();
    if (kBetweenDigits.find(c) == std::string_view::npos) joined.clear();
  }
  return is_it();
}

bool json_names(const nlohmann::json& json, std::string_view digits) {
  if (json.is_string()) return text_names(json.get_ref<const std::string&>(), digits);
  if (json.is_number()) return text_names(json.dump(), digits);
  if (json.is_object()) {
    return std::any_of(json.items().begin(), json.items().end(), [&](const auto& member) { return text_names(member.key(), digits) || json_names(member.value(), digits); });
  }
  return json.is_array() && std::any_of(json.begin(), json.end(), [&](const nlohmann::json& one) { return json_names(one, digits); });
}

}  // namespace

bool names_phone(std::string_view text, const Phone& phone) {
  const std::string digits = phone.text();
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  return json.is_discarded() ? text_names(text, digits) : json_names(json, digits);
}

}  // namespace jwtd::timeline
