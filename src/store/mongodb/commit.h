// store/mongodb/commit.h - one group commit: what the XIDs stand at is read where it must be, decided here, and written in one unordered bulk write.
//
// New XIDs are inserted without a look-up; a duplicate key (11000) says that somebody was there. XIDs that a caller gave are read first, because
// only a look-up shows the tutorial's rows. A token is reissued by an update that finds its document only while that is as it was read, so two
// nodes agree: who comes second reads and decides again. A write whose outcome is unknown is looked for by a majority read and, where it is not
// there, sent again: an insert under one _id and an update of one state happen once, however often they are sent.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "store/mongodb/bulk.h"
#include "store/mongodb/connections.h"
#include "store/mongodb/documents.h"
#include "store/mongodb/server_watch.h"
#include "store/mongodb/xids.h"
#include "store/store.h"

namespace jwtd::store {

class Commit {
 public:
  using OnDamage = std::function<void(const Error&)>;

  Commit(Connections& connections, ServerWatch& watch, std::chrono::seconds retention, const OnDamage& on_damage)
      : connections_(connections), watch_(watch), retention_(retention), on_damage_(on_damage) {}

  // Fails with kStoreUnavailable. An entry whose XID is taken by a document that is not understood is kDamaged, and `on_damage` hears which.
  Status run(std::span<Entry* const> batch);

 private:
  enum class Write : std::uint8_t { kNone, kInsert, kUpdate, kReplace };

  // One XID of the batch.
  struct Slot {
    explicit Slot(Entry* first) : entries{first} {}
    const Xid& xid() const { return entries.front()->proposed.xid; }

    std::vector<Entry*> entries;  // in the batch's order
    bool known = true;            // what stands has been read, or need not be
    bool done = false;
    bool unsure = false;          // something was sent and may have arrived
    bool taken = false;           // the last insert met a duplicate key
    bool damaged = false;
    std::optional<Document> before;
    std::vector<LegacyRow> rows;
    Write write = Write::kNone;
    Document after{.current = entries.front()->proposed};  // `earlier`: only what this batch adds
  };

  void sort_into_slots(std::span<Entry* const> batch);
  Status read(const Lease& lease);
  Status look_behind(const Lease& lease, Slot& slot);
  bool arrived(const Slot& slot) const;
  void plan(Slot& slot);
  void start_anew(Slot& slot, Entry& entry);
  Status send_inserts(const Lease& lease);
  Status send_updates(const Lease& lease);
  static void mark(std::span<Slot* const> sent, bool written);
  Status move_aside(const Lease& lease, std::span<Slot* const> full);
  Status note_failure(const Failure& failure);

  Connections& connections_;
  ServerWatch& watch_;
  const std::chrono::seconds retention_;
  const OnDamage& on_damage_;
  std::vector<Slot> slots_;
  std::size_t failed_sends_ = 0;
};

}  // namespace jwtd::store
