// cli/revoke.cc - the same events and notes as over HTTP, by nobody's key but whoever may open the store.
#include "cli/revoke.h"

#include <nlohmann/json.hpp>
#include <ostream>

#include "base/secret.h"
#include "cli/store_place.h"
#include "issue/revoker.h"

namespace jwtd::cli {
namespace {

constexpr std::string_view kCaller = "command-line";  // in the event's body

struct Counts {
  std::uint64_t transactions = 0, already = 0, keys = 0, unknown = 0;
};

Status make(store::Store& store, store::Change change, Counts& counts) {
  store::Change* const batch[] = {&change};
  if (Status applied = store.apply(batch); !applied) return applied;
  if (!change.xid) ++counts.keys;
  else if (change.applied == store::Applied::kWritten) ++counts.transactions;
  else if (change.applied == store::Applied::kPresent) ++counts.already;
  else if (change.applied == store::Applied::kAbsent) ++counts.unknown;
  else return Error(store::kStoreDamaged);
  return {};
}

Status by_phone(store::Store& store, const Phone& phone, UnixMillis now, Counts& counts) {
  std::string cursor;
  do {
    const Result<store::Page> page = store.find_by_phone(phone, kMaxPageRecords, cursor, now);
    if (!page) return page.error();
    for (const store::Transaction& transaction : page->transactions) {
      if (Status done = make(store, issue::revocation(transaction.current.xid, kCaller, "phone_number", now), counts); !done) return done;
    }
    cursor = page->next;
  } while (!cursor.empty());
  return {};
}

}  // namespace

int revoke(const Revoke& request, const Stores& stores, const Streams& streams, UnixMillis now) {
  const auto usage = [&](const std::string& what) {
    streams.err << "jwtd: " << what << '\n';
    return kExitUsage;
  };
  const int named = !request.xid.empty() + !request.phone.empty() + !request.kid.empty() + !request.phone_file.empty();
  if (named != 1) return usage("one of --xid, --phone, --phone-file and --kid is required, and not two");
  std::string number = request.phone;
  if (!request.phone_file.empty()) {
    const Result<Secret> text = read_secret_file(request.phone_file);
    if (!text) return usage(text.error().message());
    number = text->expose();
  }
  const Result<Phone> phone = number.empty() ? Result<Phone>(Error(kPhoneMalformed)) : Phone::parse(number);
  if (request.xid.empty() && request.kid.empty() && !phone) return usage(phone.error().message());
  const Result<Xid> xid = request.xid.empty() ? Result<Xid>(Error(kXidMalformed)) : Xid::parse(request.xid);
  if (!request.xid.empty() && !xid) return usage(xid.error().message());
  if (!request.kid.empty() && !issue::is_kid(request.kid)) return usage(issue::kKidMalformed.title);

  const auto options = options_of(request.store, "--config or --store", std::chrono::seconds(0), stores, streams.err);
  if (!options) return kExitUsage;
  const auto store = stores.open(*options);
  if (!store) {
    if (store.error().is(store::kStoreLocked)) streams.err << "jwtd: a server has this store: ask it, by POST /v1/revocations on its admin listener (docs/API.md)\n";
    return fail_with(store.error(), streams.err);
  }
  Counts counts;
  Status done;
  if (xid) done = make(**store, issue::revocation(*xid, kCaller, "xid", now), counts);
  else if (phone) done = by_phone(**store, *phone, now, counts);
  else done = make(**store, issue::key_revocation(request.kid, kCaller, now), counts);
  if (!done) return fail_with(done.error(), streams.err);
  if (counts.unknown && xid) {
    streams.err << "jwtd: nothing is on record under this XID\n";
    return kExitFailed;
  }
  if (request.json) {
    streams.out << nlohmann::ordered_json{{"transactions", counts.transactions}, {"already_revoked", counts.already}, {"keys", counts.keys}}.dump() << '\n';
  } else {
    streams.out << counts.transactions << " transactions revoked, " << counts.already << " were before, " << counts.keys << " keys revoked\n";
  }
  return kExitOk;
}

}  // namespace jwtd::cli
