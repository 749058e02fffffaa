// store/decide.cc - the one rule for a token that is proposed under an XID that is taken.
#include "store/decide.h"

namespace jwtd::store {

Outcome decide(const Record& standing, const Record& proposed, bool closed) {
  if (standing.phone != proposed.phone) return Outcome::kConflict;
  if (closed) return Outcome::kClosed;
  if (standing.iss != proposed.iss || standing.kid != proposed.kid) return Outcome::kReissued;
  const std::int64_t life = (standing.exp - standing.iat) * 1000;
  const std::int64_t left = standing.exp * 1000 - proposed.recorded_at;
  // Doubled, so that an odd lifetime is not rounded in anybody's favour.
  return 2 * left >= life && 2 * left <= 3 * life ? Outcome::kReused : Outcome::kReissued;
}

bool past_retention(UnixMillis created_at, std::chrono::seconds retention, UnixMillis now) {
  return retention.count() > 0 && now - created_at > std::chrono::milliseconds(retention).count();
}

}  // namespace jwtd::store
