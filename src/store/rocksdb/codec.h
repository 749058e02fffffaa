// store/rocksdb/codec.h - the octets of keys and values. A change here is a change of the format: kFormatVersion in folder.h.
//
// Keys
//   xid        canonical lower-case UUID text: 0x01 and its 16 octets; anything else: 0x02 and the text. Injective, and version 7 UUIDs
//              (base/uuid7.h) sort by the time they were made.
//   phone      8 octets phone, big-endian; 8 octets created_at, inverted, so that the newest comes first; the XID's key
//   earlier    the XID's key, 0x00 (which no XID text contains), 8 octets of its number within the transaction, inverted
// Value of a transaction and of an earlier token
//   octet 0    version: 1, or 2 for a transaction with events
//   octet 1    form: 0, 1, 2 = HS256, HS384, HS512, the token is made again from the fields and the signature; 3 = the token's text is kept
//   8 octets   created_at, big-endian, where the compaction filter finds it without decoding
//   varints    number within the transaction (1 is the first), name of the issuer and key (names.h), phone,
//              recorded_at - created_at, iat - recorded_at / 1000, exp - iat (zigzag)
//   rest       version 1: the raw signature, or the token
//              version 2: that with its size (varint) before it, the number of events (varint), then each: type (octet), at - created_at
//              (zigzag varint), key and body, each with its size (varint) before it
//
// Notes (a table of their own)
//   'n', kind, '/', key           8 octets expires_at, big-endian, and the value
//   'e', 8 octets expires_at, kind, '/', key    empty: what expires, in the order of time; may be left of a note that was replaced since
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/rocksdb/names.h"
#include "store/store.h"

namespace jwtd::store {

inline constexpr std::size_t kXidKeyMax = 1 + Xid::kMaxSize;
inline constexpr std::size_t kPhoneKeyPrefix = 8;  // octets that all keys of one phone share
inline constexpr std::size_t kPhoneKeyMax = kPhoneKeyPrefix + 8 + kXidKeyMax;

void append_xid_key(const Xid& xid, std::string& out);
std::optional<Xid> read_xid_key(std::string_view key);
// Whether the key is that of a version 7 UUID, in time's order.
bool is_ordered(std::string_view xid_key);

void append_phone_prefix(const Phone& phone, UnixMillis created_at, std::string& out);  // 16 octets; the XID's key follows
void append_earlier_prefix(std::string_view xid_key, std::string& out);
void append_earlier_key(std::string_view xid_key, std::uint64_t number, std::string& out);

struct PhoneKey {
  UnixMillis created_at;
  std::string_view xid_key;
};
std::optional<PhoneKey> read_phone_key(std::string_view key);
std::optional<std::uint64_t> read_earlier_number(std::string_view key);

// Appends the value of `record`, the number-th token of a transaction. The token is kept as text unless it can be made again exactly.
// Earlier tokens have no events.
void append_value(const Record& record, UnixMillis created_at, std::uint64_t number, std::uint32_t name, std::span<const Event> events, std::string& out);

struct Value {
  UnixMillis created_at;
  std::uint64_t number;
  Record record;
  std::vector<Event> events;
};
// Fails with kStoreDamaged.
Result<Value> read_value(const Xid& xid, std::string_view value, const Names& names);
// Appends `value` as it is with one event more behind its last. Fails with kStoreDamaged, never for what read_value() has read.
Status append_value_with(const Event& event, std::string_view value, std::string& out);
std::optional<UnixMillis> read_created_at(std::string_view value);

std::string note_key(std::string_view kind, std::string_view key);
std::string note_expiry_key(UnixMillis expires_at, std::string_view kind, std::string_view key);
std::string note_value(const Note& note);
// nullopt: not a note's key and value.
std::optional<Note> read_note(std::string_view key, std::string_view value);
struct NoteExpiry {
  UnixMillis expires_at;
  std::string note_key;
};
std::optional<NoteExpiry> read_note_expiry_key(std::string_view key);

// Numbers of variable length: seven bits an octet, low ones first. get_varint() takes what it read off `in`.
void put_varint(std::uint64_t number, std::string& out);
std::optional<std::uint64_t> get_varint(std::string_view& in);

}  // namespace jwtd::store
