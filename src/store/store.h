// store/store.h - what jwtd asks of a place that keeps transactions. tests/contract is its definition; every driver passes it.
//
// Thread-safety: commit() is called by commits_at_once() threads at a time, one as a rule, apply() by the same ones; the other functions from any
// thread, at the same time as commit().
// All may block. Drivers throw nothing.
//
// Durability: when commit() returns ok, every kInserted and kReissued entry survives a power cut, and so does whatever stands behind a
// kReused or kConflict outcome. A kDamaged entry was not written, whatever became of the others. When it returns an error, nothing may be answered as if it were on record: entries may or may not be there.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "base/result.h"
#include "store/record.h"

namespace jwtd::store {

inline constexpr Code kStoreUnavailable{"store_unavailable", Fault::kUnavailable, "The store cannot take records now."};
inline constexpr Code kStoreDamaged{"store_damaged", Fault::kInternal, "A stored record does not have the form it was written with."};
inline constexpr Code kStoreOpenFailed{"store_open_failed", Fault::kInternal, "The store cannot be opened"};
inline constexpr Code kStoreLocked{"store_locked", Fault::kInternal, "The store is in use by another jwtd"};
inline constexpr Code kCursorMalformed{"cursor_malformed", Fault::kInvalidArgument, "The cursor is not one that this service gave out."};

// What became of one entry (architecture.md, "What a transaction is"). decide.h has the rule, once for all drivers.
enum class Outcome : std::uint8_t {
  kInserted,  // first token of its XID
  kReissued,  // same XID and phone, the standing token was past half its life (or of another key): this one is current now, the old one is kept
  kReused,    // same XID and phone, and the standing token is good for long enough: `standing` is what the caller gets
  kConflict,  // the XID belongs to another phone; nothing was written
  kDamaged,   // what stands under the XID cannot be read, so nothing was written; the other entries of the batch are not concerned
  kClosed,    // same XID and phone, but the transaction was revoked or consumed: it takes no more tokens; nothing was written
};

struct Entry {
  // in
  Record proposed;
  bool xid_is_new = false;  // this process just made the XID: a driver may skip the look-up
  // out
  Outcome outcome = Outcome::kInserted;
  std::optional<Record> standing;  // only for kReused
};

// Something beside the transactions: a reference id and its XID, a callback nobody could place, what is still to be forwarded.
struct Note {
  std::string kind;  // 1 to kMaxNoteKindBytes of a-z _
  std::string key;   // unique within its kind; 1 to kMaxNoteKeyBytes of printable ASCII; keys sort by octets
  std::string value; // at most kMaxNoteBytes, valid UTF-8, no NUL
  UnixMillis expires_at = 0;  // from then on it counts as absent; 0: it stays until it is removed
  // Of one that is to be put; not empty: only where, just before its change is made, a note of this kind stands under the same key (it may have expired). So
  // what somebody else has removed meanwhile is not put back. The note's own kind, or one that it moves from: the change removes that one, too.
  std::string where = {};

  friend bool operator==(const Note&, const Note&) = default;
};

struct NoteName {
  std::string kind, key;
};

enum class Applied : std::uint8_t {
  kWritten,  // now, by this change
  kPresent,  // the transaction has an event of this key; nothing was written
  kAbsent,   // there is no such transaction, or it is past retention at event.at; nothing was written
  kClosed,   // to consume: it is revoked; nothing was written
  kFull,     // it has as many events as it may (events.h append()); nothing was written
  kDamaged,  // what stands under the XID cannot be read; nothing was written, and no other change is concerned
};

// What is to become of one transaction, of notes, or of both at once. events.h has the rule for events, once for all drivers.
struct Change {
  // in
  std::optional<Xid> xid;        // whose event; with `erase`, what is removed
  std::optional<Event> event;
  bool erase = false;            // removes the transaction with its earlier tokens, its events and its place in the phone's list; no event then
  std::vector<Note> put;         // one that is there under the same name is replaced. With an XID: only if `applied` is kWritten
  std::vector<NoteName> remove;  // the same; one that is not there is fine
  // out
  Applied applied = Applied::kWritten;
  std::optional<Transaction> transaction;  // with an event, unless kAbsent or kDamaged: as it stands afterwards; `earlier` may be left empty
  // in, with an event: not empty, put.front() is what the first event to name this has to put. It is left out where an earlier event of the transaction,
  // less than kNamedAnew before this one, begins so behind its key's first ':', for that one has put it.
  std::string first_to_name = {};
  bool decides = false;  // in, with an event: one that may take the places kept for results
  // in, with `erase`: whose list has it. One that cannot be read is removed then too, if the driver can; without it that is kDamaged.
  std::optional<Phone> of = {};
};

struct Page {
  std::vector<Transaction> transactions;  // newest first by created_at, then by XID, descending
  std::string next;                       // cursor of the next page; empty: this was the last
  std::vector<Xid> damaged = {};          // those between them that cannot be read; a driver that cannot name them fails with kStoreDamaged
};

// All of a store, a slice at a time. What cannot be read is named and passed over, so that one damaged record does not hide the others.
struct Slice {
  struct Damage {
    std::string where;  // the XID, or the store's own key for the record; personal data never
    std::string what;
  };
  std::vector<Transaction> transactions;  // `earlier` is complete, beyond kMaxEarlierTokens too
  std::vector<Damage> damaged;
  std::string next;  // cursor of the next slice; empty: this was the last
};

struct Adopted {  // what became of transactions that another store handed over
  std::uint64_t written = 0;
  std::uint64_t present = 0;    // were there already, with the same current token
  std::uint64_t different = 0;  // the XID is there with something else, which was left alone
};

struct StoreOptions {
  std::string url;                          // rocksdb:///path, memory:, mongodb://..., postgresql://...; may hold a password: never in a log or an error
  std::chrono::seconds retention{30 * 86400};  // 0: for ever
  std::function<void(std::string_view event)> on_event;  // what the log should hear; from any thread, never with personal data; may be empty
  bool make_missing = true;                 // false: an embedded store that is not there is refused, not made
  // Only for databases behind a network:
  std::string password;                       // takes the place of the URL's; empty: the URL's
  std::size_t connections = kStoreConnections;  // at most this many, for commits and look-ups together
  std::chrono::milliseconds timeout = kStoreCallTimeout;  // of one call to the server
  bool create_indexes = true;                 // false: only checked at start (MongoDB)
  bool migrate = false;                       // an empty database is given its schema at start (PostgreSQL); jwtd dev and jwtd store migrate
};

struct Stats {
  std::uint64_t transactions = 0;  // an estimate where the store has no cheap count
  std::uint64_t bytes = 0;         // on disk; 0 where that means nothing
};

struct Copied {  // a store's folder, by a backup or a restore
  std::uint64_t transactions = 0;  // an estimate, as Stats
  std::uint64_t bytes = 0;         // of the copy, whether linked or written
  std::uint64_t linked = 0;        // files that share their octets with the store's: they are never changed
};

class Store {
 public:
  virtual ~Store() = default;

