// access/callers_test.cc - who is let in, and what the file may be.
#include "access/callers.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include "base/base64.h"
#include "base/limits.h"

namespace jwtd::access {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::uint8_t kMint = static_cast<std::uint8_t>(Scope::kMint);
constexpr std::uint8_t kRead = static_cast<std::uint8_t>(Scope::kRead);
constexpr std::uint8_t kPii = static_cast<std::uint8_t>(Scope::kReadPii);
constexpr const char* kCreated = "2026-11-23T22:00:00Z";
// SHA-256 of "jwtd_" and 43 times "A".
constexpr const char* kHashOfA = "571e10859d023916a4503bfa49e2b309c7260be6875878986fe2e66dcc58dacf";

class CallersFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "callers.XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    path_ = folder_ + "/callers.toml";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& text) const { std::ofstream(path_) << text; }
  std::string read() const {
    std::ostringstream text;
    text << std::ifstream(path_).rdbuf();
    return text.str();
  }
  mode_t mode() const {
    struct stat status {};
    EXPECT_EQ(::stat(path_.c_str(), &status), 0);
    return status.st_mode & 07777;
  }
  // The detail of the refusal, without the path.
  std::string refusal(const std::string& text) const {
    write(text);
    const Result<Callers> callers = Callers::load(path_);
    if (callers) return "accepted";
    EXPECT_TRUE(callers.error().is(kCallersFileInvalid));
    EXPECT_EQ(callers.error().detail().find(path_), 0u);
    return callers.error().detail().substr(path_.size());
  }

  std::string folder_;
  std::string path_;
};

std::string entry(const std::string& name, char digit = 'a', const std::string& more = "") {
  return "[[caller]]\nname = \"" + name + "\"\nkey_sha256 = \"" + std::string(64, digit) + "\"\nscope = [\"read\"]\ncreated = \"" +
         kCreated + "\"\n" + more;
}

std::string added(Callers& callers, const std::string& name, std::uint8_t scopes) {
  const Result<std::string> key = callers.add(name, scopes, kCreated);
  EXPECT_TRUE(key) << key.error().message();
  return key ? *key : "";
}

const Code* refused(const Callers& callers, const std::string& authorization, Scope scope = Scope::kRead) {
  const Result<const Caller*> caller = callers.authenticate(authorization, scope);
  return caller ? nullptr : &caller.error().code();
}

TEST(Scopes, AreReadFromACommaSeparatedText) {
  EXPECT_EQ(*parse_scopes("mint"), kMint);
  EXPECT_EQ(*parse_scopes("read,read:pii,mint"), kMint | kRead | kPii);
  EXPECT_EQ(*parse_scopes("read,read"), kRead);
}

TEST(Scopes, AnythingElseIsRefused) {
  for (const char* text : {"", ",", "read,", ",read", "read mint", "read, mint", "READ", "read:", "write", "read:pi"}) {
    const auto scopes = parse_scopes(text);
    ASSERT_FALSE(scopes) << text;
    EXPECT_TRUE(scopes.error().is(kScopeUnknown));
  }
}

TEST(Scopes, NamesAreSorted) {
  EXPECT_THAT((Caller{"x", static_cast<std::uint8_t>(kMint | kRead | kPii), "", ""}.scope_names()),
              ElementsAre("mint", "read", "read:pii"));
}

TEST(Keys, HaveThePrefixAnd43CharactersOfBase64url) {
  Callers callers;
  const std::string key = added(callers, "billing", kRead);
  ASSERT_EQ(key.size(), 48u);
  EXPECT_EQ(key.substr(0, 5), "jwtd_");
  EXPECT_EQ(key.substr(5).find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), std::string::npos);
}

TEST(Keys, AreNeverTheSame) {
  Callers callers;
  std::set<std::string> keys;
  for (int i = 0; i < 100; ++i) keys.insert(added(callers, "caller" + std::to_string(i), kRead));
  EXPECT_EQ(keys.size(), 100u);
}

TEST(Authenticate, TheKeyOpensWhatItsScopesSay) {
  Callers callers;
  (void)added(callers, "other", kMint | kRead | kPii);
  const std::string key = added(callers, "billing", kRead);
  const Result<const Caller*> caller = callers.authenticate("Bearer " + key, Scope::kRead);
  ASSERT_TRUE(caller);
  EXPECT_EQ((*caller)->name, "billing");
  EXPECT_EQ(refused(callers, "Bearer " + key, Scope::kMint), &kScopeMissing);
  EXPECT_EQ(refused(callers, "Bearer " + key, Scope::kReadPii), &kScopeMissing);
}

