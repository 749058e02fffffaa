// store/mongodb/changes.cc - read, decide, write under the condition, again.
#include "store/mongodb/changes.h"

#include <algorithm>
#include <memory>
#include <thread>

#include "base/limits.h"
#include "store/mongodb/documents.h"
#include "store/mongodb/notes.h"

namespace jwtd::store {
namespace {

constexpr std::size_t kMaxRounds = 64;      // each lost round is one that another node won; the deadline comes first
constexpr auto kGiveWay = std::chrono::milliseconds(1);  // more with each round: a transaction of another node's takes a few
constexpr std::size_t kMaxFailedSends = 2;  // of one batch: libmongoc has tried each twice

using Session = std::unique_ptr<mongoc_client_session_t, Destroy<mongoc_client_session_destroy>>;

bool knows_transactions(mongoc_client_t* client) {
  bson_error_t error;
  const std::unique_ptr<mongoc_server_description_t, Destroy<mongoc_server_description_destroy>> server(mongoc_client_select_server(client, true, nullptr, &error));
  return server && std::string_view(mongoc_server_description_type(server.get())) != "Standalone";
}

// Rows of two phones are nobody's transaction, as for commits.
bool of_one_phone(const UnderXid& under) {
  return std::all_of(under.rows.begin(), under.rows.end(), [&](const LegacyRow& row) { return row.record && row.record->phone == under.rows.front().record->phone; });
}

bool moves(const Note* note) { return note && !note->where.empty() && note->where != note->kind; }

// What move_note() removes.
bool is_moved(const ChangePlan::Write& write, const ChangePlan::Name& name) {
  return std::any_of(write.notes.begin(), write.notes.end(),
                     [&](const auto& one) { return moves(one.second) && one.second->where == name.first && one.first.second == name.second; });
}

bool spans_documents(const ChangePlan::Write& write) {
  return (write.before && (write.erase || !write.notes.empty())) ||
         std::any_of(write.notes.begin(), write.notes.end(), [](const auto& one) { return moves(one.second); });
}

}  // namespace

Status Changes::run(std::span<Change* const> batch) {
  if (batch.empty()) return {};
  if (Status there = watch_.check(); !there) return there;
  const auto deadline = Monotonic::now() + std::max<Monotonic::duration>(kCommitDeadline, connections_.timeout());
  auto lease = connections_.lease();
  if (!lease) return lease.error();
  for (const Change* change : batch) {
    if (change->erase && change->of && change->xid) erased_.insert(change->xid->text());
  }
  ChangePlan plan(batch, retention_);
  for (std::size_t round = 0; !plan.settled(); ++round) {
    if (round == kMaxRounds) return Error(kStoreUnavailable, "mongodb: other nodes kept changing the same transactions");
    if (round > 0 && Monotonic::now() > deadline) return Error(kStoreUnavailable, "mongodb: the outcome of a write could not be read in time");
    if (Status known = read(*lease, plan); !known) return known;
    const Writes writes = plan.next();
    if (writes.empty()) continue;
    const bool as_one = transactions_ && std::any_of(writes.begin(), writes.end(), spans_documents) && knows_transactions(lease->client());
    const auto fate = as_one ? write_as_one(*lease, writes) : write(*lease, writes, nullptr);
    if (!fate) return fate.error();
    if (*fate == Fate::kBeaten) std::this_thread::sleep_for(kGiveWay * round);
    for (const ChangePlan::Write& one : writes) {
      if (*fate == Fate::kWritten) plan.written(one);
      else if (*fate == Fate::kBeaten) plan.beaten(one);
      else plan.lost(one, as_one);
    }
  }
  return {};
}

Status Changes::read(const Lease& lease, ChangePlan& plan) {
  const std::vector<Xid> unread = plan.unread();
  if (unread.empty()) return {};
  UnderXids found;
  Failure failure;
  if (Status read = read_under_xids(connections_, lease, unread, Earlier::kLeaveOut, connections_.primary(), found, &failure); !read) {
    if (failure.unreachable) watch_.failed(failure.what);
    return read;
  }
  for (auto& [xid, under] : found) {
    if (under.damage) {
      on_damage_(*under.damage);
      plan.is_damaged(xid, under.shell);
    } else if (under.ours) {
      const Document& ours = *under.ours;
      plan.stands({ours.created_at, ours.issued, ours.current, {}, ours.events});
    } else if (auto rows = assemble_rows(under, 0); rows && of_one_phone(under)) {
      plan.stands(*std::move(rows));
    } else {
      plan.is_damaged(xid);
    }
    under_[xid] = std::move(under);
  }
  // A phone's list shows by _id what has another xid, so an erasure finds it by that, too.
  for (const Xid& xid : unread) {
    if (found.contains(xid.text()) || !erased_.contains(xid.text())) continue;
    UnderXid under;
    const auto impostor = look_for_impostor(connections_, lease, xid, &under.shell);
    if (!impostor) return impostor.error();
    if (!*impostor) continue;
    on_damage_(**impostor);
    plan.is_damaged(xid.view(), under.shell);
    under_[xid.text()] = std::move(under);
  }
  plan.have_read();
  return {};
}

// -- writing --------------------------------------------------------------------------------------------------------

// The steps in the order that is right for a server without transactions.
Result<Changes::Fate> Changes::write(const Lease& lease, Writes writes, const mongoc_client_session_t* session) {
  Bulk puts(lease, lease.notes(), session), removals(lease, lease.notes(), session), documents(lease, lease.tokens(), session);
  Bulk erased_earlier(lease, lease.earlier(), session), erased_rows(lease, lease.tokens(), session);
  std::int64_t expected = 0;
  if (Status added = put_notes(writes, puts); !added) return added.error();
  if (Status added = remove_notes(writes, removals); !added) return added.error();
  for (const ChangePlan::Write& one : writes) {
    if (!one.before) continue;
    if (one.erase) {
      if (Status added = erase_what_is_beside(one, erased_earlier, erased_rows); !added) return added.error();
    }
    if (Status added = write_document_of(one, documents, expected); !added) return added.error();
  }
  bool sent = false;
  for (const auto& [bulk, wanted] : {std::pair(&puts, std::int64_t{-1}), {&erased_earlier, -1}, {&erased_rows, -1}, {&documents, expected}, {&removals, -1}}) {
    if (bulk->size() == 0) continue;
    const auto fate = execute(*bulk, wanted);
    if (!fate) return fate;
    // In a transaction nothing is on record yet; elsewhere what was sent before may be, and of several documents nobody knows which.
    if (*fate == Fate::kBeaten) return session || (!sent && documents.size() == 1) ? Fate::kBeaten : Fate::kUnknown;
    if (*fate == Fate::kUnknown) return Fate::kUnknown;
    sent = true;
  }
  for (const ChangePlan::Write& one : writes) {
    for (const auto& [name, note] : one.notes) {
      if (!moves(note)) continue;
      const auto fate = move_note(lease, *note, session);
      if (!fate || *fate != Fate::kWritten) return fate;
    }
  }
  return Fate::kWritten;
}

// In a transaction the removal tells whether it was there, and holds it. Elsewhere it is looked for first: a move that was made before, and whose answer was lost,
// must not be taken back; and who removes the note between the look and the move finds it in one of its two places, or has it taken back here.
Result<Changes::Fate> Changes::move_note(const Lease& lease, const Note& note, const mongoc_client_session_t* session) {
  const auto put = [&]() -> Result<Fate> {
    Bulk bulk(lease, lease.notes(), session);
    if (Status added = bulk.replace(which_note(note.kind, note.key), write_note(note), true); !added) return added.error();
    return execute(bulk, -1);
  };
  const auto remove = [&](std::string_view kind, std::int64_t expected) -> Result<Fate> {
    Bulk bulk(lease, lease.notes(), session);
    if (Status added = bulk.remove(which_note(kind, note.key)); !added) return added.error();
    return execute(bulk, expected);
  };
  if (session) {
    Bulk bulk(lease, lease.notes(), session);
    if (Status added = bulk.remove(which_note(note.where, note.key)); !added) return added.error();
    const BulkReply reply = bulk.execute();
    const auto fate = judge(reply, -1);
    return !fate || *fate != Fate::kWritten || reply.removed == 0 ? fate : put();
  }
  const auto there = has_note(connections_, lease, note.where, note.key);
  if (!there) return there.error();
  if (!*there) return Fate::kWritten;
  if (const auto done = put(); !done || *done != Fate::kWritten) return done ? Fate::kUnknown : done;
  const auto taken = remove(note.where, 1);
  if (!taken || *taken == Fate::kUnknown) return taken;
  return *taken == Fate::kWritten ? taken : remove(note.kind, -1);
}

// `expected`: how many documents have to be found; below 0: it does not matter.
Result<Changes::Fate> Changes::judge(const BulkReply& reply, std::int64_t expected) {
  if (reply.rolled_back) return Fate::kBeaten;
  if (!reply.certain) {
    watch_.failed(reply.failure.what);
    if (++failed_sends_ >= kMaxFailedSends) return unavailable(reply.failure);
    return Fate::kUnknown;
  }
  // Two nodes that put the same note for the first time at the same moment, or make the same document.
  if (!reply.refusals.empty()) return reply.only_duplicates() ? Result<Fate>(Fate::kBeaten) : Result<Fate>(unavailable(reply.failure));
  return expected < 0 || reply.matched + reply.removed + reply.inserted == expected ? Fate::kWritten : Fate::kBeaten;
}

Status Changes::put_notes(Writes writes, Bulk& bulk) const {
  for (const ChangePlan::Write& one : writes) {
    for (const auto& [name, note] : one.notes) {
      if (!note || moves(note)) continue;
      if (Status added = bulk.replace(which_note(name.first, name.second), write_note(*note), note->where.empty()); !added) return added;
    }
  }
  return {};
}

Status Changes::remove_notes(Writes writes, Bulk& bulk) const {
  for (const ChangePlan::Write& one : writes) {
    for (const auto& [name, note] : one.notes) {
      if (note || is_moved(one, name)) continue;
      if (Status added = bulk.remove(which_note(name.first, name.second)); !added) return added;
    }
  }
  return {};
}

// Earlier tokens in documents of their own, and the tutorial's rows of this phone: whoever is to be forgotten is forgotten there, too.
Status Changes::erase_what_is_beside(const ChangePlan::Write& write, Bulk& earlier, Bulk& tokens) const {
  const UnderXid& under = under_.find(write.xid().text())->second;
  if (under.shell || (under.ours && under.ours->elsewhere > 0)) {
    const std::string prefix = aside_prefix(write.xid(), write.before->created_at);
    Bson range, filter;
    range.text("$gt", prefix).text("$lt", prefix.substr(0, prefix.size() - 1) + "0");
    filter.document("_id", range);
    if (Status added = earlier.remove_all(filter); !added) return added;
  }
  for (const LegacyRow& row : under.rows) {
    if (!row.record || row.record->phone != write.before->current.phone) continue;
    Bson filter;
    filter.id("_id", row.id);
    if (Status added = tokens.remove(filter); !added) return added;
  }
  return {};
}

Status Changes::write_document_of(const ChangePlan::Write& write, Bulk& bulk, std::int64_t& expected) const {
  const UnderXid& under = under_.find(write.xid().text())->second;
  if (under.ours) {
    ++expected;
    const Bson filter = nothing_happened_to(*under.ours);
    return write.erase ? bulk.remove(filter) : bulk.update(filter, write_more_events(write.events));
  }
  if (under.shell) {
    ++expected;
    Bson filter;
    filter.text("_id", write.xid().view()).text("phone_number", write.before->current.phone.text()).time("created_at", write.before->created_at);
    return bulk.remove(filter);
  }
  if (write.erase) return {};  // its rows are all there is
  ++expected;
  const Transaction& rows = *write.before;
  Document made{rows.created_at, rows.issued, rows.issued - 1, rows.current, {}, {}};
  for (const Event* event : write.events) made.events.push_back(*event);
  return bulk.insert(write_document(made, retention_));
}

// -- one transaction ------------------------------------------------------------------------------------------------

Result<Changes::Fate> Changes::write_as_one(const Lease& lease, Writes writes) {
  bson_error_t error;
  const Session session(mongoc_client_start_session(lease.client(), nullptr, &error));
  if (!session) return unavailable(describe(error));
  const std::unique_ptr<mongoc_transaction_opt_t, Destroy<mongoc_transaction_opts_destroy>> options(mongoc_transaction_opts_new());
  mongoc_transaction_opts_set_write_concern(options.get(), connections_.durable());
  mongoc_transaction_opts_set_max_commit_time_ms(options.get(), connections_.timeout().count());
  if (!mongoc_client_session_start_transaction(session.get(), options.get(), &error)) return unavailable(describe(error));
  const auto fate = write(lease, writes, session.get());
  if (!fate || *fate != Fate::kWritten) {
    mongoc_client_session_abort_transaction(session.get(), nullptr);  // should it not arrive: the server ends it by itself
    return fate ? Fate::kBeaten : fate;  // nothing is on record without a commit
  }
  bson_t reply;
  const bool committed = mongoc_client_session_commit_transaction(session.get(), &reply, &error);
  const bool rolled_back = !committed && mongoc_error_has_label(&reply, "TransientTransactionError");
  bson_destroy(&reply);
  if (committed) return Fate::kWritten;
  if (rolled_back) return Fate::kBeaten;
  const Failure failure = describe(error);
  watch_.failed(failure.what);
  if (++failed_sends_ >= kMaxFailedSends) return unavailable(failure);
  return Fate::kUnknown;
}

}  // namespace jwtd::store
