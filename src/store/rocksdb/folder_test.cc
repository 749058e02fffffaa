// store/rocksdb/folder_test.cc - tests of store/rocksdb/folder.h.
#include "store/rocksdb/folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "store/rocksdb/temporary_folder.h"
#include "store/store.h"

namespace jwtd::store {
namespace {

using testing::HasSubstr;

void write_file(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

void expect_refused(const std::string& url, const Code& code, const std::string& words) {
  const auto folder = Folder::claim(url);
  ASSERT_FALSE(folder) << url;
  EXPECT_TRUE(folder.error().is(code)) << folder.error().message();
  EXPECT_THAT(folder.error().message(), HasSubstr(words));
}

TEST(Folder, IsMadeForItsOwnerAloneWhenItIsMissing) {
  const TemporaryFolder above;
  ASSERT_TRUE(Folder::claim("rocksdb://" + above.path() + "/new/"));
  struct stat found;
  ASSERT_EQ(stat((above.path() + "/new").c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0700u);
}

TEST(Folder, IsNotMadeBelowAFolderThatIsMissing) {
  const TemporaryFolder above;
  expect_refused("rocksdb://" + above.path() + "/missing/new", kStoreOpenFailed, above.path() + "/missing");
  EXPECT_NE(access((above.path() + "/missing").c_str(), F_OK), 0);
}

TEST(Folder, MustBeAnAbsolutePathWithTheScheme) {
  expect_refused("rocksdb://relative", kStoreOpenFailed, "absolute");
  expect_refused("/var/lib/jwtd", kStoreOpenFailed, "rocksdb://");
}

TEST(Folder, ASecondOwnerIsRefusedUntilTheFirstIsGone) {
  const TemporaryFolder folder;
  const std::string url = "rocksdb://" + folder.path();
  {
    const auto first = Folder::claim(url);
    ASSERT_TRUE(first);
    expect_refused(url, kStoreLocked, folder.path());
  }
  EXPECT_TRUE(Folder::claim(url));
}

TEST(Folder, WithStrangeFilesIsRefusedAndLeftAlone) {
  const TemporaryFolder folder;
  write_file(folder.path() + "/letter.txt", "dear");
  expect_refused("rocksdb://" + folder.path(), kStoreOpenFailed, "not empty");
  EXPECT_NE(access((folder.path() + "/FORMAT").c_str(), F_OK), 0);
}

TEST(Folder, WithAnotherProgramsDatabaseIsRefused) {
  const TemporaryFolder folder;
  write_file(folder.path() + "/CURRENT", "MANIFEST-000001\n");
  expect_refused("rocksdb://" + folder.path(), kStoreOpenFailed, "did not make");
}

TEST(Folder, TheRootOfAFreshDiskIsTaken) {
  const TemporaryFolder folder;
  ASSERT_EQ(mkdir((folder.path() + "/lost+found").c_str(), 0700), 0);
  EXPECT_TRUE(Folder::claim("rocksdb://" + folder.path()));
}

TEST(Folder, OfANewerFormatIsRefusedWithBothVersions) {
  const TemporaryFolder folder;
  write_file(folder.path() + "/FORMAT", "jwtd store 12\n");
  expect_refused("rocksdb://" + folder.path(), kStoreOpenFailed, "newer jwtd (format 12; this one reads formats up to 2)");
}

TEST(Folder, OfAnOlderFormatBecomesOneOfThis) {
  const TemporaryFolder folder;
  write_file(folder.path() + "/FORMAT", "jwtd store 1\n");
  EXPECT_TRUE(check_is_store(folder.path()));
  EXPECT_TRUE(Folder::claim("rocksdb://" + folder.path()));
  std::ostringstream words;
  words << std::ifstream(folder.path() + "/FORMAT").rdbuf();
  EXPECT_EQ(words.str(), "jwtd store 2\n");
}

TEST(Folder, WithAnUnreadableFormatIsRefused) {
  for (const char* text : {"", "1", "jwtd store ", "jwtd store x\n", "jwtd store 0\n", "jwtd store 1", "something else\n"}) {
    const TemporaryFolder folder;
    write_file(folder.path() + "/FORMAT", text);
    expect_refused("rocksdb://" + folder.path(), kStoreOpenFailed, "FORMAT");
  }
}

TEST(Folder, AFileInItsPlaceIsRefused) {
  const TemporaryFolder folder;
  write_file(folder.path() + "/file", "");
  expect_refused("rocksdb://" + folder.path() + "/file", kStoreOpenFailed, "is not a folder");
}

TEST(Folder, WithoutRightsIsRefusedWithTheCause) {
  if (geteuid() == 0) GTEST_SKIP() << "root may do everything";
  const TemporaryFolder folder;
  ASSERT_EQ(chmod(folder.path().c_str(), 0500), 0);
  expect_refused("rocksdb://" + folder.path(), kStoreOpenFailed, "Permission denied");
}

}  // namespace
}  // namespace jwtd::store
