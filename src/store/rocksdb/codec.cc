// store/rocksdb/codec.cc - packs and unpacks keys and values; damage becomes an error, never another token.
#include "store/rocksdb/codec.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "base/base64.h"
#include "base/limits.h"
#include "jose/claims.h"

namespace jwtd::store {
namespace {

constexpr char kVersion = 1;
constexpr char kEventsVersion = 2;
constexpr char kNoteKey = 'n';
constexpr char kNoteExpiryKey = 'e';
constexpr std::size_t kWordOctets = 8;
constexpr char kTextForm = 3;
constexpr char kUuidKey = 1;
constexpr char kTextKey = 2;
constexpr std::size_t kUuidText = 36;
constexpr std::size_t kUuidOctets = 16;
constexpr std::size_t kFixedOctets = 2 + 8;  // version, form, created_at
constexpr std::size_t kNumbers = 6;          // behind them
constexpr std::size_t kLeastEventOctets = 4;     // type, time, two sizes
constexpr std::size_t kMostNewNumbers = 6 * 10;  // octets: of those that come with an event, and its type
constexpr std::array kAlgorithms{jose::Algorithm::kHs256, jose::Algorithm::kHs384, jose::Algorithm::kHs512};

bool is_hyphen_place(std::size_t i) { return i == 8 || i == 13 || i == 18 || i == 23; }

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

bool pack_uuid(std::string_view text, char* out) {
  if (text.size() != kUuidText) return false;
  for (std::size_t i = 0; i < kUuidText;) {
    if (is_hyphen_place(i)) {
      if (text[i++] != '-') return false;
      continue;
    }
    const int high = hex_digit(text[i]), low = hex_digit(text[i + 1]);
    if (high < 0 || low < 0) return false;
    *out++ = static_cast<char>(high << 4 | low);
    i += 2;
  }
  return true;
}

std::array<char, kUuidText> unpack_uuid(std::string_view octets) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<char, kUuidText> text;
  std::size_t at = 0;
  for (const char octet : octets) {
    if (is_hyphen_place(at)) text[at++] = '-';
    text[at++] = kDigits[static_cast<unsigned char>(octet) >> 4];
    text[at++] = kDigits[octet & 15];
  }
  return text;
}

void append_word(std::uint64_t word, std::string& out) {
  char octets[8];
  for (int i = 0; i < 8; ++i) octets[i] = static_cast<char>(word >> (56 - 8 * i));
  out.append(octets, 8);
}

std::uint64_t read_word(std::string_view octets) {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < 8; ++i) word = word << 8 | static_cast<unsigned char>(octets[i]);
  return word;
}

// The newest first: descending in time, also for times before 1970.
std::uint64_t inverted(UnixMillis at) { return ~(static_cast<std::uint64_t>(at) ^ std::uint64_t{1} << 63); }
UnixMillis uninverted(std::uint64_t word) { return static_cast<UnixMillis>(~word ^ std::uint64_t{1} << 63); }

// Differences are taken modulo 2^64, so that any two numbers have one.
std::uint64_t zigzag(std::int64_t from, std::int64_t to) {
  const auto distance = static_cast<std::int64_t>(static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from));
  return static_cast<std::uint64_t>(distance) << 1 ^ static_cast<std::uint64_t>(distance >> 63);
}
std::int64_t unzigzag(std::int64_t from, std::uint64_t coded) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(from) + (coded >> 1 ^ (~(coded & 1) + 1)));
}

struct Signed {
  char form;
  std::string signature;
};

// The algorithm and signature out of which jose::compact() makes exactly this token, if there are such.
std::optional<Signed> take_apart(const Record& record) {
  const std::string_view token = record.token;
  if (record.iss.size() > kMaxIssuerBytes) return std::nullopt;
  for (std::size_t form = 0; form < kAlgorithms.size(); ++form) {
    const std::string_view header = jose::encoded_header(kAlgorithms[form]);
    if (!token.starts_with(header)) continue;
    const std::size_t octets = jose::signature_octets(kAlgorithms[form]);
    const std::size_t size = base64url_size(octets);
    if (token.size() < size) return std::nullopt;
    auto signature = base64url_decode(token.substr(token.size() - size));
    if (!signature || signature->size() != octets) return std::nullopt;
    const jose::Claims claims{record.iss, record.iat, record.exp, record.phone, record.xid};
    if (jose::compact(kAlgorithms[form], claims, *signature) != token) return std::nullopt;
    return Signed{static_cast<char>(form), *std::move(signature)};
  }
  return std::nullopt;
}

Error damaged(const char* what) { return Error(kStoreDamaged, what); }

void put_text(std::string_view text, std::string& out) {
  put_varint(text.size(), out);
  out.append(text);
}

std::optional<std::string_view> get_text(std::string_view& in) {
  const auto size = get_varint(in);
  if (!size || *size > in.size()) return std::nullopt;
  const std::string_view text = in.substr(0, *size);
  in.remove_prefix(*size);
  return text;
}

