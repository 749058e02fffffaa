// store/store.h - what jwtd asks of a place that keeps transactions. tests/contract is its definition; every driver passes it.
//
// Thread-safety: commit() is called by one thread at a time; the other functions from any thread, at the same time as commit().
// All may block. Drivers throw nothing.
//
// Durability: when commit() returns ok, every kInserted and kReissued entry survives a power cut, and so does whatever stands behind a
// kReused or kConflict outcome. When it returns an error, nothing may be answered as if it were on record: entries may or may not be there.
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
};

struct Entry {
  // in
  Record proposed;
  bool xid_is_new = false;  // this process just made the XID: a driver may skip the look-up
  // out
  Outcome outcome = Outcome::kInserted;
  std::optional<Record> standing;  // only for kReused
};

struct Page {
  std::vector<Transaction> transactions;  // newest first by created_at, then by XID, descending
  std::string next;                       // cursor of the next page; empty: this was the last
};

struct StoreOptions {
  std::string url;                          // rocksdb:///path, memory:
  std::chrono::seconds retention{30 * 86400};  // 0: for ever
  std::function<void(std::string_view event)> on_event;  // what the log should hear; from any thread, never with personal data; may be empty
};

struct Stats {
  std::uint64_t transactions = 0;  // an estimate where the store has no cheap count
  std::uint64_t bytes = 0;         // on disk; 0 where that means nothing
};

class Store {
 public:
  virtual ~Store() = default;

  // Decides and writes all entries; fills `outcome` and `standing` of each. Entries of one batch may share an XID: the earlier one counts
  // first. An expired transaction (older than the retention at proposed.recorded_at) counts as absent.
  // Fails with kStoreUnavailable; after a failed sync it fails for good, until the process is started again.
  virtual Status commit(std::span<Entry* const> batch) = 0;

  // nullopt: unknown, or past retention at `now`. Fails with kStoreUnavailable, kStoreDamaged.
  virtual Result<std::optional<Transaction>> find(const Xid& xid, UnixMillis now) = 0;

  // `cursor` is empty or `next` of a former page of the same phone. 1 <= limit <= kMaxPageRecords.
  // A page may be taken while records arrive: nothing that was there at the first page is missed or shown twice.
  virtual Result<Page> find_by_phone(const Phone& phone, std::size_t limit, std::string_view cursor, UnixMillis now) = 0;

  // Whether a commit would be tried now. Cheap; for /readyz. Fails with kStoreUnavailable (detail: cause).
  virtual Status writable() = 0;

  // Removes what is past retention at `now`, in the background's time; called every few minutes by the janitor, not on the serving path.
  virtual Status sweep(UnixMillis now) = 0;

  virtual Stats stats() = 0;
  virtual std::string_view driver() const = 0;  // "rocksdb"
};

}  // namespace jwtd::store
