// access/callers.cc - keys, hashes and scopes; callers_file.cc reads and writes the file.
#include "access/callers.h"

#include <openssl/evp.h>

#include <algorithm>
#include <memory>

#include "base/base64.h"
#include "base/limits.h"
#include "base/out_of_memory.h"
#include "base/percent.h"
#include "base/secret.h"

namespace jwtd::access {
namespace {

constexpr std::string_view kKeyPrefix = "jwtd_";  // says whose key it is, to people and to scanners for leaked ones
constexpr std::size_t kKeyOctets = 32;
constexpr std::size_t kKeySize = kKeyPrefix.size() + base64url_size(kKeyOctets);
constexpr std::size_t kMaxNameSize = 64;

struct ScopeName {
  std::string_view name;
  Scope scope;
};
constexpr ScopeName kScopeNames[] = {{"admin", Scope::kAdmin}, {"callbacks", Scope::kCallbacks}, {"mint", Scope::kMint}, {"read", Scope::kRead},
                                     {"read:pii", Scope::kReadPii}, {"revoke", Scope::kRevoke}, {"verify", Scope::kVerify},
                                     {"verify:explain", Scope::kVerifyExplain}};  // sorted

struct DigestFree {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

std::string sha256_hex(std::string_view text) {
  // A context for each thread: finding the algorithm and making one costs as much as the hash. EVP_DigestFinal_ex() wipes what it held.
  thread_local const std::unique_ptr<EVP_MD_CTX, DigestFree> context(EVP_MD_CTX_new());
  thread_local const bool is_ready = context && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1;
  unsigned char digest[32];
  // It has no other way to fail than for want of memory.
  if (!is_ready || EVP_DigestInit_ex(context.get(), nullptr, nullptr) != 1 || EVP_DigestUpdate(context.get(), text.data(), text.size()) != 1 ||
      EVP_DigestFinal_ex(context.get(), digest, nullptr) != 1)
    out_of_memory();
  std::string hex;
  hex.reserve(2 * sizeof digest);
  for (const unsigned char octet : digest) {
    hex += "0123456789abcdef"[octet >> 4];
    hex += "0123456789abcdef"[octet & 15];
  }
  return hex;
}

// nullopt: an escape is none. A '+' stays one: neither a name nor a key has a space.
std::optional<std::string> form_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());  // one allocation, which Secret wipes
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const int octet = percent_octet(text, i);
    if (octet == kNoOctet) return std::nullopt;
    out += static_cast<char>(octet);
    i += 2;
  }
  return out;
}

bool is_scheme(std::string_view scheme, std::string_view lower_case) {
  return std::equal(scheme.begin(), scheme.end(), lower_case.begin(), lower_case.end(),
                    [](char a, char b) { return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b; });
}

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxNameSize && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  });
}

}  // namespace

std::vector<std::string> Caller::scope_names() const {
  std::vector<std::string> names;
  for (const ScopeName& entry : kScopeNames) {
    if (may(entry.scope)) names.emplace_back(entry.name);
  }
  return names;
}

Result<std::uint8_t> parse_scopes(std::string_view comma_separated) {
  std::uint8_t scopes = 0;
  for (std::string_view rest = comma_separated;;) {
    const std::size_t comma = rest.find(',');
    const std::string_view name = rest.substr(0, comma);
    const auto* const entry =
        std::find_if(std::begin(kScopeNames), std::end(kScopeNames), [&](const ScopeName& s) { return s.name == name; });
    if (entry == std::end(kScopeNames))
      return Error(kScopeUnknown, name.empty() ? "one of them is empty" : "not \"" + std::string(name.substr(0, 64)) + "\"");
    scopes |= static_cast<std::uint8_t>(entry->scope);
    if (comma == std::string_view::npos) return scopes;
    rest = rest.substr(comma + 1);
  }
}

Result<const Caller*> Callers::authenticate(std::string_view authorization, Scope needed) const {
  const std::size_t space = authorization.find(' ');
  if (space == std::string_view::npos) return Error(kCallerKeyMissing);
  const std::string_view scheme = authorization.substr(0, space);
  std::string_view key = authorization.substr(space);
  key.remove_prefix(std::min(key.find_first_not_of(' '), key.size()));
  if (key.empty()) return Error(kCallerKeyMissing);
  if (is_scheme(scheme, "bearer")) return with_key(key, nullptr, needed);
  if (!is_scheme(scheme, "basic")) return Error(kCallerKeyMissing);

  // "name:key", each form-urlencoded (RFC 6749 s2.3.1): there is nothing in them that has to be escaped, and clients that escape '_', '-' and '.'.
  std::optional<std::string> pair = base64_decode(key);
  if (!pair) return Error(kCallerKeyMissing);
  const Secret wiped(*std::move(pair));
  const std::string_view text = wiped.expose();
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return Error(kCallerKeyMissing);
  std::optional<std::string> name = form_decode(text.substr(0, colon)), decoded = form_decode(text.substr(colon + 1));
  if (!name || !decoded) return Error(kCallerKeyMissing);
  const Secret plain(*std::move(decoded));
  const std::string_view wanted = *name;
  return with_key(plain.expose(), &wanted, needed);
}

// `name`: nullptr, or whose key it must be.
Result<const Caller*> Callers::with_key(std::string_view key, const std::string_view* name, Scope needed) const {
  // Only the hash is compared: what the time of a look-up could tell about it does not lead back to 256 random bits.
  if (key.size() != kKeySize || !key.starts_with(kKeyPrefix)) return Error(kCallerKeyUnknown);
  const auto found = by_hash_.find(sha256_hex(key));
  if (found == by_hash_.end()) return Error(kCallerKeyUnknown);
  const Caller& caller = callers_[found->second];
  if (name && caller.name != *name) return Error(kCallerKeyUnknown);
  if (!caller.may(needed)) return Error(kScopeMissing);
  return &caller;
}

Status Callers::insert(Caller caller) {
  if (!is_name(caller.name)) return Error(kCallerNameMalformed);
  if (callers_.size() >= kMaxCallers)
    return Error(kCallersFileInvalid, "there are " + std::to_string(kMaxCallers) + " callers, the most there may be");
  if (names_.contains(caller.name)) return Error(kCallerExists, caller.name);
  if (!by_hash_.emplace(caller.key_sha256, callers_.size()).second)
    return Error(kCallersFileInvalid, "two callers have the same key_sha256");
  names_.insert(caller.name);
  callers_.push_back(std::move(caller));
  return {};
}

Result<std::string> Callers::add(const std::string& name, std::uint8_t scopes, const std::string& created) {
  if (scopes == 0) return Error(kScopeUnknown, "at least one is needed");
  std::string octets = random_octets(kKeyOctets);
  std::string key(kKeyPrefix);
  base64url_append(octets, key);
  const Secret wiped(std::move(octets));
  if (Status status = insert(Caller{name, scopes, created, sha256_hex(key)}); !status) return status.error();
  return key;
}

Status Callers::remove(const std::string& name) {
  const auto found = std::find_if(callers_.begin(), callers_.end(), [&](const Caller& c) { return c.name == name; });
  if (found == callers_.end()) return Error(kCallerUnknown, is_name(name) ? name : std::string());
  names_.erase(name);
  callers_.erase(found);
  by_hash_.clear();
  for (std::size_t i = 0; i < callers_.size(); ++i) by_hash_.emplace(callers_[i].key_sha256, i);
  return {};
}

}  // namespace jwtd::access
