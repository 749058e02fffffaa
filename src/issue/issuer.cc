// issue/issuer.cc - claims, signature, record: read this function and you know the program.
#include "issue/issuer.h"

#include "jose/claims.h"

namespace jwtd::issue {

Issuer::Issuer(Policy policy, const jose::HmacKey& key, store::Lane& lane)
    : policy_(std::move(policy)), key_(key), signer_(key.signer()), lane_(lane) {}

Task<Result<Minted>> Issuer::mint(Phone phone, std::optional<Xid> xid, UnixMillis now) {
  const bool xid_is_new = !xid.has_value();
  if (xid_is_new) xid = xids_.next(now);

  // iat and exp in whole seconds (reference/telesign.md 1.2); the backdate absorbs a provider's clock that is behind ours.
  const UnixSeconds iat = now / 1000 - policy_.backdate.count();
  const UnixSeconds exp = iat + policy_.lifetime.count();
  const jose::Claims claims{policy_.issuer, iat, exp, phone, *xid};
  store::Record record{*xid, phone, jose::issue(signer_, claims), policy_.issuer, key_.kid(), iat, exp, now};

  Result<store::Committed> committed = co_await lane_.commit(std::move(record), xid_is_new);
  if (!committed) co_return std::move(committed).error();
  if (committed->outcome == store::Outcome::kConflict) co_return Error(kXidTaken);
  if (committed->outcome == store::Outcome::kClosed) co_return Error(kTransactionClosed);
  co_return Minted{committed->outcome, std::move(committed->record)};
}

}  // namespace jwtd::issue
