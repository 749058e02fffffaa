// app/verification.cc - a verifier and what is built on it, for each loop.
#include "app/verification.h"

#include <utility>

#include "api/consume.h"
#include "api/introspect.h"
#include "api/revocations.h"
#include "api/verify.h"

namespace jwtd::app {
namespace {

// Nodes that share a store may differ by as much as a token is backdated; exp counts to the second.
constexpr auto kLeeway = std::chrono::seconds(0);

}  // namespace

struct Verification::Wired {
  issue::Verifier verifier;
  issue::Introspector introspector;
  issue::Revoker revoker;
  api::VerifyContext verify;
  api::IntrospectContext introspect;
  api::RevocationsContext revocations;
  api::ConsumeContext consume;

  Wired(const Parts& p, issue::Verifier own, store::Lane& lane)
      : verifier(std::move(own)),
        introspector(verifier, p.store, p.reads, lane),
        revoker(p.store, p.reads, lane),
        verify{introspector, p.callers, &p.log},
        introspect{introspector, verifier, revoker, p.callers, &p.log},
        revocations{verifier, revoker, p.callers, &p.log},
        consume{revoker, p.callers, &p.log} {}
};

Verification::Verification(const Parts& parts, issue::Verifier verifier) : parts_(parts), verifier_(std::move(verifier)) {}
Verification::~Verification() = default;

Result<std::unique_ptr<Verification>> Verification::make(const Parts& parts) {
  const config::Issuer& issuer = parts.config.issuer;
  auto keys = issue::load_verification_keys(issuer.api_key_file, issuer.previous_api_key_file, issuer.algorithm);
  if (!keys) return keys.error();
  return std::unique_ptr<Verification>(new Verification(parts, issue::Verifier(issuer.customer_id, kLeeway, *std::move(keys))));
}

void Verification::add_routes(http::Router& router, store::Lane& lane) {
  const Wired& mine = *wired_.emplace_back(std::make_unique<Wired>(parts_, verifier_.for_another_thread(), lane));
  api::add_verify_route(router, mine.verify);
  api::add_introspect_routes(router, mine.introspect);
  api::add_revocations_route(router, mine.revocations);
  api::add_consume_route(router, mine.consume);
}

}  // namespace jwtd::app
