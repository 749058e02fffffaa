// cli/revoke.cc - what is to end, and the two ways to it: POST /v1/revocations, or the same revoker over the store.
#include "cli/revoke.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>

#include "cli/own_loop.h"
#include "cli/store_place.h"
#include "config/load.h"
#include "issue/revoker.h"
#include "issue/verifier.h"
#include "store/group_commit.h"
#include "store/read_pool.h"

namespace jwtd::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kCaller = "command-line";  // in the event's body

// One of them.
struct Target {
  std::optional<Xid> xid;
  std::optional<Phone> phone;
  std::string kid, token;
};

struct Counts {
  std::uint64_t transactions = 0, already = 0, keys = 0;
  std::string kid_is;  // Verifier::kid_is(); empty: no key, or no configuration to tell by
};

// nullopt: said why.
std::optional<Target> target_of(const Revoke& request, const Streams& streams) {
  const auto refused = [&](std::string_view option, const Error& error) {
    streams.err << "jwtd: " << option << ": " << error.message() << '\n';
    return std::nullopt;
  };
  if (!request.xid.empty() + !request.phone.empty() + !request.kid.empty() + !request.token_file.empty() != 1) {
    streams.err << "jwtd: one of --xid, --phone, --phone-file, --kid and --token-file is required, and not two\n";
    return std::nullopt;
  }
  Target target;
  if (!request.xid.empty()) {
    const Result<Xid> xid = Xid::parse(request.xid);
    if (!xid) return refused("--xid", xid.error());
    target.xid = *xid;
  } else if (!request.phone.empty()) {
    const Result<Phone> phone = phone_of(request.phone, streams.in);
    if (!phone) return refused(request.phone.file.empty() ? "--phone" : "--phone-file", phone.error());
    target.phone = *phone;
  } else if (!request.kid.empty()) {
    if (!issue::is_kid(request.kid)) return refused("--kid", Error(issue::kKidMalformed));
    target.kid = request.kid;
  } else {
    Result<std::string> token = private_line(request.token_file, streams.in);
    if (!token) return refused("--token-file", token.error());
    target.token = *std::move(token);
  }
  return target;
}

int over_admin(const Revoke& request, const Target& target, Counts& counts, const Streams& streams) {
  AdminClient client(request.place, streams.err);
  if (const int opened = client.open(); opened != kExitOk) return opened;
  const Json body = target.xid ? Json{{"xid", target.xid->text()}} : target.phone ? Json{{"phone_number", target.phone->text()}} : !target.kid.empty() ? Json{{"kid", target.kid}} : Json{{"token", target.token}};
  const auto answer = client.ask("POST", "/v1/revocations", body.dump(-1, ' ', false, Json::error_handler_t::replace));
  if (!answer) return kExitFailed;
  counts = {answer->value("transactions", std::uint64_t{0}), answer->value("already_revoked", std::uint64_t{0}), answer->value("keys", std::uint64_t{0}), answer->value("kid_is", std::string())};
  return kExitOk;
}

// With the keys of the configuration in place of the store's URL. nullopt: said why, `failed` is what to exit with.
std::optional<issue::Verifier> verifier_of(const Revoke& request, int& failed, std::ostream& err) {
  failed = kExitUsage;
  const config::Loaded loaded = config::load_file(request.store.where, config::process_environment(), {});
  for (const auto& problem : loaded.problems) err << problem.text() << '\n';
  if (!loaded.problems.empty()) return std::nullopt;
  const config::Issuer& issuer = loaded.config.issuer;
  auto keys = issue::load_verification_keys(issuer.api_key_file, issuer.previous_api_key_file, issuer.algorithm);
  if (keys) return issue::Verifier(issuer.customer_id, std::chrono::seconds(0), *std::move(keys));
  failed = fail_with(keys.error(), err);
  return std::nullopt;
}

