// timeline/erasure.cc - page by page, one change a transaction, a page in shared writes.
#include "timeline/erasure.h"

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "store/apply_all.h"
#include "store/note_kinds.h"
#include "telesign/report.h"
#include "timeline/phone_in_text.h"
#include "timeline/placing.h"

namespace jwtd::timeline {
namespace {

// A note moves from one to the other, and back when it is replayed, while they are looked through: whoever is missed in both has moved twice in that moment.
constexpr std::string_view kForwarded[] = {store::kDeadNote, store::kOutboxNote, store::kDeadNote};
constexpr std::size_t kNotesAtOnce = 500;

store::Change erasure(const Xid& xid, const Phone& phone, const nlohmann::ordered_json& counts, std::chrono::seconds retention, UnixMillis now) {
  store::Change change;
  change.xid = xid;
  change.erase = true;
  change.of = phone;
  const UnixMillis expiry = retention.count() == 0 ? 0 : now + std::chrono::milliseconds(retention).count();
  change.put.push_back({std::string(store::kErasedNote), xid.text(), counts.dump(), expiry});
  return change;
}

store::Change erasure_of(const store::Transaction& transaction, const Phone& phone, std::chrono::seconds retention, UnixMillis now) {
  const nlohmann::ordered_json counts{{"erased_at", format_rfc3339(now, true)}, {"tokens", transaction.issued}, {"events", transaction.events.size()}};
  store::Change change = erasure(transaction.current.xid, phone, counts, retention, now);
  for (const store::Event& event : transaction.events) {
    const auto report = telesign::report_of(event);
    if (report && telesign::is_reference_id(report->reference_id)) change.remove.push_back({std::string(store::kReferenceNote), report->reference_id});
  }
  return change;
}

store::Change erasure_unread(const Xid& xid, const Phone& phone, std::chrono::seconds retention, UnixMillis now) {
  return erasure(xid, phone, {{"erased_at", format_rfc3339(now, true)}, {"damaged", true}}, retention, now);
}

bool is_one_of(std::string_view xid, const std::vector<std::string>& xids) { return std::find(xids.begin(), xids.end(), xid) != xids.end(); }

// Of notes that wait to be sent.
bool is_about(const nlohmann::json& json, const std::vector<std::string>& xids) {
  const auto found = json.is_object() ? json.find("xid") : json.end();
  return json.is_object() && found != json.end() && found->is_string() && is_one_of(found->get_ref<const std::string&>(), xids);
}

// What of a page is to be removed.
struct Doomed {
  std::vector<store::NoteName> notes;
  std::size_t count = 0;
  std::string last;  // empty: this was the last page
};

// Under which it may stand when it is removed: one that is forwarded may be given up, or replayed, meanwhile.
std::vector<std::string_view> kinds_of(const store::Note& note) {
  if (note.kind == store::kOutboxNote || note.kind == store::kDeadNote) return {store::kOutboxNote, store::kDeadNote};
  return {note.kind};
}

using IsDoomed = std::function<bool(const store::Note& note)>;  // asked on a pool thread

// Removes the notes of a kind that `is_doomed` names; how many.
Task<Result<std::uint64_t>> remove_notes(store::Store& store, store::ReadPool& reads, store::Lane& lane, std::string_view kind, const IsDoomed& is_doomed, UnixMillis now) {
  std::uint64_t count = 0;
  std::string after;
  do {
    const auto pick = [&store, kind, after, is_doomed, now]() -> Result<Doomed> {
      const auto page = store.notes(kind, after, kNotesAtOnce, now);
      if (!page) return page.error();
      Doomed doomed;
      for (const store::Note& note : *page) {
        if (!is_doomed(note)) continue;
        ++doomed.count;
        for (const std::string_view each : kinds_of(note)) doomed.notes.push_back({std::string(each), note.key});
      }
      if (page->size() == kNotesAtOnce) doomed.last = page->back().key;
      return doomed;
    };
    auto doomed = co_await reads.run(pick);
    if (!doomed) co_return doomed.error();
    after = std::move(doomed->last);
    if (doomed->notes.empty()) continue;
    count += doomed->count;
    store::Change change;
    change.remove = std::move(doomed->notes);
    const auto removed = co_await lane.apply(std::move(change));
    if (!removed) co_return removed.error();
  } while (!after.empty());
  co_return count;
}

// What waits to be forwarded of these transactions, and callbacks that were never placed and are about one of them. And whichever names the phone number:
// what was given up forwarding may be kept for longer than its transaction.
Task<Result<std::uint64_t>> remove_callbacks(store::Store& store, store::ReadPool& reads, store::Lane& lane, const std::vector<std::string>& xids, const Phone& phone, UnixMillis now) {
  const IsDoomed forwarded = [xids, phone](const store::Note& note) {
    return is_about(nlohmann::json::parse(note.value, nullptr, /*allow_exceptions=*/false), xids) || names_phone(note.value, phone);
  };
  for (const std::string_view kind : kForwarded) {
    const auto removed = co_await remove_notes(store, reads, lane, kind, forwarded, now);
    if (!removed) co_return removed.error();
  }
  const IsDoomed unplaced = [xids, phone](const store::Note& note) {
    const Unmatched one = unmatched_of(note);
    return names_phone(one.raw, phone) || (one.report && is_one_of(one.report->xid, xids));
  };
  co_return co_await remove_notes(store, reads, lane, store::kUnmatchedNote, unplaced, now);
}

}  // namespace

Task<Result<Erased>> erase_phone(store::Store& store, store::ReadPool& reads, store::Lane& lane, Phone phone, std::chrono::seconds retention, UnixMillis now) {
  Erased erased;
  std::uint64_t left = 0;
  std::vector<std::string> xids;
  std::string cursor;
  do {
    const auto list = [&store, phone, cursor, now] { return store.find_by_phone(phone, kMaxPageRecords, cursor, now); };
    const auto page = co_await reads.run(list);
    if (!page) co_return page.error();
    std::vector<store::Change> changes;
    for (const store::Transaction& transaction : page->transactions) changes.push_back(erasure_of(transaction, phone, retention, now));
    for (const Xid& xid : page->damaged) changes.push_back(erasure_unread(xid, phone, retention, now));
    const auto applied = co_await store::apply_all(lane, std::move(changes));
    if (!applied) co_return applied.error();
    for (std::size_t i = 0; i < applied->size(); ++i) {
      const store::Change& change = (*applied)[i];
      left += change.applied == store::Applied::kDamaged;
      if (change.applied != store::Applied::kWritten) continue;
      xids.push_back(change.xid->text());
      if (i >= page->transactions.size()) {
        ++erased.damaged;
        continue;
      }
      const store::Transaction& transaction = page->transactions[i];
      ++erased.transactions;
      erased.tokens += transaction.issued;
      erased.events += transaction.events.size();
    }
    cursor = page->next;
  } while (!cursor.empty());
  const auto callbacks = co_await remove_callbacks(store, reads, lane, xids, phone, now);
  if (!callbacks) co_return callbacks.error();
  erased.callbacks = *callbacks;
  if (left > 0) co_return Error(store::kStoreDamaged, std::to_string(left) + " transactions cannot be read, and are left; all else is erased");
  co_return erased;
}

Result<std::optional<UnixMillis>> erased_at(store::Store& store, const Xid& xid, UnixMillis now) {
  const auto note = erased_note(store, xid, now);
  if (!note) return note.error();
  if (!*note) return std::optional<UnixMillis>();
  const auto json = nlohmann::json::parse(**note, nullptr, /*allow_exceptions=*/false);
  const auto micros = json.is_object() && json.contains("erased_at") && json["erased_at"].is_string() ? parse_rfc3339_micros(json["erased_at"].get<std::string>()) : std::nullopt;
  if (!micros) return Error(store::kStoreDamaged, "what an erasure left cannot be read");
  return std::optional<UnixMillis>(*micros / 1000);
}

Result<std::optional<std::string>> erased_note(store::Store& store, const Xid& xid, UnixMillis now) { return store.note({std::string(store::kErasedNote), xid.text()}, now); }

}  // namespace jwtd::timeline
