// store/mongodb/notes.cc - notes by their _id: one of them, or a range.
#include "store/mongodb/notes.h"

#include "store/mongodb/documents.h"

namespace jwtd::store {
namespace {

std::string id_of(std::string_view kind, std::string_view key) { return std::string(kind) + "/" + std::string(key); }

Result<Note> read_note(const bson_t& document) {
  Note note{std::string(text_at(document, "kind")), std::string(text_at(document, "key")), {}, 0};
  bson_iter_t at;
  const bool has_value = bson_iter_init_find(&at, &document, "value") && BSON_ITER_HOLDS_UTF8(&at);
  if (!has_value || text_at(document, "_id") != id_of(note.kind, note.key)) return Error(kStoreDamaged, "a document of jwtd_notes is not one that jwtd writes");
  note.value = text_at(document, "value");
  if (bson_iter_init_find(&at, &document, "expires_at")) {
    if (!BSON_ITER_HOLDS_DATE_TIME(&at)) return Error(kStoreDamaged, "a document of jwtd_notes: expires_at is not a date");
    note.expires_at = bson_iter_date_time(&at);
  }
  return note;
}

void append_still_there(UnixMillis now, Bson& filter) {
  Bson later, some, never, either;
  later.time("$gt", now);
  some.document("expires_at", later);
  never.nothing("expires_at");  // absent
  either.document("0", some).document("1", never);
  filter.array("$or", either);
}

}  // namespace

Bson which_note(std::string_view kind, std::string_view key) {
  Bson filter;
  filter.text("_id", id_of(kind, key));
  return filter;
}

Bson write_note(const Note& note) {
  Bson document = which_note(note.kind, note.key);
  document.text("kind", note.kind).text("key", note.key).text("value", note.value);
  if (note.expires_at != 0) document.time("expires_at", note.expires_at);
  return document;
}

Result<bool> has_note(Connections& connections, const Lease& lease, std::string_view kind, std::string_view key) {
  bool found = false;
  const auto each = [&](const bson_t&) -> Status {
    found = true;
    return {};
  };
  if (Status read = query(connections, lease.notes(), which_note(kind, key), {}, connections.primary(), each); !read) return read.error();
  return found;
}

Result<std::optional<std::string>> find_note(Connections& connections, const NoteName& name, UnixMillis now) {
  auto lease = connections.lease();
  if (!lease) return lease.error();
  Bson filter = which_note(name.kind, name.key);
  append_still_there(now, filter);
  std::optional<std::string> value;
  const auto each = [&](const bson_t& document) -> Status {
    auto note = read_note(document);
    if (!note) return note.error();
    value = std::move(note->value);
    return {};
  };
  if (Status read = query(connections, lease->notes(), filter, {}, connections.primary(), each); !read) return read.error();
  return value;
}

Result<std::vector<Note>> list_notes(Connections& connections, std::string_view kind, std::string_view after, std::size_t limit, UnixMillis now) {
  auto lease = connections.lease();
  if (!lease) return lease.error();
  Bson range, filter, order, options;
  range.text("$gt", id_of(kind, after)).text("$lt", std::string(kind) + "0");  // '0' is next to '/'
  filter.document("_id", range);
  append_still_there(now, filter);
  order.small("_id", 1);
  options.document("sort", order).number("limit", static_cast<std::int64_t>(limit));
  std::vector<Note> notes;
  const auto each = [&](const bson_t& document) -> Status {
    auto note = read_note(document);
    if (!note) return note.error();
    notes.push_back(*std::move(note));
    return {};
  };
  if (Status read = query(connections, lease->notes(), filter, options, connections.primary(), each); !read) return read.error();
  return notes;
}

}  // namespace jwtd::store
