// store/rocksdb/codec_test.cc - tests of store/rocksdb/codec.h; the golden octets must not change without a new format version.
#include "store/rocksdb/codec.h"

#include <gtest/gtest.h>

#include <set>

#include "base/base64.h"
#include "base/limits.h"
#include "jose/claims.h"

namespace jwtd::store {
namespace {

const std::string kIss = "FFFFFFFF-EEEE-DDDD-1234-AB1234567890";
const Xid kUuid4 = *Xid::parse("11111111-2222-4333-8444-555555555555");
const Phone kPhone = *Phone::parse("15555551234");
// reference/telesign.md 1.5
const std::string kGoldenToken =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
    "eyJpc3MiOiJGRkZGRkZGRi1FRUVFLUREREQtMTIzNC1BQjEyMzQ1Njc4OTAiLCJpYXQiOjE1MDAwMDAwMDAsImV4cCI6MTUwMDAwMDA5MCwicGhuIjoiMTU1NTU1NTEyMzQiLCJ4aWQi"
    "OiIxMTExMTExMS0yMjIyLTQzMzMtODQ0NC01NTU1NTU1NTU1NTUifQ.Vti5_Ft4QCI1I7WqNhMNjYe_Z4UGcweceqHFd9KNd8k";

Record golden() { return {kUuid4, kPhone, kGoldenToken, kIss, "kid", 1'500'000'000, 1'500'000'090, 1'500'000'010'123}; }

std::string hex(std::string_view octets) {
  std::string text;
  for (const char octet : octets) {
    char pair[3];
    std::snprintf(pair, sizeof pair, "%02x", static_cast<unsigned char>(octet));
    text += pair;
  }
  return text;
}

std::string xid_key(std::string_view xid) {
  std::string key;
  append_xid_key(*Xid::parse(xid), key);
  return key;
}

std::string value_of(const Record& record, UnixMillis created_at = 1'500'000'010'000, std::uint64_t number = 2) {
  std::string value;
  append_value(record, created_at, number, 0, {}, value);
  return value;
}

struct OneName : Names {
  explicit OneName(std::string iss = kIss) { add({std::move(iss), "kid"}); }
};

void expect_round_trip(const Record& record) {
  const OneName known(record.iss);
  const auto back = read_value(record.xid, value_of(record), known);
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(back->created_at, 1'500'000'010'000);
  EXPECT_EQ(back->number, 2u);
  EXPECT_EQ(back->record.token, record.token);
  EXPECT_EQ(back->record.iss, record.iss);
  EXPECT_EQ(back->record.kid, "kid");
  EXPECT_EQ(back->record.phone, record.phone);
  EXPECT_EQ(back->record.xid, record.xid);
  EXPECT_EQ(back->record.iat, record.iat);
  EXPECT_EQ(back->record.exp, record.exp);
  EXPECT_EQ(back->record.recorded_at, record.recorded_at);
}

TEST(Codec, GoldenXidKeys) {
  EXPECT_EQ(hex(xid_key("11111111-2222-4333-8444-555555555555")), "0111111111222243338444555555555555");
  EXPECT_EQ(hex(xid_key("11111111-2222-4333-8444-55555555555A")), "02" + hex("11111111-2222-4333-8444-55555555555A"));
  EXPECT_EQ(hex(xid_key("a.b")), "02612e62");
}

TEST(Codec, GoldenPhoneKey) {
  std::string key;
  append_phone_prefix(kPhone, 1'500'000'010'123, key);
  key += xid_key("a");
  EXPECT_EQ(hex(key), "000000039f2ee002" "7ffffea2c1084074" "0261");
}

TEST(Codec, GoldenEarlierKey) {
  std::string key;
  append_earlier_key(xid_key("a"), 3, key);
  EXPECT_EQ(hex(key), "026100fffffffffffffffc");
}

TEST(Codec, GoldenValueOfATokenThatCanBeMadeAgain) {
  EXPECT_EQ(hex(value_of(golden())),
            "0100" "0000015d3ef7bf10" "02" "00" "82c0bbf939" "f601" "13" "b401"
            "56d8b9fc5b7840223523b5aa36130d8d87bf67850673079c7aa1c577d28d77c9");
}

TEST(Codec, GoldenValueOfAnyOtherToken) {
  Record record = golden();
  record.token = "other";
  EXPECT_EQ(hex(value_of(record)), "0103" "0000015d3ef7bf10" "02" "00" "82c0bbf939" "f601" "13" "b401" + hex("other"));
}

TEST(Codec, AnUnchangedTokenComesBack) { expect_round_trip(golden()); }

TEST(Codec, TokensOfAllAlgorithmsAreKeptWithoutTheirText) {
  for (const auto algorithm : {jose::Algorithm::kHs256, jose::Algorithm::kHs384, jose::Algorithm::kHs512}) {
    Record record = golden();
    record.token = jose::compact(algorithm, {kIss, record.iat, record.exp, kPhone, kUuid4}, std::string(jose::signature_octets(algorithm), '\xfb'));
    EXPECT_LT(value_of(record).size(), 30 + jose::signature_octets(algorithm));
    expect_round_trip(record);
  }
}

TEST(Codec, ATokenThatDiffersInAnyCharacterComesBackAsItWas) {
  for (std::size_t i = 0; i < kGoldenToken.size(); ++i) {
    Record record = golden();
    record.token[i] = record.token[i] == 'A' ? 'B' : 'A';
    expect_round_trip(record);
    record.token = kGoldenToken.substr(0, i);
    expect_round_trip(record);
  }
}

TEST(Codec, ATokenThatDoesNotSayWhatItsRecordSaysComesBackAsItWas) {
  for (int change = 0; change < 4; ++change) {
    Record record = golden();
    if (change == 0) ++record.iat;
    if (change == 1) ++record.exp;
    if (change == 2) record.phone = *Phone::parse("15555551235");
    if (change == 3) record.iss = "other";
    expect_round_trip(record);
  }
}

TEST(Codec, AnIssuerThatIsTooLongForATokenIsKept) {
  Record record = golden();
  record.iss = std::string(kMaxIssuerBytes + 1, 'i');
  expect_round_trip(record);
}

TEST(Codec, ExtremeTimesComeBack) {
  for (const std::int64_t time : {std::int64_t{0}, std::int64_t{-1}, INT64_MAX, INT64_MIN, std::int64_t{4'102'444'800}}) {
    Record record = golden();
    record.iat = time;
    expect_round_trip(record);
    record = golden();
    record.exp = time;
    record.recorded_at = time;
    expect_round_trip(record);
  }
}

TEST(Codec, AnyCutValueIsDamagedAndNeverAnotherToken) {
  const std::string value = value_of(golden());
  const OneName known;
  for (std::size_t size = 0; size < value.size(); ++size) {
    const auto back = read_value(kUuid4, value.substr(0, size), known);
    ASSERT_FALSE(back) << size;
    EXPECT_TRUE(back.error().is(kStoreDamaged));
  }
  EXPECT_FALSE(read_value(kUuid4, value + "x", known));
}

TEST(Codec, EventsComeBackAndAnyCutIsDamage) {
  const OneName known;
  const std::vector<Event> events{{Event::Type::kCallback, 1'500'000'020'000, "callback:1", R"({"code":2401})"},
                                  {Event::Type::kPolled, -5, "~", ""},
                                  {Event::Type::kRevoked, INT64_MAX, std::string(kMaxEventKeyBytes, 'k'), std::string(kMaxEventBytes, 'b')}};
  for (const bool plain : {false, true}) {
    Record record = golden();
    if (plain) record.token = "x.y.z";
    std::string value;
    append_value(record, 1'500'000'010'000, 2, 0, events, value);
    const auto back = read_value(record.xid, value, known);
    ASSERT_TRUE(back) << back.error().message();
    EXPECT_EQ(back->events, events);
    EXPECT_EQ(back->record.token, record.token);
    for (std::size_t size = 0; size < value.size(); ++size) ASSERT_FALSE(read_value(record.xid, std::string_view(value).substr(0, size), known)) << size;
    EXPECT_FALSE(read_value(record.xid, value + "x", known));
  }
}

TEST(Codec, AnEventMoreIsTheSameAsWritingThemAllAtOnce) {
  const std::string other = "not." + kGoldenToken;
  Record as_text = golden();
  as_text.token = other;
  const Event events[] = {{Event::Type::kCallback, 1'500'000'011'000, "callback:R:1:", std::string(300, 'x')},
                          {Event::Type::kVerified, 1'400'000'000'000, "verified:a", ""},
                          {static_cast<Event::Type>(200), 1'500'000'010'000, "of a newer jwtd", "{}"}};
  for (const Record& record : {golden(), as_text}) {
    for (const UnixMillis created_at : {UnixMillis{1'500'000'010'000}, UnixMillis{0}, UnixMillis{-5}}) {
      std::string grown = value_of(record, created_at, 300);
      for (std::size_t count = 1; count <= 300; ++count) {  // a number of events that takes two octets, too
        std::vector<Event> all;
        for (std::size_t i = 0; i < count; ++i) all.push_back(events[i % 3]);
        std::string longer, at_once = "before";
        ASSERT_TRUE(append_value_with(all.back(), grown, longer));
        append_value(record, created_at, 300, 0, all, at_once);
        ASSERT_EQ("before" + longer, at_once) << count;
        grown = std::move(longer);
      }
    }
  }
}

TEST(Codec, NotesComeBack) {
  const Note note{"reference", "B56259E45884010488343BAA15FB0002/1", "value\n", 1'500'000'010'000};
  EXPECT_EQ(read_note(note_key(note.kind, note.key), note_value(note)), note);
  const auto expiry = read_note_expiry_key(note_expiry_key(note.expires_at, note.kind, note.key));
  ASSERT_TRUE(expiry);
  EXPECT_EQ(expiry->expires_at, note.expires_at);
  EXPECT_EQ(expiry->note_key, note_key(note.kind, note.key));
  EXPECT_FALSE(read_note("", ""));
  EXPECT_FALSE(read_note(note_key("a", "b"), "1234567"));
}

TEST(Codec, AnUnknownVersionFormOrIssuerIsDamage) {
  const OneName known;
  std::string value = value_of(golden());
  value[0] = 3;
  EXPECT_FALSE(read_value(kUuid4, value, known));
  value = value_of(golden());
  value[1] = 4;
  EXPECT_FALSE(read_value(kUuid4, value, known));
  EXPECT_FALSE(read_value(kUuid4, value_of(golden()), Names()));
}

TEST(Codec, KeysOfDifferentXidsDifferAndComeBack) {
  const char* xids[] = {"11111111-2222-4333-8444-555555555555", "11111111-2222-4333-8444-55555555555A", "11111111222243338444555555555555",
                        "11111111-2222-4333-8444_555555555555", "111111111-222-4333-8444-555555555555", "1111111122224333", "0", "A", "a",
                        "ffffffff-ffff-ffff-ffff-ffffffffffff", "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF", "00000000-0000-0000-0000-000000000000"};
  std::set<std::string> keys;
  for (const char* xid : xids) {
    const std::string key = xid_key(xid);
    EXPECT_TRUE(keys.insert(key).second) << xid;
    ASSERT_TRUE(read_xid_key(key)) << xid;
    EXPECT_EQ(read_xid_key(key)->view(), xid);
  }
}

TEST(Codec, OnlyVersion7UuidsAreOrdered) {
  EXPECT_TRUE(is_ordered(xid_key("018bcfe5-6800-7abc-8def-0123456789ab")));
  EXPECT_FALSE(is_ordered(xid_key("018bcfe5-6800-4abc-8def-0123456789ab")));
  EXPECT_FALSE(is_ordered(xid_key("018BCFE5-6800-7ABC-8DEF-0123456789AB")));
  EXPECT_FALSE(is_ordered(xid_key("7")));
}

TEST(Codec, KeysOfUuidsSortAsTheirTexts) {
  EXPECT_LT(xid_key("018bcfe5-6800-7abc-8def-0123456789ab"), xid_key("018bcfe5-6800-7abc-8def-0123456789ac"));
  EXPECT_LT(xid_key("018bcfe5-67ff-7fff-8def-0123456789ab"), xid_key("018bcfe5-6800-7000-8def-0123456789ac"));
}

TEST(Codec, AnIndexKeySortsNewestFirstAlsoBefore1970) {
  std::string last;
  for (const UnixMillis at : {INT64_MAX, std::int64_t{1'500'000'000'000}, std::int64_t{1}, std::int64_t{0}, std::int64_t{-1}, INT64_MIN}) {
    std::string key;
    append_phone_prefix(kPhone, at, key);
    EXPECT_LT(last, key) << at;
    key += "x";
    EXPECT_EQ(read_phone_key(key)->created_at, at);
    key.pop_back();
    last = key;
  }
}

TEST(Codec, VarintsComeBackAndAreBounded) {
  for (const std::uint64_t number : {std::uint64_t{0}, std::uint64_t{127}, std::uint64_t{128}, UINT64_MAX, UINT64_MAX >> 1}) {
    std::string text;
    put_varint(number, text);
    std::string_view in = text;
    EXPECT_EQ(get_varint(in), number);
    EXPECT_TRUE(in.empty());
  }
  std::string_view endless = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
  EXPECT_FALSE(get_varint(endless));
}

}  // namespace
}  // namespace jwtd::store
