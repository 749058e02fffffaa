// store/mongodb/look_ups.cc - one XID, and a phone's list.
#include "store/mongodb/look_ups.h"

#include <algorithm>
#include <limits>
#include <string>

#include "base/limits.h"
#include "store/decide.h"

namespace jwtd::store {
namespace {

constexpr UnixMillis kLatest = 253'402'300'799'999;  // the end of the year 9999: some servers and clients know no later date
constexpr std::size_t kGrowth = 8;  // of a query that ended within one second

// Newest first, as a page is.
bool before(const Position& a, const Position& b) { return a.created_at != b.created_at ? a.created_at > b.created_at : a.xid > b.xid; }

// Of one that cannot be read otherwise; nullopt: not even its place in the list.
std::optional<Position> position_of(const bson_t& document) {
  const auto shell = shell_of(document);
  return shell ? std::optional(Position{shell->created_at, shell->current.xid}) : std::nullopt;
}

Transaction shallow(Document&& document) { return {document.created_at, document.issued, std::move(document.current), {}, std::move(document.events)}; }

}  // namespace

// Whether a document of ours stands there at `now`; the tutorial's rows are its earlier tokens then.
bool LookUps::stands(const UnderXid& under, UnixMillis now) const {
  return under.ours && !past_retention(under.ours->created_at, retention_, now);
}

Result<std::optional<Transaction>> LookUps::find(const Xid& xid, UnixMillis now) {
  auto lease = connections_.lease();
  if (!lease) return lease.error();
  UnderXids all;
  const Xid xids[] = {xid};
  if (Status read = read_under_xids(connections_, *lease, xids, Earlier::kRead, connections_.primary(), all); !read) return read.error();
  const auto at = all.find(xid.text());
  if (at == all.end()) {
    auto impostor = look_for_impostor(connections_, *lease, xid);
    if (!impostor) return impostor.error();
    if (*impostor) return **impostor;
    return std::optional<Transaction>();
  }
  UnderXid& under = at->second;
  if (under.damage) return *under.damage;
  if (!stands(under, now)) {
    if (!under.rows.empty() && !under.rows.front().record) return Error(kStoreDamaged, xid.text() + ": phone_number is none");
    return assemble_rows(under, kMaxEarlierTokens);
  }
  auto transaction = assemble(connections_, *lease, std::move(under), kMaxEarlierTokens);
  if (!transaction) return transaction.error();
  return std::optional<Transaction>(*std::move(transaction));
}

Result<std::optional<RecordTimes>> LookUps::record_times() {
  auto lease = connections_.lease();
  if (!lease) return lease.error();
  std::optional<RecordTimes> times;
  for (const int direction : {1, -1}) {
    Bson range, filter, order, options;
    range.time("$lte", kLatest);
    filter.document("expires_at", range);
    order.small("expires_at", direction);
    options.document("sort", order).number("limit", std::int64_t{1});
    const auto each = [&](const bson_t& document) -> Status {
      bson_iter_t at;
      if (bson_iter_init_find(&at, &document, "created_at") && BSON_ITER_HOLDS_DATE_TIME(&at)) widen(times, bson_iter_date_time(&at));
      return {};
    };
    if (Status read = query(connections_, lease->tokens(), filter, options, nullptr, each); !read) return read.error();
  }
  return times;
}

// -- a phone's list -------------------------------------------------------------------------------------------------

// `times` is the range of created_at (and, within one millisecond, of _id).
Status LookUps::ours_of_phone(const Lease& lease, const Phone& phone, const Bson& times, std::size_t most, UnixMillis now, List& to) {
  Bson filter, order, projection, options;
  filter.text("phone_number", phone.text()).all_of(times.get());
  order.small("created_at", -1).small("_id", -1);
  projection.small("earlier", 0);
  options.document("sort", order).document("projection", projection).number("limit", static_cast<std::int64_t>(most));
  const auto each = [&](const bson_t& document) -> Status {
    auto read = read_document(document);
    const auto at = position_of(document);
    if (!at) return read ? Status() : Status(read.error());
    if (past_retention(at->created_at, retention_, now)) return {};
    to.push_back({*at, std::nullopt});
    if (read) to.back().transaction = shallow(*std::move(read));
    return {};
  };
  return query(connections_, lease.tokens(), filter, options, connections_.primary(), each);
}

// The transactions that only the tutorial's rows know. Each has its place by its oldest row, so a row that is not the oldest is passed over;
// rows are taken by whole seconds, because within one they come by XID.
Status LookUps::rows_of_phone(const Lease& lease, const Phone& phone, const std::optional<Position>& after, std::size_t most, UnixMillis now,
                              List& to) {
  bson_oid_t end = first_id_of(std::numeric_limits<std::int64_t>::max());
  if (after) {
    if (after->created_at < 0) return {};
    end = first_id_of(after->created_at / 1000 + 1);
  }
  std::size_t window = most;
  while (to.size() < most) {
    Bson either, in, ids, order, filter, options;
    either.text("0", phone.text()).text("1", "+" + phone.text());  // the tutorial's service kept what stood in the URL
    in.array("$in", either);
    ids.id("$gte", first_id_of(0)).id("$lt", end);
    filter.document("phone_number", in).nothing("created_at").document("_id", ids);
    order.small("_id", -1);
    options.document("sort", order).number("limit", static_cast<std::int64_t>(window));
    std::vector<LegacyRow> rows;
    const auto each = [&](const bson_t& document) -> Status {
      auto row = read_legacy_row(document);
      if (row) rows.push_back(*std::move(row));
      return {};  // one whose xid is none cannot be asked for; scan() names it
    };
    std::size_t seen = 0;
    const auto counted = [&](const bson_t& document) { return ++seen, each(document); };
    if (Status read = query(connections_, lease.tokens(), filter, options, connections_.primary(), counted); !read) return read;
    const bool last = seen < window;
    if (!last) {
      if (rows.empty()) return {};
      // The last second may be cut.
      const UnixMillis cut = rows.back().made_at();
      std::erase_if(rows, [cut](const LegacyRow& row) { return row.made_at() == cut; });
      if (rows.empty() && window < kMaxRowsRead) {
        window = std::min(window * kGrowth, kMaxRowsRead);
        continue;
      }
      end = first_id_of(cut / 1000 + 1);
    }
    std::vector<Xid> xids;
    for (const LegacyRow& row : rows) xids.push_back(row.xid);
    std::sort(xids.begin(), xids.end());
    xids.erase(std::unique(xids.begin(), xids.end()), xids.end());
    UnderXids all;
    if (Status read = read_under_xids(connections_, lease, xids, Earlier::kLeaveOut, connections_.primary(), all); !read) return read;
    List found;
    for (const LegacyRow& row : rows) {
      const auto at = all.find(row.xid.text());
      if (at == all.end() || stands(at->second, now)) continue;
      // Of this phone's alone: the same XID may stand under another number too.
      UnderXid own;
      for (LegacyRow& other : at->second.rows) {
        if (other.record && other.record->phone == phone) own.rows.push_back(other);
      }
      if (own.rows.empty() || bson_oid_compare(&own.rows.front().id, &row.id) != 0) continue;
      auto transaction = assemble_rows(own, 0);
      const Position place{transaction->created_at, row.xid};
      if (after && !before(*after, place)) continue;
      found.push_back({place, std::nullopt});
      if (!at->second.damage) found.back().transaction = *std::move(transaction);
    }
    std::sort(found.begin(), found.end(), [](const Listed& a, const Listed& b) { return before(a.at, b.at); });
    std::move(found.begin(), found.end(), std::back_inserter(to));
    if (last) break;
  }
  return {};
}

Result<Page> LookUps::find_by_phone(const Phone& phone, std::size_t limit, std::string_view cursor, UnixMillis now) {
  std::optional<Position> after;
  if (!cursor.empty()) {
    auto position = read_cursor(phone, cursor);
    if (!position) return position.error();
    after = *position;
  }
  auto lease = connections_.lease();
  if (!lease) return lease.error();
  const std::size_t most = limit + 1;  // one more than shown says whether there is a next page
  List found;
  if (after) {
    Bson ids, same;
    ids.text("$lt", after->xid.view());
    same.time("created_at", after->created_at).document("_id", ids);
    if (Status read = ours_of_phone(*lease, phone, same, most, now, found); !read) return read.error();
  }
  if (found.size() < most) {
    Bson range, older;
    // A range, so that rows without a date are not in it.
    if (after) range.time("$lt", after->created_at);
    else range.time("$lte", kLatest);
    if (retention_.count() > 0) range.time("$gte", now - std::chrono::milliseconds(retention_).count());
    older.document("created_at", range);
    if (Status read = ours_of_phone(*lease, phone, older, most - found.size(), now, found); !read) return read.error();
  }
  List rows;
  if (Status read = rows_of_phone(*lease, phone, after, most, now, rows); !read) return read.error();
  if (!rows.empty()) {
    std::move(rows.begin(), rows.end(), std::back_inserter(found));
    std::sort(found.begin(), found.end(), [](const Listed& a, const Listed& b) { return before(a.at, b.at); });
    // A document of ours that was made of rows has their place, and where it cannot be read both say so.
    found.erase(std::unique(found.begin(), found.end(), [](const Listed& a, const Listed& b) { return !before(a.at, b.at); }), found.end());
  }
  Page page;
  for (std::size_t i = 0; i < std::min(found.size(), limit); ++i) {
    if (found[i].transaction) page.transactions.push_back(*std::move(found[i].transaction));
    else page.damaged.push_back(found[i].at.xid);
  }
  if (found.size() > limit) page.next = write_cursor(phone, found[limit - 1].at);
  return page;
}

}  // namespace jwtd::store
