// store/postgres/batch.h - one group commit: what goes to the server in which round trip, and what its answers mean for each entry.
//
// Entries with the same XID form a claim and are settled in order. Absent XIDs are inserted, standing ones come back in the same round trip and are
// decided here (decide.h); what has to change them is sent in the next, on the condition that they are still as they were read. Two nodes that
// meet at an XID so agree: one writes, the other reads what was written.
//
//   while (!batch.settled()) { answer = connection.run(batch.next_steps(), deadline); batch.take(answer); }
//
// One transaction a round trip. An answer that was lost leaves open whether its transaction happened, or still will. The entries then go through
// kInsertAbsent on another connection: that waits for a transaction in flight which holds the same XID, and whoever finds his own record standing was first.
//
// Thread-safety: none. Nothing that stands in an Entry is touched before the server has acknowledged the commit that it tells of.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/postgres/columns.h"
#include "store/postgres/connection.h"
#include "store/postgres/rows.h"
#include "store/store.h"

namespace jwtd::store::postgres {

// How far beyond need a bound goes: a fraction of the retention, so that it is written some sixty times in it.
std::chrono::milliseconds bound_step(std::chrono::seconds retention);

class Batch {
 public:
  Batch(std::span<Entry* const> entries, std::chrono::seconds retention);

  bool settled() const { return unsettled_ == 0; }
  std::size_t inserted() const { return inserted_; }  // transactions so far

  // What to send now; points into this object until take().
  std::span<const Step> next_steps();
  // Ok: go on. Fails with kStoreUnavailable when going on is of no use: the server refused.
  Status take(const Answer& answer);

 private:
  struct Claim {
    std::size_t first, end;            // in order_: entries that are not settled yet
    bool is_new;                       // nobody can know the XID
    bool unsure = false;               // a lost answer: the first entry's record may be on record already
    std::optional<Standing> standing;  // what the server has
  };
  enum class Sent : std::uint8_t { kNothing, kNew, kAbsent, kReissue };

  Entry& head(const Claim& claim) { return *order_[claim.first]; }
  Outcome decide_first(const Claim& claim) const;
  void plan();
  void settle(Claim& claim);
  void finish(Claim& claim, Outcome outcome);
  void give_up(Claim& claim);
  Status read(const Answer& answer);
  Status refused(const Answer& answer);
  Claim* claim_of(std::string_view xid);

  const std::chrono::seconds retention_;
  std::vector<Entry*> order_;  // by XID, then as given
  std::vector<Claim> claims_;  // by XID
  std::size_t unsettled_ = 0;  // claims
  std::size_t inserted_ = 0;

  // Of the round trip that is under way.
  std::vector<Sent> sent_;     // by claim
  std::vector<Step> steps_;
  std::size_t at_new_ = 0, at_absent_ = 0, at_reissue_ = 0;  // in steps_; 0: not among them
  Inserts new_, absent_;
  Reissues reissues_;
  Forgets forgets_;
};

}  // namespace jwtd::store::postgres
