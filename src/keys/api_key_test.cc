// keys/api_key_test.cc - which files and texts become a key, and what is said about the others.
#include "keys/api_key.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "base/base64.h"
#include "base/secret.h"
#include "jose/golden_for_tests.h"

namespace jwtd::keys {
namespace {

using jose::Algorithm;
namespace golden = jose::golden;

std::string detail_of(std::string_view text) {
  const auto key = parse_api_key(text, Algorithm::kHs256);
  if (key) return "accepted";
  EXPECT_TRUE(key.error().is(kApiKeyMalformed)) << key.error().message();
  return key.error().detail();
}

TEST(ApiKey, TheKeyIsTheDecodedTextAndNotTheText) {
  const auto key = parse_api_key(golden::key_text(), Algorithm::kHs256);
  ASSERT_TRUE(key) << key.error().message();
  jose::HmacSigner signer = key->signer();
  EXPECT_EQ(jose::issue(signer, golden::claims()), golden::token());
}

TEST(ApiKey, WhiteSpaceAroundTheKeyIsIgnored) { EXPECT_EQ(detail_of(" \t" + golden::key_text() + "\r\n"), "accepted"); }

TEST(ApiKey, TheDocumentationKeyAsPrintedIsRefusedForItsHyphens) {
  EXPECT_EQ(detail_of(golden::kPrintedKey), "character 8 is '-' or '_', which belong to base64url; TeleSign's keys have '+' and '/'");
}

TEST(ApiKey, WhatIsNotBase64IsNamedByPlaceAndKind) {
  const std::string good = generate_api_key();
  const auto with = [&](char c) {
    std::string text = good;
    text[4] = c;
    return detail_of(text);
  };
  EXPECT_EQ(with('_'), "character 5 is '-' or '_', which belong to base64url; TeleSign's keys have '+' and '/'");
  EXPECT_EQ(with('"'), "character 5 is a quotation mark; the file holds the bare key");
  EXPECT_EQ(with('\n'), "character 5 is white space inside the key; the file holds one key and nothing else");
  EXPECT_EQ(with('\0'), "character 5 is a control character");
  EXPECT_EQ(with('\xe9'), "character 5 is not ASCII");
  EXPECT_EQ(with('='), "character 5 is '=', which may only stand at the end");
  EXPECT_EQ(with('*'), "character 5 is a character that base64 does not have");
  EXPECT_EQ(detail_of("\xef\xbb\xbf" + good), "it begins with a UTF-8 byte order mark");
  EXPECT_EQ(detail_of(good.substr(0, 86)), "it has 86 characters, and base64 with its padding has a multiple of 4: is it cut off?");
  EXPECT_EQ(detail_of(""), "there is nothing in it");
  EXPECT_EQ(detail_of(" \n"), "there is nothing in it");
}

TEST(ApiKey, UnusedBitsThatAreSetAreRefused) {
  std::string text = golden::key_text();
  ASSERT_TRUE(text.ends_with("xfw=="));
  text[text.size() - 3] = 'x';
  EXPECT_EQ(detail_of(text), "its last characters do not end an octet: is it cut off or mistyped?");
}

TEST(ApiKey, AKeyThatIsTooShortIsRefusedWithTheNumberFound) {
  const auto key = parse_api_key(base64_encode(std::string(31, 'k')), Algorithm::kHs256);
  ASSERT_FALSE(key);
  EXPECT_TRUE(key.error().is(jose::kKeyTooShort));
  EXPECT_EQ(key.error().detail(), "it has 31 octets");
  EXPECT_TRUE(parse_api_key(base64_encode(std::string(32, 'k')), Algorithm::kHs256));
}

TEST(ApiKey, PublishedSamplesAreRecognised) {
  EXPECT_TRUE(is_published_sample(golden::key()));
  EXPECT_TRUE(is_published_sample(golden::key(Algorithm::kHs512)));
  const auto of_sample_code =
      parse_api_key("ABC12345yusumoN6BYsBVkh+yRJ5czgsnCehZaOYldPJdmFh6NeX8kunZ2zU1YWaUw/0wV6xfw==", Algorithm::kHs256);
  EXPECT_TRUE(is_published_sample(*of_sample_code));
  EXPECT_FALSE(is_published_sample(*parse_api_key(generate_api_key(), Algorithm::kHs256)));
}

TEST(ApiKey, AGeneratedKeyIs64OctetsAndNeverTheSame) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const std::string text = generate_api_key();
    const auto octets = base64_decode(text);
    ASSERT_TRUE(octets);
    EXPECT_EQ(octets->size(), 64u);
    EXPECT_TRUE(seen.insert(text).second);
  }
}

