// store/postgres/copies.cc - an epoch after the other; each XID once a round trip.
#include "store/postgres/copies.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <string>
#include <vector>

#include "store/cursor.h"
#include "store/decide.h"
#include "store/postgres/batch.h"
#include "store/postgres/columns.h"
#include "store/postgres/event_list.h"
#include "store/postgres/retention.h"
#include "store/postgres/rows.h"
#include "store/postgres/statements.h"
#include "store/postgres/values.h"

namespace jwtd::store::postgres {
namespace {

constexpr auto kCopyTimeout = std::chrono::seconds(30);  // of each round trip
constexpr std::size_t kMaxAdopted = 1024;                // transactions in one

Error unavailable(const Answer& answer) { return Error(kStoreUnavailable, answer.why); }

Result<std::vector<Rows>> ask(Connection& connection, const Step& step, Deadline deadline) {
  Answer answer = connection.run({&step, 1}, deadline);
  if (!answer.ok()) return unavailable(answer);
  return std::move(answer.rows);
}

// Of an epoch, what is behind an XID and still kept.
struct Part {
  std::int32_t epoch;
  std::string above;
  std::int64_t first_kept;  // microseconds
};

// `last` is set when `limit` rows were found.
Status scan_epoch(Connection& connection, const Part& part, std::size_t limit, Slice& slice, std::string& last) {
  const Deadline deadline = Monotonic::now() + kCopyTimeout;
  const std::string number = int4_value(part.epoch), kept = int8_value(part.first_kept), count = int8_value(static_cast<std::int64_t>(limit));
  const auto found = ask(connection, {&kScan, {number, part.above, kept, count}}, deadline);
  if (!found) return found.error();
  const Rows& rows = found->at(0);
  Array reissued(Array::Of::kText);
  const std::size_t first = slice.transactions.size();
  for (std::size_t row = 0; row < rows.size(); ++row) {
    Result<Transaction> found_one = read_transaction(rows, row);
    if (!found_one) {
      slice.damaged.push_back({std::string(rows.value(row, kXid)), found_one.error().detail()});
      continue;
    }
    if (found_one->issued > 1) reissued.add_text(found_one->current.xid.view());
    slice.transactions.push_back(*std::move(found_one));
  }
  if (rows.size() == limit) last = std::string(rows.value(rows.size() - 1, kXid));
  if (reissued.size() == 0) return {};
  const std::string below = int4_value(std::numeric_limits<std::int32_t>::max()), all = int8_value(std::numeric_limits<std::int64_t>::max());
  const auto earlier = ask(connection, {&kEarlier, {number, reissued.octets(), below, all}}, deadline);
  if (!earlier) return earlier.error();
  const Rows& tokens = earlier->at(0);  // in the order of their XIDs, as the transactions
  auto transaction = slice.transactions.begin() + static_cast<std::ptrdiff_t>(first);
  for (std::size_t row = 0; row < tokens.size(); ++row) {
    const std::string_view xid = tokens.value(row, kEarlierXid);
    while (transaction != slice.transactions.end() && transaction->current.xid.view() < xid) ++transaction;
    if (transaction == slice.transactions.end()) break;
    // A reissue between the two reads has put the current one here too.
    if (transaction->current.xid.view() != xid || tokens.int4(row, kEarlierNumber) >= static_cast<std::int64_t>(transaction->issued)) continue;
    Result<Record> record = read_earlier(tokens, row, transaction->current.phone);
    if (record) {
      transaction->earlier.push_back(*std::move(record));
    } else {
      slice.damaged.push_back({std::string(xid), record.error().detail()});
    }
  }
  return {};
}

Status adopt_once(Connection& connection, std::chrono::seconds retention, std::span<const Transaction* const> transactions, Adopted& adopted) {
  Inserts inserts;
  Array xids(Array::Of::kText), numbers(Array::Of::kInt4);
  TokenColumns tokens;
  Array events(Array::Of::kText);
  for (const Transaction* transaction : transactions) {
    std::vector<const Event*> list;
    for (const Event& event : transaction->events) list.push_back(&event);
    events.add_ascii(list.empty() ? std::string() : write_event_list(list));
    inserts.add(transaction->current, transaction->created_at, static_cast<std::int32_t>(transaction->issued));
    auto number = static_cast<std::int32_t>(transaction->issued);
    for (const Record& record : transaction->earlier) {
      xids.add_text(record.xid.view());
      numbers.add_int4(--number);
      tokens.add(record);
    }
  }
  std::vector<std::string_view> parameters = inserts.for_absent(bound_step(retention));
  for (Array* array : {&xids, &numbers}) parameters.push_back(array->octets());
  tokens.append_to(parameters);
  parameters.push_back(events.octets());
  const Step steps[] = {{&kBegin, {}}, {&kHoldEpochs, {}}, {&kAdopt, std::move(parameters)}, {&kCommit, {}}};
  const Answer answer = connection.run(steps, Monotonic::now() + kCopyTimeout);
  if (!answer.ok()) return unavailable(answer);
  const Rows& rows = answer.rows.at(2);
  std::vector<const Transaction*> anew;  // in the place of one that has expired
  Forgets expired;
  std::size_t seen = 0;
  for (std::size_t row = 0; row < rows.size(); ++row, ++seen) {
    if (rows.is_null(row, kNumber)) {
      ++adopted.written;
      continue;
    }
    const auto found = std::lower_bound(transactions.begin(), transactions.end(), rows.value(row, kXid),
                                        [](const Transaction* a, std::string_view xid) { return a->current.xid.view() < xid; });
    const Result<Standing> standing = read_standing(rows, row);
    if (standing && found != transactions.end() && past_retention(standing->created_at, retention, (*found)->current.recorded_at)) {
      anew.push_back(*found);
      expired.add(*standing);
      continue;
    }
    const bool same = standing && found != transactions.end() && (*found)->current.xid == standing->record.xid &&
                      (*found)->current.phone == standing->record.phone && (*found)->current.token == standing->record.token;
    ++(same ? adopted.present : adopted.different);
  }
  if (seen != transactions.size()) return Error(kStoreUnavailable, "somebody else wrote the same transactions meanwhile: try again");
  if (anew.empty()) return {};
  std::vector<Step> forget{{&kBegin, {}}};
  expired.append_to(forget);
  forget.push_back({&kCommit, {}});
  const Answer forgotten = connection.run(forget, Monotonic::now() + kCopyTimeout);
  if (!forgotten.ok()) return unavailable(forgotten);
  return adopt_once(connection, retention, anew, adopted);
}

}  // namespace

// Where a slice ended is "EPOCH.XID" of its last transaction.
Result<Slice> scan_slice(Connection& connection, std::chrono::seconds retention, std::size_t limit, std::string_view cursor, UnixMillis now) {
  std::int32_t from = 0;
  std::string above;
  if (!cursor.empty()) {
    const auto read = read_scan_cursor(cursor);
    if (!read) return read.error();
    const std::string_view position = *read;
    const std::size_t dot = position.find('.');
    if (dot == std::string_view::npos) return Error(kCursorMalformed);
    const auto [end, wrong] = std::from_chars(position.data(), position.data() + dot, from);
    const auto xid = Xid::parse(position.substr(dot + 1));
    if (wrong != std::errc() || end != position.data() + dot || from < 1 || !xid) return Error(kCursorMalformed);
    above = xid->text();
  }
  const auto epochs = ask(connection, {&kEpochs, {}}, Monotonic::now() + kCopyTimeout);
  if (!epochs) return epochs.error();
  Slice slice;
  for (std::size_t row = 0; row < epochs->at(0).size(); ++row) {
    const std::int32_t epoch = epochs->at(0).int4(row, kEpochNumber);
    if (epoch < from) continue;
    const std::size_t room = limit - slice.transactions.size() - slice.damaged.size();
    std::string last;
    if (Status status = scan_epoch(connection, {epoch, epoch == from ? above : std::string(), first_kept(retention, now)}, room, slice, last); !status) return status.error();
    if (!last.empty()) {  // the slice is full
      slice.next = write_scan_cursor(std::to_string(epoch) + "." + last);
      break;
    }
  }
  return slice;
}

Result<Adopted> adopt_transactions(Connection& connection, std::chrono::seconds retention, std::span<const Transaction> transactions) {
  Adopted adopted;
  std::vector<const Transaction*> order;
  for (const Transaction& transaction : transactions) {
    bool fits = is_storable(transaction.current) && transaction.created_at >= kFirstMillis && transaction.created_at <= kLastMillis &&
                transaction.issued >= 1 && transaction.issued <= static_cast<std::uint64_t>(std::numeric_limits<std::int32_t>::max());
    for (const Record& record : transaction.earlier) fits = fits && is_storable(record);
    if (!fits) return Error(kStoreUnavailable, "transaction " + transaction.current.xid.text() + " has a time or a count that the database cannot hold");
    order.push_back(&transaction);
  }
  std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) { return a->current.xid < b->current.xid; });
  while (!order.empty()) {
    // Each XID once a round trip; of those that come twice, the first counts first.
    std::vector<const Transaction*> now, later;
    for (const Transaction* transaction : order) {
      const bool again = !now.empty() && now.back()->current.xid == transaction->current.xid;
      (again || now.size() == kMaxAdopted ? later : now).push_back(transaction);
    }
    if (Status status = adopt_once(connection, retention, now, adopted); !status) return status.error();
    order = std::move(later);
  }
  return adopted;
}

}  // namespace jwtd::store::postgres
