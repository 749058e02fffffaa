// store/decide.cc - the one rule for a token that is proposed under an XID that is taken.
#include "store/decide.h"

namespace jwtd::store {
namespace {

// A token's header segment, which names its algorithm (RFC 7515 section 3.1).
std::string_view header_of(const Record& record) {
  const std::string_view token = record.token;
  return token.substr(0, token.find('.'));
}

}  // namespace

Outcome decide(const Claimed& claimed, const Record& proposed, std::chrono::seconds retention) {
  const Record& standing = claimed.current;
  const UnixMillis now = proposed.recorded_at;
  if (past_retention(claimed.created_at, retention, now)) return Outcome::kInserted;
  if (standing.phone != proposed.phone) return Outcome::kConflict;
  if (claimed.closed) return Outcome::kClosed;
  const bool same_signer = standing.iss == proposed.iss && standing.kid == proposed.kid && header_of(standing) == header_of(proposed);
  const std::int64_t life = (standing.exp - standing.iat) * 1000;
  const std::int64_t left = standing.exp * 1000 - now;
  // Doubled, so that an odd lifetime is not rounded in anybody's favour.
  const bool usable = same_signer && 2 * left <= 3 * life;
  if (usable && 2 * left >= life) return Outcome::kReused;
  if (!past_retention(claimed.created_at, retention, proposed.exp * 1000)) return Outcome::kReissued;
  if (left <= 0) return Outcome::kInserted;
  return usable ? Outcome::kReused : Outcome::kClosed;
}

bool past_retention(UnixMillis created_at, std::chrono::seconds retention, UnixMillis now) {
  return retention.count() > 0 && now - created_at > std::chrono::milliseconds(retention).count();
}

}  // namespace jwtd::store
