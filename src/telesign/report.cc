// telesign/report.cc - the provider's JSON, member by member, and its list of codes.
#include "telesign/report.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/limits.h"
#include "base/time.h"
#include "json/strict_json.h"
#include "store/events.h"

namespace jwtd::telesign {
namespace {

using json::JsonMember;
using Kind = JsonMember::Kind;

constexpr std::int64_t kSuccessCode = 2401;

constexpr std::size_t kMaxForeignXidBytes = Xid::kMaxSize + 4;  // kept of one that is too long: cut within a character, it is still too long

// Final, and not success.
constexpr std::array<std::int64_t, 42> kFailureCodes{
    101,  106,  107,  108,  129,  130,  133,                                                  // voice
    207,  210,  211,  220,  221,  222,  229,  230,  231,  232,  233,                          // SMS
    500,  501,  502,  504,  506,  507,  508,  509,  510,  511,  512,  513,  515,              // shared
    2402, 2403, 2404, 2405, 2407, 2408, 2409, 2410, 2411, 2429, 2430,                         // App Verify
};
static_assert(std::is_sorted(kFailureCodes.begin(), kFailureCodes.end()));

Error malformed(std::string detail) { return Error(kCallbackMalformed, std::move(detail)); }

// Into `out`, which stays empty if there is no such member or it is null.
Status read_text(const JsonMember* member, std::string_view name, std::size_t most, std::string& out) {
  if (!member || member->kind == Kind::kNull) return {};
  if (member->kind != Kind::kString) return malformed('"' + std::string(name) + "\" is not a string");
  if (member->text.size() > most) {
    return malformed('"' + std::string(name) + "\" has " + std::to_string(member->text.size()) + " octets; " + std::to_string(most) + " are the most");
  }
  out = member->text;
  return {};
}

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c <= 0x7e; });
}

// The first `most` octets at most, up to the end of a character. `text` is UTF-8.
std::string cut(std::string_view text, std::size_t most) {
  if (text.size() <= most) return std::string(text);
  const auto is_inside = [&](std::size_t at) { return (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80; };
  while (most > 0 && is_inside(most)) --most;
  return std::string(text.substr(0, most));
}

std::string text_of(const JsonMember* member) { return member && member->kind == Kind::kString ? member->text : std::string(); }

Status read_xid(const json::JsonObject& object, Report& report) {
  std::string external = text_of(object.find("external_id")), other = text_of(object.find("xid"));
  if (external.empty() || (external.size() > Xid::kMaxSize && !other.empty())) std::swap(external, other);
  if (!other.empty() && other.size() <= Xid::kMaxSize && other != external) return malformed("\"external_id\" and \"xid\" differ");
  report.xid = cut(external, kMaxForeignXidBytes);
  return {};
}

Status read_status(const json::JsonObject& object, Report& report) {
  const JsonMember* status = object.find("status");
  if (!status || status->kind != Kind::kObject) return malformed("there is no object \"status\"");
  const JsonMember* code = status->find("code");
  if (!code || !code->integer) return malformed("\"status.code\" is not an integer");
  report.code = *code->integer;
  if (const Status read = read_text(status->find("description"), "status.description", kMaxReportBytes, report.description); !read) return read;
  report.description = cut(report.description, kMaxDescriptionBytes);
  if (const Status read = read_text(status->find("updated_on"), "status.updated_on", kMaxReportTimeBytes, report.updated_on); !read) return read;
  if (!is_printable(report.updated_on)) return malformed("\"status.updated_on\" is not printable ASCII");
  report.updated_micros = parse_rfc3339_micros(report.updated_on).value_or(Report::kNoTime);
  return {};
}

// What is documented beside and not used here: refused when it is something else, so that a change of the provider's form is noticed.
Status check_others(const json::JsonObject& object) {
  std::string ignored;
  for (const char* name : {"sub_resource", "submit_timestamp"}) {
    if (const Status read = read_text(object.find(name), name, kMaxDescriptionBytes, ignored); !read) return read;
  }
  const auto wants = [&](const char* name, Kind kind, const char* what) -> Status {
    const JsonMember* member = object.find(name);
    if (!member || member->kind == Kind::kNull || member->kind == kind) return {};
    return malformed('"' + std::string(name) + "\" is not " + what);
  };
  if (const Status checked = wants("errors", Kind::kArray, "an array"); !checked) return checked;
  if (const Status checked = wants("verify", Kind::kObject, "an object"); !checked) return checked;
  return wants("additional_info", Kind::kObject, "an object");
}

}  // namespace

