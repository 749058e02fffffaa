// store/mongodb/xids.cc - reads by XID and puts together what belongs together.
#include "store/mongodb/xids.h"

#include <algorithm>

#include "store/store.h"

namespace jwtd::store {

std::vector<Record> UnderXid::tokens_of_rows() const {
  std::vector<Record> tokens;
  if (rows.empty() || !rows.front().record) return tokens;
  for (const LegacyRow& row : rows) {
    if (row.record && row.record->phone == rows.front().record->phone) tokens.push_back(*row.record);
  }
  return tokens;
}

Status read_under_xids(const Connections& connections, const Lease& lease, std::span<const Xid> xids, Earlier earlier,
                       const mongoc_read_prefs_t* preference, UnderXids& to, Failure* failure) {
  if (xids.empty()) return {};
  Bson list, in, filter, options;
  for (std::uint32_t i = 0; i < xids.size(); ++i) list.text(std::to_string(i), xids[i].view());
  in.array("$in", list);
  filter.document("xid", in);
  options.number("limit", static_cast<std::int64_t>(xids.size() + kMaxRowsRead));
  if (earlier == Earlier::kLeaveOut) {
    Bson projection;
    projection.small("earlier", 0);
    options.document("projection", projection);
  }
  const auto each = [&](const bson_t& document) -> Status {
    UnderXid& under = to[std::string(text_at(document, "xid"))];
    if (kind_of(document) == Kind::kLegacy) {
      auto row = read_legacy_row(document);
      if (row) under.rows.push_back(*std::move(row));
      else under.damage = row.error();
      return {};
    }
    auto ours = read_document(document);
    if (ours) {
      under.ours = *std::move(ours);
    } else {
      under.damage = ours.error();
      if (text_at(document, "_id") == text_at(document, "xid")) under.shell = shell_of(document);
    }
    return {};
  };
  if (Status read = query(connections, lease.tokens(), filter, options, preference, each, failure); !read) return read;
  for (auto& [xid, under] : to) {
    std::sort(under.rows.begin(), under.rows.end(), [](const LegacyRow& a, const LegacyRow& b) { return bson_oid_compare(&a.id, &b.id) < 0; });
  }
  return {};
}

Result<std::optional<Error>> look_for_impostor(const Connections& connections, const Lease& lease, const Xid& xid, std::optional<Transaction>* shell) {
  Bson filter;
  filter.text("_id", xid.view());
  std::optional<Error> found;
  const auto each = [&](const bson_t& document) -> Status {
    const auto read = read_document(document);
    if (read) return {};
    found = read.error();
    if (shell) *shell = shell_of(document);
    return {};
  };
  if (Status read = query(connections, lease.tokens(), filter, {}, connections.primary(), each); !read) return read.error();
  return found;
}

std::optional<Transaction> shell_of(const bson_t& document) {
  const auto xid = Xid::parse(text_at(document, "_id"));
  const auto phone = Phone::parse(text_at(document, "phone_number"));
  bson_iter_t at;
  if (!xid || !phone || !bson_iter_init_find(&at, &document, "created_at") || !BSON_ITER_HOLDS_DATE_TIME(&at)) return std::nullopt;
  return Transaction{bson_iter_date_time(&at), 1, Record{*xid, *phone, {}, {}, {}}, {}, {}};
}

Result<Transaction> assemble(const Connections& connections, const Lease& lease, UnderXid&& under, std::size_t most) {
  std::vector<Record> rows = under.tokens_of_rows();
  Document& ours = *under.ours;
  const std::uint64_t here = ours.earlier.size();
  Transaction transaction{ours.created_at, ours.issued, ours.current, {}, std::move(ours.events)};
  append_newest_first(std::move(ours.earlier), transaction.earlier, most);
  if (ours.issued - 1 > here && transaction.earlier.size() < most) {
    const std::string prefix = aside_prefix(ours.current.xid, ours.created_at);
    Bson range, filter, order, options;
    range.text("$gt", prefix).text("$lt", prefix.substr(0, prefix.size() - 1) + "0");  // '0' is next to '/'
    filter.document("_id", range);
    order.small("_id", -1);
    options.document("sort", order);
    const auto each = [&](const bson_t& document) -> Status {
      std::vector<Record> tokens;
      if (Status read = read_aside(document, ours, tokens); !read) return read;
      append_newest_first(std::move(tokens), transaction.earlier, most);
      return {};
    };
    if (Status read = query(connections, lease.earlier(), filter, options, connections.primary(), each); !read) return read.error();
  }
  // A row that something happened to has its token in our document too (changes.cc).
  std::erase_if(rows, [&](const Record& row) {
    return row.token == transaction.current.token ||
           std::any_of(transaction.earlier.begin(), transaction.earlier.end(), [&](const Record& one) { return one.token == row.token; });
  });
  const bool same_phone = !rows.empty() && rows.front().phone == transaction.current.phone;
  if (same_phone) append_newest_first(std::move(rows), transaction.earlier, most);
  return transaction;
}

std::optional<Transaction> assemble_rows(const UnderXid& under, std::size_t most) {
  std::vector<Record> tokens = under.tokens_of_rows();
  if (tokens.empty()) return std::nullopt;
  Transaction transaction{tokens.front().recorded_at, tokens.size(), std::move(tokens.back()), {}};
  tokens.pop_back();
  append_newest_first(std::move(tokens), transaction.earlier, most);
  return transaction;
}

}  // namespace jwtd::store