  // Decides and writes all entries; fills `outcome` and `standing` of each. Entries of one batch may share an XID: the earlier one counts
  // first. An expired transaction (older than the retention at proposed.recorded_at) counts as absent.
  // Fails with kStoreUnavailable; after a failed sync it fails for good, until the process is started again.
  virtual Status commit(std::span<Entry* const> batch) = 0;

  // Makes all changes, each whole or not at all, and fills their `applied`; those that are kWritten are durable when it returns. Of several changes
  // to one XID the earlier one counts first. Called by the threads that call commit(). Fails with kStoreUnavailable: any may be made or not then.
  virtual Status apply(std::span<Change* const> changes) = 0;

  // Fails with kStoreUnavailable.
  virtual Result<std::optional<std::string>> note(const NoteName& name, UnixMillis now) = 0;
  virtual std::optional<Result<std::optional<std::string>>> note_at_once(const NoteName&, UnixMillis) { return std::nullopt; }  // as find_at_once()
  // Those of a kind whose keys are behind `after`, in the order of keys, at most `limit`.
  virtual Result<std::vector<Note>> notes(std::string_view kind, std::string_view after, std::size_t limit, UnixMillis now) = 0;

  // How many threads may be in commit() at the same time; constant. More than one only where the server decides who is first.
  virtual std::size_t commits_at_once() const { return 1; }

  // Whether a batch should leave some of what waits to the next one (group_commit.h); constant. For those whose commits take longer than clients take to
  // come back with their next requests: databases.
  virtual bool shares_out_batches() const { return false; }

  // nullopt: unknown, or past retention at `now`. Fails with kStoreUnavailable, kStoreDamaged.
  virtual Result<std::optional<Transaction>> find(const Xid& xid, UnixMillis now) = 0;

  // The same where it can be told without waiting for a disk, a network or a writer; nullopt: ask find(). For loops' threads.
  virtual std::optional<Result<std::optional<Transaction>>> find_at_once(const Xid&, UnixMillis) { return std::nullopt; }

  // `cursor` is empty or `next` of a former page of the same phone. 1 <= limit <= kMaxPageRecords.
  // A page may be taken while records arrive: nothing that was there at the first page is missed or shown twice. What cannot be read is named in
  // Page::damaged and counts towards the limit. Fails with kStoreUnavailable, kStoreDamaged, kCursorMalformed.
  virtual Result<Page> find_by_phone(const Phone& phone, std::size_t limit, std::string_view cursor, UnixMillis now) = 0;

  // Whether a commit would be tried now. Never waits for a disk or a network; for /readyz. Fails with kStoreUnavailable (detail: cause).
  virtual Status writable() = 0;

  // Called every few seconds by the janitor, whose thread may wait: what a store that takes no records can do to take them again, and what it has to put right
  // beside its commits. How it went shows in writable().
  virtual void recover() {}

  // Removes what is past retention, and notes that have expired, at `now`, in the background's time; called every few minutes by the janitor, not on the serving path.
  virtual Status sweep(UnixMillis now) = 0;

  // Everything that is kept at `now`, in an order of the store's own; for copies and checks, not for serving. `cursor` is empty or `next` of
  // a former slice of any process; limit >= 1 bounds the transactions of a slice, which may also hold fewer, or none, before the last one. What
  // stood before the scan began comes once; what is committed while it goes on may be missed. Fails with kStoreUnavailable, kCursorMalformed.
  virtual Result<Slice> scan(std::size_t limit, std::string_view cursor, UnixMillis now) = 0;

  // Puts transactions of another store on record as they stand, with their times and earlier tokens; durable when it returns. Nothing that is
  // there is changed; what is past retention when the current token of the one to adopt was recorded counts as absent, as for commit(). May be
  // called again with the same ones; of two with one XID the first is taken. Fails with kStoreUnavailable; some may be written then.
  virtual Result<Adopted> adopt(std::span<const Transaction> transactions) = 0;

  virtual Stats stats() = 0;  // may read files: not for a thread that must not wait
  virtual std::string_view driver() const = 0;  // "rocksdb"
};

}  // namespace jwtd::store
