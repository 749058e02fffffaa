// store/mongodb/documents.cc - documents to records and back; what does not fit is named.
#include "store/mongodb/documents.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include <nlohmann/json.hpp>

#include "jose/jws.h"
#include "store/store.h"

namespace jwtd::store {
namespace {

constexpr int kNumberDigits = 12;  // of a token's number in an _id of tokens_earlier, so that they sort
constexpr std::size_t kMaxShownId = 2 * Xid::kMaxSize;

UnixMillis expiry(UnixMillis created_at, std::chrono::seconds retention) {
  return created_at + std::chrono::milliseconds(retention).count();
}

void append_record(const Record& record, Bson& to) {
  to.text("iss", record.iss).text("kid", record.kid).number("iat", record.iat).number("exp", record.exp).time("recorded_at", record.recorded_at);
}

std::string_view view_of(const bson_iter_t& at) {
  std::uint32_t size = 0;
  if (BSON_ITER_HOLDS_UTF8(&at)) {
    const char* text = bson_iter_utf8(&at, &size);
    return {text, size};
  }
  const std::uint8_t* octets = nullptr;
  bson_subtype_t subtype;
  bson_iter_binary(&at, &subtype, &size, &octets);
  return {reinterpret_cast<const char*>(octets), size};
}

std::optional<std::int64_t> number_of(const bson_iter_t& at) {
  if (BSON_ITER_HOLDS_INT64(&at)) return bson_iter_int64(&at);
  if (BSON_ITER_HOLDS_INT32(&at)) return bson_iter_int32(&at);
  if (!BSON_ITER_HOLDS_DOUBLE(&at)) return std::nullopt;
  // Shells write every number as a double.
  const double number = bson_iter_double(&at);
  constexpr double kExact = 9007199254740992.0;
  if (!(std::fabs(number) <= kExact) || number != std::floor(number)) return std::nullopt;
  return static_cast<std::int64_t>(number);
}

// Reads the members of one document one after the other and remembers the first that does not fit.
class Members {
 public:
  void text(const bson_iter_t& at, std::string& to, unsigned bit) {
    if (!BSON_ITER_HOLDS_UTF8(&at) && !BSON_ITER_HOLDS_BINARY(&at)) return wrong(at, "is not a string");
    to = view_of(at);
    seen_ |= bit;
  }
  void number(const bson_iter_t& at, std::int64_t& to, unsigned bit) {
    const auto read = number_of(at);
    if (!read) return wrong(at, "is not an integer");
    to = *read;
    seen_ |= bit;
  }
  void time(const bson_iter_t& at, UnixMillis& to, unsigned bit) {
    if (!BSON_ITER_HOLDS_DATE_TIME(&at)) return wrong(at, "is not a date");
    to = bson_iter_date_time(&at);
    seen_ |= bit;
  }
  void wrong(const bson_iter_t& at, std::string_view what) { complain(std::string(bson_iter_key(&at)) + " " + std::string(what)); }
  void complain(std::string text) {
    if (problem_.empty()) problem_ = std::move(text);
  }
  bool has(unsigned bits) const { return (seen_ & bits) == bits; }
  const std::string& problem() const { return problem_; }

