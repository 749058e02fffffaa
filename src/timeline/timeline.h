// timeline/timeline.h - what became of a transaction: its events in order, and where it stands.
//
// The status is a function of the set of the provider's reports, not of their order: whatever comes late, twice or by another node, all agree.
// Of final reports the one that the provider dates first stands (of one moment: failure before success, then the smaller code); without a
// final one, the one dated last. A report without a date counts as later than all. So a status moves from none to pending to final; and
// since the provider says that a final status cannot change (reference/telesign.md 5), two different ones are a contradiction.
//
// Pure functions over values; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "store/record.h"
#include "telesign/report.h"

namespace jwtd::timeline {

enum class State : std::uint8_t { kNone, kPending, kSuccess, kFailure };
std::string_view name_of(State state);  // "none"

struct Status {
  State state = State::kNone;
  // Below only with a report:
  telesign::Report report;  // the one that stands
  std::string_view source;  // "callback" or "poll": how that one was learnt first
  UnixMillis known_at = 0;  // when
  bool contradicted = false;  // a report with another final state is there too
};
Status status_of(const store::Transaction& transaction);

// The part of it that the events' keys tell, without reading any body.
struct Standing {
  const store::Event* event = nullptr;  // whose report stands, in `transaction`; nullptr: there is none
  telesign::Outline report;             // points into it
  State state = State::kNone;
  bool contradicted = false;
};
Standing standing_of(const store::Transaction& transaction);

// One line of the timeline. What the records and the clock tell stands in it beside what was kept as events.
struct Item {
  std::string_view type;  // issued, reissued, verified, callback, polled, revoked, consumed, expired
  UnixMillis at = 0;
  const store::Record* record = nullptr;  // of issued and reissued: the token's
  const store::Event* event = nullptr;    // of what was kept
  bool applied = false;                   // of callback and polled: this is the report that stands
};
// By time, and what is of one moment in the order above. Points into `transaction`. `expired` is there once the current token has expired at
// `now` without having been consumed or revoked. Tokens between those in `earlier` and the first are not shown (kMaxEarlierTokens).
std::vector<Item> items_of(const store::Transaction& transaction, UnixMillis now);

}  // namespace jwtd::timeline
