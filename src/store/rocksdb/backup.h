// store/rocksdb/backup.h - a copy of a store's folder, also while a jwtd serves from it; and the way back. docs/adr/0010-backup.md has the argument.
//
// The running jwtd is not asked and not slowed: nothing of it is locked. What a store holds is what one file says (MANIFEST), and a file that it names is
// removed only after it was written anew. So: the manifest is read, every file is held (a hard link, or an open descriptor), and when the
// manifest is still the same, what is held is a whole store. Of the log that is being written, whole batches up to the first hole are taken:
// whatever was answered before this began is among them.
#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "store/store.h"

namespace jwtd::store {

inline constexpr Code kBackupFailed{"store_backup_failed", Fault::kInternal, "The folder cannot be copied"};

// From the store at `url` to `folder`, which must not be there, or be empty. It appears as a whole or not at all; it is opened once, so it is
// known to open. Whoever calls this must be able to read the store's files. Fails with kStoreOpenFailed (no store), kBackupFailed.
// `between`, for tests: called at each try after the manifest was read, before the files are held.
Result<Copied> backup_rocksdb_store(const std::string& url, const std::string& folder, const std::function<void()>& between = {});

// From a backup to the folder of `url`, as above; nothing is shared with the backup. `check` sees the copy before it appears: if it fails, nothing does.
Result<Copied> restore_rocksdb_store(const std::string& backup, const std::string& url, const std::function<Status(Store&)>& check);

}  // namespace jwtd::store
