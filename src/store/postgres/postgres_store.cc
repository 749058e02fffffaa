// store/postgres/postgres_store.cc - the store's functions over a pool of connections.
#include "store/postgres/postgres_store.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>

#include "base/url.h"
#include "store/cursor.h"
#include "store/decide.h"
#include "store/postgres/batch.h"
#include "store/postgres/changes.h"
#include "store/postgres/copies.h"
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
constexpr std::string_view kReadOnly = "25006";

class PostgresStore final : public Store, public TellsRecordTimes {
 public:
  PostgresStore(const StoreOptions& options, const Target& target, std::unique_ptr<Connection> first, const Size& size)
      : retention_(options.retention), timeout_(options.timeout), commits_at_once_(postgres_commits_at_once(options)), size_(size),
        pool_({target, std::max<std::size_t>(options.connections, 1), options.on_event, [this](Connection& connection) { look_at_size(connection); }}, std::move(first)) {}

  Status commit(std::span<Entry* const> batch) override;
  Status apply(std::span<Change* const> changes) override;
  Result<std::optional<std::string>> note(const NoteName& name, UnixMillis now) override;
  Result<std::vector<Note>> notes(std::string_view kind, std::string_view after, std::size_t limit, UnixMillis now) override;
  std::size_t commits_at_once() const override { return commits_at_once_; }
  bool shares_out_batches() const override { return true; }
  Result<std::optional<Transaction>> find(const Xid& xid, UnixMillis now) override;
  Result<Page> find_by_phone(const Phone& phone, std::size_t limit, std::string_view cursor, UnixMillis now) override;
  Status writable() override;
  Status sweep(UnixMillis now) override;
  Result<Slice> scan(std::size_t limit, std::string_view cursor, UnixMillis now) override;
  Result<Adopted> adopt(std::span<const Transaction> transactions) override;
  Stats stats() override;
  std::string_view driver() const override { return "postgresql"; }
  Result<std::optional<RecordTimes>> record_times() override;

  void look_at_size(Connection& connection);

 private:
  Result<Rows> ask(const Step& step, Deadline deadline);
  template <class Rounds>
  Status settle(Rounds& rounds, Deadline deadline);
  Status take_note(Status status);

  const std::chrono::seconds retention_;
  const std::chrono::milliseconds timeout_;
  const std::size_t commits_at_once_;

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
  const std::string number = int8_value(static_cast<std::int64_t>(phone.packed())), time = int8_value(at_most), kept = int8_value(first_kept(retention_, now)),
                    count = int8_value(static_cast<std::int64_t>(limit) + 1);
  const Result<Rows> rows = ask({&kFindByPhone, {number, time, below, kept, count}}, Monotonic::now() + timeout_);
  if (!rows) return rows.error();
  Page page;
  std::optional<Position> last;  // that the page has, sound or not
  for (std::size_t row = 0; row < std::min(rows->size(), limit); ++row) {
    Result<Transaction> transaction = read_transaction(*rows, row);
    if (!transaction && !transaction.error().is(kStoreDamaged)) return std::move(transaction).error();
    const auto xid = Xid::parse(rows->value(row, kXid));
    if (!xid) return std::move(transaction).error();  // nobody could ask for it, or go on behind it
    last = Position{rows->time(row, kCreatedAt), *xid};
    if (transaction) page.transactions.push_back(*std::move(transaction));
    else page.damaged.push_back(*xid);
  }
  if (rows->size() > limit) page.next = write_cursor(phone, *last);
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

Result<std::optional<RecordTimes>> PostgresStore::record_times() {
  Result<Pool::Lease> lease = pool_.acquire(Pool::Use::kOther, Monotonic::now() + timeout_);
  if (!lease) return std::move(lease).error();
  return look_at_times(**lease, kSweepTimeout);
}

// -- the whole ------------------------------------------------------------------------------------------------------

Result<Slice> PostgresStore::scan(std::size_t limit, std::string_view cursor, UnixMillis now) {
  Result<Pool::Lease> lease = pool_.acquire(Pool::Use::kOther, Monotonic::now() + timeout_);
  if (!lease) return std::move(lease).error();
  return scan_slice(**lease, retention_, limit, cursor, now);
}

Result<Adopted> PostgresStore::adopt(std::span<const Transaction> transactions) {
  Result<Pool::Lease> lease = pool_.acquire(Pool::Use::kOther, Monotonic::now() + timeout_);
  if (!lease) return std::move(lease).error();
  auto adopted = adopt_transactions(**lease, retention_, transactions);
  if (adopted) inserted_since_.fetch_add(adopted->written, std::memory_order_relaxed);
  return adopted;
}

}  // namespace

std::size_t postgres_commits_at_once(const StoreOptions& options) { return std::max<std::size_t>(options.connections / kConnectionsPerCommit, 1); }

Result<std::unique_ptr<Store>> open_postgres_store(const StoreOptions& options) {
  const Target target{options.url, options.password, options.timeout};
  const auto failed = [&](const Error& error) { return Error(kStoreOpenFailed, without_password(options.url) + ": " + error.detail()); };
  if (Status status = Connection::check(target); !status) return failed(status.error());
  Result<std::unique_ptr<Connection>> first = Connection::open(target, Monotonic::now() + kStartTimeout);
  if (!first && Connection::is_away(target, first.error())) return Error(kStoreUnavailable, failed(first.error()).detail());
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
