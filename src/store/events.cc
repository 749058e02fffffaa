// store/events.cc - the one rule for events.
#include "store/events.h"

#include <algorithm>

#include "base/limits.h"

namespace jwtd::store {
namespace {

bool is_name(std::string_view text, std::size_t most) {
  return !text.empty() && text.size() <= most && std::all_of(text.begin(), text.end(), [](unsigned char c) { return c >= 0x20 && c < 0x7f; });
}

}  // namespace

std::string_view name_of(Event::Type type) {
  switch (type) {
    case Event::Type::kVerified: return "verified";
    case Event::Type::kCallback: return "callback";
    case Event::Type::kPolled: return "polled";
    case Event::Type::kRevoked: return "revoked";
    case Event::Type::kConsumed: return "consumed";
  }
  return "unknown";  // a newer jwtd wrote it
}

bool is_closed(const std::vector<Event>& events) {
  return std::any_of(events.begin(), events.end(),
                     [](const Event& event) { return event.type == Event::Type::kRevoked || event.type == Event::Type::kConsumed; });
}

Applied append(Transaction& transaction, const Event& event, bool decides) {
  std::size_t verifiers = 0;
  bool revoked = false;
  for (const Event& there : transaction.events) {
    if (there.key == event.key) return Applied::kPresent;
    verifiers += there.type == Event::Type::kVerified;
    revoked = revoked || there.type == Event::Type::kRevoked;
  }
  if (event.type == Event::Type::kConsumed && revoked) return Applied::kClosed;
  if (event.type == Event::Type::kVerified && verifiers >= kMaxVerifiers) return Applied::kFull;
  // Whatever came before, a transaction can learn its result, and be revoked and consumed: one place is kept for each of these two.
  const bool closes = event.type == Event::Type::kRevoked || event.type == Event::Type::kConsumed;
  const std::size_t kept_free = closes ? 0 : decides ? 2 : 2 + kKeptForResults;
  if (transaction.events.size() >= kMaxEvents - kept_free) return Applied::kFull;
  transaction.events.push_back(event);
  return Applied::kWritten;
}

std::span<const Note> notes_to_put(const Change& change) {
  const std::span<const Note> all(change.put);
  if (change.first_to_name.empty() || !change.transaction) return all;
  for (const Event& earlier : change.transaction->events) {
    if (earlier.key == change.event->key) break;
    const bool names_it = std::string_view(earlier.key).substr(earlier.key.find(':') + 1).starts_with(change.first_to_name);
    if (names_it && std::chrono::milliseconds(change.event->at - earlier.at) < kNamedAnew) return all.subspan(1);
  }
  return all;
}

bool is_within_bounds(const Change& change) {
  if (!change.first_to_name.empty() && (!change.event || change.put.empty())) return false;
  if (change.event && (!change.xid || change.erase || !is_name(change.event->key, kMaxEventKeyBytes) || change.event->body.size() > kMaxEventBytes)) return false;
  if (change.erase && !change.xid) return false;
  const auto moves_from_there = [&](const Note& note) {
    return std::any_of(change.remove.begin(), change.remove.end(), [&](const NoteName& gone) { return gone.kind == note.where && gone.key == note.key; });
  };
  return std::all_of(change.put.begin(), change.put.end(), [&](const Note& note) {
           return is_name(note.kind, kMaxNoteKindBytes) && is_name(note.key, kMaxNoteKeyBytes) && note.value.size() <= kMaxNoteBytes &&
                  (note.where.empty() || note.where == note.kind || moves_from_there(note));
         }) &&
         std::all_of(change.remove.begin(), change.remove.end(),
                     [](const NoteName& name) { return is_name(name.kind, kMaxNoteKindBytes) && is_name(name.key, kMaxNoteKeyBytes); });
}

}  // namespace jwtd::store