 private:
  unsigned seen_ = 0;
  std::string problem_;
};

enum : unsigned { kToken = 1, kIss = 2, kKid = 4, kIat = 8, kExp = 16, kRecordedAt = 32, kRecordBits = 63, kCreatedAt = 64, kIssued = 128, kVersion = 256 };

bool take_record_member(const bson_iter_t& at, std::string_view key, Record& record, Members& members) {
  if (key == "token") members.text(at, record.token, kToken);
  else if (key == "iss") members.text(at, record.iss, kIss);
  else if (key == "kid") members.text(at, record.kid, kKid);
  else if (key == "iat") members.number(at, record.iat, kIat);
  else if (key == "exp") members.number(at, record.exp, kExp);
  else if (key == "recorded_at") members.time(at, record.recorded_at, kRecordedAt);
  else return false;
  return true;
}

// The array `earlier`; false when an element is not understood.
bool read_earlier_array(const bson_iter_t& at, const Xid& xid, const Phone& phone, std::vector<Record>& to) {
  bson_iter_t element, member;
  if (!BSON_ITER_HOLDS_ARRAY(&at) || !bson_iter_recurse(&at, &element)) return false;
  while (bson_iter_next(&element)) {
    Record record{xid, phone, {}, {}, {}};
    Members members;
    if (!BSON_ITER_HOLDS_DOCUMENT(&element) || !bson_iter_recurse(&element, &member)) return false;
    while (bson_iter_next(&member)) take_record_member(member, bson_iter_key(&member), record, members);
    if (!members.problem().empty() || !members.has(kRecordBits)) return false;
    to.push_back(std::move(record));
  }
  return true;
}

bool read_events(const bson_iter_t& at, std::vector<Event>& to) {
  bson_iter_t element, member;
  if (!BSON_ITER_HOLDS_ARRAY(&at) || !bson_iter_recurse(&at, &element)) return false;
  while (bson_iter_next(&element)) {
    Members members;
    Event event{};
    std::int64_t type = 0;
    if (!BSON_ITER_HOLDS_DOCUMENT(&element) || !bson_iter_recurse(&element, &member)) return false;
    while (bson_iter_next(&member)) {
      const std::string_view key = bson_iter_key(&member);
      if (key == "key") members.text(member, event.key, 1);
      else if (key == "type") members.number(member, type, 2);
      else if (key == "at") members.time(member, event.at, 4);
      else if (key == "body") members.text(member, event.body, 8);
    }
    if (!members.problem().empty() || !members.has(15) || type < 1 || type > UINT8_MAX) return false;
    event.type = static_cast<Event::Type>(type);
    to.push_back(std::move(event));
  }
  return true;
}

Bson write_event_array(std::span<const Event* const> events) {
  Bson array;
  for (std::uint32_t i = 0; i < events.size(); ++i) {
    Bson one;
    one.text("key", events[i]->key).small("type", static_cast<std::int32_t>(events[i]->type)).time("at", events[i]->at).text("body", events[i]->body);
    array.document(std::to_string(i), one);
  }
  return array;
}

void append_count_of_events(std::size_t count, Bson& filter) {
  Bson condition;
  if (count == 0) condition.flag("$exists", false);
  else condition.number("$size", static_cast<std::int64_t>(count));
  filter.document("events", condition);
}

Error damaged(const bson_t& document, std::string_view what) { return Error(kStoreDamaged, shown_id(document) + ": " + std::string(what)); }

// Claims of a token that is only shown, never trusted: what cannot be read stays zero.
void take_claims(Record& record) {
  const auto parts = jose::inspect(record.token);
  if (!parts) return;
  const auto claims = nlohmann::json::parse(parts->claims_json, nullptr, false);
  if (!claims.is_object()) return;
  const auto number = [&](const char* name) -> UnixSeconds {
    const auto found = claims.find(name);
    return found != claims.end() && found->is_number_integer() ? found->get<std::int64_t>() : 0;
  };
  if (const auto iss = claims.find("iss"); iss != claims.end() && iss->is_string()) record.iss = iss->get<std::string>();
  record.iat = number("iat");
  record.exp = number("exp");
}

}  // namespace

UnixMillis LegacyRow::made_at() const { return static_cast<UnixMillis>(static_cast<std::uint32_t>(bson_oid_get_time_t(&id))) * 1000; }

// -- writing --------------------------------------------------------------------------------------------------------

Bson write_document(const Document& document, std::chrono::seconds retention) {
  Bson out;
  const Record& current = document.current;
  out.text("_id", current.xid.view()).text("xid", current.xid.view()).text("phone_number", current.phone.text()).text("token", current.token);
  out.small("v", kDocumentVersion);
  append_record(current, out);
  out.time("created_at", document.created_at).number("issued", static_cast<std::int64_t>(document.issued));
  if (retention.count() > 0) out.time("expires_at", expiry(document.created_at, retention));
  if (document.elsewhere > 0) out.number("earlier_elsewhere", static_cast<std::int64_t>(document.elsewhere));
  if (!document.earlier.empty()) {
    out.array("earlier", write_earlier_array(document.earlier.data(), document.earlier.data() + document.earlier.size()));
  }
  if (!document.events.empty()) {
    std::vector<const Event*> events;
    for (const Event& event : document.events) events.push_back(&event);
    out.array("events", write_event_array(events));
  }
  return out;
}

Bson write_earlier(const Record& record) {
  Bson out;
  out.text("token", record.token);
  append_record(record, out);
  return out;
}

Bson write_earlier_array(const Record* first, const Record* last) {
  Bson array;
  for (std::uint32_t i = 0; first + i != last; ++i) array.document(std::to_string(i), write_earlier(first[i]));
  return array;
}

Bson write_reissue(const Document& after, bool moved_aside) {
  const Bson array = write_earlier_array(after.earlier.data(), after.earlier.data() + after.earlier.size());
  Bson set, change;
  set.text("token", after.current.token);
  append_record(after.current, set);
  set.number("issued", static_cast<std::int64_t>(after.issued));
  if (moved_aside) {
    set.number("earlier_elsewhere", static_cast<std::int64_t>(after.elsewhere)).array("earlier", array);
    change.document("$set", set);
    return change;
  }
  Bson each, push;
  each.array("$each", array);
  push.document("earlier", each);
  change.document("$set", set).document("$push", push);
  return change;
}

Bson unchanged(const Document& document) {
  Bson filter;
  filter.text("_id", document.current.xid.view()).time("created_at", document.created_at).number("issued", static_cast<std::int64_t>(document.issued));
  filter.text("token", document.current.token);
  append_count_of_events(document.events.size(), filter);
  return filter;
}

Bson nothing_happened_to(const Document& document) {
  Bson filter;
  filter.text("_id", document.current.xid.view()).time("created_at", document.created_at);
  append_count_of_events(document.events.size(), filter);
  return filter;
}

Bson write_more_events(std::span<const Event* const> events) {
  Bson each, push, change;
  each.array("$each", write_event_array(events));
  push.document("events", each);
  change.document("$push", push);
  return change;
}

std::string aside_prefix(const Xid& xid, UnixMillis created_at) { return xid.text() + "/" + std::to_string(created_at) + "/"; }

std::string aside_id(const Xid& xid, UnixMillis created_at, std::uint64_t first_number) {
  std::string number = std::to_string(first_number);
  number.insert(0, static_cast<std::size_t>(std::max(0, kNumberDigits - static_cast<int>(number.size()))), '0');
  return aside_prefix(xid, created_at) + number;
}

Bson write_aside(const Document& owner, std::uint64_t first_number, const Bson& earlier_array, std::chrono::seconds retention) {
  Bson out;
  out.text("_id", aside_id(owner.current.xid, owner.created_at, first_number)).small("v", kDocumentVersion).text("xid", owner.current.xid.view());
  out.time("created_at", owner.created_at);
  if (retention.count() > 0) out.time("expires_at", expiry(owner.created_at, retention));
  out.array("earlier", earlier_array);
  return out;
}

// -- reading --------------------------------------------------------------------------------------------------------

Result<Document> read_document(const bson_t& from) {
  const auto xid = Xid::parse(text_at(from, "_id"));
  if (!xid) return damaged(from, "its _id is not a transaction id");
  if (text_at(from, "xid") != xid->view()) return damaged(from, "xid is not its _id");
  const auto phone = Phone::parse(text_at(from, "phone_number"));
  if (!phone || phone->text() != text_at(from, "phone_number")) return damaged(from, "phone_number is not one that jwtd writes");

  Document to{.current = Record{*xid, *phone, {}, {}, {}}};
  Members members;
  std::int64_t version = 0, issued = 0, elsewhere = 0;
  bson_iter_t at;
  if (!bson_iter_init(&at, &from)) return damaged(from, "it is no BSON document");
  while (bson_iter_next(&at)) {
    const std::string_view key = bson_iter_key(&at);
    if (take_record_member(at, key, to.current, members)) continue;
    if (key == "created_at") members.time(at, to.created_at, kCreatedAt);
    else if (key == "issued") members.number(at, issued, kIssued);
    else if (key == "v") members.number(at, version, kVersion);
    else if (key == "earlier_elsewhere") members.number(at, elsewhere, 0);
    else if (key == "earlier" && !read_earlier_array(at, *xid, *phone, to.earlier)) members.wrong(at, "is not understood");
    else if (key == "events" && !read_events(at, to.events)) members.wrong(at, "is not understood");
  }
  if (members.has(kVersion) && version != kDocumentVersion) {
    return damaged(from, "it has version " + std::to_string(version) + ", this jwtd knows " + std::to_string(kDocumentVersion));
  }
  if (!members.problem().empty()) return damaged(from, members.problem());
  if (!members.has(kRecordBits | kCreatedAt | kIssued | kVersion)) return damaged(from, "a member is missing");
  if (issued < 1 || elsewhere < 0 || elsewhere > issued - 1) return damaged(from, "issued and earlier_elsewhere do not fit together");
  to.issued = static_cast<std::uint64_t>(issued);
  to.elsewhere = static_cast<std::uint64_t>(elsewhere);
  return to;
}

Result<LegacyRow> read_legacy_row(const bson_t& from) {
  bson_iter_t at;
  if (!bson_iter_init_find(&at, &from, "_id") || !BSON_ITER_HOLDS_OID(&at)) return damaged(from, "its _id is not an ObjectId");
  const bson_oid_t id = *bson_iter_oid(&at);
  const auto xid = Xid::parse(text_at(from, "xid"));
  if (!xid) return damaged(from, "xid is not a transaction id");
  const auto phone = Phone::parse(text_at(from, "phone_number"));
  LegacyRow row{id, *xid, std::nullopt};
  if (!phone) return row;
  row.record = Record{*xid, *phone, std::string(text_at(from, "token")), {}, {}};
  row.record->recorded_at = row.made_at();
  take_claims(*row.record);
  return row;
}

Status read_aside(const bson_t& from, const Document& owner, std::vector<Record>& to) {
  bson_iter_t at;
  const auto version = number_at(from, "v");
  if (!version || *version != kDocumentVersion) return damaged(from, "its version is not one that this jwtd knows");
  if (!bson_iter_init_find(&at, &from, "earlier") || !read_earlier_array(at, owner.current.xid, owner.current.phone, to)) {
    return damaged(from, "earlier is not understood");
  }
  return {};
}

Kind kind_of(const bson_t& document) {
  bson_iter_t at;
  if (!bson_iter_init_find(&at, &document, "_id")) return Kind::kForeign;
  return BSON_ITER_HOLDS_UTF8(&at) ? Kind::kOurs : BSON_ITER_HOLDS_OID(&at) ? Kind::kLegacy : Kind::kForeign;
}

std::string shown_id(const bson_t& document) {
  bson_iter_t at;
  if (!bson_iter_init_find(&at, &document, "_id")) return "a document without _id";
  if (BSON_ITER_HOLDS_UTF8(&at)) return std::string(view_of(at).substr(0, kMaxShownId));
  if (!BSON_ITER_HOLDS_OID(&at)) return "a document whose _id is neither a string nor an ObjectId";
  char text[25];
  bson_oid_to_string(bson_iter_oid(&at), text);
  return std::string("ObjectId ") + text;
}

std::string_view text_at(const bson_t& document, const char* key) {
  bson_iter_t at;
  return bson_iter_init_find(&at, &document, key) && BSON_ITER_HOLDS_UTF8(&at) ? view_of(at) : std::string_view();
}

std::optional<std::int64_t> number_at(const bson_t& document, const char* key) {
  bson_iter_t at;
  return bson_iter_init_find(&at, &document, key) ? number_of(at) : std::nullopt;
}

bson_oid_t first_id_of(UnixSeconds second) {
  bson_oid_t id{};
  const auto clamped = static_cast<std::uint32_t>(std::clamp<UnixSeconds>(second, 0, std::numeric_limits<std::uint32_t>::max()));
  for (int i = 0; i < 4; ++i) id.bytes[i] = static_cast<std::uint8_t>(clamped >> (24 - 8 * i));
  return id;
}

void append_newest_first(std::vector<Record>&& from, std::vector<Record>& to, std::size_t most) {
  for (auto it = from.rbegin(); it != from.rend() && to.size() < most; ++it) to.push_back(std::move(*it));
}

}  // namespace jwtd::store
