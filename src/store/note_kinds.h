// store/note_kinds.h - the kinds of notes, said once: who writes one takes its name from here, and a copy of a store takes them all.
#pragma once

#include <array>
#include <string_view>

namespace jwtd::store {

inline constexpr std::string_view kReferenceNote = "reference";     // a provider's reference id -> the XID
inline constexpr std::string_view kUnmatchedNote = "unmatched";     // a callback that nobody could place
inline constexpr std::string_view kOutboxNote = "outbox";           // still to be forwarded
inline constexpr std::string_view kDeadNote = "dead";               // given up forwarding
inline constexpr std::string_view kRevokedKeyNote = "revoked_key";  // a kid whose tokens count as revoked
inline constexpr std::string_view kErasedNote = "erased";           // an XID -> the counts of what was removed

inline constexpr std::array kNoteKinds{kReferenceNote, kUnmatchedNote, kOutboxNote, kDeadNote, kRevokedKeyNote, kErasedNote};

}  // namespace jwtd::store
