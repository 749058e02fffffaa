// api/timeline.cc - renders a timeline for those who may see it.
#include "api/timeline.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "api/routes.h"
#include "base/phone_in_text.h"

namespace jwtd::api {
namespace {

using Json = nlohmann::ordered_json;

void add_report(const telesign::Report& report, Sight sight, Json& json) {
  json["code"] = report.code;
  json["description"] = shown_words(report.description, sight);
  json["updated_on"] = report.updated_on.empty() ? Json() : Json(report.updated_on);
  if (!report.reference_id.empty()) json["reference_id"] = shown_id(report.reference_id, sight);
  if (sight == Sight::kFull) json["raw"] = report.raw;
}

}  // namespace

Json status_json(const timeline::Status& status, Sight sight) {
  Json json{{"state", timeline::name_of(status.state)}, {"code", nullptr}, {"description", nullptr}, {"updated_on", nullptr}, {"source", nullptr}};
  if (status.state == timeline::State::kNone) return json;
  json["code"] = status.report.code;
  json["description"] = shown_words(status.report.description, sight);
  if (!status.report.updated_on.empty()) json["updated_on"] = status.report.updated_on;
  json["source"] = status.source;
  json["known_at"] = format_rfc3339(status.known_at, true);
  if (status.contradicted) json["contradicted"] = true;
  return json;
}

Json events_json(const store::Transaction& transaction, UnixMillis now, Sight sight) {
  Json events = Json::array();
  for (const timeline::Item& item : timeline::items_of(transaction, now)) {
    Json json{{"type", item.type}, {"at", format_rfc3339(item.at, true)}};
    if (item.record) {
      json["expires_at"] = format_rfc3339(item.record->exp * 1000);
      json["kid"] = item.record->kid;
      if (sight == Sight::kFull) json["token"] = item.record->token;
    }
    if (item.event) {
      if (const auto report = telesign::report_of(*item.event)) {
        json["applied"] = item.applied;
        add_report(*report, sight, json);
      } else {
        // What jwtd wrote itself: who did it, by what.
        const Json body = Json::parse(item.event->body, nullptr, /*allow_exceptions=*/false);
        for (const char* name : {"caller", "by"}) {
          if (body.is_object() && body.contains(name)) json[name] = body[name];
        }
      }
    }
    events.push_back(std::move(json));
  }
  return events;
}

Sight sight_of(const Asker& asker) { return asker->may(access::Scope::kReadPii) ? Sight::kFull : Sight::kMasked; }

std::string shown_words(std::string_view text, Sight sight) { return sight == Sight::kMasked ? phones_masked(text) : std::string(text); }

std::string shown_id(std::string_view id, Sight sight) {
  const auto digits = static_cast<std::size_t>(std::count_if(id.begin(), id.end(), [](char c) { return c >= '0' && c <= '9'; }));
  const bool is_phone = digits <= Phone::kMaxDigits && id.find_first_not_of("0123456789 -.()/+") == std::string_view::npos;
  return is_phone ? shown_words(id, sight) : std::string(id);
}

void tell_contradiction(Log* log, std::string_view request_id) {
  if (!log) return;
  log->warn("status_contradicted", {{"detail", "the provider reported two different final states of one transaction; the one it dates first stands"}, {"request_id", request_id}});
}

std::string_view token_state(const store::Transaction& transaction, UnixMillis now) {
  const auto has = [&](store::Event::Type type) {
    return std::any_of(transaction.events.begin(), transaction.events.end(), [type](const store::Event& event) { return event.type == type; });
  };
  if (has(store::Event::Type::kRevoked)) return "revoked";
  if (has(store::Event::Type::kConsumed)) return "consumed";
  return now / 1000 < transaction.current.exp ? "active" : "expired";
}

}  // namespace jwtd::api
