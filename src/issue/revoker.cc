// issue/revoker.cc - events and notes that end tokens.
#include "issue/revoker.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/base64.h"
#include "base/limits.h"
#include "base/secret.h"
#include "store/apply_all.h"
#include "store/events.h"
#include "store/note_kinds.h"

namespace jwtd::issue {
namespace {

constexpr std::size_t kKidSize = 11;
constexpr std::size_t kNonceOctets = 12;  // no two winners of one transaction by chance

// An event that a transaction has once: its key is its type's name. {"caller":"...","<name>":"<value>"}; none of these needs an escape.
store::Change closing(const Xid& xid, store::Event::Type type, std::string_view caller, std::string_view name, std::string_view value, UnixMillis now) {
  store::Change change;
  change.xid = xid;
  std::string body = "{\"caller\":\"";
  body.append(caller).append("\",\"").append(name).append("\":\"").append(value).append("\"}");
  change.event = store::Event{type, now, std::string(store::name_of(type)), std::move(body)};
  return change;
}

}  // namespace

bool is_kid(std::string_view text) {
  return text.size() == kKidSize && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

store::Change revocation(const Xid& xid, std::string_view caller, std::string_view by, UnixMillis now) {
  return closing(xid, store::Event::Type::kRevoked, caller, "by", by, now);
}

store::Change consumption(const Xid& xid, std::string_view caller, std::string_view nonce, UnixMillis now) {
  return closing(xid, store::Event::Type::kConsumed, caller, "nonce", nonce, now);
}

store::Change key_revocation(std::string_view kid, std::string_view caller, UnixMillis now) {
  store::Change change;
  std::string value = "{\"at\":\"";
  value.append(format_rfc3339(now, true)).append("\",\"caller\":\"").append(caller).append("\"}");
  change.put.push_back({std::string(store::kRevokedKeyNote), std::string(kid), std::move(value), 0});
  return change;
}

Task<Result<Revoked>> Revoker::transaction(Xid xid, std::string_view caller, std::string_view by, UnixMillis now) {
  const Result<store::Change> applied = co_await lane_.apply(revocation(xid, caller, by, now));
  if (!applied) co_return applied.error();
  switch (applied->applied) {
    case store::Applied::kWritten: co_return Revoked{1, 0, 0};
    case store::Applied::kPresent: co_return Revoked{0, 1, 0};
    case store::Applied::kAbsent: co_return Revoked{0, 0, 1};
    default: co_return Error(store::kStoreDamaged);  // there is always room for this event (store/events.cc)
  }
}

// A page's events share a durable write.
Task<Result<Revoked>> Revoker::phone(Phone phone, std::string_view caller, UnixMillis now) {
  Revoked revoked;
  std::size_t damaged = 0;
  std::string cursor;
  do {
    const auto find = [&store = store_, phone, cursor, now] { return store.find_by_phone(phone, kMaxPageRecords, cursor, now); };
    Result<store::Page> found = co_await reads_.run(find);
    if (!found) co_return found.error();
    std::vector<store::Change> changes;
    for (const store::Transaction& transaction : found->transactions) changes.push_back(revocation(transaction.current.xid, caller, "phone_number", now));
    const auto applied = co_await store::apply_all(lane_, std::move(changes));
    if (!applied) co_return applied.error();
    for (const store::Change& change : *applied) {
      damaged += change.applied == store::Applied::kDamaged;
      revoked.transactions += change.applied == store::Applied::kWritten;
      revoked.already += change.applied == store::Applied::kPresent;
    }
    damaged += found->damaged.size();
    cursor = std::move(found->next);
  } while (!cursor.empty());
  // Their tokens are not valid as they are; but nobody should take it for done.
  if (damaged > 0) co_return Error(store::kStoreDamaged, std::to_string(damaged) + " transactions cannot be read; all others are revoked");
  co_return revoked;
}

Task<Status> Revoker::key(std::string_view kid, std::string_view caller, UnixMillis now) {
  const Result<store::Change> applied = co_await lane_.apply(key_revocation(kid, caller, now));
  if (!applied) co_return applied.error();
  co_return Status();
}

Task<Result<store::Applied>> Revoker::consume(Xid xid, std::string_view caller, UnixMillis now) {
  std::string nonce;
  base64url_append(random_octets(kNonceOctets), nonce);
  store::Change change = consumption(xid, caller, nonce, now);
  const std::string ours = change.event->body;
  const Result<store::Change> applied = co_await lane_.apply(std::move(change));
  if (!applied) co_return applied.error();
  if (applied->applied == store::Applied::kDamaged || applied->applied == store::Applied::kFull) co_return Error(store::kStoreDamaged);
  // A driver that lost its connection in the middle may have written it the first time and found it the second.
  if (applied->applied == store::Applied::kPresent && applied->transaction) {
    for (const store::Event& event : applied->transaction->events) {
      if (event.type == store::Event::Type::kConsumed && event.body == ours) co_return store::Applied::kWritten;
    }
  }
  co_return applied->applied;
}

}  // namespace jwtd::issue
