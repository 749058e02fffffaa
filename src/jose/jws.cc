// jose/jws.cc - verification in the order that gives an attacker least: shape, header, algorithm, signature, and only then the claims.
#include "jose/jws.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "base/base64.h"
#include "base/limits.h"
#include "base/secret.h"
#include "jose/own_form.h"
#include "json/strict_json.h"

namespace jwtd::jose {

namespace {

using json::JsonMember;
using json::JsonObject;
using json::quoted_if_harmless;
using json::quoted_if_printable;

constexpr double kLatestNumericDate = 253402300799;  // 9999-12-31T23:59:59Z: later is a mistake, and doubles are exact up to here
constexpr std::size_t kMaxHmacOctets = 64;

struct Parts {
  std::string_view input;  // what is signed: header, dot, claims, as they stand
  std::string header;
  std::string claims;
  std::string signature;   // may be empty: an unsecured JWS (RFC 7515 A.5), which verify() refuses by its alg
};

Error malformed(std::string detail) { return Error(kTokenMalformed, std::move(detail)); }

// What most often surrounds a token that was copied by hand.
std::string_view usual_mistake(std::string_view token) {
  if (token.starts_with("Bearer ")) return "; take the \"Bearer \" away";
  if (token.starts_with('"') || token.starts_with('\'')) return "; take the quotation marks away";
  if (token.starts_with('{')) return "; this is JSON, perhaps the JSON serialization of a JWS";
  return "";
}

Error wrong_part_count(std::string_view token, std::size_t parts) {
  std::string detail = std::to_string(parts) + (parts == 1 ? " part" : " parts") + " between dots, not 3";
  if (parts == 5) detail += "; five parts are a JWE, an encrypted token";
  detail += usual_mistake(token);
  return malformed(std::move(detail));
}

Result<std::string> decode_part(std::string_view name, std::string_view text, std::string_view token) {
  std::optional<std::string> octets = base64url_decode(text);
  if (!octets) return malformed("the " + std::string(name) + " is not base64url without padding" + std::string(usual_mistake(token)));
  return *std::move(octets);
}

Result<Parts> split(std::string_view token) {
  if (token.empty()) return malformed("it is empty");
  if (token.size() > kMaxTokenBytes) {
    return malformed("it has " + std::to_string(token.size()) + " octets; " + std::to_string(kMaxTokenBytes) + " are the most");
  }
  const auto dots = static_cast<std::size_t>(std::count(token.begin(), token.end(), '.'));
  if (dots != 2) return wrong_part_count(token, dots + 1);
  const std::size_t first = token.find('.');
  const std::size_t second = token.find('.', first + 1);

  auto header = decode_part("header", token.substr(0, first), token);
  if (!header) return header.error();
  auto claims = decode_part("claims part", token.substr(first + 1, second - first - 1), token);
  if (!claims) return claims.error();
  auto signature = decode_part("signature", token.substr(second + 1), token);
  if (!signature) return signature.error();
  return Parts{token.substr(0, second), *std::move(header), *std::move(claims), *std::move(signature)};
}

Result<JsonObject> object_in(std::string_view name, std::string_view text) {
  std::string why;
  std::optional<JsonObject> object = JsonObject::parse(text, kMaxTokenJsonDepth, why);
  if (!object) return malformed("the " + std::string(name) + ": " + why);
  return *std::move(object);
}

bool equal_ignoring_case(std::string_view a, std::string_view lower) {
  const auto fold = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
  return a.size() == lower.size() && std::equal(a.begin(), a.end(), lower.begin(), [&](char x, char y) { return fold(x) == y; });
}

Status check_header(const JsonObject& header, Algorithm algorithm) {
  // Understanding none of the extensions, we must refuse every "crit" (RFC 7515 s4.1.11), also a malformed one.
  if (header.has("crit")) return Error(kHeaderRefused, "\"crit\" asks for extensions, and there are none here");
  // "b64" changes what is signed (RFC 7797 s3), so that ignoring it would be reading something else than the signer wrote.
  if (header.has("b64")) return Error(kHeaderRefused, "\"b64\" is not supported");
  if (const JsonMember* typ = header.find("typ")) {
    if (typ->kind != JsonMember::Kind::kString) return Error(kHeaderRefused, "\"typ\" is not a string");
    if (!equal_ignoring_case(typ->text, "jwt")) {
      return Error(kHeaderRefused, "\"typ\" is " + quoted_if_harmless(typ->text) + ", not \"JWT\"");
    }
  }
  const JsonMember* alg = header.find("alg");
  if (!alg) return Error(kHeaderRefused, "there is no \"alg\"");
  if (alg->kind != JsonMember::Kind::kString) return Error(kHeaderRefused, "\"alg\" is not a string");
  if (alg->text != name_of(algorithm)) {
    return Error(kAlgorithmMismatch,
                 "\"alg\" is " + quoted_if_harmless(alg->text) + ", and the key is for " + std::string(name_of(algorithm)));
  }
  return {};
}

Error wrong_signature(const std::string& kid) { return Error(kSignatureInvalid, "it was not made with the key " + kid); }

Status check_signature(const Parts& parts, HmacSigner& signer, const std::string& kid) {
  const std::size_t wanted = signature_octets(signer.algorithm());
  if (parts.signature.size() != wanted) {
    return Error(kSignatureInvalid, "it has " + std::to_string(parts.signature.size()) + " octets; " +
                                        std::string(name_of(signer.algorithm())) + " has " + std::to_string(wanted));
  }
  std::array<unsigned char, kMaxHmacOctets> expected;
  const std::size_t size = signer.sign(parts.input, expected.data());
  if (!equal_in_constant_time(parts.signature, {reinterpret_cast<const char*>(expected.data()), size})) {
    return wrong_signature(kid);
  }
  return {};
}

Error claim_error(std::string_view name, std::string_view what) {
  return Error(kClaimMissing, '"' + std::string(name) + "\" " + std::string(what));
}

// Absent: nullopt.
Result<std::optional<double>> numeric_date(const JsonObject& claims, std::string_view name) {
  const JsonMember* member = claims.find(name);
  if (!member) return std::optional<double>();
  if (member->kind != JsonMember::Kind::kNumber) return claim_error(name, "is not a number");
  if (!(member->number >= 0 && member->number <= kLatestNumericDate)) return claim_error(name, "is not a time between 1970 and 9999");
  return std::optional<double>(member->number);
}

Result<double> required_date(const JsonObject& claims, std::string_view name) {
  Result<std::optional<double>> date = numeric_date(claims, name);
  if (!date) return date.error();
  if (!*date) return claim_error(name, "is missing");
  return **date;
}

// Absent: an empty text.
Result<std::string> text_claim(const JsonObject& claims, std::string_view name) {
  const JsonMember* member = claims.find(name);
  if (!member) return std::string();
  if (member->kind != JsonMember::Kind::kString) return claim_error(name, "is not a string");
  return member->text;
}

Status read_subject(const JsonObject& json, SignedClaims& claims) {
  for (auto [name, field] : {std::pair{"iss", &SignedClaims::iss}, {"phn", &SignedClaims::phn}, {"xid", &SignedClaims::xid}}) {
    Result<std::string> text = text_claim(json, name);
    if (!text) return text.error();
    claims.*field = *std::move(text);
  }
  if (!json.has("iss")) return claim_error("iss", "is missing");
  return {};
}

Status read_times(const JsonObject& json, SignedClaims& claims) {
  Result<double> iat = required_date(json, "iat");
  if (!iat) return iat.error();
  Result<double> exp = required_date(json, "exp");
  if (!exp) return exp.error();
  Result<std::optional<double>> nbf = numeric_date(json, "nbf");
  if (!nbf) return nbf.error();
  claims.iat = *iat;
  claims.exp = *exp;
  claims.nbf = *nbf;
  return {};
}

std::string seconds_text(double seconds) {
  std::array<char, 64> text;
  const int size = std::snprintf(text.data(), text.size(), seconds == std::floor(seconds) ? "%.0f" : "%.3f", seconds);
  return std::string(text.data(), static_cast<std::size_t>(size));
}

std::string against_now(std::string_view name, double date, UnixSeconds now, std::chrono::seconds leeway) {
  std::string text = std::string(name) + " " + seconds_text(date) + ", now " + std::to_string(now);
  if (leeway.count() != 0) text += ", leeway " + std::to_string(leeway.count()) + " s";
  return text;
}

}  // namespace

Status read_any_form(std::string_view token, HmacSigner& signer, const std::string& kid, SignedClaims& claims) {
  Result<Parts> parts = split(token);
  if (!parts) return parts.error();
  const Result<JsonObject> header = object_in("header", parts->header);
  if (!header) return header.error();
  if (Status ok = check_header(*header, signer.algorithm()); !ok) return ok;
  if (Status ok = check_signature(*parts, signer, kid); !ok) return ok;

  const Result<JsonObject> json = object_in("claims part", parts->claims);
  if (!json) return json.error();
  if (Status ok = read_subject(*json, claims); !ok) return ok;
  if (Status ok = read_times(*json, claims); !ok) return ok;
  claims.has_aud = json->has("aud");
  claims.claims_json = std::move(parts->claims);
  return {};
}

JwsReader::JwsReader(const HmacKey& key) : signer_(key.signer()), kid_(key.kid()) {}

Status JwsReader::read(std::string_view token, SignedClaims& claims) {
  switch (read_own_form(token, signer_, claims)) {
    case OwnForm::kRead: return {};
    case OwnForm::kWrongSignature: return wrong_signature(kid_);
    case OwnForm::kOther: break;
  }
  return read_any_form(token, signer_, kid_, claims);
}

Status check_issuer(const SignedClaims& claims, std::string_view issuer) {
  if (issuer.empty() || claims.iss == issuer) return {};
  return Error(kIssuerMismatch, "\"iss\" is " + quoted_if_printable(claims.iss) + ", not " + quoted_if_printable(issuer));
}

Status check_exp(const SignedClaims& claims, std::chrono::seconds leeway, UnixSeconds now) {
  const auto moment = static_cast<double>(now);
  const auto slack = static_cast<double>(leeway.count());
  if (!(claims.exp > moment - slack)) {
    return Error(kExpired, "expired " + seconds_text(moment - claims.exp) + " s ago: " + against_now("exp", claims.exp, now, leeway));
  }
  if (!(claims.exp > claims.iat)) {
    return Error(kExpired, "it never was valid: exp " + seconds_text(claims.exp) + " is not after iat " + seconds_text(claims.iat));
  }
  return {};
}

Status check_iat(const SignedClaims& claims, std::chrono::seconds leeway, UnixSeconds now) {
  const auto moment = static_cast<double>(now);
  const auto slack = static_cast<double>(leeway.count());
  if (claims.nbf && *claims.nbf > moment + slack) {
    return Error(kNotYetValid, "valid in " + seconds_text(*claims.nbf - moment) + " s: " + against_now("nbf", *claims.nbf, now, leeway));
  }
  if (claims.iat > moment + slack) {
    return Error(kNotYetValid,
                 "issued " + seconds_text(claims.iat - moment) + " s in the future: " + against_now("iat", claims.iat, now, leeway));
  }
  return {};
}

Status check_audience(const SignedClaims& claims) {
  if (!claims.has_aud) return {};
  return Error(kAudienceRefused, "it names an \"aud\", and ours have none");
}

Status check_claims(const SignedClaims& claims, const Policy& policy, UnixSeconds now) {
  if (Status ok = check_issuer(claims, policy.issuer); !ok) return ok;
  if (Status ok = check_exp(claims, policy.leeway, now); !ok) return ok;
  if (Status ok = check_iat(claims, policy.leeway, now); !ok) return ok;
  return check_audience(claims);
}

Result<VerifiedJws> verify(std::string_view token, const HmacKey& key, const Policy& policy, UnixSeconds now) {
  SignedClaims claims;
  if (Status ok = JwsReader(key).read(token, claims); !ok) return ok.error();
  if (Status ok = check_claims(claims, policy, now); !ok) return ok.error();
  return VerifiedJws{key.algorithm(),
                     base64url_decode(token.substr(0, token.find('.'))).value_or(std::string()),
                     std::move(claims.claims_json),
                     std::move(claims.iss),
                     static_cast<UnixSeconds>(claims.iat),
                     static_cast<UnixSeconds>(claims.exp),
                     std::move(claims.phn),
                     std::move(claims.xid)};
}

bool signature_matches(std::string_view token, const HmacKey& key) {
  const Result<Parts> parts = split(token);
  if (!parts) return false;
  HmacSigner signer = key.signer();
  return check_signature(*parts, signer, key.kid()).has_value();
}

Result<Inspection> inspect(std::string_view token) {
  Result<Parts> parts = split(token);
  if (!parts) return parts.error();
  if (Result<JsonObject> header = object_in("header", parts->header); !header) return header.error();
  if (Result<JsonObject> claims = object_in("claims part", parts->claims); !claims) return claims.error();
  return Inspection{std::move(parts->header), std::move(parts->claims), parts->signature.size()};
}

}  // namespace jwtd::jose