TEST(Authenticate, TheSchemeIsMatchedWithoutRegardToCase) {
  Callers callers;
  const std::string key = added(callers, "billing", kRead);
  for (const char* scheme : {"Bearer ", "bearer ", "BEARER ", "bEaReR  "}) EXPECT_EQ(refused(callers, scheme + key), nullptr) << scheme;
}

TEST(Authenticate, WithoutABearerKeyItIsMissing) {
  Callers callers;
  const std::string key = added(callers, "billing", kRead);
  for (const std::string& field : {std::string(), key, "Basic " + key, std::string("Bearer"), std::string("Bearer "), "Bearer" + key,
                                   "Bearer\t" + key, "Bearers " + key, " Bearer " + key}) {
    EXPECT_EQ(refused(callers, field), &kCallerKeyMissing) << field;
  }
}

TEST(Authenticate, BasicIsTheCallersNameAndKey) {
  Callers callers;
  const std::string key = added(callers, "billing", kRead), other = added(callers, "other", kRead);
  const auto basic = [](const std::string& text) { return "Basic " + base64_encode(text); };
  EXPECT_EQ(refused(callers, basic("billing:" + key)), nullptr);
  EXPECT_EQ(refused(callers, "bAsIc  " + base64_encode("billing:" + key)), nullptr);
  EXPECT_EQ(refused(callers, basic("billing:" + key), Scope::kMint), &kScopeMissing);
  for (const std::string& pair : {std::string("billing:") + other, "other:" + key, ":" + key, "Billing:" + key, "billing:" + key + " ", std::string("billing:"), "billing: " + key,
                                  "billing:x:" + key}) {
    EXPECT_EQ(refused(callers, basic(pair)), &kCallerKeyUnknown) << pair;
  }
  for (const std::string& field : {basic(key), basic(""), std::string("Basic "), std::string("Basic"), basic("billing:" + key) + "="}) {
    EXPECT_EQ(refused(callers, field), &kCallerKeyMissing) << field;
  }
}

// RFC 6749 s2.3.1. Clients escape more than they must: oauth4webapi '_', '-' and '.', which every key has.
TEST(Authenticate, BasicMayBeFormUrlencoded) {
  Callers callers;
  const std::string key = added(callers, "web.shop-1_a", kRead);
  const auto escaped = [](std::string_view text, std::string_view these) {
    std::string out;
    for (const char c : text) {
      if (these.find(c) == std::string_view::npos) out += c;
      else out += c == '_' ? "%5F" : c == '-' ? "%2d" : c == '.' ? "%2E" : c == 'j' ? "%6A" : "%64";
    }
    return out;
  };
  const auto basic = [](const std::string& text) { return "Basic " + base64_encode(text); };
  for (const char* these : {"_", "-", "_-.", "_-.jd"}) EXPECT_EQ(refused(callers, basic(escaped("web.shop-1_a", these) + ":" + escaped(key, these))), nullptr) << these;
  for (const std::string& pair : {"web%2Eshop-1_a%3A:" + key, "web%252Eshop-1_a:" + key}) EXPECT_EQ(refused(callers, basic(pair)), &kCallerKeyUnknown) << pair;
  for (const std::string& pair : {"web.shop-1_a:" + key + "%", "web.shop-1_a:" + key + "%5", "web.shop-1_a%zz:" + key}) EXPECT_EQ(refused(callers, basic(pair)), &kCallerKeyMissing) << pair;
}

