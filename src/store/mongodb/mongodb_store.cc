// store/mongodb/mongodb_store.cc - the store's functions over its parts.
#include "store/mongodb/mongodb_store.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <utility>

#include "base/limits.h"
#include "store/mongodb/adopt.h"
#include "store/mongodb/changes.h"
#include "store/mongodb/commit.h"
#include "store/mongodb/connections.h"
#include "store/mongodb/indexes.h"
#include "store/mongodb/look_ups.h"
#include "store/mongodb/notes.h"
#include "store/mongodb/server_watch.h"

namespace jwtd::store {
namespace {

constexpr auto kIndexTimeout = std::chrono::minutes(10);        // an index over what others have put there takes its time, at the first start
constexpr std::size_t kConnectionsPerCommit = 4;                // of the pool's; the others are for look-ups and the janitor
constexpr std::size_t kMaxCommitsAtOnce = 4;                    // beyond that batches only get smaller
constexpr std::int64_t kSweptAtOnce = 1000;                     // documents of one removal: about 20 ms, so that others get their turn
constexpr auto kDamageInterval = std::chrono::seconds(1);       // between events about damaged documents: clients may ask for one again and again

class MongodbStore final : public Store, public TellsRecordTimes {
 public:
  MongodbStore(const StoreOptions& options, std::unique_ptr<Connections> connections, Indexes indexes, Stats first)
      : retention_(options.retention), commits_at_once_(connections->traits().atomic ? mongodb_commits_at_once(options) : 1), server_expires_(indexes.server_expires),
        on_event_(options.on_event), connections_(std::move(connections)), look_ups_(*connections_, retention_),
        watch_(*connections_, options.on_event, first), on_damage_([this](const Error& error) { report(error); }) {}

  Status commit(std::span<Entry* const> batch) override {
    const auto turn = turn_to_write();
    return Commit(*connections_, watch_, retention_, on_damage_).run(batch);
  }

  Status apply(std::span<Change* const> changes) override {
    const auto turn = turn_to_write();
    return Changes(*connections_, watch_, retention_, on_damage_).run(changes);
  }

  Result<std::optional<std::string>> note(const NoteName& name, UnixMillis now) override {
    if (Status there = watch_.check(); !there) return there.error();
    return find_note(*connections_, name, now);
  }

  Result<std::vector<Note>> notes(std::string_view kind, std::string_view after, std::size_t limit, UnixMillis now) override {
    if (Status there = watch_.check(); !there) return there.error();
    return list_notes(*connections_, kind, after, limit, now);
  }

  std::size_t commits_at_once() const override { return commits_at_once_; }
  bool shares_out_batches() const override { return true; }

  Result<std::optional<Transaction>> find(const Xid& xid, UnixMillis now) override {
    if (Status there = watch_.check(); !there) return there.error();
    return look_ups_.find(xid, now);
  }

  Result<Page> find_by_phone(const Phone& phone, std::size_t limit, std::string_view cursor, UnixMillis now) override {
    if (Status there = watch_.check(); !there) return there.error();
    return look_ups_.find_by_phone(phone, limit, cursor, now);
  }

  Result<Slice> scan(std::size_t limit, std::string_view cursor, UnixMillis now) override { return look_ups_.scan(limit, cursor, now); }

  Result<Adopted> adopt(std::span<const Transaction> transactions) override {
    const auto turn = turn_to_write();
    return adopt_transactions(*connections_, retention_, transactions);
  }

  Status writable() override { return watch_.check(); }
  Status sweep(UnixMillis now) override;
  Stats stats() override { return watch_.stats(); }
  std::string_view driver() const override { return "mongodb"; }
  Result<std::optional<RecordTimes>> record_times() override { return look_ups_.record_times(); }

 private:
  // Where the server may write what it judged a moment ago, nothing of ours comes in between: the janitor would remove what was just made anew.
  std::unique_lock<std::mutex> turn_to_write() {
    return connections_->traits().atomic ? std::unique_lock<std::mutex>() : std::unique_lock(one_writer_);
  }

  Result<std::size_t> remove_some(mongoc_collection_t* collection, UnixMillis before);

