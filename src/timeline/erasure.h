// timeline/erasure.h - removes what is kept of a phone number, and leaves counts.
#pragma once

#include "base/task.h"
#include "store/group_commit.h"
#include "store/read_pool.h"

namespace jwtd::timeline {

struct Erased {
  std::uint64_t transactions = 0, tokens = 0, events = 0;
  std::uint64_t damaged = 0;    // removed without being read: how many tokens and events they had is not known
  std::uint64_t callbacks = 0;  // that had no transaction, and named the phone number
};

// Every transaction of the phone with its tokens, events, reference ids, and what waits to be forwarded of it; and callbacks that could not be placed or
// forwarded and hold the phone number anywhere. Under each XID a note `erased` stays with counts and the time, until the retention is over. Durable
// transaction by transaction: after an error, call it again. What cannot be read is removed too, or, where the driver cannot, kept until all else is
// gone: then it fails with store::kStoreDamaged. Transactions that are minted meanwhile may be left. The store's files follow in the background (Store::sweep()); backups and replicas are not reached.
Task<Result<Erased>> erase_phone(store::Store& store, store::ReadPool& reads, store::Lane& lane, Phone phone, std::chrono::seconds retention, UnixMillis now);

// What erase_phone() left under an XID: {"erased_at", "tokens", "events"} as JSON text; nullopt: nothing.
Result<std::optional<std::string>> erased_note(store::Store& store, const Xid& xid, UnixMillis now);
// When that was; nullopt: it was not, as far as is remembered.
Result<std::optional<UnixMillis>> erased_at(store::Store& store, const Xid& xid, UnixMillis now);

}  // namespace jwtd::timeline
