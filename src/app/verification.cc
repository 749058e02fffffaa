// app/verification.cc - one verifier and what is built on it, for one loop.
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
  issue::Introspector introspector;
  issue::Revoker revoker;
  api::VerifyContext verify;
  api::IntrospectContext introspect;
  api::RevocationsContext revocations;
  api::ConsumeContext consume;

  Wired(const Parts& p, issue::Verifier& verifier, store::Lane& lane)
      : introspector(verifier, p.store, p.reads, lane),
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
  wired_ = std::make_unique<Wired>(parts_, verifier_, lane);
  api::add_verify_route(router, wired_->verify);
  api::add_introspect_routes(router, wired_->introspect);
  api::add_revocations_route(router, wired_->revocations);
  api::add_consume_route(router, wired_->consume);
}

}  // namespace jwtd::app
