// access/callers.h - who may call, and what for.
//
// A caller key is "jwtd_" and 43 characters of base64url: 256 random bits. The file holds SHA-256 of the whole key, never the key; with that many
// random bits a slow hash would add nothing. The file is TOML, written whole and renamed into place, mode 0600:
//     [[caller]]
//     name = "billing"
//     key_sha256 = "<64 hex digits>"
//     scope = ["read", "mint"]
//     created = "2026-11-23T22:00:00Z"
//
// Thread-safety: a Callers is an immutable snapshot; swap shared_ptr<const Callers> to replace it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"

namespace jwtd::access {

inline constexpr Code kCallerKeyMissing{"caller_key_missing", Fault::kUnauthenticated, "This route needs a caller key: Authorization: Bearer <key>."};
inline constexpr Code kCallerKeyUnknown{"caller_key_unknown", Fault::kUnauthenticated, "The caller key is not valid here."};
inline constexpr Code kScopeMissing{"scope_missing", Fault::kPermissionDenied, "The caller does not have the scope that this route needs."};
inline constexpr Code kCallersFileInvalid{"callers_file_invalid", Fault::kInvalidArgument, "The callers file cannot be used"};
inline constexpr Code kCallerExists{"caller_exists", Fault::kAlreadyExists, "There is a caller of this name already"};
inline constexpr Code kCallerUnknown{"caller_unknown", Fault::kNotFound, "There is no caller of this name"};
inline constexpr Code kScopeUnknown{"scope_unknown", Fault::kInvalidArgument, "The scopes are mint, read and read:pii"};
inline constexpr Code kCallerNameMalformed{"caller_name_malformed", Fault::kInvalidArgument, "A caller's name is 1 to 64 characters out of a-z A-Z 0-9 - _ ."};

enum class Scope : std::uint8_t { kMint = 1, kRead = 2, kReadPii = 4 };

struct Caller {
  std::string name;
  std::uint8_t scopes = 0;  // bits of Scope
  std::string created;      // RFC 3339
  std::string key_sha256;   // 64 lower-case hex digits
  bool may(Scope scope) const { return (scopes & static_cast<std::uint8_t>(scope)) != 0; }
  std::vector<std::string> scope_names() const;  // sorted
};

// "read,read:pii,mint" -> bits. Fails with kScopeUnknown.
Result<std::uint8_t> parse_scopes(std::string_view comma_separated);

class Callers {
 public:
  Callers() = default;  // nobody

  // A missing file is an empty set. Fails with kCallersFileInvalid (detail: path, line, reason).
  static Result<Callers> load(const std::string& path);

  // `authorization` is the field's value, empty if absent. Fails with kCallerKeyMissing, kCallerKeyUnknown, kScopeMissing.
  // The scheme is matched without regard to case (RFC 9110 s11.1). Constant time in the key.
  Result<const Caller*> authenticate(std::string_view authorization, Scope needed) const;

  const std::vector<Caller>& all() const { return callers_; }  // in file order

  // Makes a key, adds its hash, and returns the key: the only time it is seen. Fails with kCallerExists, kCallerNameMalformed.
  Result<std::string> add(const std::string& name, std::uint8_t scopes, const std::string& created);
  Status remove(const std::string& name);  // kCallerUnknown
  // Atomically (temporary file, fsync, rename). Fails with kCallersFileInvalid.
  Status save(const std::string& path) const;

 private:
  std::vector<Caller> callers_;
  std::unordered_map<std::string, std::size_t> by_hash_;  // key_sha256 -> index
};

}  // namespace jwtd::access
