// store/postgres/event_list.cc - JSON both ways; others may write to the column too.
#include "store/postgres/event_list.h"

#include <nlohmann/json.hpp>

#include "store/postgres/values.h"

namespace jwtd::store::postgres {
namespace {

using nlohmann::json;

constexpr const char* kKey = "k";
constexpr const char* kType = "t";
constexpr const char* kAt = "at";
constexpr const char* kBody = "b";

std::optional<std::string> text_at(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? from_ascii(found->get_ref<const std::string&>()) : std::nullopt;
}

std::optional<std::int64_t> number_at(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number_integer() ? std::optional(found->get<std::int64_t>()) : std::nullopt;
}

}  // namespace

std::string write_event_list(std::span<const Event* const> events) {
  std::string list;
  for (const Event* event : events) {
    std::string key, body;
    append_ascii(event->key, key);
    append_ascii(event->body, body);
    if (!list.empty()) list += ',';
    list += json{{kKey, std::move(key)}, {kType, static_cast<int>(event->type)}, {kAt, event->at}, {kBody, std::move(body)}}.dump();
  }
  return list;
}

std::optional<std::vector<Event>> read_event_list(std::string_view text) {
  const json list = json::parse("[" + std::string(text) + "]", nullptr, false);
  if (!list.is_array()) return std::nullopt;
  std::vector<Event> events;
  for (const json& one : list) {
    if (!one.is_object()) return std::nullopt;
    auto key = text_at(one, kKey), body = text_at(one, kBody);
    const auto type = number_at(one, kType), at = number_at(one, kAt);
    if (!key || !body || !type || *type < 1 || *type > UINT8_MAX || !at) return std::nullopt;
    events.push_back({static_cast<Event::Type>(*type), *at, *std::move(key), *std::move(body)});
  }
  return events;
}

}  // namespace jwtd::store::postgres
