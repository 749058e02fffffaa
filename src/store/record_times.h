// store/record_times.h - when the oldest and the newest transaction began: for stores that can tell without reading them all.
#pragma once

#include <algorithm>
#include <optional>

#include "base/result.h"
#include "base/time.h"

namespace jwtd::store {

struct RecordTimes {
  UnixMillis oldest, newest;  // created_at
};

// Some drivers' stores are this too. For `jwtd store stats`, not for serving.
class TellsRecordTimes {
 public:
  virtual ~TellsRecordTimes() = default;

  // By an index or by looking at the ends of what is kept, so the oldest may be older and the newest newer; nullopt: there is none, or no cheap way.
  // Fails with kStoreUnavailable, kStoreDamaged.
  virtual Result<std::optional<RecordTimes>> record_times() = 0;
};

inline void widen(std::optional<RecordTimes>& times, UnixMillis at) {
  if (!times) times = {at, at};
  times->oldest = std::min(times->oldest, at);
  times->newest = std::max(times->newest, at);
}

}  // namespace jwtd::store
