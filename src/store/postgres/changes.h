// store/postgres/changes.h - one batch of changes: what to send in which round trip, and what the answers mean. change_plan.h decides.
//
//   while (!changes.settled()) { answer = connection.run(changes.next_steps(), deadline); changes.take(answer); }
//
// A round trip reads what stands, or writes in one transaction what was decided by it. Several nodes that meet at a transaction agree: a write finds
// it only as it was read, so one writes and the others read again. That holds for a write whose answer was lost and which may still come, too.
// Thread-safety: none.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/change_plan.h"
#include "store/postgres/columns.h"
#include "store/postgres/connection.h"

namespace jwtd::store::postgres {

// A note's time as the table has it: infinity for one that stays.
std::int64_t note_expiry(UnixMillis expires_at);
UnixMillis read_note_expiry(std::int64_t micros);

class Changes {
 public:
  Changes(std::span<Change* const> changes, std::chrono::seconds retention) : plan_(changes, retention) {}

  bool settled() const { return plan_.settled(); }
  // What to send now; empty: there is nothing, look at settled(). Points into this object until take().
  std::span<const Step> next_steps();
  // Ok: go on. Fails with kStoreUnavailable when going on is of no use: the server refused.
  Status take(const Answer& answer);

 private:
  void read(const Rows& rows);
  void prepare(const ChangePlan::Write& write);
  void clear();

  ChangePlan plan_;
  struct Place {
    std::int32_t epoch, octets;  // of its events
  };
  std::map<std::string, Place, std::less<>> places_;  // of the transactions that stand
  bool reading_ = false;
  std::span<const ChangePlan::Write> writes_;

  // Of the round trip that is under way.
  std::vector<Step> steps_;
  std::size_t at_change_ = 0;  // in steps_
  Array xids_{Array::Of::kText}, epoch_numbers_{Array::Of::kInt4}, created_{Array::Of::kTime}, sizes_{Array::Of::kInt4}, events_{Array::Of::kText};
  Array erased_xids_{Array::Of::kText}, erased_epochs_{Array::Of::kInt4};
  Array put_owners_{Array::Of::kText}, put_kinds_{Array::Of::kText}, put_keys_{Array::Of::kText}, put_values_{Array::Of::kText},
      put_wheres_{Array::Of::kText}, put_expiries_{Array::Of::kTime};
  Array removed_owners_{Array::Of::kText}, removed_kinds_{Array::Of::kText}, removed_keys_{Array::Of::kText};
  Array held_kinds_{Array::Of::kText}, held_keys_{Array::Of::kText};
  bool asks_ = false;  // a note is put only where another stands
};

}  // namespace jwtd::store::postgres
