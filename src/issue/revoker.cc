// issue/revoker.cc - events and notes that end tokens.
#include "issue/revoker.h"

#include <algorithm>
#include <coroutine>
#include <optional>
#include <utility>
#include <vector>

#include "base/base64.h"
#include "base/limits.h"
#include "base/secret.h"
#include "store/note_kinds.h"

namespace jwtd::issue {
namespace {

constexpr std::size_t kKidSize = 11;
constexpr std::size_t kNonceOctets = 12;  // no two winners of one transaction by chance

// Changes of one page that are under way; awaited once, it ends with the last of them.
class Page {
 public:
  Page(store::Lane& lane, Revoked& revoked) : lane_(lane), revoked_(revoked) {}

  void start(store::Change change) {
    ++open_;
    run(*this, std::move(change));
  }

  bool await_ready() const { return open_ == 0; }
  void await_suspend(std::coroutine_handle<> waiter) { waiter_ = waiter; }
  Status await_resume() { return std::move(failed_); }

 private:
  static Detached run(Page& page, store::Change change) {
    const Result<store::Change> applied = co_await page.lane_.apply(std::move(change));
    if (!applied) {
      page.failed_ = applied.error();
    } else if (applied->applied == store::Applied::kWritten) {
      ++page.revoked_.transactions;
    } else if (applied->applied == store::Applied::kPresent) {
      ++page.revoked_.already;
    } else if (applied->applied == store::Applied::kDamaged) {
      page.failed_ = Error(store::kStoreDamaged);
    }
    if (--page.open_ == 0 && page.waiter_) page.waiter_.resume();
  }

  store::Lane& lane_;
  Revoked& revoked_;
  std::size_t open_ = 0;
  Status failed_;
  std::coroutine_handle<> waiter_;
};

}  // namespace

bool is_kid(std::string_view text) {
  return text.size() == kKidSize && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

store::Change revocation(const Xid& xid, std::string_view caller, std::string_view by, UnixMillis now) {
  store::Change change;
  change.xid = xid;
  std::string body = "{\"caller\":\"";
  body.append(caller).append("\",\"by\":\"").append(by).append("\"}");
  change.event = store::Event{store::Event::Type::kRevoked, now, "revoked", std::move(body)};
  return change;
}

store::Change consumption(const Xid& xid, std::string_view caller, std::string_view nonce, UnixMillis now) {
  store::Change change;
  change.xid = xid;
  std::string body = "{\"caller\":\"";
  body.append(caller).append("\",\"nonce\":\"").append(nonce).append("\"}");
  change.event = store::Event{store::Event::Type::kConsumed, now, "consumed", std::move(body)};
  return change;
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
  std::string cursor;
  do {
    const auto find = [&store = store_, phone, cursor, now] { return store.find_by_phone(phone, kMaxPageRecords, cursor, now); };
    Result<store::Page> found = co_await reads_.run(find);
    if (!found) co_return found.error();
    Page page(lane_, revoked);
    for (const store::Transaction& transaction : found->transactions) page.start(revocation(transaction.current.xid, caller, "phone_number", now));
    Status done = co_await page;
    if (!done) co_return done.error();
    cursor = std::move(found->next);
  } while (!cursor.empty());
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
