// cli/token.cc - prints what issue/verifier.h finds about a token; issues one by hand.
#include "cli/token.h"

#include <istream>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>

#include "base/ids.h"
#include "base/uuid7.h"
#include "cli/cli.h"
#include "cli/token_input.h"
#include "issue/verifier.h"
#include "jose/claims.h"
#include "keys/api_key.h"

namespace jwtd::cli {

namespace {

using nlohmann::ordered_json;

constexpr UnixSeconds kLatestTime = 253402300799;  // 9999-12-31T23:59:59Z, as verify() has it

constexpr const char* kBadAt = "--at must be a time between 1970 and 9999, in seconds since 1970";

bool is_time(UnixSeconds at) { return at >= 0 && at <= kLatestTime; }

// JSON in ASCII on one line: what a foreign token says cannot play tricks on a terminal.
std::string one_line(const ordered_json& value) { return value.dump(-1, ' ', true, ordered_json::error_handler_t::replace); }

int usage_error(std::ostream& err, const std::string& what) {
  err << "jwtd: " << what << '\n';
  return kExitUsage;
}

// -- verify -----------------------------------------------------------------------------------------------------------------------------

ordered_json checks_of(const issue::Verdict& verdict) {
  ordered_json checks = ordered_json::array();
  for (const issue::Check& check : verdict.checks) {
    checks.push_back({{"check", check.name}, {"passed", nullptr}, {"detail", check.detail}});
    if (check.passed) checks.back()["passed"] = *check.passed;
  }
  return checks;
}

std::string valid_text(const issue::Verdict& verdict, jose::Algorithm algorithm, UnixSeconds now) {
  const jose::SignedClaims& claims = verdict.claims;
  const auto iat = static_cast<UnixSeconds>(claims.iat), exp = static_cast<UnixSeconds>(claims.exp);
  // exp may lie in the past by the leeway.
  const UnixSeconds left = exp - now;
  const std::string distance =
      left >= 0 ? "expires in " + std::to_string(left) + " s" : "expired " + std::to_string(-left) + " s ago, within the leeway";
  return "valid: " + std::string(name_of(algorithm)) + ", iss " + one_line(claims.iss) + ", xid " + one_line(claims.xid) + ", iat " + std::to_string(iat) +
         ", exp " + std::to_string(exp) + ", " + distance;
}

ordered_json valid_json(const issue::Verdict& verdict, jose::Algorithm algorithm, UnixSeconds now) {
  const jose::SignedClaims& claims = verdict.claims;
  const auto iat = static_cast<UnixSeconds>(claims.iat), exp = static_cast<UnixSeconds>(claims.exp);
  return {{"valid", true}, {"alg", name_of(algorithm)}, {"iss", claims.iss}, {"xid", claims.xid}, {"iat", iat}, {"exp", exp}, {"expires_in", exp - now}, {"checks", checks_of(verdict)}};
}

std::string invalid_text(const issue::Verdict& verdict) {
  return "invalid: " + Error(*verdict.failure, verdict.detail).message() + (verdict.hint.empty() ? "" : "; " + verdict.hint);
}

ordered_json invalid_json(const issue::Verdict& verdict) {
  ordered_json out = {{"valid", false}, {"check", verdict.failure->id}, {"reason", verdict.failure->title}, {"detail", verdict.detail}};
  if (!verdict.hint.empty()) out["hint"] = verdict.hint;
  out["checks"] = checks_of(verdict);
  return out;
}

// -- issue ------------------------------------------------------------------------------------------------------------------------------

struct Draft {
  jose::HmacKey key;
  jose::Claims claims;
};

// What is wrong with the request itself; empty: nothing.
std::string wrong_with(const IssueRequest& request, UnixSeconds at) {
  if (!jose::is_issuer_name(request.issuer)) {
    return "--issuer must be 1 to 64 printable ASCII characters without \" and \\";
  }
  if (!is_time(at)) return kBadAt;
  if (request.backdate.count() < 0 || request.backdate.count() > at) return "--backdate must not be negative, nor lead before 1970";
  if (request.lifetime <= request.backdate) return "--lifetime must be longer than --backdate: the token would be born expired";
  if (request.lifetime.count() > kLatestTime - at) return "--lifetime leads past the year 9999";
  return {};
}

Xid fresh_xid(UnixSeconds at) {
  XidGenerator generator;
  return generator.next(at * 1000);
}

Result<Draft> draft_of(const IssueRequest& request, UnixSeconds at) {
  Result<jose::HmacKey> key = keys::load_api_key(request.key_file, request.algorithm);
  if (!key) return key.error();
  const Result<Phone> phone = Phone::parse(request.phone);
  if (!phone) return phone.error();
  const Result<Xid> xid = request.xid.empty() ? Result<Xid>(fresh_xid(at)) : Xid::parse(request.xid);
  if (!xid) return xid.error();
  const UnixSeconds iat = at - request.backdate.count();
  return Draft{*std::move(key), jose::Claims{request.issuer, iat, iat + request.lifetime.count(), *phone, *xid}};
}

void warn_about_key(const IssueRequest& request, const jose::HmacKey& key, std::ostream& err) {
  if (keys::is_published_sample(key)) err << "jwtd: warning: this API key is a published sample: anybody can sign with it\n";
  if (keys::readable_by_everyone(request.key_file)) {
    err << "jwtd: warning: every user may read " << request.key_file << "; chmod 600 would do\n";
  }
}

ordered_json issued_json(const jose::Claims& claims, const std::string& token) {
  return {{"token", token},
          {"xid", claims.xid.view()},
          {"phone_number", claims.phn.text()},
          {"issued_at", format_rfc3339(claims.iat * 1000)},
          {"expires_at", format_rfc3339(claims.exp * 1000)}};
}

}  // namespace

int verify_tokens(const VerifyRequest& request, std::istream& in, std::ostream& out, std::ostream& err, UnixSeconds now) {
  Result<std::vector<issue::VerificationKey>> keys = issue::load_verification_keys(request.key_file, request.previous_key_file, request.algorithm);
  if (!keys) return usage_error(err, keys.error().message());
  if (request.issuer.empty()) return usage_error(err, "--issuer must not be empty");
  if (request.leeway.count() < 0) return usage_error(err, "--leeway must not be negative");
  const UnixSeconds at = request.at.value_or(now);
  if (!is_time(at)) return usage_error(err, kBadAt);

  issue::Verifier verifier(request.issuer, request.leeway, *std::move(keys));
  issue::Verdict verdict;
  bool all_valid = true;
  const std::size_t count = for_each_token(request.tokens, in, [&](const std::string& token) {
    verifier.look(token, at, /*explain=*/true, verdict);
    issue::leave_record_open("not looked at: no store was asked", verdict);
    if (verdict.failure) {
      all_valid = false;
      out << (request.json ? one_line(invalid_json(verdict)) : invalid_text(verdict)) << '\n';
    } else {
      out << (request.json ? one_line(valid_json(verdict, request.algorithm, at)) : valid_text(verdict, request.algorithm, at)) << '\n';
    }
  });
  if (count == 0) return usage_error(err, "there is no token to verify");
  return all_valid ? kExitOk : kExitFailed;
}

int issue_token(const IssueRequest& request, std::ostream& out, std::ostream& err, UnixSeconds now) {
  const UnixSeconds at = request.at.value_or(now);
  if (const std::string wrong = wrong_with(request, at); !wrong.empty()) return usage_error(err, wrong);
  const Result<Draft> draft = draft_of(request, at);
  if (!draft) return usage_error(err, draft.error().message());

  warn_about_key(request, draft->key, err);
  jose::HmacSigner signer = draft->key.signer();
  const std::string token = jose::issue(signer, draft->claims);
  out << (request.json ? one_line(issued_json(draft->claims, token)) : token) << '\n';
  if (request.xid.empty()) err << "jwtd: xid " << draft->claims.xid.view() << '\n';
  err << "jwtd: this token is not on record: no store was asked, and look-ups will not find it\n";
  return kExitOk;
}

}  // namespace jwtd::cli