void put_event(UnixMillis created_at, const Event& event, std::string& out) {
  out.push_back(static_cast<char>(event.type));
  put_varint(zigzag(created_at, event.at), out);
  put_text(event.key, out);
  put_text(event.body, out);
}

std::optional<Event> get_event(UnixMillis created_at, std::string_view& in) {
  if (in.empty()) return std::nullopt;
  const auto type = static_cast<Event::Type>(in.front());
  in.remove_prefix(1);
  const auto at = get_varint(in);
  const auto key = at ? get_text(in) : std::nullopt;
  const auto body = key ? get_text(in) : std::nullopt;
  if (!body) return std::nullopt;
  return Event{type, unzigzag(created_at, *at), std::string(*key), std::string(*body)};
}

}  // namespace

void put_varint(std::uint64_t number, std::string& out) {
  for (; number >= 0x80; number >>= 7) out.push_back(static_cast<char>(number | 0x80));
  out.push_back(static_cast<char>(number));
}

std::optional<std::uint64_t> get_varint(std::string_view& in) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < in.size() && i < 10; ++i) {
    const auto octet = static_cast<unsigned char>(in[i]);
    if (i == 9 && octet > 1) return std::nullopt;
    number |= static_cast<std::uint64_t>(octet & 0x7f) << (7 * i);
    if (octet & 0x80) continue;
    in.remove_prefix(i + 1);
    return number;
  }
  return std::nullopt;
}

void append_xid_key(const Xid& xid, std::string& out) {
  char octets[1 + kUuidOctets] = {kUuidKey};
  if (pack_uuid(xid.view(), octets + 1)) {
    out.append(octets, sizeof octets);
  } else {
    out.push_back(kTextKey);
    out.append(xid.view());
  }
}

std::optional<Xid> read_xid_key(std::string_view key) {
  if (key.empty()) return std::nullopt;
  const std::string_view rest = key.substr(1);
  std::array<char, kUuidText> text;
  std::string_view view = rest;
  if (key[0] == kUuidKey && rest.size() == kUuidOctets) {
    text = unpack_uuid(rest);
    view = {text.data(), text.size()};
  } else if (key[0] != kTextKey) {
    return std::nullopt;
  }
  auto xid = Xid::parse(view);
  return xid ? std::optional<Xid>(*xid) : std::nullopt;
}

bool is_ordered(std::string_view xid_key) { return xid_key[0] == kUuidKey && (static_cast<unsigned char>(xid_key[7]) >> 4) == 7; }

void append_phone_prefix(const Phone& phone, UnixMillis created_at, std::string& out) {
  append_word(phone.packed(), out);
  append_word(inverted(created_at), out);
}

void append_earlier_prefix(std::string_view xid_key, std::string& out) {
  out.append(xid_key);
  out.push_back('\0');
}

void append_earlier_key(std::string_view xid_key, std::uint64_t number, std::string& out) {
  append_earlier_prefix(xid_key, out);
  append_word(~number, out);
}

std::optional<PhoneKey> read_phone_key(std::string_view key) {
  if (key.size() <= kPhoneKeyPrefix + 8) return std::nullopt;
  return PhoneKey{uninverted(read_word(key.substr(kPhoneKeyPrefix))), key.substr(kPhoneKeyPrefix + 8)};
}

std::optional<std::uint64_t> read_earlier_number(std::string_view key) {
  if (key.size() < 8) return std::nullopt;
  return ~read_word(key.substr(key.size() - 8));
}

void append_value(const Record& record, UnixMillis created_at, std::uint64_t number, std::uint32_t name, std::span<const Event> events, std::string& out) {
  const auto parts = take_apart(record);
  out.push_back(events.empty() ? kVersion : kEventsVersion);
  out.push_back(parts ? parts->form : kTextForm);
  append_word(static_cast<std::uint64_t>(created_at), out);
  put_varint(number, out);
  put_varint(name, out);
  put_varint(record.phone.packed(), out);
  put_varint(zigzag(created_at, record.recorded_at), out);
  put_varint(zigzag(record.recorded_at / 1000, record.iat), out);
  put_varint(zigzag(record.iat, record.exp), out);
  const std::string_view rest = parts ? std::string_view(parts->signature) : std::string_view(record.token);
  if (events.empty()) {
    out.append(rest);
    return;
  }
  put_text(rest, out);
  put_varint(events.size(), out);
  for (const Event& event : events) put_event(created_at, event, out);
}

std::optional<UnixMillis> read_created_at(std::string_view value) {
  if (value.size() < kFixedOctets || (value[0] != kVersion && value[0] != kEventsVersion)) return std::nullopt;
  return static_cast<UnixMillis>(read_word(value.substr(2)));
}