class ApiKeyFile : public testing::Test {
 protected:
  ApiKeyFile() {
    std::string folder = (std::filesystem::temp_directory_path() / "jwtd-keys-XXXXXX").string();
    folder_ = ::mkdtemp(folder.data());
    path_ = folder_ / "api_key";
  }
  ~ApiKeyFile() override { std::filesystem::remove_all(folder_); }

  void write(std::string_view text, mode_t mode = 0600) {
    std::ofstream(path_, std::ios::binary) << text;
    ::chmod(path_.c_str(), mode);
  }

  std::filesystem::path folder_;
  std::filesystem::path path_;
};

TEST_F(ApiKeyFile, AFileIsReadWithItsTrailingNewline) {
  write(golden::key_text() + "\n");
  const auto key = load_api_key(path_, Algorithm::kHs384);
  ASSERT_TRUE(key) << key.error().message();
  EXPECT_EQ(key->kid(), golden::key().kid());
  EXPECT_EQ(key->algorithm(), Algorithm::kHs384);
}

TEST_F(ApiKeyFile, AMissingFileIsNamed) {
  const auto key = load_api_key(path_, Algorithm::kHs256);
  ASSERT_FALSE(key);
  EXPECT_TRUE(key.error().is(kSecretUnreadable));
  EXPECT_THAT(key.error().detail(), testing::HasSubstr(path_.string()));
}

TEST_F(ApiKeyFile, AFileThatMayNotBeReadIsNamed) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may read every file";
  write(golden::key_text(), 0000);
  const auto key = load_api_key(path_, Algorithm::kHs256);
  ASSERT_FALSE(key);
  EXPECT_TRUE(key.error().is(kSecretUnreadable));
  EXPECT_THAT(key.error().detail(), testing::HasSubstr(path_.string()));
}

TEST_F(ApiKeyFile, WhatIsWrongInAFileIsSaidWithItsName) {
  write(base64_encode("sixteen octets!!"));
  const auto key = load_api_key(path_, Algorithm::kHs256);
  ASSERT_FALSE(key);
  EXPECT_TRUE(key.error().is(jose::kKeyTooShort));
  EXPECT_EQ(key.error().detail(), path_.string() + ": it has 16 octets");
}

TEST_F(ApiKeyFile, NoErrorQuotesTheKey) {
  write(golden::kPrintedKey);
  const auto key = load_api_key(path_, Algorithm::kHs256);
  ASSERT_FALSE(key);
  EXPECT_THAT(key.error().message(), testing::Not(testing::HasSubstr("TE8sTgg45")));
}

TEST_F(ApiKeyFile, ItIsNoticedWhenEveryoneMayReadIt) {
  EXPECT_FALSE(readable_by_everyone(path_));
  write("x", 0600);
  EXPECT_FALSE(readable_by_everyone(path_));
  write("x", 0640);
  EXPECT_FALSE(readable_by_everyone(path_));
  write("x", 0644);
  EXPECT_TRUE(readable_by_everyone(path_));
}

TEST(KnownSecrets, EverySecretOfTheListThatWouldLoadIsRecognised) {
  const char* const folder = std::getenv("JWTD_VECTORS");
  std::ifstream list(std::filesystem::path(folder ? folder : "../shared/vectors") / "jwt-secrets/jwt.secrets.list");
  if (!list) GTEST_SKIP() << "the collected secrets are not at hand: set JWTD_VECTORS";
  std::size_t loadable = 0;
  for (std::string line; std::getline(list, line);) {
    const auto key = parse_api_key(line, Algorithm::kHs256);
    if (!key) continue;
    ++loadable;
    EXPECT_TRUE(is_known_secret(*key)) << "line with " << line.size() << " characters";
  }
  EXPECT_GE(loadable, 400u);
}

TEST(KnownSecrets, AFreshKeyIsNotAmongThem) {
  const auto key = parse_api_key(generate_api_key(), Algorithm::kHs256);
  ASSERT_TRUE(key);
  EXPECT_FALSE(is_known_secret(*key));
}

}  // namespace
}  // namespace jwtd::keys
