// store/mongodb/documents.h - what stands in the collections, and how it is read. docs/adr/0007 has the design.
//
// tokens, a transaction of ours, `_id` is the XID:
//   {_id, xid, phone_number, token, v: 1, iss, kid, iat, exp, recorded_at, created_at, issued, expires_at?, earlier_elsewhere?, earlier?: [{token, ...}],
//    events?: [{key, type, at, body}]}
// tokens, a row of the tutorial's own service, `_id` is an ObjectId; several may share an XID; nothing here ever changes one:
//   {_id, xid, phone_number, token}
// tokens_earlier, earlier tokens of a transaction that had too many to stand in its document, kMaxEarlierTokens at a time:
//   {_id: "XID/created_at/number of the first", v: 1, xid, created_at, expires_at?, earlier: [...]}
// jwtd_notes, `_id` is the kind and the key, so that a kind's notes are a range of it:
//   {_id: "KIND/KEY", kind, key, value, expires_at?}
// Times are dates; iat and exp are the token's own numbers. `expires_at` is absent without retention.
#pragma once

#include <bson/bson.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "store/mongodb/bson.h"
#include "store/record.h"

namespace jwtd::store {

inline constexpr std::int32_t kDocumentVersion = 1;

// A transaction of ours as its document has it.
struct Document {
  UnixMillis created_at = 0;
  std::uint64_t issued = 1;
  std::uint64_t elsewhere = 0;   // of the earlier tokens: how many do not stand here: in tokens_earlier, or in rows of the tutorial's
  Record current;
  std::vector<Record> earlier;   // oldest first; empty when the document was read without them
  std::vector<Event> events;

  std::uint64_t earlier_here() const { return issued - 1 - elsewhere; }
};

// A row that the tutorial's service wrote.
struct LegacyRow {
  bson_oid_t id;
  Xid xid;
  std::optional<Record> record;  // nullopt: its phone_number is none. kid is empty; iss, iat and exp are the token's claims, as far as they can be read

  UnixMillis made_at() const;  // the ObjectId's time, in whole seconds: the only date there is
};

// -- writing --------------------------------------------------------------------------------------------------------

Bson write_document(const Document& document, std::chrono::seconds retention);
// The members of one earlier token, as an element of `earlier`.
Bson write_earlier(const Record& record);
// {"0": ..., "1": ...}
Bson write_earlier_array(const Record* first, const Record* last);
// The change that makes `after` of the document before it: `after.earlier` is appended, or takes the place of what was moved aside.
Bson write_reissue(const Document& after, bool moved_aside);
// The change that adds events to a document that has some or none.
Bson write_more_events(std::span<const Event* const> events);
// Matches the document only while nothing has happened to it since it was read: events only become more.
Bson nothing_happened_to(const Document& document);
// Matches the document only while it is as it was read, its events included. Two nodes that decide over one state therefore agree: the second finds nothing to change.
Bson unchanged(const Document& document);

std::string aside_id(const Xid& xid, UnixMillis created_at, std::uint64_t first_number);
std::string aside_prefix(const Xid& xid, UnixMillis created_at);
Bson write_aside(const Document& owner, std::uint64_t first_number, const Bson& earlier_array, std::chrono::seconds retention);

// -- reading --------------------------------------------------------------------------------------------------------

// Fails with kStoreDamaged; the detail names the document by its XID, or by its _id, and what is wrong with it.
Result<Document> read_document(const bson_t& document);
Result<LegacyRow> read_legacy_row(const bson_t& document);
// Appends the tokens of a document of tokens_earlier, oldest first.
Status read_aside(const bson_t& document, const Document& owner, std::vector<Record>& to);

// What a document's _id says that it is.
enum class Kind : std::uint8_t { kOurs, kLegacy, kForeign };
Kind kind_of(const bson_t& document);
std::string shown_id(const bson_t& document);  // for errors
std::string_view text_at(const bson_t& document, const char* key);  // empty: absent or no string
std::optional<std::int64_t> number_at(const bson_t& document, const char* key);  // an integer of any BSON type

// The smallest ObjectId of that second, clamped to what an ObjectId can say.
bson_oid_t first_id_of(UnixSeconds second);

// Newest first, as store.h has them: from oldest first.
void append_newest_first(std::vector<Record>&& from, std::vector<Record>& to, std::size_t most);

}  // namespace jwtd::store
