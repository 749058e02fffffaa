// cli/token.cc - verifies tokens and names the usual mistakes; issues one by hand.
#include "cli/token.h"

#include <istream>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>

#include "base/ids.h"
#include "base/uuid7.h"
#include "cli/cli.h"
#include "cli/token_input.h"
#include "jose/claims.h"
#include "jose/jws.h"
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

// The keys that a token may have been signed with by mistake, and how that came about.
class Suspects {
 public:
  // `key_file` was read before as a key; what changed since only costs the hints.
  Suspects(const std::string& key_file, jose::Algorithm algorithm) {
    const Result<Secret> text = read_secret_file(key_file);
    if (!text) return;
    add(algorithm, Secret(std::string(text->expose())), kUndecoded);
    add(algorithm, Secret(std::string(text->expose()) + '\n'), kUndecodedWithNewline);
    for (const jose::Algorithm other : {jose::Algorithm::kHs256, jose::Algorithm::kHs384, jose::Algorithm::kHs512}) {
      if (other == algorithm) continue;
      Result<jose::HmacKey> key = keys::parse_api_key(text->expose(), other);
      if (key) add(*std::move(key), "the signature is right for " + std::string(name_of(other)) + ": --alg " + std::string(name_of(other)));
    }
  }

  // Empty: none of the usual mistakes.
  std::string hint_for(const std::string& token, const Error& error) const {
    if (!error.is(jose::kSignatureInvalid) && !error.is(jose::kAlgorithmMismatch)) return {};
    for (const auto& [key, hint] : suspects_) {
      if (jose::signature_matches(token, key)) return hint;
    }
    return {};
  }

 private:
  static constexpr const char* kUndecoded =
      "it was signed with the text of this key: whoever made it must base64-decode the API key before signing";
  static constexpr const char* kUndecodedWithNewline =
      "it was signed with the text of this key and a newline: whoever made it must trim the file and base64-decode it before signing";

  void add(jose::HmacKey key, std::string hint) { suspects_.emplace_back(std::move(key), std::move(hint)); }
  void add(jose::Algorithm algorithm, Secret octets, std::string hint) {
    if (Result<jose::HmacKey> key = jose::HmacKey::make(algorithm, std::move(octets))) add(*std::move(key), std::move(hint));
  }

  std::vector<std::pair<jose::HmacKey, std::string>> suspects_;
};

std::string valid_text(const jose::VerifiedJws& jws, UnixSeconds now) {
  // exp may lie in the past by the leeway.
  const UnixSeconds left = jws.exp - now;
  const std::string distance =
      left >= 0 ? "expires in " + std::to_string(left) + " s" : "expired " + std::to_string(-left) + " s ago, within the leeway";
  return "valid: " + std::string(name_of(jws.algorithm)) + ", iss " + one_line(jws.iss) + ", xid " + one_line(jws.xid) + ", iat " +
         std::to_string(jws.iat) + ", exp " + std::to_string(jws.exp) + ", " + distance;
}

ordered_json valid_json(const jose::VerifiedJws& jws, UnixSeconds now) {
  return {{"valid", true},     {"alg", name_of(jws.algorithm)}, {"iss", jws.iss}, {"xid", jws.xid}, {"iat", jws.iat},
          {"exp", jws.exp}, {"expires_in", jws.exp - now}};
}

std::string invalid_text(const Error& error, const std::string& hint) {
  return "invalid: " + error.message() + (hint.empty() ? "" : "; " + hint);
}

ordered_json invalid_json(const Error& error, const std::string& hint) {
  ordered_json verdict = {{"valid", false}, {"check", error.code().id}, {"reason", error.code().title}, {"detail", error.detail()}};
  if (!hint.empty()) verdict["hint"] = hint;
  return verdict;
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
  const Result<jose::HmacKey> key = keys::load_api_key(request.key_file, request.algorithm);
  if (!key) return usage_error(err, key.error().message());
  if (request.issuer.empty()) return usage_error(err, "--issuer must not be empty");
  if (request.leeway.count() < 0) return usage_error(err, "--leeway must not be negative");
  const UnixSeconds at = request.at.value_or(now);
  if (!is_time(at)) return usage_error(err, kBadAt);

  const Suspects suspects(request.key_file, request.algorithm);
  const jose::Policy policy{request.issuer, request.leeway};
  bool all_valid = true;
  const std::size_t count = for_each_token(request.tokens, in, [&](const std::string& token) {
    const Result<jose::VerifiedJws> jws = jose::verify(token, *key, policy, at);
    if (jws) {
      out << (request.json ? one_line(valid_json(*jws, at)) : valid_text(*jws, at)) << '\n';
      return;
    }
    all_valid = false;
    const std::string hint = suspects.hint_for(token, jws.error());
    out << (request.json ? one_line(invalid_json(jws.error(), hint)) : invalid_text(jws.error(), hint)) << '\n';
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
