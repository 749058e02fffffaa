// store/postgres/postgres_store.cc - the store's functions over a pool of connections.
#include "store/postgres/postgres_store.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <limits>
#include <mutex>
#include <optional>

#include "base/url.h"
#include "store/cursor.h"
#include "store/decide.h"
#include "store/postgres/batch.h"
#include "store/postgres/changes.h"
#include "store/postgres/event_list.h"
#include "store/postgres/pool.h"
#include "store/postgres/retention.h"
#include "store/postgres/schema.h"
#include "store/postgres/statements.h"

namespace jwtd::store {
namespace {

using namespace postgres;

// One session bears about 80,000 records a second, and larger batches cost less than more of them at once: a second one is for big servers.
constexpr std::size_t kConnectionsPerCommit = 4;
constexpr int kMaxRounds = 64;                                        // of one batch; the deadline ends it before, unless nodes chase each other
constexpr auto kStartTimeout = std::chrono::seconds(10);              // of the first connection
constexpr auto kSweepTimeout = std::chrono::seconds(30);              // of each step of a sweep, and of estimates
constexpr auto kFailureShown = std::chrono::seconds(5);               // how long a refused commit keeps writable() red when no other follows
constexpr auto kCopyTimeout = std::chrono::seconds(30);               // of each round trip of scan() and adopt()
constexpr std::size_t kMaxAdopted = 1024;                             // transactions in one round trip
constexpr std::string_view kReadOnly = "25006";

class PostgresStore final : public Store {
 public:
  PostgresStore(const StoreOptions& options, const Target& target, std::unique_ptr<Connection> first, const Size& size)
      : retention_(options.retention), timeout_(options.timeout), connections_(std::max<std::size_t>(options.connections, 1)),
        size_(size),
        pool_({target, connections_, options.on_event, [this](Connection& connection) { look_at_size(connection); }}, std::move(first)) {}

  Status commit(std::span<Entry* const> batch) override;
  Status apply(std::span<Change* const> changes) override;
  Result<std::optional<std::string>> note(const NoteName& name, UnixMillis now) override;
  Result<std::vector<Note>> notes(std::string_view kind, std::string_view after, std::size_t limit, UnixMillis now) override;
  std::size_t commits_at_once() const override { return std::max<std::size_t>(connections_ / kConnectionsPerCommit, 1); }
  bool shares_out_batches() const override { return true; }
  Result<std::optional<Transaction>> find(const Xid& xid, UnixMillis now) override;
  Result<Page> find_by_phone(const Phone& phone, std::size_t limit, std::string_view cursor, UnixMillis now) override;
  Status writable() override;
  Status sweep(UnixMillis now) override;
  Result<Slice> scan(std::size_t limit, std::string_view cursor, UnixMillis now) override;
  Result<Adopted> adopt(std::span<const Transaction> transactions) override;
  Stats stats() override;
  std::string_view driver() const override { return "postgresql"; }

  void look_at_size(Connection& connection);

 private:
  Result<Rows> ask(const Step& step, Deadline deadline);
  Result<std::vector<Rows>> ask(Connection& connection, const Step& step, Deadline deadline);
  template <class Rounds>
  Status settle(Rounds& rounds, Deadline deadline);
  Status take_note(Status status);
  std::int64_t first_kept(UnixMillis now) const;
  Status scan_epoch(Connection& connection, std::int32_t epoch, std::string_view above, std::size_t limit, UnixMillis now, Slice& slice, std::string& last);
  Status adopt_once(Connection& connection, std::span<const Transaction* const> transactions, Adopted& adopted);

  const std::chrono::seconds retention_;
  const std::chrono::milliseconds timeout_;
  const std::size_t connections_;

  std::mutex mutex_;  // below
  std::string refusal_;  // of the last commit; empty: it was taken
  Monotonic::time_point refused_at_{};
  Size size_;            // at the last look
  std::atomic<std::uint64_t> inserted_since_{0};

