// store/events.h - what an event does to a transaction. One rule, for every driver.
#pragma once

#include <chrono>
#include <span>
#include <string_view>

#include "store/store.h"

namespace jwtd::store {

std::string_view name_of(Event::Type type);  // "callback"

// Whether the transaction was revoked or consumed: it takes no more tokens then.
bool is_closed(const std::vector<Event>& events);

// Adds the event to `transaction`, which stands and is not past retention, and says so with kWritten; or leaves it as it is and says why:
// kPresent, kClosed, kFull. kFull comes for one caller more than kMaxVerifiers too, and before the last kKeptForResults places unless it `decides`.
Applied append(Transaction& transaction, const Event& event, bool decides = false);

// So long an event that names something speaks for the note that it has put. Reports of one verification come within minutes; the note may end before
// its transaction (retention was raised, a copy left notes behind), and is put again by what comes later.
inline constexpr auto kNamedAnew = std::chrono::hours(1);

// Of a change that is kWritten, with its `transaction`, the notes that it puts: all, or all but the first (Change::first_to_name).
std::span<const Note> notes_to_put(const Change& change);

// Whether the names and sizes of a change keep to the bounds of record.h and store.h: a caller's broken invariant otherwise.
bool is_within_bounds(const Change& change);

}  // namespace jwtd::store
