// cli/keygen_test.cc - a new key on standard output, or in a file of its own.
#include "cli/keygen.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/base64.h"
#include "cli/cli.h"
#include "keys/api_key.h"

namespace jwtd::cli {
namespace {

class Keygen : public testing::Test {
 protected:
  Keygen() {
    std::string folder = (std::filesystem::temp_directory_path() / "jwtd-keygen-XXXXXX").string();
    folder_ = ::mkdtemp(folder.data());
    file_ = folder_ / "api_key";
  }
  ~Keygen() override { std::filesystem::remove_all(folder_); }

  std::string content() const {
    std::ifstream in(file_);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  std::filesystem::path folder_;
  std::filesystem::path file_;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(Keygen, PrintsAKeyOf64OctetsAloneOnALine) {
  EXPECT_EQ(keygen({}, out_, err_), kExitOk);
  const std::string text = out_.str();
  ASSERT_TRUE(text.ends_with('\n'));
  EXPECT_EQ(base64_decode(text.substr(0, text.size() - 1))->size(), 64u);
  EXPECT_EQ(err_.str(), "");
}

TEST_F(Keygen, WritesAFileThatOnlyItsOwnerMayReadWhateverTheUmask) {
  const mode_t before = ::umask(0277);
  EXPECT_EQ(keygen({file_}, out_, err_), kExitOk);
  ::umask(before);
  struct stat status;
  ASSERT_EQ(::stat(file_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600u);
  EXPECT_TRUE(keys::load_api_key(file_, jose::Algorithm::kHs512));
}

TEST_F(Keygen, AKeyInAFileIsNotPrinted) {
  EXPECT_EQ(keygen({file_}, out_, err_), kExitOk);
  EXPECT_EQ(out_.str(), "");
  const std::string key = content().substr(0, 88);
  EXPECT_THAT(err_.str(), testing::Not(testing::HasSubstr(key)));
}

TEST_F(Keygen, AnExistingFileIsNeverOverwritten) {
  std::ofstream(file_) << "precious";
  EXPECT_EQ(keygen({file_}, out_, err_), kExitFailed);
  EXPECT_EQ(content(), "precious");
  EXPECT_THAT(err_.str(), testing::HasSubstr(file_.string() + ": File exists; a key is never overwritten"));
}

TEST_F(Keygen, ALinkThatLeadsNowhereIsNotFollowed) {
  std::filesystem::create_symlink(folder_ / "elsewhere", file_);
  EXPECT_EQ(keygen({file_}, out_, err_), kExitFailed);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "elsewhere"));
}

TEST_F(Keygen, AFileThatCannotBeMadeIsNamed) {
  EXPECT_EQ(keygen({folder_ / "missing" / "api_key"}, out_, err_), kExitFailed);
  EXPECT_THAT(err_.str(), testing::HasSubstr("missing/api_key: No such file or directory"));
}

}  // namespace
}  // namespace jwtd::cli
