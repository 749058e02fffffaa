// cli/caller_test.cc - what the three verbs print where, and with which exit code.
#include "cli/caller.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "access/callers.h"
#include "cli/cli.h"

namespace jwtd::cli {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

constexpr UnixSeconds kNow = 1'795'474'025;

class CallerVerbs : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "caller.XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    file_ = folder_ + "/callers.toml";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  int add(const std::string& name, const std::string& scopes = "read", bool as_json = false) {
    clear();
    return caller_add({file_, name, scopes, as_json}, out_, err_, kNow);
  }
  int list(bool as_json = false) {
    clear();
    return caller_list({file_, as_json}, out_, err_);
  }
  int remove(const std::string& name, bool as_json = false) {
    clear();
    return caller_remove({file_, name, as_json}, out_, err_);
  }
  access::Callers callers() const { return *access::Callers::load(file_); }
  void clear() {
    out_.str("");
    err_.str("");
  }

  std::string folder_, file_;
  std::ostringstream out_, err_;
};

TEST_F(CallerVerbs, AddPrintsTheKeyAloneOnALine) {
  ASSERT_EQ(add("billing", "read,mint"), kExitOk) << err_.str();
  EXPECT_THAT(out_.str(), MatchesRegex("jwtd_[A-Za-z0-9_-]*\n"));
  EXPECT_EQ(out_.str().size(), 49u);
  EXPECT_THAT(err_.str(), HasSubstr("only time"));
  EXPECT_THAT(err_.str(), Not(HasSubstr("jwtd_")));
}

TEST_F(CallerVerbs, TheKeyThatAddPrintsIsLetIn) {
  ASSERT_EQ(add("billing", "read,mint"), kExitOk);
  std::string key = out_.str();
  key.pop_back();
  EXPECT_TRUE(callers().authenticate("Bearer " + key, access::Scope::kMint));
  EXPECT_FALSE(callers().authenticate("Bearer " + key, access::Scope::kReadPii));
  EXPECT_EQ(callers().all()[0].created, format_rfc3339(kNow * 1000));
}

TEST_F(CallerVerbs, AddAsJsonHasNameScopeAndKey) {
  ASSERT_EQ(add("billing", "read:pii,read", true), kExitOk);
  const json object = json::parse(out_.str());
  EXPECT_EQ(object.size(), 3u);
  EXPECT_EQ(object["name"], "billing");
  EXPECT_EQ(object["scope"], (json{"read", "read:pii"}));
  EXPECT_TRUE(callers().authenticate("Bearer " + object["key"].get<std::string>(), access::Scope::kReadPii));
}

TEST_F(CallerVerbs, WithoutAFileInTheConfigurationTheySayWhatToAdd) {
  file_.clear();
  const auto verify = [&](int code) {
    EXPECT_EQ(code, kExitUsage);
    EXPECT_THAT(err_.str(), HasSubstr("[auth]\n  callers_file = "));
    EXPECT_EQ(out_.str(), "");
  };
  verify(add("billing"));
  verify(list());
  verify(remove("billing"));
}

TEST_F(CallerVerbs, AMalformedNameOrScopeIsWrongUsageAndWritesNothing) {
  EXPECT_EQ(add("no spaces"), kExitUsage);
  EXPECT_THAT(err_.str(), HasSubstr("1 to 64 characters"));
  EXPECT_EQ(add("billing", "read,write"), kExitUsage);
  EXPECT_THAT(err_.str(), HasSubstr("\"write\""));
  EXPECT_EQ(add("billing", ""), kExitUsage);
  EXPECT_EQ(out_.str(), "");
  EXPECT_FALSE(std::filesystem::exists(file_));
}

TEST_F(CallerVerbs, ATakenNameFailsAndKeepsTheFirstKey) {
  ASSERT_EQ(add("billing"), kExitOk);
  const std::string before = callers().all()[0].key_sha256;
  EXPECT_EQ(add("billing", "mint"), kExitFailed);
  EXPECT_EQ(out_.str(), "");
  EXPECT_EQ(callers().all()[0].key_sha256, before);
}

