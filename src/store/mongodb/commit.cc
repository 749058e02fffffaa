// store/mongodb/commit.cc - read, decide, write, until every entry is settled.
#include "store/mongodb/commit.h"

#include <algorithm>
#include <string>

#include "base/limits.h"
#include "store/decide.h"
#include "store/events.h"

namespace jwtd::store {
namespace {

constexpr std::size_t kMaxRounds = 16;      // each lost round is one that another node won, so more means that something else is wrong
constexpr std::size_t kMaxFailedSends = 2;  // of one batch: libmongoc has tried each twice

}  // namespace

Status Commit::run(std::span<Entry* const> batch) {
  if (batch.empty()) return {};
  if (Status there = watch_.check(); !there) return there;
  const auto deadline = Monotonic::now() + std::max<Monotonic::duration>(kCommitDeadline, connections_.timeout());
  auto lease = connections_.lease();
  if (!lease) return lease.error();
  sort_into_slots(batch);
  for (std::size_t round = 0; round < kMaxRounds; ++round) {
    if (round > 0 && Monotonic::now() > deadline) return Error(kStoreUnavailable, "mongodb: the outcome of a write could not be read in time");
    if (Status known = read(*lease); !known) return known;
    bool settled = true;
    for (Slot& slot : slots_) {
      if (slot.done) continue;
      if (!slot.unsure || !arrived(slot)) plan(slot);
      else slot.write = Write::kNone;
      slot.done = slot.write == Write::kNone;
      settled = settled && slot.done;
    }
    if (settled) return {};
    if (Status sent = send_inserts(*lease); !sent) return sent;
    if (Status sent = send_updates(*lease); !sent) return sent;
    if (std::all_of(slots_.begin(), slots_.end(), [](const Slot& slot) { return slot.done; })) return {};
  }
  return Error(kStoreUnavailable, "mongodb: other nodes kept changing the same transactions");
}

void Commit::sort_into_slots(std::span<Entry* const> batch) {
  slots_.reserve(batch.size());
  std::unordered_map<std::string_view, std::size_t> by_xid;
  by_xid.reserve(batch.size());
  for (Entry* entry : batch) {
    const auto [at, is_first] = by_xid.try_emplace(entry->proposed.xid.view(), slots_.size());
    if (is_first) slots_.emplace_back(entry);
    else slots_[at->second].entries.push_back(entry);
    if (!entry->xid_is_new) slots_[at->second].known = false;
  }
}

// -- reading --------------------------------------------------------------------------------------------------------

Status Commit::read(const Lease& lease) {
  std::vector<Xid> xids;
  bool after_a_write = false;
  for (const Slot& slot : slots_) {
    if (slot.known || slot.done) continue;
    xids.push_back(slot.xid());
    after_a_write = after_a_write || slot.unsure || slot.taken;
  }
  if (xids.empty()) return {};
  UnderXids under;
  Failure failure;
  const Earlier earlier = after_a_write ? Earlier::kRead : Earlier::kLeaveOut;
  if (Status found = read_under_xids(connections_, lease, xids, earlier, connections_.primary(), under, &failure); !found) {
    if (failure.unreachable) watch_.failed(failure.what);
    return found;
  }
  for (Slot& slot : slots_) {
    if (slot.known || slot.done) continue;
    slot.known = true;
    slot.before.reset();
    slot.rows.clear();
    if (const auto at = under.find(slot.xid().text()); at != under.end()) {
      slot.before = std::move(at->second.ours);
      slot.rows = std::move(at->second.rows);
      if (at->second.damage) {
        slot.damaged = true;
        on_damage_(*at->second.damage);
      }
    }
    if (slot.taken && !slot.before && !slot.damaged) {
      if (Status looked = look_behind(lease, slot); !looked) return looked;
    }
    slot.taken = false;
  }
  return {};
}

// The server said that the XID is taken, and the look-up by XID shows nothing.
Status Commit::look_behind(const Lease& lease, Slot& slot) {
  auto impostor = look_for_impostor(connections_, lease, slot.xid());
  if (!impostor) return impostor.error();
  if (!*impostor) return {};  // it has expired and was removed in between
  slot.damaged = true;
  on_damage_(**impostor);
  return {};
}

// Whether what was planned and sent before is what stands, or what stood until another node reissued it.
bool Commit::arrived(const Slot& slot) const {
  if (!slot.before || slot.before->created_at != slot.after.created_at || slot.before->issued < slot.after.issued) return false;
  if (slot.before->issued == slot.after.issued) return slot.before->current.token == slot.after.current.token;
  return std::any_of(slot.before->earlier.begin(), slot.before->earlier.end(),
                     [&](const Record& record) { return record.token == slot.after.current.token; });
}

// -- deciding -------------------------------------------------------------------------------------------------------

void Commit::plan(Slot& slot) {
  slot.write = Write::kNone;
  const Document* standing = slot.before ? &*slot.before : nullptr;
  for (Entry* entry : slot.entries) {
    const Record& proposed = entry->proposed;
    entry->standing.reset();
    if (slot.damaged) {
      entry->outcome = Outcome::kDamaged;
      continue;
    }
    entry->outcome = standing ? decide({standing->current, standing->created_at, is_closed(standing->events)}, proposed, retention_) : Outcome::kInserted;
    if (entry->outcome == Outcome::kInserted) {
      start_anew(slot, *entry);
      if (entry->outcome != Outcome::kConflict) standing = &slot.after;
      continue;
    }
    if (entry->outcome == Outcome::kReused) entry->standing = standing->current;
    if (entry->outcome != Outcome::kReissued) continue;
    if (slot.write == Write::kNone) {
      slot.after = {standing->created_at, standing->issued, standing->elsewhere, standing->current, {}, {}};
      slot.write = Write::kUpdate;
    }
    slot.after.earlier.push_back(std::move(slot.after.current));
    slot.after.current = proposed;
    ++slot.after.issued;
    standing = &slot.after;
  }
}

// The first token of a transaction; the tutorial's rows under its XID count as tokens that it had before.
void Commit::start_anew(Slot& slot, Entry& entry) {
  const bool others = std::any_of(slot.rows.begin(), slot.rows.end(),
                                  [&](const LegacyRow& row) { return !row.record || row.record->phone != entry.proposed.phone; });
  if (others) {
    entry.outcome = Outcome::kConflict;
    return;
  }
  entry.outcome = slot.rows.empty() ? Outcome::kInserted : Outcome::kReissued;
  slot.after = {entry.proposed.recorded_at, slot.rows.size() + 1, slot.rows.size(), entry.proposed, {}, {}};
  slot.write = slot.before ? Write::kReplace : Write::kInsert;
}

// -- writing --------------------------------------------------------------------------------------------------------

Status Commit::send_inserts(const Lease& lease) {
  std::vector<Slot*> sent;
  Bulk bulk(lease, lease.tokens());
  for (Slot& slot : slots_) {
    if (slot.done || slot.write != Write::kInsert) continue;
    if (Status added = bulk.insert(write_document(slot.after, retention_)); !added) return added;
    sent.push_back(&slot);
  }
  if (sent.empty()) return {};
  const BulkReply reply = bulk.execute();
  mark(sent, reply.certain);
  for (const auto& [index, code] : reply.refusals) {
    Slot& slot = *sent.at(index);
    slot.done = slot.known = false;
    slot.taken = code == kDuplicateKey;
  }
  if (reply.certain) watch_.added(sent.size() - reply.refusals.size());
  if (!reply.only_duplicates()) return unavailable(reply.failure);
  return reply.certain ? Status() : note_failure(reply.failure);
}

// Updates come without an answer for each; when one of them found nothing, all are read again.
Status Commit::send_updates(const Lease& lease) {
  std::vector<Slot*> sent, full;
  for (Slot& slot : slots_) {
    if (slot.done || (slot.write != Write::kUpdate && slot.write != Write::kReplace)) continue;
    sent.push_back(&slot);
    if (slot.write == Write::kUpdate && slot.before->earlier_here() >= kMaxEarlierTokens) full.push_back(&slot);
  }
  if (sent.empty()) return {};
  if (Status moved = move_aside(lease, full); !moved) return moved;

  Bulk bulk(lease, lease.tokens());
  for (Slot* slot : sent) {
    const Bson filter = unchanged(*slot->before);
    const bool moved = std::find(full.begin(), full.end(), slot) != full.end();
    const Status added = slot->write == Write::kReplace ? bulk.replace(filter, write_document(slot->after, retention_))
                                                        : bulk.update(filter, write_reissue(slot->after, moved));
    if (!added) return added;
  }
  const BulkReply reply = bulk.execute();
  mark(sent, reply.certain && reply.refusals.empty() && reply.matched == static_cast<std::int64_t>(sent.size()));
  return reply.certain ? Status() : note_failure(reply.failure);
}

void Commit::mark(std::span<Slot* const> sent, bool written) {
  for (Slot* slot : sent) {
    slot->done = slot->known = written;
    slot->unsure = slot->unsure || !written;
  }
}

// The earlier tokens of documents that are full, into documents of their own: the same ones whichever node does it, so a duplicate is no failure.
Status Commit::move_aside(const Lease& lease, std::span<Slot* const> full) {
  if (full.empty()) return {};
  std::vector<Xid> xids;
  for (const Slot* slot : full) xids.push_back(slot->xid());
  UnderXids under;
  if (Status found = read_under_xids(connections_, lease, xids, Earlier::kRead, connections_.primary(), under); !found) return found;
  Bulk bulk(lease, lease.earlier());
  for (Slot* slot : full) {
    const auto at = under.find(slot->xid().text());
    // Changed since it was decided: the update will find nothing, and the next round knows.
    if (at == under.end() || !at->second.ours || at->second.ours->issued != slot->before->issued) continue;
    const Document& document = *at->second.ours;
    const Bson array = write_earlier_array(document.earlier.data(), document.earlier.data() + document.earlier.size());
    if (Status added = bulk.insert(write_aside(document, document.elsewhere + 1, array, retention_)); !added) return added;
    slot->after.elsewhere = document.elsewhere + document.earlier.size();
  }
  if (bulk.size() == 0) return {};
  const BulkReply reply = bulk.execute();
  return reply.certain && reply.only_duplicates() ? Status() : Status(unavailable(reply.failure));
}

// A send whose outcome is unknown: the next round reads it back, unless it is plain that this leads nowhere.
Status Commit::note_failure(const Failure& failure) {
  watch_.failed(failure.what);
  return ++failed_sends_ < kMaxFailedSends ? Status() : Status(unavailable(failure));
}

}  // namespace jwtd::store
