// store/mongodb/look_ups.h - reading for those who ask: one XID, a phone's list, everything.
//
// The tutorial's rows are in all three. Rows of one XID make one transaction, beside a document of ours under the same XID they are its earlier
// tokens. They have no dates but the ObjectId's second, and no retention: nobody promised one when they were written.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/cursor.h"
#include "store/mongodb/connections.h"
#include "store/mongodb/xids.h"
#include "store/record_times.h"
#include "store/store.h"

namespace jwtd::store {

class LookUps {
 public:
  LookUps(Connections& connections, std::chrono::seconds retention) : connections_(connections), retention_(retention) {}

  // As in store.h.
  Result<std::optional<Transaction>> find(const Xid& xid, UnixMillis now);
  Result<Page> find_by_phone(const Phone& phone, std::size_t limit, std::string_view cursor, UnixMillis now);
  Result<Slice> scan(std::size_t limit, std::string_view cursor, UnixMillis now);

  // Of our documents, by the index over expires_at; the tutorial's rows have none.
  Result<std::optional<RecordTimes>> record_times();

 private:
  struct Listed {
    Position at;
    std::optional<Transaction> transaction;  // nullopt: it cannot be read
  };
  using List = std::vector<Listed>;

  bool stands(const UnderXid& under, UnixMillis now) const;
  Status ours_of_phone(const Lease& lease, const Phone& phone, const Bson& times, std::size_t most, UnixMillis now, List& to);
  Status rows_of_phone(const Lease& lease, const Phone& phone, const std::optional<Position>& after, std::size_t most, UnixMillis now, List& to);
  Status scan_ours(const Lease& lease, std::size_t limit, std::string_view after, UnixMillis now, Slice& slice);
  Status scan_rows(const Lease& lease, std::size_t limit, std::string_view after, UnixMillis now, Slice& slice);
  Status scan_foreign(const Lease& lease, Slice& slice);
  Status take_whole(const Lease& lease, UnderXid&& under, Slice& slice);

  Connections& connections_;
  const std::chrono::seconds retention_;
};

}  // namespace jwtd::store
