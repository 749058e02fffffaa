// timeline/erasure.cc - page by page, one change a transaction, a page in shared writes.
#include "timeline/erasure.h"

#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "store/apply_all.h"
#include "store/note_kinds.h"
#include "telesign/report.h"

namespace jwtd::timeline {
namespace {

constexpr std::string_view kForwarded[] = {store::kOutboxNote, store::kDeadNote};
constexpr std::size_t kNotesAtOnce = 500;

store::Change erasure_of(const store::Transaction& transaction, std::chrono::seconds retention, UnixMillis now) {
  store::Change change;
  change.xid = transaction.current.xid;
  change.erase = true;
  for (const store::Event& event : transaction.events) {
    const auto report = telesign::report_of(event);
    if (report && telesign::is_reference_id(report->reference_id)) change.remove.push_back({std::string(store::kReferenceNote), report->reference_id});
  }
  const nlohmann::ordered_json counts{{"erased_at", format_rfc3339(now, true)}, {"tokens", transaction.issued}, {"events", transaction.events.size()}};
  const UnixMillis expiry = retention.count() == 0 ? 0 : now + std::chrono::milliseconds(retention).count();
  change.put.push_back({std::string(store::kErasedNote), transaction.current.xid.text(), counts.dump(), expiry});
  return change;
}

// Of notes that wait to be sent: those about this XID.
bool is_about(const store::Note& note, std::string_view xid) {
  const auto json = nlohmann::json::parse(note.value, nullptr, /*allow_exceptions=*/false);
  const auto found = json.is_object() ? json.find("xid") : json.end();
  return json.is_object() && found != json.end() && found->is_string() && found->get_ref<const std::string&>() == xid;
}

Task<Status> remove_forwarded(store::Store& store, store::ReadPool& reads, store::Lane& lane, const std::vector<std::string>& xids, UnixMillis now) {
  for (const std::string_view kind : kForwarded) {
    std::string after;
    for (;;) {
      const auto list = [&store, kind, after, now] { return store.notes(kind, after, kNotesAtOnce, now); };
      const auto page = co_await reads.run(list);
      if (!page) co_return page.error();
      store::Change change;
      for (const store::Note& note : *page) {
        for (const std::string& xid : xids) {
          if (is_about(note, xid)) change.remove.push_back({note.kind, note.key});
        }
      }
      if (!change.remove.empty()) {
        const auto removed = co_await lane.apply(std::move(change));
        if (!removed) co_return removed.error();
      }
      if (page->size() < kNotesAtOnce) break;
      after = page->back().key;
    }
  }
  co_return Status();
}

}  // namespace

Task<Result<Erased>> erase_phone(store::Store& store, store::ReadPool& reads, store::Lane& lane, Phone phone, std::chrono::seconds retention, UnixMillis now) {
  Erased erased;
  std::vector<std::string> xids;
  std::string cursor;
  do {
    const auto list = [&store, phone, cursor, now] { return store.find_by_phone(phone, kMaxPageRecords, cursor, now); };
    const auto page = co_await reads.run(list);
    if (!page) co_return page.error();
    std::vector<store::Change> changes;
    for (const store::Transaction& transaction : page->transactions) changes.push_back(erasure_of(transaction, retention, now));
    const auto applied = co_await store::apply_all(lane, std::move(changes));
    if (!applied) co_return applied.error();
    for (std::size_t i = 0; i < applied->size(); ++i) {
      const store::Transaction& transaction = page->transactions[i];
      if ((*applied)[i].applied == store::Applied::kDamaged) co_return Error(store::kStoreDamaged);
      if ((*applied)[i].applied != store::Applied::kWritten) continue;
      ++erased.transactions;
      erased.tokens += transaction.issued;
      erased.events += transaction.events.size();
      xids.push_back(transaction.current.xid.text());
    }
    cursor = page->next;
  } while (!cursor.empty());
  if (!xids.empty()) {
    const Status removed = co_await remove_forwarded(store, reads, lane, xids, now);
    if (!removed) co_return removed.error();
  }
  co_return erased;
}

Result<std::optional<std::string>> erased_note(store::Store& store, const Xid& xid, UnixMillis now) { return store.note({std::string(store::kErasedNote), xid.text()}, now); }

}  // namespace jwtd::timeline
