// store/mongodb/scan.cc - everything, a slice at a time: our documents by _id, then the tutorial's rows by _id, then what is neither.
#include <algorithm>
#include <string>

#include "store/mongodb/look_ups.h"

namespace jwtd::store {
namespace {

// Where a slice ended: the part and the last _id, "own." and a string, "row." and an ObjectId's octets.
constexpr std::string_view kOurs = "own.", kRows = "row.";
// An _id that is not ours may be longer than any of ours. What begins alike and comes behind it is passed over: the last of Unicode is above all that follow.
constexpr std::size_t kLongestShown = 100;
constexpr std::string_view kAboveAll = "\xF4\x8F\xBF\xBF";

constexpr std::size_t kAllEarlier = static_cast<std::size_t>(-1);
constexpr std::size_t kMaxForeignNamed = 100;  // in all; who has more has another program in this collection

std::string cursor_of(std::string_view part, std::string_view last) {
  std::string position(part);
  std::size_t size = std::min(last.size(), kLongestShown);
  while (size < last.size() && size > 0 && (static_cast<unsigned char>(last[size]) & 0xC0) == 0x80) --size;  // not within a character
  position += last.substr(0, size);
  if (size < last.size()) position += kAboveAll;
  return write_scan_cursor(position);
}

}  // namespace

Result<Slice> LookUps::scan(std::size_t limit, std::string_view cursor, UnixMillis now) {
  std::string position(kOurs);
  if (!cursor.empty()) {
    auto read = read_scan_cursor(cursor);
    if (!read) return read.error();
    position = *std::move(read);
  }
  const bool rows = position.starts_with(kRows);
  if (!rows && !position.starts_with(kOurs)) return Error(kCursorMalformed);
  const std::string_view last = std::string_view(position).substr(kOurs.size());
  if (rows && last.size() != sizeof(bson_oid_t)) return Error(kCursorMalformed);
  auto lease = connections_.lease();
  if (!lease) return lease.error();
  Slice slice;
  const Status done = rows ? scan_rows(*lease, limit, last, now, slice) : scan_ours(*lease, limit, last, now, slice);
  if (!done) return done.error();
  return slice;
}

Status LookUps::take_whole(const Lease& lease, UnderXid&& under, Slice& slice) {
  const std::string xid = under.ours ? under.ours->current.xid.text() : under.rows.front().xid.text();
  const auto* owner = under.ours ? &under.ours->current : under.rows.front().record ? &*under.rows.front().record : nullptr;
  if (owner == nullptr) {
    slice.damaged.push_back({xid, "its phone_number is none"});
    return {};
  }
  const bool others = std::any_of(under.rows.begin(), under.rows.end(),
                                  [&](const LegacyRow& row) { return !row.record || row.record->phone != owner->phone; });
  if (others) slice.damaged.push_back({xid, "rows of another phone stand under it, too"});
  if (!under.ours) {
    slice.transactions.push_back(*assemble_rows(under, kAllEarlier));
    return {};
  }
  auto transaction = assemble(connections_, lease, std::move(under), kAllEarlier);
  if (transaction) {
    slice.transactions.push_back(*std::move(transaction));
  } else if (transaction.error().is(kStoreDamaged)) {
    slice.damaged.push_back({xid, transaction.error().detail()});
  } else {
    return transaction.error();
  }
  return {};
}

Status LookUps::scan_ours(const Lease& lease, std::size_t limit, std::string_view after, UnixMillis now, Slice& slice) {
  Bson range, filter, order, options;
  range.text("$gt", after);  // strings only: a comparison stays within a type
  filter.document("_id", range);
  order.small("_id", 1);
  options.document("sort", order).number("limit", static_cast<std::int64_t>(limit));
  std::vector<Document> documents;
  std::vector<Xid> xids;
  std::string last;
  std::size_t seen = 0;
  const auto each = [&](const bson_t& document) -> Status {
    ++seen;
    last = text_at(document, "_id");
    auto read = read_document(document);
    if (!read) {
      slice.damaged.push_back({shown_id(document), read.error().detail()});
      return {};
    }
    xids.push_back(read->current.xid);
    documents.push_back(*std::move(read));
    return {};
  };
  if (Status read = query(connections_, lease.tokens(), filter, options, nullptr, each); !read) return read;
  UnderXids all;
  if (Status read = read_under_xids(connections_, lease, xids, Earlier::kLeaveOut, nullptr, all); !read) return read;
  for (Document& document : documents) {
    UnderXid under{std::move(document), {}, {}};
    if (!stands(under, now)) continue;
    if (const auto at = all.find(under.ours->current.xid.text()); at != all.end()) under.rows = std::move(at->second.rows);
    if (Status taken = take_whole(lease, std::move(under), slice); !taken) return taken;
  }
  if (seen < limit) return scan_rows(lease, limit - seen, {}, now, slice);
  slice.next = cursor_of(kOurs, last);
  return {};
}

// A transaction that only rows know comes with its oldest one.
Status LookUps::scan_rows(const Lease& lease, std::size_t limit, std::string_view after, UnixMillis now, Slice& slice) {
  Bson range, filter, order, options;
  bson_oid_t last = first_id_of(0);
  if (!after.empty()) std::copy(after.begin(), after.end(), last.bytes);
  range.id(after.empty() ? "$gte" : "$gt", last);
  filter.document("_id", range);
  order.small("_id", 1);
  options.document("sort", order).number("limit", static_cast<std::int64_t>(limit));
  std::vector<LegacyRow> rows;
  std::vector<Xid> xids;
  std::size_t seen = 0;
  const auto each = [&](const bson_t& document) -> Status {
    ++seen;
    auto row = read_legacy_row(document);
    bson_iter_t at;
    if (bson_iter_init_find(&at, &document, "_id") && BSON_ITER_HOLDS_OID(&at)) last = *bson_iter_oid(&at);
    if (!row) {
      slice.damaged.push_back({shown_id(document), row.error().detail()});
      return {};
    }
    xids.push_back(row->xid);
    rows.push_back(*std::move(row));
    return {};
  };
  if (Status read = query(connections_, lease.tokens(), filter, options, nullptr, each); !read) return read;
  std::sort(xids.begin(), xids.end());
  xids.erase(std::unique(xids.begin(), xids.end()), xids.end());
  UnderXids all;
  if (Status read = read_under_xids(connections_, lease, xids, Earlier::kLeaveOut, nullptr, all); !read) return read;
  for (const LegacyRow& row : rows) {
    const auto at = all.find(row.xid.text());
    if (at == all.end() || at->second.rows.empty() || stands(at->second, now)) continue;
    if (bson_oid_compare(&at->second.rows.front().id, &row.id) != 0) continue;
    UnderXid under{std::nullopt, std::move(at->second.rows), {}};
    at->second.rows.clear();
    if (Status taken = take_whole(lease, std::move(under), slice); !taken) return taken;
  }
  if (seen == limit) {
    slice.next = cursor_of(kRows, {reinterpret_cast<const char*>(last.bytes), sizeof last.bytes});
    return {};
  }
  return scan_foreign(lease, slice);
}

Status LookUps::scan_foreign(const Lease& lease, Slice& slice) {
  Bson types, of_type, negation, filter, options;
  types.text("0", "string").text("1", "objectId");
  of_type.array("$type", types);
  negation.document("$not", of_type);
  filter.document("_id", negation);
  options.number("limit", static_cast<std::int64_t>(kMaxForeignNamed));
  return query(connections_, lease.tokens(), filter, options, nullptr, [&](const bson_t& document) -> Status {
    slice.damaged.push_back({shown_id(document), "it is none of jwtd's and none of the tutorial's"});
    return {};
  });
}

}  // namespace jwtd::store