// The transaction that a token names, if the configuration's key signed it. Otherwise said why, with what to exit with.
int take_token(const Revoke& request, UnixMillis now, Target& target, std::ostream& err) {
  if (request.store.where.empty() || is_store_url(request.store.where)) {
    err << "jwtd: --token-file needs --key-file, or --config for the key that verifies it\n";
    return kExitUsage;
  }
  int failed = kExitOk;
  auto verifier = verifier_of(request, failed, err);
  if (!verifier) return failed;
  target.xid = verifier->revocable(target.token, now / 1000);
  if (target.xid) return kExitOk;
  err << "jwtd: the token is not one that this configuration's key signed\n";
  return kExitFailed;
}

Task<Status> revoke_all(issue::Revoker& revoker, const Target& target, UnixMillis now, Counts& counts, bool& unknown) {
  if (!target.xid && !target.phone) {
    const Status done = co_await revoker.key(target.kid, kCaller, now);
    counts.keys = done ? 1 : 0;
    co_return done;
  }
  const std::string_view by = target.token.empty() ? "xid" : "token";
  const Result<issue::Revoked> revoked = target.xid ? co_await revoker.transaction(*target.xid, kCaller, by, now) : co_await revoker.phone(*target.phone, kCaller, now);
  if (!revoked) co_return revoked.error();
  counts = {revoked->transactions, revoked->already, 0, {}};
  unknown = revoked->unknown > 0;
  co_return Status();
}

int in_store(const Revoke& request, Target& target, const Stores& stores, UnixMillis now, Counts& counts, std::ostream& err) {
  if (!target.token.empty()) {
    if (const int taken = take_token(request, now, target, err); taken != kExitOk) return taken;
  }
  const auto options = options_of(request.store, "--key-file, --config or --store", std::chrono::seconds(0), stores, err);
  if (!options) return kExitUsage;
  const auto store = stores.open(*options);
  if (!store) {
    if (store.error().is(store::kStoreLocked)) err << "jwtd: a server has this store: ask it, with --key-file (and --admin) in place of --config or --store\n";
    return fail_with(store.error(), err);
  }
  OwnLoop loop;
  store::ReadPool reads({.threads = 1});
  store::GroupCommit commit(**store, {});
  store::Lane lane(commit, loop);
  issue::Revoker revoker(**store, reads, lane);
  bool unknown = false;
  if (const Status done = loop.run(revoke_all(revoker, target, now, counts, unknown)); !done) return fail_with(done.error(), err);
  if (!target.kid.empty() && !is_store_url(request.store.where)) {
    int ignored = kExitOk;  // it is revoked, whether or not its key can be named
    if (const auto verifier = verifier_of(request, ignored, err)) counts.kid_is = verifier->kid_is(target.kid);
  }
  if (!unknown) return kExitOk;
  err << "jwtd: nothing is on record under this XID\n";
  return kExitFailed;
}

}  // namespace

int revoke(const Revoke& request, const Stores& stores, const Streams& streams, UnixMillis now) {
  std::optional<Target> target = target_of(request, streams);
  if (!target) return kExitUsage;
  Counts counts;
  const int done = request.place.key_file.empty() ? in_store(request, *target, stores, now, counts, streams.err) : over_admin(request, *target, counts, streams);
  if (done != kExitOk) return done;
  if (request.json) {
    Json json{{"transactions", counts.transactions}, {"already_revoked", counts.already}, {"keys", counts.keys}};
    if (!counts.kid_is.empty()) json["kid_is"] = counts.kid_is;
    streams.out << json.dump() << '\n';
  } else {
    streams.out << counts.transactions << " transactions revoked, " << counts.already << " were before, " << counts.keys << " keys revoked\n";
  }
  if (counts.kid_is == "unknown") streams.err << "jwtd: warning: this is the id of neither the current key nor the former one; it is revoked all the same, in case a key had it\n";
  return kExitOk;
}

}  // namespace jwtd::cli