TEST_F(CallerVerbs, ABrokenFileIsNamedAndNotTouched) {
  std::ofstream(file_) << "[[caller]]\nnames = 1\n";
  const auto verify = [&](int code) {
    EXPECT_EQ(code, kExitUsage);
    EXPECT_THAT(err_.str(), HasSubstr(file_ + ":2: unknown key \"names\""));
  };
  verify(add("billing"));
  verify(list());
  verify(remove("billing"));
  EXPECT_EQ(std::filesystem::file_size(file_), 21u);
}

TEST_F(CallerVerbs, AFileThatCannotBeWrittenFails) {
  file_ = folder_ + "/missing/callers.toml";
  EXPECT_EQ(add("billing"), kExitFailed);
  EXPECT_THAT(err_.str(), HasSubstr(file_));
  EXPECT_EQ(out_.str(), "");
}

TEST_F(CallerVerbs, AKeyThatCannotBePrintedIsAFailureThatSaysSo) {
  clear();
  out_.setstate(std::ios::badbit);
  EXPECT_EQ(caller_add({file_, "billing", "read", false}, out_, err_, kNow), kExitFailed);
  EXPECT_THAT(err_.str(), HasSubstr("remove this caller and add it again"));
}

TEST_F(CallerVerbs, ListShowsWhoMayWhatSinceWhen) {
  ASSERT_EQ(add("billing", "read,mint"), kExitOk);
  ASSERT_EQ(add("support-desk", "read:pii"), kExitOk);
  ASSERT_EQ(list(), kExitOk);
  const std::string hash = callers().all()[0].key_sha256;
  EXPECT_THAT(out_.str(), HasSubstr("billing       mint,read  " + format_rfc3339(kNow * 1000) + "  " + hash.substr(0, 8) + "...\n"));
  EXPECT_THAT(out_.str(), HasSubstr("support-desk  read:pii "));
  EXPECT_THAT(out_.str(), Not(HasSubstr(hash.substr(0, 9))));
  EXPECT_EQ(err_.str(), "");
}

TEST_F(CallerVerbs, ListAsJsonIsAnArray) {
  ASSERT_EQ(list(true), kExitOk);
  EXPECT_EQ(out_.str(), "[]\n");
  ASSERT_EQ(add("billing", "read,mint"), kExitOk);
  ASSERT_EQ(list(true), kExitOk);
  const json array = json::parse(out_.str());
  ASSERT_EQ(array.size(), 1u);
  EXPECT_EQ(array[0]["name"], "billing");
  EXPECT_EQ(array[0]["scope"], (json{"mint", "read"}));
  EXPECT_EQ(array[0]["created"], format_rfc3339(kNow * 1000));
  EXPECT_EQ(array[0]["key_sha256_prefix"], callers().all()[0].key_sha256.substr(0, 8));
}

TEST_F(CallerVerbs, ListOfNobodyIsNoFailure) {
  EXPECT_EQ(list(), kExitOk);
  EXPECT_EQ(out_.str(), "");
  EXPECT_THAT(err_.str(), HasSubstr("No callers"));
}

TEST_F(CallerVerbs, RemoveTakesTheCallerOut) {
  ASSERT_EQ(add("billing"), kExitOk);
  ASSERT_EQ(add("support"), kExitOk);
  EXPECT_EQ(remove("billing"), kExitOk);
  EXPECT_EQ(out_.str(), "");
  ASSERT_EQ(callers().all().size(), 1u);
  EXPECT_EQ(callers().all()[0].name, "support");
  EXPECT_EQ(remove("support", true), kExitOk);
  EXPECT_EQ(json::parse(out_.str()), (json{{"name", "support"}, {"removed", true}}));
}

TEST_F(CallerVerbs, RemovingNobodyFails) {
  EXPECT_EQ(remove("billing"), kExitFailed);
  EXPECT_THAT(err_.str(), HasSubstr("no caller of this name"));
}

}  // namespace
}  // namespace jwtd::cli
