// base/whole_file_test.cc - tests of base/whole_file.h.
#include "base/whole_file.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>

namespace jwtd {
namespace {

namespace fs = std::filesystem;

class WholeFile : public testing::Test {
 protected:
  WholeFile() { fs::create_directory(folder_); }
  ~WholeFile() override { fs::remove_all(folder_); }

  std::string text() const {
    std::ifstream in(file_, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  const fs::path folder_ = fs::temp_directory_path() / ("jwtd-whole-file-" + std::to_string(::getpid()));
  const std::string file_ = folder_ / "file";
};

TEST_F(WholeFile, IsThereWithItsModeAndNothingBesideIt) {
  ASSERT_EQ(write_whole_file(file_, "first", 0600), 0);
  EXPECT_EQ(text(), "first");
  struct stat status {};
  ASSERT_EQ(::stat(file_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  std::ofstream(file_ + ".new") << "left by a kill";
  ASSERT_EQ(write_whole_file(file_, "second", 0600), 0);
  EXPECT_EQ(text(), "second");
  EXPECT_FALSE(fs::exists(file_ + ".new"));
}

TEST_F(WholeFile, WithoutItsFolderItSaysSo) { EXPECT_EQ(write_whole_file(folder_ / "none" / "file", "x", 0600), ENOENT); }

// A limit of the file's size stands for a full disk: the first write(2) is short, the next one fails.
TEST_F(WholeFile, WhatIsWrittenByHalfTakesNobodysPlace) {
  ASSERT_EQ(write_whole_file(file_, "former", 0600), 0);
  rlimit former{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &former), 0);
  const auto handler = ::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{4096, former.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const int cause = write_whole_file(file_, std::string(8192, 'x'), 0600);
  ::setrlimit(RLIMIT_FSIZE, &former);
  ::signal(SIGXFSZ, handler);
  EXPECT_EQ(cause, EFBIG);
  EXPECT_EQ(text(), "former");
  EXPECT_FALSE(fs::exists(file_ + ".new"));
}

}  // namespace
}  // namespace jwtd
