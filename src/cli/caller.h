// cli/caller.h - `jwtd caller add|list|remove`: the keys that callers show, kept as hashes in auth.callers_file.
//
// cli.cc fills the requests from arguments and configuration; the functions do the job and return the exit code (cli/cli.h). A running
// server reads the file again at SIGHUP. Two of these at once are safe: a lock file beside the callers file puts them in order.
#pragma once

#include <iosfwd>
#include <string>

#include "base/time.h"

namespace jwtd::cli {

// In all three: `callers_file` is auth.callers_file; empty when the configuration has none, which is kExitUsage with a note on what to add.
struct CallerAdd {
  std::string callers_file;  // made, mode 0600, when it is not there; its folder must be
  std::string name;          // 1 to 64 characters out of A-Z a-z 0-9 - _ .
  std::string scopes;        // "read,read:pii,mint", at least one
  bool json = false;         // -o json: {"name","scope":[...],"key"}
};

// The key, alone on a line on `out`: the only time it is seen; what to do next on `err`.
// kExitOk; kExitUsage: name or scopes malformed, or the file is not a callers file; kExitFailed: the name is taken, or it cannot be
// written.
int caller_add(const CallerAdd& request, std::ostream& out, std::ostream& err, UnixSeconds now);

struct CallerList {
  std::string callers_file;
  bool json = false;  // -o json: [{"name","scope":[...],"created","key_sha256_prefix"}]
};

// Name, scopes, date and the first 8 digits of the hash, in file order. kExitOk also when there is none; kExitUsage: not a callers file.
int caller_list(const CallerList& request, std::ostream& out, std::ostream& err);

struct CallerRemove {
  std::string callers_file;
  std::string name;
  bool json = false;  // -o json: {"name","removed":true}
};

// kExitOk, or kExitFailed when there is no caller of this name or the file cannot be written; kExitUsage: not a callers file.
int caller_remove(const CallerRemove& request, std::ostream& out, std::ostream& err);

}  // namespace jwtd::cli
