// store/rocksdb/changes.h - what happens to transactions after their tokens, and the notes, in an open database.
//
// An event is a change of its transaction's value, written to the newest epoch; it covers what older ones hold, as a reissue does. So one look-up
// finds a transaction with all that happened to it, and retention drops both together.
//
// Thread-safety: as store.h says of the functions of the same purpose.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/rocksdb/database.h"
#include "store/store.h"

namespace jwtd::store {

Status apply_changes(Database& database, std::span<Change* const> changes, std::chrono::seconds retention);

Result<std::optional<std::string>> read_note(Database& database, const NoteName& name, UnixMillis now);
std::optional<Result<std::optional<std::string>>> read_note_at_once(Database& database, const NoteName& name, UnixMillis now);  // nullopt: it is not in memory
Result<std::vector<Note>> list_notes(Database& database, std::string_view kind, std::string_view after, std::size_t limit, UnixMillis now);
// Removes those that have expired, a thousand at a time; commits wait for none longer than one write.
Status sweep_notes(Database& database, UnixMillis now);

// What was erased is hidden from every reader at once, and stays in files and logs until they are merged. This merges all tables if something
// was erased since the last time; meant for the background, takes as long as reading and writing all of them.
Status merge_away_what_was_erased(Database& database);

}  // namespace jwtd::store
