// store/mongodb/changes.h - one batch of changes: what stands is read, change_plan.h decides, and what it decided is written on the condition that it
// still stands so.
//
// Events are members of the transaction's document, so they are one update; a batch of them is one bulk write. Whatever spans two documents (an
// event and the notes that come with it, an erasure) is one transaction of the server's. A single server knows none: there notes that are to be put
// come first, then the document, then what is to be removed, so that what breaks off in between leaves a note too many and never one too few. A note that moves
// from one kind to the other comes last and by itself, and is taken back where its former place turns out to be empty.
//
// A transaction that only the tutorial's rows know gets a document of ours beside them with its first event, and the rows go when it is erased.
#pragma once

#include <chrono>
#include <set>
#include <span>
#include <string>

#include "base/result.h"
#include "store/change_plan.h"
#include "store/mongodb/bulk.h"
#include "store/mongodb/commit.h"
#include "store/mongodb/connections.h"
#include "store/mongodb/server_watch.h"
#include "store/mongodb/xids.h"

namespace jwtd::store {

class Changes {
 public:
  // `transactions` false: none, although the server knows them; for tests.
  Changes(Connections& connections, ServerWatch& watch, std::chrono::seconds retention, const Commit::OnDamage& on_damage, bool transactions = true)
      : connections_(connections), watch_(watch), retention_(retention), on_damage_(on_damage), transactions_(transactions) {}

  // Fails with kStoreUnavailable.
  Status run(std::span<Change* const> batch);

 private:
  using Writes = std::span<const ChangePlan::Write>;
  enum class Fate : std::uint8_t { kWritten, kBeaten, kUnknown };  // of a whole round

  Status read(const Lease& lease, ChangePlan& plan);
  Result<Fate> write(const Lease& lease, Writes writes, const mongoc_client_session_t* session);
  Result<Fate> write_as_one(const Lease& lease, Writes writes);
  Result<Fate> execute(Bulk& bulk, std::int64_t expected) { return judge(bulk.execute(), expected); }
  Result<Fate> judge(const BulkReply& reply, std::int64_t expected);
  Status put_notes(Writes writes, Bulk& bulk) const;
  Status remove_notes(Writes writes, Bulk& bulk) const;
  Result<Fate> move_note(const Lease& lease, const Note& note, const mongoc_client_session_t* session);
  Status erase_what_is_beside(const ChangePlan::Write& write, Bulk& earlier, Bulk& tokens) const;
  Status write_document_of(const ChangePlan::Write& write, Bulk& bulk, std::int64_t& expected) const;

  Connections& connections_;
  ServerWatch& watch_;
  const std::chrono::seconds retention_;
  const Commit::OnDamage& on_damage_;
  const bool transactions_;
  UnderXids under_;  // as it was read for this round
  std::set<std::string> erased_;  // by whoever names their phones
  std::size_t failed_sends_ = 0;
};

}  // namespace jwtd::store
