// cli/record_check.cc - makes the token again from the record, which settles nearly all; reads the others as JSON.
#include "cli/record_check.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>

#include "base/base64.h"
#include "base/limits.h"
#include "jose/claims.h"
#include "jose/jws.h"
#include "keys/api_key.h"

namespace jwtd::cli {
namespace {

using jose::Algorithm;
using nlohmann::json;

constexpr std::array kAlgorithms{Algorithm::kHs256, Algorithm::kHs384, Algorithm::kHs512};

// The algorithm, when the token is octet for octet what jwtd makes of the record.
std::optional<Algorithm> made_of(const store::Record& record) {
  if (!jose::is_issuer_name(record.iss)) return std::nullopt;
  const std::size_t dot = record.token.rfind('.');
  if (dot == std::string::npos) return std::nullopt;
  const auto signature = base64url_decode(std::string_view(record.token).substr(dot + 1));
  if (!signature) return std::nullopt;
  for (const Algorithm algorithm : kAlgorithms) {
    if (signature->size() != jose::signature_octets(algorithm)) continue;
    if (jose::compact(algorithm, {record.iss, record.iat, record.exp, record.phone, record.xid}, *signature) == record.token) return algorithm;
  }
  return std::nullopt;
}

bool is_text(const json& object, const char* name, std::string_view text) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() && found->get_ref<const std::string&>() == text;
}

bool is_time(const json& object, const char* name, UnixSeconds at) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number_integer() && found->get<std::int64_t>() == at;
}

}  // namespace

std::string wrong_with_events(const std::vector<store::Event>& events) {
  if (events.size() > kMaxEvents) return "it has more events than one can have";
  std::set<std::string_view> keys;
  for (const store::Event& event : events) {
    const auto printable = [](unsigned char c) { return c >= 0x20 && c < 0x7f; };
    if (event.key.empty() || event.key.size() > kMaxEventKeyBytes || !std::all_of(event.key.begin(), event.key.end(), printable)) return "an event's key is none";
    if (!keys.insert(event.key).second) return "two of its events have one key";
    if (event.body.size() > kMaxEventBytes) return "an event is larger than one can be";
    if (!event.body.empty() && !json::parse(event.body, nullptr, false).is_object()) return "an event's details are no JSON object";
  }
  return {};
}

Result<RecordCheck> RecordCheck::make(const std::string& key_file) {
  RecordCheck check;
  if (key_file.empty()) return check;
  for (const Algorithm algorithm : kAlgorithms) {
    auto key = keys::load_api_key(key_file, algorithm);
    if (!key) return key.error();
    check.keys_.push_back(*std::move(key));
  }
  return check;
}

std::string RecordCheck::wrong_with(const store::Record& record) {
  if (record.exp <= record.iat) return "its token expires before it is issued";
  if (const auto algorithm = made_of(record)) return wrong_signature(record, *algorithm);
  // Another program may have made it: the tutorial's service, whose claims stand in another order.
  const auto token = jose::inspect(record.token);
  if (!token) return "its token is no compact JWS";
  const json header = json::parse(token->header_json, nullptr, false), claims = json::parse(token->claims_json, nullptr, false);
  if (!header.is_object() || !claims.is_object()) return "its token has no JSON objects";
  const auto name = header.value("alg", json());
  const auto algorithm = name.is_string() ? jose::parse_algorithm(name.get_ref<const std::string&>()) : Result<Algorithm>(Error(jose::kAlgorithmUnknown));
  if (!algorithm) return "its token's alg is none of ours";
  if (token->signature_octets != jose::signature_octets(*algorithm)) return "its token's signature has a wrong size";
  if (!is_text(claims, "iss", record.iss)) return "its token's iss is another than the record's";
  if (!is_time(claims, "iat", record.iat)) return "its token's iat is another than the record's";
  if (!is_time(claims, "exp", record.exp)) return "its token's exp is another than the record's";
  if (!is_text(claims, "phn", record.phone.text())) return "its token's phn is another than the record's";
  if (!is_text(claims, "xid", record.xid.view())) return "its token's xid is another than the record's";
  return wrong_signature(record, *algorithm);
}

std::string RecordCheck::wrong_signature(const store::Record& record, Algorithm algorithm) {
  if (keys_.empty()) return {};
  const jose::HmacKey& key = keys_[static_cast<std::size_t>(algorithm)];
  if (!record.kid.empty() && record.kid != key.kid()) {
    ++other_keys_;
    return {};
  }
  ++signatures_;
  return jose::signature_matches(record.token, key) ? "" : "its token's signature does not match";
}

}  // namespace jwtd::cli
