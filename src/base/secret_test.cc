// base/secret_test.cc - moving, comparing, reading and making secrets.
#include "base/secret.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/limits.h"

namespace jwtd {
namespace {

class SecretFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "jwtd_secret_XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string file(std::string_view content) {
    const std::string path = folder_ + "/key";
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }

  std::string folder_;
};

TEST(Secret, AMovedFromStringKeepsNoOctets) {
  std::string octets = "short";  // lives within the string object, where moving copies
  const char* place = octets.data();
  const Secret secret(std::move(octets));
  EXPECT_EQ(std::string(place, 5), std::string(5, '\0'));
  EXPECT_EQ(secret.expose(), "short");
}

TEST(Secret, AMovedFromSecretKeepsNoOctets) {
  Secret from(std::string("short"));
  const char* place = from.expose().data();
  const Secret to(std::move(from));
  EXPECT_EQ(std::string(place, 5), std::string(5, '\0'));
  EXPECT_EQ(to.expose(), "short");
}

TEST(Secret, AssigningReplacesTheOldOne) {
  Secret secret(std::string("the old octets, longer than a small string"));
  secret = Secret(std::string("new"));
  EXPECT_EQ(secret.expose(), "new");
}

TEST(Secret, ACloneIsItsOwn) {
  Secret first(std::string("octets"));
  const Secret second = first.clone();
  first = Secret();
  EXPECT_EQ(second.expose(), "octets");
  EXPECT_EQ(first.size(), 0u);
}

TEST(EqualInConstantTime, ComparesAllOctets) {
  EXPECT_TRUE(equal_in_constant_time("", ""));
  EXPECT_TRUE(equal_in_constant_time("same", "same"));
  EXPECT_FALSE(equal_in_constant_time("Same", "same"));
  EXPECT_FALSE(equal_in_constant_time("samE", "same"));
  EXPECT_FALSE(equal_in_constant_time("same", "same!"));
  EXPECT_FALSE(equal_in_constant_time("", "x"));
}

TEST_F(SecretFile, LosesTrailingWhiteSpaceOnly) {
  EXPECT_EQ(read_secret_file(file(" a b \t\r\n\n")).value().expose(), " a b");
}

TEST_F(SecretFile, MayHoldAnyOctets) {
  const std::string octets("\0\xFF\n\x01", 4);
  EXPECT_EQ(read_secret_file(file(octets)).value().expose(), octets);
}

TEST_F(SecretFile, MayBeEmpty) { EXPECT_EQ(read_secret_file(file("\n")).value().size(), 0u); }

TEST_F(SecretFile, HasABound) {
  EXPECT_EQ(read_secret_file(file(std::string(kMaxSecretFileBytes, 'k'))).value().size(), kMaxSecretFileBytes);
  const auto result = read_secret_file(file(std::string(kMaxSecretFileBytes + 1, 'k')));
  ASSERT_FALSE(result);
  EXPECT_TRUE(result.error().is(kSecretUnreadable));
}

TEST_F(SecretFile, TheErrorNamesPathAndCause) {
  const std::string path = folder_ + "/absent";
  const auto result = read_secret_file(path);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().detail(), path + ": No such file or directory");
}

TEST_F(SecretFile, AFolderIsNoFile) {
  const auto result = read_secret_file(folder_);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().detail(), folder_ + ": Is a directory");
}

TEST(RandomOctets, ComeInTheCountAskedFor) {
  EXPECT_EQ(random_octets(0).size(), 0u);
  EXPECT_EQ(random_octets(32).size(), 32u);
  EXPECT_EQ(random_octets(100'000).size(), 100'000u);
}

TEST(RandomOctets, DifferEachTime) { EXPECT_NE(random_octets(32), random_octets(32)); }

}  // namespace
}  // namespace jwtd