  Pool pool_;  // last: its thread uses what is above
};

std::string ascii(std::string_view octets) {
  std::string out;
  append_ascii(octets, out);
  return out;
}

Error unavailable(const Answer& answer) { return Error(kStoreUnavailable, answer.why); }

// -- commit ---------------------------------------------------------------------------------------------------------

Status PostgresStore::commit(std::span<Entry* const> entries) {
  if (entries.empty()) return {};
  for (const Entry* entry : entries) {
    if (!is_storable(entry->proposed)) return Error(kStoreUnavailable, "a record's time is beyond what the database can hold: is the clock right?");
  }
  Batch batch(entries, retention_);
  const Status status = settle(batch, Monotonic::now() + timeout_);
  inserted_since_.fetch_add(batch.inserted(), std::memory_order_relaxed);
  return take_note(status);
}

Status PostgresStore::apply(std::span<Change* const> batch) {
  if (batch.empty()) return {};
  Changes changes(batch, retention_);
  return take_note(settle(changes, Monotonic::now() + timeout_));
}

// For writable().
Status PostgresStore::take_note(Status status) {
  const std::lock_guard lock(mutex_);
  if (status) {
    refusal_.clear();
  } else {
    refusal_ = status.error().detail();
    refused_at_ = Monotonic::now();
  }
  return status;
}

// Of a Batch or of Changes: one round trip after the other, on another connection when one was lost.
template <class Rounds>
Status PostgresStore::settle(Rounds& rounds, Deadline deadline) {
  auto patience = Pool::Patience::kNone;
  std::optional<Pool::Lease> lease;
  for (int round = 0; round < kMaxRounds; ++round) {
    if (!lease) {
      Result<Pool::Lease> taken = pool_.acquire(Pool::Use::kCommit, deadline, patience);
      if (!taken) return std::move(taken).error();
      lease.emplace(*std::move(taken));
    }
    const std::span<const Step> steps = rounds.next_steps();
    if (steps.empty()) {
      if (rounds.settled()) return {};
      continue;
    }
    const Answer answer = (*lease)->run(steps, deadline);
    if (answer.refused_with(kReadOnly)) (*lease)->abandon();  // it has become a standby; another connection finds its successor
    if (answer.state == Answer::State::kLost) {
      lease.reset();
      if (Monotonic::now() >= deadline) return unavailable(answer);
      patience = Pool::Patience::kToTheDeadline;  // the outcome has to be found out, if it can be
    }
    if (Status status = rounds.take(answer); !status) return status;
    if (rounds.settled()) return {};
    if (Monotonic::now() >= deadline) return Error(kStoreUnavailable, "other nodes were at the same transactions until the time-out");
  }
  return Error(kStoreUnavailable, "other nodes were at the same transactions all the time");
}

Status PostgresStore::writable() {
  if (Status state = pool_.state(); !state) return state;
  const std::lock_guard lock(mutex_);
  if (refusal_.empty() || Monotonic::now() - refused_at_ > kFailureShown) return {};
  return Error(kStoreUnavailable, "the last commit failed: " + refusal_);
}

// -- reading --------------------------------------------------------------------------------------------------------

Result<std::vector<Rows>> PostgresStore::ask(Connection& connection, const Step& step, Deadline deadline) {
  Answer answer = connection.run({&step, 1}, deadline);
  if (!answer.ok()) return unavailable(answer);
  return std::move(answer.rows);
}

// Tried again on another connection when this one breaks: after a restart of the server all that were idle are dead.
Result<Rows> PostgresStore::ask(const Step& step, Deadline deadline) {
  while (true) {
    Result<Pool::Lease> lease = pool_.acquire(Pool::Use::kOther, deadline);
    if (!lease) return std::move(lease).error();
    Answer answer = (*lease)->run({&step, 1}, deadline);
    if (answer.ok()) return std::move(answer.rows.at(0));
    if (answer.state != Answer::State::kLost || Monotonic::now() >= deadline) return unavailable(answer);
  }
}

std::int64_t PostgresStore::first_kept(UnixMillis now) const {
  return retention_.count() == 0 ? kAlways : to_micros(std::clamp(now - std::chrono::milliseconds(retention_).count(), kFirstMillis, kLastMillis));
}

Result<std::optional<Transaction>> PostgresStore::find(const Xid& xid, UnixMillis now) {
  const Deadline deadline = Monotonic::now() + timeout_;
  const Result<Rows> rows = ask({&kFind, {xid.view()}}, deadline);
  if (!rows) return rows.error();
  if (rows->size() == 0) return std::optional<Transaction>();
  std::int32_t number_of_epoch = 0;
  Result<Transaction> standing = read_transaction(*rows, 0, &number_of_epoch);
  if (!standing) return standing.error();
  if (past_retention(standing->created_at, retention_, now)) return std::optional<Transaction>();
  Transaction transaction = *std::move(standing);
  if (transaction.issued > 1) {
    Array xids(Array::Of::kText);
    xids.add_text(xid.view());
    const std::string epoch = int4_value(number_of_epoch), below = int4_value(static_cast<std::int32_t>(transaction.issued)), limit = int8_value(kMaxEarlierTokens);
    const Result<Rows> earlier = ask({&kEarlier, {epoch, xids.octets(), below, limit}}, deadline);
    if (!earlier) return earlier.error();
    for (std::size_t row = 0; row < earlier->size(); ++row) {
      Result<Record> record = read_earlier(*earlier, row, transaction.current.phone);
      if (!record) return std::move(record).error();
      transaction.earlier.push_back(*std::move(record));
    }
  }
  return std::optional<Transaction>(std::move(transaction));
}

Result<Page> PostgresStore::find_by_phone(const Phone& phone, std::size_t limit, std::string_view cursor, UnixMillis now) {
  std::int64_t at_most = kNever;
  std::string below;
  if (!cursor.empty()) {
    const Result<Position> position = read_cursor(phone, cursor);
    if (!position) return position.error();
    if (position->created_at < kFirstMillis || position->created_at > kLastMillis) return Error(kCursorMalformed);
    at_most = to_micros(position->created_at);
    below = position->xid.text();
  }
  const std::string number = int8_value(static_cast<std::int64_t>(phone.packed())), time = int8_value(at_most), kept = int8_value(first_kept(now)),
                    count = int8_value(static_cast<std::int64_t>(limit) + 1);
  const Result<Rows> rows = ask({&kFindByPhone, {number, time, below, kept, count}}, Monotonic::now() + timeout_);
  if (!rows) return rows.error();
  Page page;
  for (std::size_t row = 0; row < std::min(rows->size(), limit); ++row) {
    Result<Transaction> transaction = read_transaction(*rows, row);
    if (!transaction) return std::move(transaction).error();
    page.transactions.push_back(*std::move(transaction));
  }
  if (rows->size() > limit) {
    const Transaction& last = page.transactions.back();
    page.next = write_cursor(phone, {last.created_at, last.current.xid});
  }
  return page;
}

// -- notes ----------------------------------------------------------------------------------------------------------

Result<std::optional<std::string>> PostgresStore::note(const NoteName& name, UnixMillis now) {
  const std::string time = int8_value(to_micros(std::clamp(now, kFirstMillis, kLastMillis))), kind = ascii(name.kind), key = ascii(name.key);
  const Result<Rows> rows = ask({&kNote, {kind, key, time}}, Monotonic::now() + timeout_);
  if (!rows) return rows.error();
  if (rows->size() == 0) return std::optional<std::string>();
  auto value = from_ascii(rows->value(0, 0));
  if (!value) return Error(kStoreDamaged, "a note of kind " + name.kind + ": its value is not one that jwtd writes");
  return value;
}

Result<std::vector<Note>> PostgresStore::notes(std::string_view kind, std::string_view after, std::size_t limit, UnixMillis now) {
  const std::string time = int8_value(to_micros(std::clamp(now, kFirstMillis, kLastMillis))), wanted = ascii(kind), behind = ascii(after),
                    count = int8_value(static_cast<std::int64_t>(limit));
  const Result<Rows> rows = ask({&kNotes, {wanted, behind, time, count}}, Monotonic::now() + timeout_);
  if (!rows) return rows.error();
  std::vector<Note> notes;
  for (std::size_t row = 0; row < rows->size(); ++row) {
    auto key = from_ascii(rows->value(row, kNoteKey)), value = from_ascii(rows->value(row, kNoteValue));
    if (!key || !value) return Error(kStoreDamaged, "a note of kind " + std::string(kind) + " is not one that jwtd writes");
    notes.push_back({std::string(kind), *std::move(key), *std::move(value), read_note_expiry(rows->int8(row, kNoteExpiresAt))});
  }
  return notes;
}

// -- background -----------------------------------------------------------------------------------------------------

Status PostgresStore::sweep(UnixMillis now) {
  Result<Pool::Lease> lease = pool_.acquire(Pool::Use::kOther, Monotonic::now() + kSweepTimeout);
  if (!lease) return std::move(lease).error();
  if (Status swept = sweep_notes(**lease, now, kSweepTimeout); !swept) return swept;
  return sweep_epochs(**lease, retention_, now, kSweepTimeout);
}

void PostgresStore::look_at_size(Connection& connection) {
  const std::uint64_t inserted = inserted_since_.load(std::memory_order_relaxed);
  const Result<Size> size = estimate(connection, kSweepTimeout);
  if (!size) return;
  const std::lock_guard lock(mutex_);
  size_ = *size;
  inserted_since_.fetch_sub(inserted, std::memory_order_relaxed);
}

// What the pool's thread saw last, and what was written here since: never waits for the server.
Stats PostgresStore::stats() {
  const std::lock_guard lock(mutex_);
  return {size_.transactions + inserted_since_.load(std::memory_order_relaxed), size_.octets};
}

// -- the whole ------------------------------------------------------------------------------------------------------

// A cursor is "EPOCH.XID" of the last transaction.
Result<Slice> PostgresStore::scan(std::size_t limit, std::string_view cursor, UnixMillis now) {
  std::int32_t from = 0;
  std::string above;
  if (!cursor.empty()) {
    const std::size_t dot = cursor.find('.');
    if (dot == std::string_view::npos) return Error(kCursorMalformed);
    const auto [end, wrong] = std::from_chars(cursor.data(), cursor.data() + dot, from);
    const auto xid = Xid::parse(cursor.substr(dot + 1));
    if (wrong != std::errc() || end != cursor.data() + dot || from < 1 || !xid) return Error(kCursorMalformed);
    above = xid->text();
  }
  Result<Pool::Lease> lease = pool_.acquire(Pool::Use::kOther, Monotonic::now() + timeout_);
  if (!lease) return std::move(lease).error();
  const auto epochs = ask(**lease, {&kEpochs, {}}, Monotonic::now() + kCopyTimeout);
  if (!epochs) return epochs.error();
  Slice slice;
  for (std::size_t row = 0; row < epochs->at(0).size(); ++row) {
    const std::int32_t epoch = epochs->at(0).int4(row, kEpochNumber);
    if (epoch < from) continue;
    const std::size_t room = limit - slice.transactions.size() - slice.damaged.size();
    std::string last;
    if (Status status = scan_epoch(**lease, epoch, epoch == from ? above : std::string(), room, now, slice, last); !status) return status.error();
    if (!last.empty()) {  // the slice is full
      slice.next = std::to_string(epoch) + "." + last;
      break;
    }
  }
  return slice;
}

// `last` is set when `limit` rows were found.
Status PostgresStore::scan_epoch(Connection& connection, std::int32_t epoch, std::string_view above, std::size_t limit, UnixMillis now, Slice& slice,
                                 std::string& last) {
  const Deadline deadline = Monotonic::now() + kCopyTimeout;
  const std::string number = int4_value(epoch), kept = int8_value(first_kept(now)), count = int8_value(static_cast<std::int64_t>(limit));
  const auto found = ask(connection, {&kScan, {number, above, kept, count}}, deadline);
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

Result<Adopted> PostgresStore::adopt(std::span<const Transaction> transactions) {
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
  Result<Pool::Lease> lease = pool_.acquire(Pool::Use::kOther, Monotonic::now() + timeout_);
  if (!lease) return std::move(lease).error();
  while (!order.empty()) {
    // Each XID once a round trip; of those that come twice, the first counts first.
    std::vector<const Transaction*> now, later;
    for (const Transaction* transaction : order) {
      const bool again = !now.empty() && now.back()->current.xid == transaction->current.xid;
      (again || now.size() == kMaxAdopted ? later : now).push_back(transaction);
    }
    if (Status status = adopt_once(**lease, now, adopted); !status) return status.error();
    order = std::move(later);
  }
  return adopted;
}

Status PostgresStore::adopt_once(Connection& connection, std::span<const Transaction* const> transactions, Adopted& adopted) {
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
  std::vector<std::string_view> parameters = inserts.for_absent(bound_step(retention_));
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
      inserted_since_.fetch_add(1, std::memory_order_relaxed);
      continue;
    }
    const auto found = std::lower_bound(transactions.begin(), transactions.end(), rows.value(row, kXid),
                                        [](const Transaction* a, std::string_view xid) { return a->current.xid.view() < xid; });
    const Result<Standing> standing = read_standing(rows, row);
    if (standing && found != transactions.end() && past_retention(standing->created_at, retention_, (*found)->current.recorded_at)) {
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
  return adopt_once(connection, anew, adopted);
}

}  // namespace

Result<std::unique_ptr<Store>> open_postgres_store(const StoreOptions& options) {
  const Target target{options.url, options.password, options.timeout};
  const auto failed = [&](const Error& error) { return Error(kStoreOpenFailed, without_password(options.url) + ": " + error.detail()); };
  if (Status status = Connection::check(target); !status) return failed(status.error());
  Result<std::unique_ptr<Connection>> first = Connection::open(target, Monotonic::now() + kStartTimeout);
  if (!first) return failed(first.error());
  if (options.on_event) {
    for (const std::string& warning : (*first)->warnings()) options.on_event("PostgreSQL: " + warning);
  }
  if (Status status = ready_schema(**first, options.migrate, options.on_event); !status) return failed(status.error());
  const Deadline deadline = Monotonic::now() + kStartTimeout;
  if (const Answer answer = (*first)->prepare(all_statements(), deadline); !answer.ok()) {
    return failed(Error(kStoreOpenFailed, "the tables are not as jwtd made them, nothing was changed: " + answer.why));
  }
  const Result<Size> size = estimate(**first, kStartTimeout);
  if (!size) return failed(size.error());
  return std::unique_ptr<Store>(std::make_unique<PostgresStore>(options, target, *std::move(first), *size));
}

}  // namespace jwtd::store
