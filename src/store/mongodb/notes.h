// store/mongodb/notes.h - the collection jwtd_notes: documents, and look-ups by name and by kind.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/mongodb/connections.h"
#include "store/store.h"

namespace jwtd::store {

// {_id: "KIND/KEY"}; no kind has a slash.
Bson which_note(std::string_view kind, std::string_view key);
Bson write_note(const Note& note);

// Whether one stands under this name, expired or not.
Result<bool> has_note(Connections& connections, const Lease& lease, std::string_view kind, std::string_view key);

// As in store.h. Fail with kStoreDamaged when what stands there is no note.
Result<std::optional<std::string>> find_note(Connections& connections, const NoteName& name, UnixMillis now);
Result<std::vector<Note>> list_notes(Connections& connections, std::string_view kind, std::string_view after, std::size_t limit, UnixMillis now);

}  // namespace jwtd::store