TEST(Authenticate, AnyOtherTextIsUnknown) {
  Callers callers;
  const std::string key = added(callers, "billing", kRead);
  std::string flipped = key;
  flipped.back() = flipped.back() == 'A' ? 'E' : 'A';
  std::string wrong_prefix = key;
  wrong_prefix[0] = 'J';
  for (const std::string& text : {flipped, wrong_prefix, key + "A", key.substr(0, 47), key + " ", "x " + key, std::string(100'000, 'A'),
                                  callers.all()[0].key_sha256, std::string(48, '\0')}) {
    EXPECT_EQ(refused(callers, "Bearer " + text), &kCallerKeyUnknown);
  }
}

TEST(Keys, DoNotShowInTheirHash) {
  Callers callers;
  const std::string key = added(callers, "billing", kRead);
  EXPECT_EQ(callers.all()[0].key_sha256.size(), 64u);
  EXPECT_EQ(callers.all()[0].key_sha256.find(key.substr(5, 8)), std::string::npos);
}

TEST(Authenticate, NobodyMeansNobody) { EXPECT_EQ(refused(Callers(), "Bearer jwtd_" + std::string(43, 'A')), &kCallerKeyUnknown); }

TEST(Add, ANameIsTakenOnce) {
  Callers callers;
  (void)added(callers, "billing", kRead);
  const auto again = callers.add("billing", kRead, kCreated);
  ASSERT_FALSE(again);
  EXPECT_TRUE(again.error().is(kCallerExists));
  EXPECT_EQ(callers.all().size(), 1u);
}

TEST(Add, NamesAreOutOfASmallAlphabet) {
  Callers callers;
  for (const std::string& name : {std::string(), std::string(65, 'a'), std::string("a b"), std::string("a\"b"), std::string("a\nb"),
                                  std::string("\xC3\xA4"), std::string("a\0b", 3)}) {
    const auto key = callers.add(name, kRead, kCreated);
    ASSERT_FALSE(key) << name;
    EXPECT_TRUE(key.error().is(kCallerNameMalformed));
  }
  EXPECT_TRUE(callers.add(std::string(64, 'a'), kRead, kCreated));
  EXPECT_TRUE(callers.add("A.b-c_9", kRead, kCreated));
}

TEST(Add, ACallerWithoutAScopeIsRefused) {
  Callers callers;
  const auto key = callers.add("billing", 0, kCreated);
  ASSERT_FALSE(key);
  EXPECT_TRUE(key.error().is(kScopeUnknown));
}

TEST(Remove, TakesAwayOneCallerAndItsKey) {
  Callers callers;
  const std::string first = added(callers, "first", kRead), second = added(callers, "second", kRead),
                    third = added(callers, "third", kRead);
  ASSERT_TRUE(callers.remove("second"));
  EXPECT_EQ(refused(callers, "Bearer " + second), &kCallerKeyUnknown);
  EXPECT_EQ((*callers.authenticate("Bearer " + first, Scope::kRead))->name, "first");
  EXPECT_EQ((*callers.authenticate("Bearer " + third, Scope::kRead))->name, "third");
  EXPECT_TRUE(callers.remove("second").error().is(kCallerUnknown));
  EXPECT_TRUE(callers.add("second", kRead, kCreated));
}

TEST_F(CallersFile, AMissingOneIsNobody) {
  const auto callers = Callers::load(path_);
  ASSERT_TRUE(callers);
  EXPECT_TRUE(callers->all().empty());
}

TEST_F(CallersFile, WhetherThereIsOneCanBeAsked) {
  const auto missing = Callers::load_if_there(path_);
  ASSERT_TRUE(missing);
  EXPECT_FALSE(missing->has_value());
  write("");
  const auto empty = Callers::load_if_there(path_);
  ASSERT_TRUE(empty && empty->has_value());
  EXPECT_TRUE((*empty)->all().empty());
  write("[");
  EXPECT_FALSE(Callers::load_if_there(path_));
}

TEST_F(CallersFile, AnEmptyOneIsNobody) {
  write("# nobody yet\n");
  const auto callers = Callers::load(path_);
  ASSERT_TRUE(callers);
  EXPECT_TRUE(callers->all().empty());
}

TEST_F(CallersFile, WhatWasSavedIsLoaded) {
  Callers callers;
  const std::string first = added(callers, "first", kRead | kMint), second = added(callers, "second", kPii);
  ASSERT_TRUE(callers.save(path_));
  const auto loaded = Callers::load(path_);
  ASSERT_TRUE(loaded) << loaded.error().message();
  ASSERT_EQ(loaded->all().size(), 2u);
  EXPECT_EQ(loaded->all()[0].name, "first");
  EXPECT_EQ(loaded->all()[0].created, kCreated);
  EXPECT_EQ((*loaded->authenticate("Bearer " + first, Scope::kMint))->name, "first");
  EXPECT_EQ((*loaded->authenticate("Bearer " + second, Scope::kReadPii))->name, "second");
}

TEST_F(CallersFile, HoldsNoKey) {
  Callers callers;
  const std::string key = added(callers, "first", kRead);
  ASSERT_TRUE(callers.save(path_));
  EXPECT_EQ(read().find(key.substr(5)), std::string::npos);
}

TEST_F(CallersFile, OneMadeElsewhereWorks) {
  write(std::string("[[caller]]\nname = 'a'\ncreated = '2026-11-23T22:00:00.5+01:00'\nscope = ['mint',\n  'read:pii']\nkey_sha256 = '") +
        kHashOfA + "'\n");
  const auto callers = Callers::load(path_);
  ASSERT_TRUE(callers) << callers.error().message();
  EXPECT_EQ(refused(*callers, "Bearer jwtd_" + std::string(43, 'A'), Scope::kReadPii), nullptr);
}

TEST_F(CallersFile, ANewOneIsForItsOwnerOnly) {
  const mode_t before = ::umask(0);
  const Status saved = Callers().save(path_);
  ::umask(before);
  ASSERT_TRUE(saved);
  EXPECT_EQ(mode(), 0600u);
}

TEST_F(CallersFile, AnOldOneKeepsItsGroupsRightsButNotThoseOfOthers) {
  write("");
  ASSERT_EQ(::chmod(path_.c_str(), 0644), 0);
  ASSERT_TRUE(Callers().save(path_));
  EXPECT_EQ(mode(), 0640u);
}

TEST_F(CallersFile, ASymbolicLinkStaysOne) {
  ASSERT_EQ(::mkdir((folder_ + "/real").c_str(), 0700), 0);
  { std::ofstream file(folder_ + "/real/c.toml"); }
  ASSERT_EQ(::symlink("real/c.toml", path_.c_str()), 0);
  Callers callers;
  (void)added(callers, "first", kRead);
  ASSERT_TRUE(callers.save(path_));
  EXPECT_TRUE(std::filesystem::is_symlink(path_));
  EXPECT_EQ(Callers::load(folder_ + "/real/c.toml")->all().size(), 1u);
}

TEST_F(CallersFile, SavingLeavesNothingElseBehind) {
  ASSERT_TRUE(Callers().save(path_));
  ASSERT_TRUE(Callers().save(path_));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
}

TEST_F(CallersFile, WhereItCannotBeWrittenNothingChanges) {
  const std::string nowhere = folder_ + "/missing/callers.toml";
  const Status status = Callers().save(nowhere);
  ASSERT_FALSE(status);
  EXPECT_TRUE(status.error().is(kCallersFileInvalid));
  EXPECT_THAT(status.error().detail(), HasSubstr(nowhere));
  ASSERT_EQ(::mkdir(path_.c_str(), 0700), 0);
  EXPECT_FALSE(Callers().save(path_));  // a folder of that name: rename refuses
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
}

TEST_F(CallersFile, ARefusalSaysPathLineAndReason) {
  EXPECT_EQ(refusal(entry("a") + "keys = 1\n"), ":6: unknown key \"keys\"; a caller has name, key_sha256, scope and created");
  EXPECT_THAT(refusal(entry("a") + "\n" + entry("a", 'b')), HasSubstr(":7: There is a caller of this name already: a"));
  EXPECT_THAT(refusal(entry("a") + entry("b")), HasSubstr(":6: The callers file cannot be used: two callers have the same key_sha256"));
  EXPECT_THAT(refusal("[[caller]]\nname = \"a\n"), HasSubstr(":2: "));
  EXPECT_THAT(refusal("[[callers]]\n"), HasSubstr(":1: unknown key \"callers\""));
}

TEST_F(CallersFile, OnlyItsOwnFormIsTaken) {
  const std::string hash(64, 'a');
  const auto caller = [&](const std::string& name, const std::string& key, const std::string& scope, const std::string& created) {
    return "[[caller]]\nname = " + name + "\nkey_sha256 = " + key + "\nscope = " + scope + "\ncreated = " + created + "\n";
  };
  const std::string h = '"' + hash + '"', c = '"' + std::string(kCreated) + '"';
  ASSERT_EQ(refusal(caller("\"a\"", h, "[\"read\"]", c)), "accepted");
  const std::string wrong[] = {caller("1", h, "[\"read\"]", c),
                               caller("\"\"", h, "[\"read\"]", c),
                               caller("\"a b\"", h, "[\"read\"]", c),
                               caller("\"a\"", "\"" + hash.substr(1) + "\"", "[\"read\"]", c),
                               caller("\"a\"", "\"" + std::string(64, 'A') + "\"", "[\"read\"]", c),
                               caller("\"a\"", "\"" + std::string(64, 'g') + "\"", "[\"read\"]", c),
                               caller("\"a\"", "1", "[\"read\"]", c),
                               caller("\"a\"", h, "\"read\"", c),
                               caller("\"a\"", h, "[]", c),
                               caller("\"a\"", h, "[1]", c),
                               caller("\"a\"", h, "[\"write\"]", c),
                               caller("\"a\"", h, "[\"read\", \"read\"]", c),
                               caller("\"a\"", h, "[\"read,mint\"]", c),
                               caller("\"a\"", h, "[[\"read\"]]", c),
                               caller("\"a\"", h, "[\"read\"]", "\"yesterday\""),
                               caller("\"a\"", h, "[\"read\"]", "2026-11-23T22:00:00Z"),
                               caller("\"a\"", h, "[\"read\"]", "\"\""),
                               "caller = []\ncaller = []\n",
                               "caller = 1\n",
                               "[caller]\nname = \"a\"\n",
                               "caller = [1]\n",
                               "[[caller]]\n",
                               "[[caller]]\nname = \"a\"\n",
                               "x = 1\n",
                               "\xff\xfe",
                               "{}"};
  for (const std::string& text : wrong) EXPECT_NE(refusal(text), "accepted") << text;
  for (const char* key : {"name", "key_sha256", "scope", "created"}) {
    std::string text = caller("\"a\"", h, "[\"read\"]", c);
    const std::size_t at = text.find(std::string("\n") + key) + 1;
    text.erase(at, text.find('\n', at) - at + 1);
    EXPECT_EQ(refusal(text), std::string(":1: this caller has no ") + key);
  }
}

TEST_F(CallersFile, ItsSizeAndNumberAreBounded) {
  EXPECT_THAT(refusal(std::string(kMaxCallersFileBytes + 1, '\n')), HasSubstr("is larger than"));
  EXPECT_EQ(refusal(std::string(kMaxCallersFileBytes, '\n')), "accepted");
}

TEST_F(CallersFile, TheMostCallersWithTheLongestNamesFitInTheLargestFile) {
  Callers callers;
  const auto name = [](std::size_t i) {
    const std::string number = std::to_string(i);
    return std::string(64 - number.size(), 'a') + number;
  };
  for (std::size_t i = 0; i < kMaxCallers; ++i) ASSERT_TRUE(callers.add(name(i), kMint | kRead | kPii, kCreated));
  EXPECT_TRUE(callers.add(name(kMaxCallers), kRead, kCreated).error().is(kCallersFileInvalid));
  ASSERT_TRUE(callers.save(path_));
  const auto loaded = Callers::load(path_);
  ASSERT_TRUE(loaded) << loaded.error().message();
  EXPECT_EQ(loaded->all().size(), kMaxCallers);
}

TEST_F(CallersFile, AFolderOrAFifoOfThisNameIsRefused) {
  EXPECT_THAT(Callers::load(folder_).error().detail(), HasSubstr("is not a regular file"));
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  EXPECT_THAT(Callers::load(path_).error().detail(), HasSubstr("is not a regular file"));
}

TEST_F(CallersFile, ChangesUnderTheLockLoseNobody) {
  constexpr int kThreads = 4, kEach = 10;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        const auto lock = CallersLock::acquire(path_);
        ASSERT_TRUE(lock) << lock.error().message();
        auto callers = Callers::load(path_);
        ASSERT_TRUE(callers);
        ASSERT_TRUE(callers->add("c" + std::to_string(t) + "-" + std::to_string(i), kRead, kCreated));
        ASSERT_TRUE(callers->save(path_));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Callers::load(path_)->all().size(), static_cast<std::size_t>(kThreads * kEach));
}

TEST_F(CallersFile, ALockWhereNoFileCanBeIsRefused) {
  const auto lock = CallersLock::acquire(folder_ + "/missing/callers.toml");
  ASSERT_FALSE(lock);
  EXPECT_TRUE(lock.error().is(kCallersFileInvalid));
}

}  // namespace
}  // namespace jwtd::access
