// issue/verifier.cc - the checks in their order, each with its words.
#include "issue/verifier.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "base/secret.h"
#include "keys/api_key.h"

namespace jwtd::issue {
namespace {

constexpr std::string_view kNotReached = "not looked at: an earlier check failed";
constexpr std::string_view kUnsignedChecks[] = {"form", "header", "algorithm", "key", "signature", "claims", "issuer", "iat", "exp", "audience"};
constexpr std::string_view kRecordChecks[] = {"on_record", "revoked", "consumed"};

std::string_view words_for(KeyRole role) {
  switch (role) {
    case KeyRole::kCurrent: return "the current key";
    case KeyRole::kRetired: return "a retired key";
    case KeyRole::kUndecoded: return "it was signed with the text of this key: whoever made it must base64-decode the API key before signing";
    case KeyRole::kUndecodedWithNewline:
      return "it was signed with the text of this key and a newline: whoever made it must trim the file and base64-decode it before signing";
    case KeyRole::kOtherAlgorithm: return "the signature is right for ";
    case KeyRole::kOtherIssuer: return "it was signed with the key of ";
  }
  return "";
}

std::string hint_for(const VerificationKey& suspect) {
  std::string hint(words_for(suspect.role));
  if (suspect.role == KeyRole::kOtherAlgorithm) {
    const std::string name(name_of(suspect.key.algorithm()));
    hint += name + ": --algorithm " + name;
  } else if (suspect.role == KeyRole::kOtherIssuer) {
    hint += suspect.issuer + ", another issuer that is configured here";
  }
  return hint;
}

std::string key_detail(const VerificationKey& suspect) {
  switch (suspect.role) {
    case KeyRole::kUndecoded:
    case KeyRole::kUndecodedWithNewline: return "matches this issuer's key if it is not base64-decoded; " + hint_for(suspect);
    case KeyRole::kOtherAlgorithm: return "matches this issuer's key under " + std::string(name_of(suspect.key.algorithm()));
    default: return hint_for(suspect);
  }
}

void fail(const Error& error, Verdict& verdict) {
  if (verdict.failure) return;
  verdict.failure = &error.code();
  verdict.detail = error.detail();
}

std::string seconds_text(double seconds) {
  char text[64];
  std::snprintf(text, sizeof text, seconds == std::floor(seconds) ? "%.0f" : "%.3f", seconds);
  return text;
}

// "12 s ago", "in 78 s"
std::string distance(double from_now) {
  return from_now < 0 ? seconds_text(-from_now) + " s ago" : "in " + seconds_text(from_now) + " s";
}

std::string time_detail(std::string_view verb, std::string_view name, double date, UnixSeconds now, std::chrono::seconds leeway) {
  const double from_now = date - static_cast<double>(now);
  return std::string(verb) + " " + distance(from_now) + ": " + std::string(name) + " " + seconds_text(date) + ", now " + std::to_string(now) + ", leeway " +
         std::to_string(leeway.count()) + " s";
}

void add(Verdict& verdict, std::string_view name, const Status& status, std::string detail) {
  verdict.checks.push_back({name, status.has_value(), std::move(detail)});
}

// The checks from `name` on that nobody got to.
void add_unreached(Verdict& verdict, std::size_t from) {
  for (std::size_t i = from; i < std::size(kUnsignedChecks); ++i) verdict.checks.push_back({kUnsignedChecks[i], std::nullopt, std::string(kNotReached)});
}

}  // namespace

Result<std::vector<VerificationKey>> load_verification_keys(const std::string& key_file, const std::string& previous_key_file, jose::Algorithm algorithm) {
  Result<jose::HmacKey> current = keys::load_api_key(key_file, algorithm);
  if (!current) return current.error();
  std::vector<VerificationKey> keys;
  keys.push_back({KeyRole::kCurrent, *std::move(current), {}});
  if (!previous_key_file.empty()) {
    Result<jose::HmacKey> previous = keys::load_api_key(previous_key_file, algorithm);
    if (!previous) return previous.error();
    keys.push_back({KeyRole::kRetired, *std::move(previous), {}});
  }
  // The file was read before as a key; what changed since only costs the hints.
  const Result<Secret> text = read_secret_file(key_file);
  if (!text) return keys;
  const auto suspect = [&](KeyRole role, Result<jose::HmacKey> key) {
    if (key) keys.push_back({role, *std::move(key), {}});
  };
  suspect(KeyRole::kUndecoded, jose::HmacKey::make(algorithm, Secret(std::string(text->expose()))));
  suspect(KeyRole::kUndecodedWithNewline, jose::HmacKey::make(algorithm, Secret(std::string(text->expose()) + '\n')));
  for (const jose::Algorithm other : {jose::Algorithm::kHs256, jose::Algorithm::kHs384, jose::Algorithm::kHs512}) {
    if (other != algorithm) suspect(KeyRole::kOtherAlgorithm, keys::parse_api_key(text->expose(), other));
  }
  return keys;
}

Verifier::Verifier(std::string issuer, std::chrono::seconds leeway, std::vector<VerificationKey> keys) : Verifier(std::move(issuer), leeway) {
  for (VerificationKey& key : keys) {
    const bool believed = key.role == KeyRole::kCurrent || key.role == KeyRole::kRetired;
    jose::JwsReader reader(key.key);
    (believed ? believed_ : suspects_).push_back({std::make_shared<const VerificationKey>(std::move(key)), std::move(reader)});
  }
  std::stable_sort(believed_.begin(), believed_.end(), [](const Candidate& a, const Candidate& b) { return a.key->role < b.key->role; });
  if (believed_.empty()) std::abort();  // a broken invariant of the caller
}

Verifier Verifier::for_another_thread() const {
  Verifier other(issuer_, leeway_);
  for (const Candidate& candidate : believed_) other.believed_.push_back({candidate.key, jose::JwsReader(candidate.key->key)});
  for (const Candidate& candidate : suspects_) other.suspects_.push_back({candidate.key, jose::JwsReader(candidate.key->key)});
  return other;
}

std::string_view Verifier::kid_is(std::string_view kid) const {
  const auto found = std::find_if(believed_.begin(), believed_.end(), [&](const Candidate& candidate) { return candidate.key->key.kid() == kid; });
  if (found == believed_.end()) return "unknown";
  return found->key->role == KeyRole::kCurrent ? "current" : "former";
}

// The verdict of the current key, unless a retired one finds the signature right.
Status Verifier::read(std::string_view token, Verdict& verdict, KeyRole& role) {
  Status first = believed_.front().reader.read(token, verdict.claims);
  const Candidate* by = first ? &believed_.front() : nullptr;
  if (!first && first.error().is(jose::kSignatureInvalid)) {
    for (std::size_t i = 1; i < believed_.size() && !by; ++i) {
      Status read = believed_[i].reader.read(token, verdict.claims);
      if (!read && read.error().is(jose::kSignatureInvalid)) continue;
      by = &believed_[i];
      first = std::move(read);
    }
  }
  if (!first) return first;
  verdict.is_signed = true;
  verdict.kid = by->key->key.kid();
  role = by->key->role;
  return {};
}

const Verifier::Candidate* Verifier::suspect(std::string_view token) const {
  const auto found = std::find_if(suspects_.begin(), suspects_.end(), [&](const Candidate& c) { return jose::signature_matches(token, c.key->key); });
  return found == suspects_.end() ? nullptr : &*found;
}

// The checks up to the one that failed, when no claims can be believed.
void Verifier::explain_unsigned(std::string_view token, const Error& error, Verdict& verdict) const {
  const auto passed = [&](std::string_view name) { verdict.checks.push_back({name, true, {}}); };
  const auto failed = [&](std::string_view name) { verdict.checks.push_back({name, false, error.detail()}); };
  if (error.is(jose::kTokenMalformed)) return failed("form"), add_unreached(verdict, 1);
  passed("form");
  if (error.is(jose::kHeaderRefused)) return failed("header"), add_unreached(verdict, 2);
  passed("header");
  if (error.is(jose::kClaimMissing)) {
    for (const std::string_view name : {"algorithm", "key", "signature"}) passed(name);
    return failed("claims"), add_unreached(verdict, 6);
  }
  const Candidate* const by = suspect(token);
  if (by) verdict.hint = hint_for(*by->key);
  const bool algorithm_is_right = !error.is(jose::kAlgorithmMismatch);
  if (algorithm_is_right) passed("algorithm");
  else failed("algorithm");
  verdict.checks.push_back({"key", by || algorithm_is_right ? std::optional(false) : std::nullopt, by ? key_detail(*by->key) : algorithm_is_right ? "matches no key that is known here" : std::string(kNotReached)});
  if (algorithm_is_right) failed("signature");
  else verdict.checks.push_back({"signature", std::nullopt, std::string(kNotReached)});
  add_unreached(verdict, 5);
}

void Verifier::look(std::string_view token, UnixSeconds now, bool explain, Verdict& verdict) {
  verdict.failure = nullptr;
  verdict.detail.clear();
  verdict.hint.clear();
  verdict.checks.clear();
  verdict.is_signed = false;
  verdict.kid.clear();

  KeyRole role = KeyRole::kCurrent;
  if (const Status read = this->read(token, verdict, role); !read) {
    fail(read.error(), verdict);
    if (explain) explain_unsigned(token, read.error(), verdict);
    return;
  }
  const jose::SignedClaims& claims = verdict.claims;
  const Status issuer = jose::check_issuer(claims, issuer_), exp = jose::check_exp(claims, leeway_, now), iat = jose::check_iat(claims, leeway_, now),
               audience = jose::check_audience(claims);
  for (const Status* const status : {&issuer, &exp, &iat, &audience}) {
    if (!*status) fail(status->error(), verdict);
  }
  // A token of somebody else's may have a phone number there.
  const bool iss_is_phone = Phone::parse(claims.iss).has_value();
  if (iss_is_phone && !issuer) verdict.detail = "\"iss\" is another";
  if (!explain) return;

  for (const std::string_view name : {"form", "header", "algorithm"}) verdict.checks.push_back({name, true, {}});
  verdict.checks.push_back({"key", true, std::string(words_for(role)) + ", " + verdict.kid});
  for (const std::string_view name : {"signature", "claims"}) verdict.checks.push_back({name, true, {}});
  add(verdict, "issuer", issuer, issuer ? "it is ours" : iss_is_phone ? verdict.detail : issuer.error().detail());
  add(verdict, "iat", iat, iat ? time_detail("issued", "iat", claims.iat, now, leeway_) : iat.error().detail());
  const bool over = claims.exp <= static_cast<double>(now);
  add(verdict, "exp", exp, exp ? time_detail(over ? "expired" : "expires", "exp", claims.exp, now, leeway_) + (over ? ", which saves it" : "") : exp.error().detail());
  add(verdict, "audience", audience, audience ? "none is named" : audience.error().detail());
}

std::optional<Xid> Verifier::revocable(std::string_view token, UnixSeconds now) {
  Verdict verdict;
  look(token, now, /*explain=*/false, verdict);
  // One that has expired stands for its transaction; one that is not valid yet, by this node's clock, would count soon.
  const bool counts = !verdict.failure || verdict.failure == &jose::kExpired || verdict.failure == &jose::kNotYetValid;
  if (!verdict.is_signed || !counts) return std::nullopt;
  const Result<Xid> xid = Xid::parse(verdict.claims.xid);
  return xid ? std::optional(*xid) : std::nullopt;
}

namespace {

bool is_of(const store::Transaction& transaction, std::string_view token) {
  if (transaction.current.token == token) return true;
  return std::any_of(transaction.earlier.begin(), transaction.earlier.end(), [&](const store::Record& record) { return record.token == token; });
}

const store::Event* first_event(const store::Transaction& transaction, store::Event::Type type) {
  const auto found = std::find_if(transaction.events.begin(), transaction.events.end(), [&](const store::Event& event) { return event.type == type; });
  return found == transaction.events.end() ? nullptr : &*found;
}

std::string at(const store::Event& event) { return "at " + format_rfc3339(event.at, true); }

}  // namespace

void hold_against(std::string_view token, const std::optional<store::Transaction>& transaction, bool key_revoked, bool explain, Verdict& verdict) {
  const bool on_record = transaction && is_of(*transaction, token);
  const store::Event* const revoked = on_record ? first_event(*transaction, store::Event::Type::kRevoked) : nullptr;
  const store::Event* const consumed = on_record ? first_event(*transaction, store::Event::Type::kConsumed) : nullptr;
  const std::string_view other = transaction ? "another token stands under its XID" : "nothing is on record under its XID";
  if (!on_record) fail(Error(kNotOnRecord, std::string(other)), verdict);
  if (key_revoked) fail(Error(kTokenRevoked, "its key " + verdict.kid + " was revoked"), verdict);
  if (revoked) fail(Error(kTokenRevoked, at(*revoked)), verdict);
  if (consumed) fail(Error(kTokenConsumed, at(*consumed)), verdict);
  if (!explain) return;

  const bool is_current = on_record && transaction->current.token == token;
  verdict.checks.push_back({"on_record", on_record, on_record ? is_current ? "the transaction's current token" : "an earlier token of its transaction" : std::string(other)});
  if (!on_record && !key_revoked) {
    for (const std::string_view name : {"revoked", "consumed"}) verdict.checks.push_back({name, std::nullopt, std::string(kNotReached)});
    return;
  }
  verdict.checks.push_back({"revoked", !key_revoked && !revoked, key_revoked ? "its key " + verdict.kid + " was revoked" : revoked ? "its transaction was revoked " + at(*revoked) : "neither its transaction nor its key"});
  if (on_record) verdict.checks.push_back({"consumed", !consumed, consumed ? "its transaction was used " + at(*consumed) : "its transaction was not used yet"});
  else verdict.checks.push_back({"consumed", std::nullopt, std::string(kNotReached)});
}

void leave_record_open(std::string_view why, Verdict& verdict) {
  for (const std::string_view name : kRecordChecks) verdict.checks.push_back({name, std::nullopt, std::string(why)});
}

}  // namespace jwtd::issue