  void report(const Error& error) {
    const auto now = Monotonic::now().time_since_epoch().count();
    auto last = reported_.load();
    if (last != 0 && now - last < Monotonic::duration(kDamageInterval).count()) return;
    if (reported_.compare_exchange_strong(last, now) && on_event_) on_event_("mongodb: a document is not understood and left alone: " + error.detail());
  }

  const std::chrono::seconds retention_;
  const std::size_t commits_at_once_;
  const bool server_expires_;
  const std::function<void(std::string_view)> on_event_;
  const std::unique_ptr<Connections> connections_;
  LookUps look_ups_;
  ServerWatch watch_;
  const Commit::OnDamage on_damage_;
  std::atomic<Monotonic::rep> reported_{0};
  std::mutex one_writer_;
};

// By what stands in the documents, as a TTL index does, and only where none does it.
Status MongodbStore::sweep(UnixMillis now) {
  if (server_expires_) return {};
  if (Status there = watch_.check(); !there) return there;
  auto lease = connections_->lease();
  if (!lease) return lease.error();
  for (mongoc_collection_t* collection : {lease->tokens(), lease->earlier(), lease->notes()}) {
    for (bool more = true; more;) {
      // A note is over at its time, a transaction behind it.
      auto removed = remove_some(collection, collection == lease->notes() ? now + 1 : now);
      if (!removed) return removed.error();
      more = *removed > 0;
    }
  }
  return {};
}

Result<std::size_t> MongodbStore::remove_some(mongoc_collection_t* collection, UnixMillis before) {
  Bson earlier, expired, projection, options;
  earlier.time("$lt", before);
  expired.document("expires_at", earlier);
  projection.small("_id", 1);
  options.document("projection", projection).number("limit", kSweptAtOnce);
  Bson ids;
  std::uint32_t count = 0;
  const auto each = [&](const bson_t& document) -> Status {
    const auto id = text_at(document, "_id");
    if (!id.empty()) ids.text(std::to_string(count++), id);  // others are not ours to remove
    return {};
  };
  if (Status read = query(*connections_, collection, expired, options, connections_->primary(), each); !read) return read.error();
  if (count == 0) return std::size_t{0};
  // The date again: an XID may have come anew since.
  Bson in, filter;
  in.array("$in", ids);
  filter.document("_id", in).document("expires_at", earlier);
  bson_error_t error;
  const auto turn = turn_to_write();
  if (!mongoc_collection_delete_many(collection, filter.get(), nullptr, nullptr, &error)) return unavailable(describe(error));
  return std::size_t{count};
}

// Asks once more whether it is the server that is away.
Error cannot_open(Connections& connections, const Error& cause) {
  Failure failure;
  const bool away = !ask_for_life(connections, &failure) && failure.away;
  return Error(away ? kStoreUnavailable : kStoreOpenFailed, "mongodb: " + connections.place() + ": " + cause.detail());
}

}  // namespace

// One at a time makes the largest batches and was fastest beside the server (docs/adr/0007); more are worth it where the confirmation of a
// majority takes its time, and come with more connections.
std::size_t mongodb_commits_at_once(const StoreOptions& options) {
  return std::clamp<std::size_t>(options.connections / kConnectionsPerCommit, 1, kMaxCommitsAtOnce);
}

Result<std::unique_ptr<Store>> open_mongodb_store(const StoreOptions& options) {
  auto connections = Connections::make(options);
  if (!connections) return connections.error();
  if (Status alive = ask_for_life(**connections); !alive) return cannot_open(**connections, alive.error());
  if (Status known = (*connections)->ask_for_traits(); !known) return cannot_open(**connections, known.error());
  if (!(*connections)->traits().atomic && options.on_event) {
    options.on_event("mongodb: this is FerretDB 1, which does not judge and write in one step: let one jwtd alone use this database");
  }
  const auto patient = (*connections)->patient_lease(kIndexTimeout);
  if (!patient) return cannot_open(**connections, patient.error());
  const auto indexes = prepare_indexes(*patient, options.create_indexes);
  if (!indexes) return cannot_open(**connections, indexes.error());
  const auto first = ask_for_size(**connections);
  if (!first) return cannot_open(**connections, first.error());
  return std::unique_ptr<Store>(std::make_unique<MongodbStore>(options, *std::move(connections), *indexes, *first));
}

}  // namespace jwtd::store