std::string_view name_of(State state) {
  switch (state) {
    case State::kPending: return "pending";
    case State::kSuccess: return "success";
    case State::kFailure: return "failure";
  }
  return "";
}

State state_of(std::int64_t code) {
  if (code == kSuccessCode) return State::kSuccess;
  return std::binary_search(kFailureCodes.begin(), kFailureCodes.end(), code) ? State::kFailure : State::kPending;
}

Result<Report> parse_callback(std::string_view body) {
  if (body.size() > kMaxReportBytes) return malformed("it has " + std::to_string(body.size()) + " octets; " + std::to_string(kMaxReportBytes) + " are the most");
  std::string why;
  const std::optional<json::JsonObject> object = json::JsonObject::parse(body, kMaxReportDepth, why);
  if (!object) return malformed(std::move(why));
  Report report;
  report.reference_id = text_of(object->find("reference_id"));
  if (!is_reference_id(report.reference_id)) report.reference_id.clear();
  if (const Status read = read_xid(*object, report); !read) return read.error();
  if (const Status read = read_status(*object, report); !read) return read.error();
  if (const Status checked = check_others(*object); !checked) return checked.error();
  report.raw = body;
  return report;
}

// The key is injective: a reference id has no colon, and neither has a code. Its size: 7 + 64 + 1 + 20 + 1 + 35 octets at most.
bool is_reference_id(std::string_view text) {
  return !text.empty() && text.size() <= kMaxReferenceBytes && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_';
  });
}

store::Event event_of(const Report& report, store::Event::Type type, UnixMillis at) {
  static_assert(sizeof("callback:") - 1 + kMaxReferenceBytes + 1 + 20 + 1 + kMaxReportTimeBytes <= kMaxEventKeyBytes);
  return {.type = type,
          .at = at,
          .key = std::string(store::name_of(type)) + ':' + report.reference_id + ':' + std::to_string(report.code) + ':' + report.updated_on,
          .body = report.raw};
}

std::optional<Outline> outline_of(const store::Event& event) {
  if (event.type != store::Event::Type::kCallback && event.type != store::Event::Type::kPolled) return std::nullopt;
  std::string_view key = event.key;
  const auto next = [&key]() -> std::optional<std::string_view> {
    const std::size_t colon = key.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const std::string_view part = key.substr(0, colon);
    key.remove_prefix(colon + 1);
    return part;
  };
  const auto type = next();
  const auto reference = type && *type == store::name_of(event.type) ? next() : std::nullopt;
  const auto code = reference ? next() : std::nullopt;
  if (!code) return std::nullopt;
  Outline outline{*reference, 0, key, parse_rfc3339_micros(key).value_or(Report::kNoTime)};
  const auto [end, error] = std::from_chars(code->data(), code->data() + code->size(), outline.code);
  if (error != std::errc() || end != code->data() + code->size()) return std::nullopt;
  return outline;
}

std::optional<Report> report_of(const store::Event& event) {
  if (event.type != store::Event::Type::kCallback && event.type != store::Event::Type::kPolled) return std::nullopt;
  Result<Report> report = parse_callback(event.body);
  return report ? std::optional<Report>(*std::move(report)) : std::nullopt;
}

}  // namespace jwtd::telesign
