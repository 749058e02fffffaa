// store/postgres/batch.cc - plan, send, read, decide, again: two rounds at most unless another node is at the same XIDs.
#include "store/postgres/batch.h"

#include <algorithm>

#include "store/decide.h"
#include "store/postgres/statements.h"

namespace jwtd::store::postgres {
namespace {

constexpr int kBoundsPerRetention = 64;
constexpr std::chrono::milliseconds kBoundStepForEver = std::chrono::hours(24);

// The server rolled back, and trying again may help.
constexpr std::string_view kUniqueViolation = "23505";   // kInsertNew met an XID that is there
constexpr std::string_view kNoPartition = "23514";       // the epoch went while the statement began
constexpr std::string_view kDeadlock = "40P01";
constexpr std::string_view kSerialization = "40001";

}  // namespace

std::chrono::milliseconds bound_step(std::chrono::seconds retention) {
  return retention.count() == 0 ? kBoundStepForEver : std::chrono::milliseconds(retention) / kBoundsPerRetention;
}

// -- claims ---------------------------------------------------------------------------------------------------------

Batch::Batch(std::span<Entry* const> entries, std::chrono::seconds retention) : retention_(retention), order_(entries.begin(), entries.end()) {
  const auto by_xid = [](const Entry* a, const Entry* b) { return a->proposed.xid < b->proposed.xid; };
  std::stable_sort(order_.begin(), order_.end(), by_xid);
  for (std::size_t first = 0; first < order_.size();) {
    std::size_t end = first + 1;
    while (end < order_.size() && order_[end]->proposed.xid == order_[first]->proposed.xid) ++end;
    claims_.push_back({first, end, order_[first]->xid_is_new, false, std::nullopt});
    first = end;
  }
  unsettled_ = claims_.size();
}

Outcome Batch::decide_first(const Claim& claim) const {
  const Standing& standing = *claim.standing;
  return decide({standing.record, standing.created_at, standing.closed}, order_[claim.first]->proposed, retention_);
}

Batch::Claim* Batch::claim_of(std::string_view xid) {
  const auto found = std::lower_bound(claims_.begin(), claims_.end(), xid, [&](const Claim& claim, std::string_view wanted) {
    return order_[claim.end - 1]->proposed.xid.view() < wanted;
  });
  return found != claims_.end() && order_[found->end - 1]->proposed.xid.view() == xid ? &*found : nullptr;
}

// -- a round trip ---------------------------------------------------------------------------------------------------

void Batch::plan() {
  sent_.assign(claims_.size(), Sent::kNothing);
  new_.clear();
  absent_.clear();
  reissues_.clear();
  forgets_.clear();
  for (std::size_t i = 0; i < claims_.size(); ++i) {
    Claim& claim = claims_[i];
    if (claim.first == claim.end) continue;
    const Record& proposed = head(claim).proposed;
    if (claim.standing && claim.standing->epoch != 0 && decide_first(claim) == Outcome::kInserted) {
      forgets_.add(*claim.standing);
      claim.standing.reset();
    }
    if (claim.standing && claim.standing->epoch != 0) {
      sent_[i] = Sent::kReissue;  // settle() left nothing else
      reissues_.add(*claim.standing, proposed);
    } else {
      sent_[i] = claim.is_new ? Sent::kNew : Sent::kAbsent;
      (claim.is_new ? new_ : absent_).add(proposed, proposed.recorded_at, 1);
    }
  }
}

std::span<const Step> Batch::next_steps() {
  plan();
  const auto step = bound_step(retention_);
  at_new_ = at_absent_ = at_reissue_ = 0;
  steps_.assign(1, {&kBegin, {}});
  if (!new_.empty() || !absent_.empty()) steps_.push_back({&kHoldEpochs, {}});
  if (!forgets_.empty()) forgets_.append_to(steps_);
  if (!new_.empty()) {
    at_new_ = steps_.size();
    steps_.push_back({&kInsertNew, new_.for_new(step)});
  }
  if (!absent_.empty()) {
    at_absent_ = steps_.size();
    steps_.push_back({&kInsertAbsent, absent_.for_absent(step)});
  }
  if (!reissues_.empty()) {
    at_reissue_ = steps_.size();
    steps_.push_back({&kReissue, reissues_.parameters()});
  }
  steps_.push_back({&kCommit, {}});
  return steps_;
}

Status Batch::take(const Answer& answer) {
  switch (answer.state) {
    case Answer::State::kDone:
      return read(answer);
    case Answer::State::kRefused:
      return refused(answer);
    case Answer::State::kLost:
      for (std::size_t i = 0; i < claims_.size(); ++i) {
        if (sent_[i] == Sent::kNothing) continue;
        claims_[i].unsure = true;
        claims_[i].is_new = false;
        claims_[i].standing.reset();
      }
      return {};
  }
  return {};
}

Status Batch::refused(const Answer& answer) {
  if (answer.refused_with(kUniqueViolation)) {
    for (Claim& claim : claims_) claim.is_new = false;
  } else if (!answer.refused_with(kNoPartition) && !answer.refused_with(kDeadlock) && !answer.refused_with(kSerialization)) {
    return Error(kStoreUnavailable, answer.why);
  }
  // What was to be forgotten is read anew, what was to be reissued too.
  for (std::size_t i = 0; i < claims_.size(); ++i) {
    if (sent_[i] != Sent::kNothing) claims_[i].standing.reset();
  }
  return {};
}

// All of it is on record.
Status Batch::read(const Answer& answer) {
  if (at_new_ != 0) {
    for (std::size_t i = 0; i < claims_.size(); ++i) {
      if (sent_[i] == Sent::kNew) finish(claims_[i], Outcome::kInserted);
    }
  }
  if (at_absent_ != 0) {
    const Rows& rows = answer.rows.at(at_absent_);
    for (std::size_t row = 0; row < rows.size(); ++row) {
      Claim* const claim = claim_of(rows.value(row, kXid));
      if (!claim) continue;
      if (rows.is_null(row, kNumber)) {
        finish(*claim, Outcome::kInserted);
        continue;
      }
      Result<Standing> standing = read_standing(rows, row);
      if (standing) {
        claim->standing = *std::move(standing);
        claim->standing->closed = rows.flag(row, kClosed);
      } else {
        give_up(*claim);
      }
    }
    // An XID in no row: somebody else's transaction brought it between our look and our insert. The next round reads it.
  }
  if (at_reissue_ != 0) {
    const Rows& rows = answer.rows.at(at_reissue_);
    std::vector<std::string_view> done;
    for (std::size_t row = 0; row < rows.size(); ++row) done.push_back(rows.value(row, kXid));
    std::sort(done.begin(), done.end());
    for (std::size_t i = 0; i < claims_.size(); ++i) {
      if (sent_[i] != Sent::kReissue) continue;
      if (std::binary_search(done.begin(), done.end(), head(claims_[i]).proposed.xid.view())) {
        finish(claims_[i], Outcome::kReissued);
      } else {
        claims_[i].standing.reset();  // another node was faster
      }
    }
  }
  for (Claim& claim : claims_) settle(claim);
  return {};
}

// The first entry of a claim was written, or found to be.
void Batch::finish(Claim& claim, Outcome outcome) {
  Entry& entry = head(claim);
  entry.outcome = outcome;
  entry.standing.reset();
  if (outcome == Outcome::kInserted) {
    ++inserted_;
    if (claim.first + 1 != claim.end) claim.standing = Standing{entry.proposed, entry.proposed.recorded_at, 1, 0, false};
  } else {
    claim.standing->record = entry.proposed;
    ++claim.standing->number;
  }
  claim.is_new = claim.unsure = false;
  if (++claim.first == claim.end) --unsettled_;
}

// Nobody can say what stands there, so nothing is written over it.
void Batch::give_up(Claim& claim) {
  for (; claim.first != claim.end; ++claim.first) {
    head(claim).outcome = Outcome::kDamaged;
    head(claim).standing.reset();
  }
  --unsettled_;
}

// Decides entries until one has to be written.
void Batch::settle(Claim& claim) {
  while (claim.first != claim.end && claim.standing) {
    Entry& entry = head(claim);
    const Standing& standing = *claim.standing;
    if (claim.unsure && standing.record == entry.proposed) {
      // Our own, of the round trip whose answer was lost.
      entry.outcome = standing.number == 1 ? Outcome::kInserted : Outcome::kReissued;
      entry.standing.reset();
      if (standing.number == 1) ++inserted_;
    } else {
      const Outcome outcome = decide_first(claim);
      if (outcome == Outcome::kReissued || outcome == Outcome::kInserted) break;
      entry.outcome = outcome;
      entry.standing.reset();
      if (outcome == Outcome::kReused) entry.standing = standing.record;
    }
    claim.unsure = false;
    if (++claim.first == claim.end) --unsettled_;
  }
  // What we wrote ourselves is read before it is changed: its epoch is not known here.
  if (claim.first != claim.end && claim.standing && claim.standing->epoch == 0) claim.standing.reset();
}

}  // namespace jwtd::store::postgres
