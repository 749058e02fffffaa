// issue/issuer.h - the service without HTTP: from a phone number and perhaps an XID to a token that is on record.
//
// One Issuer for each loop, since it holds that loop's signer, XID generator and commit lane; all share one Policy.
//
// mint() suspends in exactly one place, the commit. What it returns is durable. If it fails, the caller has no token, though the record may exist.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "base/task.h"
#include "base/time.h"
#include "base/uuid7.h"
#include "jose/hmac.h"
#include "store/group_commit.h"

namespace jwtd::issue {

inline constexpr Code kTransactionClosed{"transaction_closed", Fault::kAlreadyExists, "This transaction is over: it was revoked or used, and takes no more tokens."};
inline constexpr Code kXidTaken{"xid_taken", Fault::kAlreadyExists, "This transaction id stands for something else already."};

struct Policy {
  std::string issuer;                 // iss
  std::chrono::seconds lifetime{90};  // exp - iat
  std::chrono::seconds backdate{10};  // iat lies this far before now: the provider's clock may be behind ours
};

struct Minted {
  store::Outcome outcome;  // kInserted, kReissued or kReused
  store::Record record;
};

class Issuer {
 public:
  // `key` outlives the issuer; so does the lane.
  Issuer(Policy policy, const jose::HmacKey& key, store::Lane& lane);

  // `xid`: the caller's, or none to have one made. `now`: wall clock.
  // Fails with kXidTaken, kTransactionClosed, store::kQueueFull, store::kCommitTimeout, store::kStoreUnavailable, store::kStoreDamaged.
  Task<Result<Minted>> mint(Phone phone, std::optional<Xid> xid, UnixMillis now);

 private:
  Policy policy_;
  const jose::HmacKey& key_;
  jose::HmacSigner signer_;
  XidGenerator xids_;
  store::Lane& lane_;
};

}  // namespace jwtd::issue
