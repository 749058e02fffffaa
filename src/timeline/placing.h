// timeline/placing.h - finds the transaction that a report of the provider is about, and writes the report into its timeline.
//
// A callback names its transaction by our XID or by the provider's reference id. Which XID a reference id belongs to is learnt from any report
// that has both, and kept as a note; what cannot be placed is kept as a note too, and placed as soon as its reference id is learnt.
//
// One for each loop, since it holds that loop's lane. What callback() and poll() return is durable.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>

#include "base/task.h"
#include "store/group_commit.h"
#include "store/read_pool.h"
#include "telesign/report.h"
#include "timeline/timeline.h"

namespace jwtd::timeline {

inline constexpr Code kTimelineFull{"timeline_full", Fault::kUnavailable, "The transaction has as many events as are kept of one."};
inline constexpr Code kTransactionUnknown{"transaction_unknown", Fault::kNotFound, "No transaction is on record under this id."};

inline constexpr std::size_t kMaxUnmatched = 10'000;                // callbacks that wait for their transaction to become known
inline constexpr auto kUnmatchedKept = std::chrono::hours(24 * 7);  // then nobody will learn of it any more

// How many unmatched callbacks there are, roughly: of this process since it last counted, and of others by then. Any thread.
using UnmatchedCount = std::atomic<std::size_t>;

enum class Placed : std::uint8_t {
  kApplied,    // it is the report that stands now
  kSeen,       // in the timeline, but another one stands
  kDuplicate,  // was there already
  kUnmatched,  // kept until its transaction becomes known
  kDropped,    // neither: kMaxUnmatched wait already
};

struct Placement {
  Placed placed = Placed::kUnmatched;
  bool contradicted = false;  // by this one for the first time: the provider has reported two different final states
  std::size_t matched = 0;    // earlier ones that could be placed now
};

class Placing {
 public:
  struct Options {
    std::chrono::seconds retention{0};  // how long a reference id is remembered; 0: for ever
    // The note that has a callback forwarded, written together with its event; empty: nothing is forwarded.
    std::function<store::Note(const Xid&, const telesign::Report&, UnixMillis now)> forward;
  };

  // All outlive it.
  Placing(store::Store& store, store::ReadPool& reads, store::Lane& lane, UnmatchedCount& unmatched, Options options)
      : store_(store), reads_(reads), lane_(lane), unmatched_(unmatched), options_(std::move(options)) {}

  // Fails with kTimelineFull, store::kStoreDamaged, and what Lane::apply() and ReadPool::run() fail with.
  Task<Result<Placement>> callback(telesign::Report report, UnixMillis now);

  // What the provider answered about `xid`; returns the transaction as it stands then. Fails with kTransactionUnknown and as callback().
  Task<Result<store::Transaction>> poll(Xid xid, telesign::Report report, UnixMillis now);

 private:
  struct Written {
    store::Applied applied = store::Applied::kAbsent;
    std::optional<store::Transaction> transaction;
  };
  Task<Result<std::optional<Xid>>> xid_of(const telesign::Report& report, UnixMillis now);
  Task<Result<Written>> write(Xid xid, const telesign::Report& report, store::Event::Type type, UnixMillis now, std::vector<store::NoteName> done);
  bool knows(const std::string& reference, const Xid& xid, UnixMillis now);
  Task<Result<Placement>> keep(const telesign::Report& report, UnixMillis now);
  Task<Result<std::size_t>> place_earlier(Xid xid, const std::string& reference, UnixMillis now);

  store::Store& store_;
  store::ReadPool& reads_;
  store::Lane& lane_;
  UnmatchedCount& unmatched_;
  const Options options_;
};

// The callback as it was sent, out of the value of a note of kUnmatchedNote. Empty: the value is not ours.
std::string_view unmatched_body(std::string_view value);

// The callbacks that wait, for people: each with the time at which it came. `after`: the key of the last one of a former page.
struct Unmatched {
  std::string key;
  UnixMillis at = 0;
  telesign::Report report;
};
Result<std::vector<Unmatched>> list_unmatched(store::Store& store, std::string_view after, std::size_t limit, UnixMillis now);

// Counts anew, at most kMaxUnmatched of them. May block.
Result<std::size_t> count_unmatched(store::Store& store, UnixMillis now);

}  // namespace jwtd::timeline
