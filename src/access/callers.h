// access/callers.h - who may call, and what for.
//
// A caller key is "jwtd_" and 43 characters of base64url: 256 random bits. The file holds SHA-256 of the whole key, never the key; with
// that many random bits a slow hash would add nothing. The file is TOML, written whole and renamed into place, mode 0600:
//     [[caller]]
//     name = "billing"
//     key_sha256 = "<64 hex digits>"
//     scope = ["read", "mint"]
//     created = "2026-11-23T22:00:00Z"
//
// All four keys are required and there are no others. A new file has mode 0600; one that is there keeps its owner, group and mode without
// the rights of others, so that a service which reads it by its group goes on doing so. A symbolic link stays one.
//
// Thread-safety: a Callers is an immutable snapshot; swap shared_ptr<const Callers> to replace it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/result.h"

namespace jwtd::access {

inline constexpr Code kCallerKeyMissing{"caller_key_missing", Fault::kUnauthenticated,
                                        "This route needs a caller key: Authorization: Bearer <key>."};
inline constexpr Code kCallerKeyUnknown{"caller_key_unknown", Fault::kUnauthenticated, "The caller key is not valid here."};
inline constexpr Code kScopeMissing{"scope_missing", Fault::kPermissionDenied, "The caller does not have the scope that this route needs."};
inline constexpr Code kCallersFileInvalid{"callers_file_invalid", Fault::kInvalidArgument, "The callers file cannot be used"};
inline constexpr Code kCallerExists{"caller_exists", Fault::kAlreadyExists, "There is a caller of this name already"};
inline constexpr Code kCallerUnknown{"caller_unknown", Fault::kNotFound, "There is no caller of this name"};
inline constexpr Code kScopeUnknown{"scope_unknown", Fault::kInvalidArgument, "The scopes are mint, read, read:pii, verify, verify:explain, revoke, callbacks and admin"};
inline constexpr Code kCallerNameMalformed{"caller_name_malformed", Fault::kInvalidArgument,
                                           "A caller's name is 1 to 64 characters out of a-z A-Z 0-9 - _ ."};

enum class Scope : std::uint8_t {  // bits
  kMint = 1,            // "mint"            tokens
  kRead = 2,            // "read"            transactions and their status, phone numbers masked
  kReadPii = 4,         // "read:pii"        the same with phone numbers and tokens
  kVerify = 8,          // "verify"          whether a token counts; to consume a transaction
  kVerifyExplain = 16,  // "verify:explain"  why, check by check, with the claims
  kRevoke = 32,         // "revoke"          tokens, transactions, phone numbers, keys
  kCallbacks = 64,      // "callbacks"       what could not be placed or forwarded
  kAdmin = 128,         // "admin"           erasure
};

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

  // A missing file is an empty set. Fails with kCallersFileInvalid (detail: "path:line: reason"): not TOML, unknown or missing keys, values
  // out of shape, a name or a key twice, over kMaxCallers or kMaxCallersFileBytes. May block on the disk.
  static Result<Callers> load(const std::string& path);
  static Result<std::optional<Callers>> load_if_there(const std::string& path);  // the same; nullopt: there is no such file

  // `authorization` is the field's value, empty if absent. Fails with kCallerKeyMissing, kCallerKeyUnknown, kScopeMissing.
  // Bearer with the key, or Basic with the caller's name and key, as OAuth clients show themselves (RFC 6749 s2.3.1). The scheme is matched without
  // regard to case (RFC 9110 s11.1). Constant time in the key.
  Result<const Caller*> authenticate(std::string_view authorization, Scope needed) const;

  const std::vector<Caller>& all() const { return callers_; }  // in file order

  // Makes a key, adds its hash, and returns the key: the only time it is seen. `created` is RFC 3339. Fails with kCallerExists,
  // kCallerNameMalformed, kScopeUnknown (no scope), kCallersFileInvalid (kMaxCallers are there already).
  Result<std::string> add(const std::string& name, std::uint8_t scopes, const std::string& created);
  Status remove(const std::string& name);  // kCallerUnknown
  // Atomically and for good: temporary file, fsync, rename, fsync of the folder. Fails with kCallersFileInvalid and leaves the old file.
  Status save(const std::string& path) const;

 private:
  static Result<Callers> parse(std::string_view text, const std::string& path);
  Result<const Caller*> with_key(std::string_view key, const std::string_view* name, Scope needed) const;
  Status insert(Caller caller);

  std::vector<Caller> callers_;
  std::unordered_map<std::string, std::size_t> by_hash_;  // key_sha256 -> index
  std::unordered_set<std::string> names_;
};

// Held from load() to save() by whoever changes the file, so that two of them do not lose each other's caller. It is an flock on
// "<path>.lock", which stays there. Readers need none: the file is replaced whole.
class CallersLock {
 public:
  // Waits for another holder, at most kCallersLockTimeout. Fails with kCallersFileInvalid.
  static Result<CallersLock> acquire(const std::string& path);
  CallersLock(CallersLock&& other) noexcept;
  CallersLock& operator=(CallersLock&&) = delete;
  ~CallersLock();

 private:
  explicit CallersLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace jwtd::access
