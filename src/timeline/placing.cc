// timeline/placing.cc - which transaction, then one change; or a note until that is known.
#include "timeline/placing.h"

#include <algorithm>
#include <utility>

#include "store/events.h"
#include "store/note_kinds.h"
#include "timeline/erasure.h"
#include "timeline/phone_in_text.h"

namespace jwtd::timeline {
namespace {

constexpr std::size_t kPage = 100;                      // notes read at once
constexpr auto kOnTime = std::chrono::minutes(1);       // a callback's way here
constexpr std::size_t kMaxPlacedAtOnce = 100;           // earlier callbacks of one reference id; there are a few

// By reference id, so that those of one lie together; the hash in the event's key makes a repeated one the same note.
std::string unmatched_key(const telesign::Report& report, const store::Event& event) {
  return (telesign::is_reference_id(report.reference_id) ? report.reference_id : std::string("-")) + "/" + event.key;
}

// Which transaction it is about, if that can be told by now.
Result<std::optional<Xid>> xid_known_of(store::Store& store, const Unmatched& one, UnixMillis now) {
  if (!one.report) return std::optional<Xid>();
  if (auto xid = Xid::parse(one.report->xid)) return std::optional<Xid>(*xid);
  return xid_of_reference(store, one.report->reference_id, now);
}

// Of a transaction that stands contradicted: whether it did before its last event.
bool was_contradicted(const store::Transaction& transaction) {
  store::Transaction before = transaction;
  before.events.pop_back();
  return standing_of(before).contradicted;
}

// Callbacks come within seconds: only these can be from before an erasure, but for one of the last minutes, whose XID would have to come anew as soon.
bool is_late(const telesign::Report& report, UnixMillis now) {
  return report.updated_micros != telesign::Report::kNoTime && report.updated_micros / 1000 < now - std::chrono::milliseconds(kOnTime).count();
}

bool stands(const telesign::Outline& standing, const telesign::Report& report) {
  return standing.code == report.code && standing.updated_on == report.updated_on && standing.reference_id == report.reference_id;
}

}  // namespace

Task<Result<std::optional<Xid>>> Placing::xid_of(const telesign::Report& report, UnixMillis now) {
  if (auto xid = Xid::parse(report.xid)) co_return std::optional<Xid>(*xid);
  if (!telesign::is_reference_id(report.reference_id)) co_return std::optional<Xid>();
  const auto look = [&store = store_, reference = report.reference_id, now] { return xid_of_reference(store, reference, now); };
  co_return co_await reads_.run(look);
}

Task<Result<Placing::Written>> Placing::write(Xid xid, const telesign::Report& report, store::Event::Type type, UnixMillis now, std::vector<store::NoteName> done) {
  store::Change change;
  change.xid = xid;
  change.event = telesign::event_of(report, type, now);
  change.remove = std::move(done);
  if (telesign::is_reference_id(report.reference_id)) {
    // An event's key has it in its second place: telesign::event_of().
    const UnixMillis expiry = options_.retention.count() == 0 ? 0 : now + std::chrono::milliseconds(options_.retention).count();
    change.put.push_back({std::string(store::kReferenceNote), report.reference_id, xid.text(), expiry});
    change.first_to_name = report.reference_id + ':';
  }
  change.decides = telesign::state_of(report.code) != telesign::State::kPending;
  if (options_.forward && type == store::Event::Type::kCallback) change.put.push_back(options_.forward(xid, report, now));
  Result<store::Change> applied = co_await lane_.apply(std::move(change));
  if (!applied) co_return applied.error();
  // An answer that decides nothing is told from what stands; a callback has to be on record before it is answered.
  if (applied->applied == store::Applied::kFull && (type == store::Event::Type::kCallback || applied->decides)) co_return Error(kTimelineFull);
  if (applied->applied == store::Applied::kDamaged) co_return Error(store::kStoreDamaged);
  const bool learns = applied->applied == store::Applied::kWritten && !applied->first_to_name.empty() && store::notes_to_put(*applied).size() == applied->put.size();
  Written written{.applied = applied->applied, .transaction = std::move(applied->transaction), .learns = learns};
  if (written.applied == store::Applied::kWritten && written.transaction) {
    const Standing standing = standing_of(*written.transaction);
    written.stands = stands(standing.report, report);
    written.contradicted = standing.contradicted && !was_contradicted(*written.transaction);
  }
  co_return written;
}

Task<Result<Placement>> Placing::callback(telesign::Report report, UnixMillis now) {
  const auto xid = co_await xid_of(report, now);
  if (!xid) co_return xid.error();
  if (!*xid) {
    auto kept = co_await keep(report, now);
    if (!kept || kept->placed != Placed::kUnmatched || !telesign::is_reference_id(report.reference_id)) co_return kept;
    // Who learnt the reference id in between has seen nothing that waits; what is on record by now shows to one of the two.
    const auto learnt = co_await xid_of(report, now);
    if (learnt && *learnt) {
      if (const auto placed = co_await place_earlier(**learnt, report.reference_id, now)) {
        kept->matched = placed->count;
        kept->contradicted = placed->contradicted;
      }
    }
    co_return kept;
  }
  Placement placement;
  placement.placed = Placed::kErased;
  if (is_late(report, now)) {
    const auto erased = co_await was_erased(**xid, report.updated_micros, now);
    if (!erased) co_return erased.error();
    if (*erased) co_return placement;
  }
  auto written = co_await write(**xid, report, store::Event::Type::kCallback, now, {});
  if (!written) co_return written.error();
  if (written->applied == store::Applied::kAbsent) {
    const auto erased = co_await was_erased(**xid, std::nullopt, now);
    if (!erased) co_return erased.error();
    if (*erased) co_return placement;
    co_return co_await keep(report, now);
  }
  if (written->applied != store::Applied::kWritten) {
    placement.placed = Placed::kDuplicate;
    co_return placement;
  }
  placement.placed = written->stands ? Placed::kApplied : Placed::kSeen;
  placement.contradicted = written->contradicted;
  if (may_wait(report, written->learns)) {
    const Matched placed = co_await place_waiting(**xid, report.reference_id, now);
    placement.matched = placed.count;
    placement.contradicted = placement.contradicted || placed.contradicted;
  }
  co_return placement;
}

// Whether a callback may wait for the reference id that this report names. Another node may have kept it, whose count is not ours: until the id is learnt. Who
// keeps one afterwards sees that it is. What a node leaves behind that dies between the two shows in the count a few minutes later.
bool Placing::may_wait(const telesign::Report& report, bool learns) const {
  return telesign::is_reference_id(report.reference_id) && (unmatched_.load(std::memory_order_relaxed) > 0 || (learns && !options_.alone));
}

// What came now is in its place, whatever becomes of those that wait: they are tried again with the next one.
Task<Placing::Matched> Placing::place_waiting(Xid xid, const std::string& reference, UnixMillis now) {
  const auto placed = co_await place_earlier(xid, reference, now);
  if (placed) co_return *placed;
  std::size_t none = 0;
  unmatched_.compare_exchange_strong(none, 1);  // until they are counted again
  co_return Matched{};
}

// Whether the transaction was erased; with `since_micros`, after that time.
Task<Result<bool>> Placing::was_erased(Xid xid, std::optional<std::int64_t> since_micros, UnixMillis now) {
  const auto look = [&store = store_, xid, now] { return erased_at(store, xid, now); };
  const auto erased = co_await reads_.run(look);
  if (!erased) co_return erased.error();
  co_return *erased && (!since_micros || *since_micros < **erased * 1000);
}

Task<Result<PollPlacement>> Placing::poll(Xid xid, telesign::Report report, UnixMillis now) {
  auto written = co_await write(xid, report, store::Event::Type::kPolled, now, {});
  if (!written) co_return written.error();
  if (!written->transaction) co_return Error(kTransactionUnknown);
  bool contradicted = written->contradicted;
  if (written->applied == store::Applied::kWritten && may_wait(report, written->learns)) {
    const Matched placed = co_await place_waiting(xid, report.reference_id, now);
    if (placed.count > 0) {
      contradicted = contradicted || placed.contradicted;
      const auto look = [&store = store_, xid, now] { return store.find(xid, now); };
      auto found = co_await reads_.run(look);
      if (found && *found) co_return PollPlacement{std::move(**found), contradicted};
    }
  }
  co_return PollPlacement{std::move(*written->transaction), contradicted};
}

Task<Result<Placement>> Placing::keep(const telesign::Report& report, UnixMillis now) {
  Placement placement;
  if (unmatched_.load(std::memory_order_relaxed) >= kMaxUnmatched) {
    placement.placed = Placed::kDropped;
    co_return placement;
  }
  const store::Event event = telesign::event_of(report, store::Event::Type::kCallback, now);
  store::Change change;
  change.put.push_back({std::string(store::kUnmatchedNote), unmatched_key(report, event), std::to_string(now) + " " + event.body,
                        now + std::chrono::milliseconds(kUnmatchedKept).count()});
  const auto applied = co_await lane_.apply(std::move(change));
  if (!applied) co_return applied.error();
  unmatched_.fetch_add(1, std::memory_order_relaxed);
  co_return placement;
}

Task<Result<Placing::Matched>> Placing::place_earlier(Xid xid, const std::string& reference, UnixMillis now) {
  const auto list = [&store = store_, from = reference + "/", now] { return store.notes(store::kUnmatchedNote, from, kMaxPlacedAtOnce, now); };
  const auto waiting = co_await reads_.run(list);
  if (!waiting) co_return waiting.error();
  Matched placed;
  for (const store::Note& note : *waiting) {
    if (!note.key.starts_with(reference + "/")) break;
    const Unmatched one = unmatched_of(note);
    if (!one.report) continue;
    std::vector<store::NoteName> done{{std::string(store::kUnmatchedNote), note.key}};  // a name of its own: see ReadPool::run()
    const auto written = co_await write(xid, *one.report, store::Event::Type::kCallback, one.at, std::move(done));
    if (!written) co_return written.error();
    if (written->applied == store::Applied::kPresent) {  // then the note is still there
      store::Change change;
      change.remove.push_back({std::string(store::kUnmatchedNote), note.key});
      if (const auto removed = co_await lane_.apply(std::move(change)); !removed) co_return removed.error();
    }
    if (written->applied == store::Applied::kAbsent) break;  // it was erased meanwhile, and they wait on
    ++placed.count;
    placed.contradicted = placed.contradicted || written->contradicted;
    std::size_t count = unmatched_.load(std::memory_order_relaxed);
    while (count > 0 && !unmatched_.compare_exchange_weak(count, count - 1)) {}
  }
  co_return placed;
}

Result<std::optional<Xid>> xid_of_reference(store::Store& store, const std::string& reference, UnixMillis now) {
  if (!telesign::is_reference_id(reference)) return std::optional<Xid>();
  const auto known = store.note({std::string(store::kReferenceNote), reference}, now);
  if (!known) return known.error();
  if (!*known) return std::optional<Xid>();
  const auto xid = Xid::parse(**known);
  return xid ? std::optional<Xid>(*xid) : std::nullopt;
}

// The time, a space, the body.
Unmatched unmatched_of(const store::Note& note) {
  const std::size_t space = note.value.find(' ');
  Unmatched one{note.key, std::atoll(note.value.c_str()), space == std::string::npos ? note.value : note.value.substr(space + 1), std::nullopt};
  if (space != std::string::npos) one.report = telesign::report_of({store::Event::Type::kCallback, one.at, "-", one.raw});
  return one;
}

Result<UnmatchedPage> list_unmatched(store::Store& store, std::string_view after, std::size_t limit, const std::optional<Phone>& of, UnixMillis now) {
  auto notes = store.notes(store::kUnmatchedNote, after, limit, now);
  if (!notes) return notes.error();
  UnmatchedPage page;
  if (notes->size() == limit) page.next = notes->back().key;
  for (const store::Note& note : *notes) {
    Unmatched one = unmatched_of(note);
    if (of && !names_phone(one.raw, *of)) {
      const auto known = xid_known_of(store, one, now);
      if (!known) return known.error();
      if (!*known) continue;
      const auto transaction = store.find(**known, now);
      if (!transaction && !transaction.error().is(store::kStoreDamaged)) return transaction.error();
      if (!transaction || !*transaction || (*transaction)->current.phone != *of) continue;
    }
    page.callbacks.push_back(std::move(one));
  }
  return page;
}

Result<std::size_t> count_unmatched(store::Store& store, UnixMillis now) {
  std::size_t count = 0;
  std::string after;
  while (count < kMaxUnmatched) {
    const auto page = store.notes(store::kUnmatchedNote, after, kPage, now);
    if (!page) return page.error();
    count += page->size();
    if (page->size() < kPage) break;
    after = page->back().key;
  }
  return count;
}

}  // namespace jwtd::timeline
