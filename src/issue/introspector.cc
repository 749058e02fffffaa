// issue/introspector.cc - look, ask the store, hold it against the token, and say on record who verified it.
#include "issue/introspector.h"

#include <algorithm>
#include <string>

#include "store/events.h"
#include "store/note_kinds.h"

namespace jwtd::issue {
namespace {

struct Known {
  std::optional<store::Transaction> transaction;
  bool key_revoked = false;
};

// On a pool thread.
Result<Known> ask(store::Store& store, const Xid& xid, const std::string& kid, UnixMillis now) {
  Result<std::optional<store::Transaction>> found = store.find(xid, now);
  if (!found) return found.error();
  Known known{*std::move(found), false};
  const Result<std::optional<std::string>> note = store.note({std::string(store::kRevokedKeyNote), kid}, now);
  if (!note) return note.error();
  known.key_revoked = note->has_value();
  return known;
}

// On the loop's thread, if nothing has to be waited for.
std::optional<Result<Known>> ask_at_once(store::Store& store, const Xid& xid, const std::string& kid, UnixMillis now) {
  auto found = store.find_at_once(xid, now);
  if (!found) return std::nullopt;
  if (!*found) return Result<Known>(found->error());
  const auto note = store.note_at_once({std::string(store::kRevokedKeyNote), kid}, now);
  if (!note) return std::nullopt;
  if (!*note) return Result<Known>(note->error());
  return Result<Known>(Known{std::move(**found), (*note)->has_value()});
}

bool has_event(const store::Transaction& transaction, std::string_view key) {
  return std::any_of(transaction.events.begin(), transaction.events.end(), [&](const store::Event& event) { return event.key == key; });
}

}  // namespace

Task<Status> Introspector::judge(std::string_view token, std::string_view caller, bool explain, UnixMillis now, Verdict& verdict) {
  verifier_.look(token, now / 1000, explain, verdict);
  if (verdict.failure) {
    if (explain) leave_record_open("not looked at: an earlier check failed", verdict);
    co_return Status();
  }
  const Result<Xid> xid = Xid::parse(verdict.claims.xid);
  if (!xid) {  // nothing can be on record under it
    hold_against(token, std::nullopt, false, explain, verdict);
    co_return Status();
  }
  const auto read = [&store = store_, xid = *xid, kid = verdict.kid, now] { return ask(store, xid, kid, now); };
  std::optional<Result<Known>> told = ask_at_once(store_, *xid, verdict.kid, now);
  if (!told) told = co_await reads_.run(read);
  Result<Known>& known = *told;
  if (!known) co_return known.error();
  const std::size_t checks = verdict.checks.size();
  hold_against(token, known->transaction, known->key_revoked, explain, verdict);
  if (verdict.failure) co_return Status();

  std::string key = "verified:";
  key += caller;
  if (has_event(*known->transaction, key)) co_return Status();
  store::Change change;
  change.xid = *xid;
  change.event = store::Event{store::Event::Type::kVerified, now, std::move(key), "{\"caller\":\"" + std::string(caller) + "\"}"};
  Result<store::Change> applied = co_await lane_.apply(std::move(change));
  if (!applied) co_return applied.error();
  if (applied->applied == store::Applied::kDamaged) co_return Error(store::kStoreDamaged);
  // Between the look-up and the event it may have been revoked, used or erased; what stands after the event counts.
  if (applied->applied == store::Applied::kAbsent) {
    known->transaction.reset();
  } else if (applied->transaction && store::is_closed(applied->transaction->events)) {
    known->transaction->events = std::move(applied->transaction->events);
  } else {
    co_return Status();
  }
  verdict.checks.erase(verdict.checks.begin() + static_cast<std::ptrdiff_t>(checks), verdict.checks.end());
  hold_against(token, known->transaction, false, explain, verdict);
  co_return Status();
}

}  // namespace jwtd::issue