namespace {

// A value's parts, as views into it.
struct ValueParts {
  UnixMillis created_at = 0;
  std::array<std::uint64_t, kNumbers> numbers{};
  std::string_view fields;     // between the version and the rest; its first octet is the form
  std::string_view signature;  // or the token
  std::uint64_t event_count = 0;
  std::string_view events;
};

Result<ValueParts> parts_of(std::string_view value) {
  const auto created_at = read_created_at(value);
  if (!created_at) return damaged("a record is too short or of an unknown version");
  ValueParts parts{.created_at = *created_at};
  std::string_view rest = value.substr(kFixedOctets);
  for (auto& number : parts.numbers) {
    const auto read = get_varint(rest);
    if (!read) return damaged("a record ends within a number");
    number = *read;
  }
  parts.fields = value.substr(1, value.size() - rest.size() - 1);
  parts.signature = rest;
  if (value[0] != kEventsVersion) return parts;
  const auto signature = get_text(rest);
  const auto count = signature ? get_varint(rest) : std::nullopt;
  if (!count) return damaged("a record ends within its token");
  parts.signature = *signature;
  parts.event_count = *count;
  parts.events = rest;
  return parts;
}

}  // namespace

Result<Value> read_value(const Xid& xid, std::string_view value, const Names& names) {
  const auto parts = parts_of(value);
  if (!parts) return parts.error();
  const auto& numbers = parts->numbers;
  const char form = parts->fields[0];
  const auto phone = Phone::unpack(numbers[2]);
  if (!phone) return damaged("a record has an impossible phone number");
  auto name = names.find(numbers[1]);
  if (!name) return damaged("a record has an unknown issuer");
  const UnixMillis recorded_at = unzigzag(parts->created_at, numbers[3]);
  const UnixSeconds iat = unzigzag(recorded_at / 1000, numbers[4]);
  const UnixSeconds exp = unzigzag(iat, numbers[5]);
  Record record{xid, *phone, {}, std::move(name->iss), std::move(name->kid), iat, exp, recorded_at};
  std::vector<Event> events;
  std::string_view rest = parts->events;
  if (parts->event_count > 0) events.reserve(std::min<std::uint64_t>(parts->event_count, rest.size() / kLeastEventOctets) + 1);  // often one is added
  for (std::uint64_t i = 0; i < parts->event_count; ++i) {
    auto event = get_event(parts->created_at, rest);
    if (!event) return damaged("a record ends within an event");
    events.push_back(*std::move(event));
  }
  if (!rest.empty()) return damaged("something stands behind a record's events");
  const std::string_view signature = parts->signature;
  if (form == kTextForm) {
    record.token = signature;
  } else {
    if (form < 0 || form > kTextForm) return damaged("a record has an unknown form");
    const auto algorithm = kAlgorithms[static_cast<std::size_t>(form)];
    if (signature.size() != jose::signature_octets(algorithm) || record.iss.size() > kMaxIssuerBytes) return damaged("a signature has a wrong size");
    record.token = jose::compact(algorithm, {record.iss, iat, exp, *phone, xid}, signature);
  }
  return Value{parts->created_at, numbers[0], std::move(record), std::move(events)};
}

Status append_value_with(const Event& event, std::string_view value, std::string& out) {
  const auto parts = parts_of(value);
  if (!parts) return parts.error();
  out.reserve(out.size() + value.size() + event.key.size() + event.body.size() + kMostNewNumbers);
  out.push_back(kEventsVersion);
  out.append(parts->fields);
  put_text(parts->signature, out);
  put_varint(parts->event_count + 1, out);
  out.append(parts->events);
  put_event(parts->created_at, event, out);
  return {};
}

std::string note_key(std::string_view kind, std::string_view key) {
  std::string out(1, kNoteKey);
  out.append(kind).push_back('/');
  return out.append(key);
}

std::string note_expiry_key(UnixMillis expires_at, std::string_view kind, std::string_view key) {
  std::string out(1, kNoteExpiryKey);
  append_word(static_cast<std::uint64_t>(expires_at), out);
  return out.append(note_key(kind, key).substr(1));
}

std::string note_value(const Note& note) {
  std::string out;
  append_word(static_cast<std::uint64_t>(note.expires_at), out);
  return out.append(note.value);
}

std::optional<Note> read_note(std::string_view key, std::string_view value) {
  const std::size_t slash = key.find('/');
  if (key.empty() || key[0] != kNoteKey || slash == std::string_view::npos || value.size() < kWordOctets) return std::nullopt;
  return Note{std::string(key.substr(1, slash - 1)), std::string(key.substr(slash + 1)), std::string(value.substr(kWordOctets)),
              static_cast<UnixMillis>(read_word(value))};
}

std::optional<NoteExpiry> read_note_expiry_key(std::string_view key) {
  if (key.size() <= 1 + kWordOctets || key[0] != kNoteExpiryKey) return std::nullopt;
  return NoteExpiry{static_cast<UnixMillis>(read_word(key.substr(1))), std::string(1, kNoteKey).append(key.substr(1 + kWordOctets))};
}

}  // namespace jwtd::store
