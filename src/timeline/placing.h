// timeline/placing.h - finds the transaction that a report of the provider is about, and writes the report into its timeline.
//
// A callback names its transaction by our XID or by the provider's reference id. Which XID a reference id belongs to is learnt from any report
// that has both, and kept as a note; what cannot be placed is kept as a note too, and placed as soon as its reference id is learnt.
//
// What was erased stays away: a callback for a transaction that was, and is not there any more, is dropped; and so is one that was sent before the erasure, and
// repeated by whoever it is, when the XID has come anew.
//
// One for each loop, since it holds that loop's lane. What callback() and poll() return is durable.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

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

// How many unmatched callbacks there are, roughly: of this process since it last counted, and of others by then; at least 1 when one that waits could not be
// looked for. Any thread.
using UnmatchedCount = std::atomic<std::size_t>;

enum class Placed : std::uint8_t {
  kApplied,    // it is the report that stands now
  kSeen,       // in the timeline, but another one stands
  kDuplicate,  // was there already
  kUnmatched,  // kept until its transaction becomes known
  kDropped,    // neither: kMaxUnmatched wait already
  kErased,     // neither: it is about a transaction that was erased
};

struct Placement {
  Placed placed = Placed::kUnmatched;
  bool contradicted = false;  // by this one, or by an earlier one that it placed, for the first time: the provider has reported two different final states
  std::size_t matched = 0;    // earlier ones that could be placed now
};

struct PollPlacement {
  store::Transaction transaction;
  bool contradicted = false;  // as above; by this answer, or by an earlier callback that it placed
};

class Placing {
 public:
  struct Options {
    std::chrono::seconds retention{0};  // how long a reference id is remembered; 0: for ever
    bool alone = false;  // no other process has this store: UnmatchedCount knows of every callback that waits
    // The note that has a callback forwarded, written together with its event; empty: nothing is forwarded.
    std::function<store::Note(const Xid&, const telesign::Report&, UnixMillis now)> forward;
  };

  // All outlive it.
  Placing(store::Store& store, store::ReadPool& reads, store::Lane& lane, UnmatchedCount& unmatched, Options options)
      : store_(store), reads_(reads), lane_(lane), unmatched_(unmatched), options_(std::move(options)) {}

  // Fails with kTimelineFull, store::kStoreDamaged, and what Lane::apply() and ReadPool::run() fail with.
  Task<Result<Placement>> callback(telesign::Report report, UnixMillis now);

  // What the provider answered about `xid`, and the transaction as it stands then. Fails with kTransactionUnknown and as callback().
  Task<Result<PollPlacement>> poll(Xid xid, telesign::Report report, UnixMillis now);

 private:
  struct Written {
    store::Applied applied = store::Applied::kAbsent;
    std::optional<store::Transaction> transaction;
    // Of what was written now:
    bool learns = false;        // what its reference id stands for
    bool stands = false;        // it is the report that stands
    bool contradicted = false;  // two final states are there, for the first time
  };
  struct Matched {
    std::size_t count = 0;
    bool contradicted = false;
  };
  Task<Result<std::optional<Xid>>> xid_of(const telesign::Report& report, UnixMillis now);
  Task<Result<Written>> write(Xid xid, const telesign::Report& report, store::Event::Type type, UnixMillis now, std::vector<store::NoteName> done);
  Task<Result<bool>> was_erased(Xid xid, std::optional<std::int64_t> since_micros, UnixMillis now);
  Task<Result<Placement>> keep(const telesign::Report& report, UnixMillis now);
  Task<Result<Matched>> place_earlier(Xid xid, const std::string& reference, UnixMillis now);
  bool may_wait(const telesign::Report& report, bool learns) const;
  Task<Matched> place_waiting(Xid xid, const std::string& reference, UnixMillis now);

  store::Store& store_;
  store::ReadPool& reads_;
  store::Lane& lane_;
  UnmatchedCount& unmatched_;
  const Options options_;
};

// The transaction that a report with this reference id was about, as far as was learnt. May block.
Result<std::optional<Xid>> xid_of_reference(store::Store& store, const std::string& reference, UnixMillis now);

// A callback that waits, out of its note.
struct Unmatched {
  std::string key;
  UnixMillis at = 0;  // when it came
  std::string raw;    // as it was sent
  std::optional<telesign::Report> report;  // nullopt: it cannot be read
};
Unmatched unmatched_of(const store::Note& note);

// Those that wait, for people. `after` is empty or `next` of a former page. With `of`: those that name this phone number anywhere, or one of its
// transactions; a page is looked for in `limit` of all then, and may have fewer, or none, before the last one. May block.
struct UnmatchedPage {
  std::vector<Unmatched> callbacks;
  std::string next;  // empty: this was the last
};
Result<UnmatchedPage> list_unmatched(store::Store& store, std::string_view after, std::size_t limit, const std::optional<Phone>& of, UnixMillis now);

// Counts anew, at most kMaxUnmatched of them. May block.
Result<std::size_t> count_unmatched(store::Store& store, UnixMillis now);

}  // namespace jwtd::timeline
