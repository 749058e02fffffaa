// forward/outbox.cc - a delivery as a note's value: {"id","xid","attempts","next_at","owner","body"}, the body last and as it is sent.
#include "forward/outbox.h"

#include <nlohmann/json.hpp>

#include "base/limits.h"

namespace jwtd::forward {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kBody = ",\"body\":";
constexpr std::size_t kMillisDigits = 20;

std::string padded(UnixMillis at) {
  std::string digits = std::to_string(at < 0 ? 0 : at);
  return std::string(kMillisDigits - digits.size(), '0') + digits;
}

// FNV-1a, twice with different beginnings: names a report, and proves nothing. The signature is what a receiver trusts.
std::string name_of(std::string_view text) {
  std::string out;
  for (std::uint64_t hash : {0xcbf29ce484222325u, 0x84222325cbf29ce4u}) {
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
    for (int shift = 60; shift >= 0; shift -= 4) out.push_back("0123456789abcdef"[hash >> shift & 15]);
  }
  return out;
}

Json or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }

}  // namespace

store::Note outbox_note(const Xid& xid, const telesign::Report& report, UnixMillis now, std::string owner) {
  Delivery delivery{.xid = xid.text(), .next_at = now, .owner = std::move(owner)};
  delivery.id = "msg_" + name_of(delivery.xid + ' ' + telesign::event_of(report, store::Event::Type::kCallback, now).key);
  delivery.key = padded(now) + '-' + delivery.id;
  const Json data{{"xid", delivery.xid},
                  {"reference_id", or_null(report.reference_id)},
                  {"state", telesign::name_of(telesign::state_of(report.code))},
                  {"code", report.code},
                  {"description", or_null(report.description)},
                  {"updated_on", or_null(report.updated_on)}};
  std::string inner = data.dump();
  inner.pop_back();
  delivery.body = "{\"type\":\"telesign.status\",\"timestamp\":\"" + format_rfc3339(now, true) + "\",\"data\":" + inner + ",\"callback\":" + report.raw + "}}";
  return note_of(delivery, store::kOutboxNote);
}

store::Note note_of(const Delivery& delivery, std::string_view kind) {
  const Json head{{"id", delivery.id}, {"xid", delivery.xid}, {"attempts", delivery.attempts}, {"next_at", delivery.next_at}, {"owner", delivery.owner}};
  std::string value = head.dump();
  value.pop_back();
  value.append(kBody).append(delivery.body).append("}");
  return {.kind = std::string(kind), .key = delivery.key, .value = std::move(value)};
}

std::optional<Delivery> delivery_of(const store::Note& note) {
  // No member before the body can hold these characters: ids, XIDs and owners have no quotation marks.
  const std::size_t at = note.value.find(kBody);
  if (at == std::string::npos || !note.value.ends_with('}')) return std::nullopt;
  const Json head = Json::parse(note.value.substr(0, at) + '}', nullptr, false);
  if (!head.is_object()) return std::nullopt;
  const auto is = [&](const char* name, auto test) { return head.contains(name) && (head[name].*test)(); };
  if (!is("id", &Json::is_string) || !is("xid", &Json::is_string) || !is("owner", &Json::is_string) || !is("attempts", &Json::is_number_unsigned) ||
      !is("next_at", &Json::is_number_integer)) {
    return std::nullopt;
  }
  return Delivery{.key = note.key,
                  .id = head["id"].get<std::string>(),
                  .xid = head["xid"].get<std::string>(),
                  .attempts = head["attempts"].get<unsigned>(),
                  .next_at = head["next_at"].get<UnixMillis>(),
                  .owner = head["owner"].get<std::string>(),
                  .body = note.value.substr(at + kBody.size(), note.value.size() - at - kBody.size() - 1)};
}

}  // namespace jwtd::forward
