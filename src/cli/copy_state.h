// cli/copy_state.h - how far a copy is, in a file that a next run goes on from; private to cli/'s store verbs.
//
// It holds no personal data but the cursor's XID, and no password. adopt() may see the same transactions again, so a state that is a little old is fine.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "store/store.h"

namespace jwtd::cli {

inline constexpr Code kCopyStateUnusable{"copy_state_unusable", Fault::kInvalidArgument, "The file with the state of a copy cannot be used"};

inline constexpr std::size_t kMaxNamed = 1000;  // damaged records that are remembered by name; all are counted

struct CopyState {
  std::string from, to;      // without passwords: whose copy this is
  UnixMillis now = 0;        // of the first run: all runs agree on what has expired
  std::string cursor;        // of the next slice
  std::uint64_t seen = 0, written = 0, present = 0, different = 0, expired = 0, damaged_count = 0;
  std::vector<store::Slice::Damage> damaged;
  bool scanned = false;      // the source was read to its end

  // True: there was one, of the same two places. False: there is none, and nothing changed. Fails with kCopyStateUnusable.
  Result<bool> load(const std::string& file);
  Status save(const std::string& file) const;  // whole or not at all, and synced
};

}  // namespace jwtd::cli
