// cli/dev_test.cc - what jwtd dev makes, uses again, refuses and prints.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "cli/run_for_tests.h"

namespace jwtd::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

mode_t mode_of(const std::string& path) {
  struct stat status {};
  EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
  return status.st_mode & 0777;
}

class Dev : public ::testing::Test {
 protected:
  TemporaryFolder parent_;
  std::string folder_ = parent_ / "data";
  std::string file(const std::string& name) const { return folder_ + "/" + name; }
};

TEST_F(Dev, MakesEverythingForItsOwnerAlone) {
  const Outcome outcome = run_jwtd({"dev", "--data", folder_});
  EXPECT_EQ(outcome.code, kExitOk) << outcome.err;
  EXPECT_EQ(mode_of(folder_), 0700u);
  for (const char* name : {"api_key", "caller_key", "callers.toml", "tls.key"}) EXPECT_EQ(mode_of(file(name)), 0600u) << name;
  EXPECT_TRUE(std::filesystem::exists(file("tls.crt")));
  EXPECT_EQ(read_file(file(".gitignore")), "*\n");
}

TEST_F(Dev, ServesOnLoopbackWithRocksdbInTheFolderAndALogFile) {
  const Outcome outcome = run_jwtd({"dev", "--data", folder_});
  ASSERT_TRUE(outcome.served);
  const config::Config& c = outcome.served->config;
  EXPECT_EQ(outcome.served->config_path, "");
  EXPECT_EQ(c.listen.public_endpoint.text(), "127.0.0.1:8080");
  EXPECT_EQ(c.listen.admin.text(), "127.0.0.1:8081");
  EXPECT_EQ(c.store.url, "rocksdb://" + file("store"));
  EXPECT_EQ(c.auth.callers_file, file("callers.toml"));
  EXPECT_EQ(c.auth.mint, config::MintAccess::kOpen);
  EXPECT_EQ(c.log.options.file, file("jwtd.log"));
  EXPECT_EQ(c.log.options.format, LogFormat::kText);
  EXPECT_FALSE(c.tls.enabled);
  EXPECT_TRUE(c.rules.empty());
}

TEST_F(Dev, ASecondRunUsesEverythingAgain) {
  ASSERT_EQ(run_jwtd({"dev", "--data", folder_}).code, kExitOk);
  std::map<std::string, std::string> before;
  for (const char* name : {"api_key", "caller_key", "callers.toml", "customer_id", "tls.crt", "tls.key"}) before[name] = read_file(file(name));
  const Outcome again = run_jwtd({"dev", "--data", folder_ + "/"});
  EXPECT_EQ(again.code, kExitOk);
  EXPECT_THAT(again.out, HasSubstr("(used again)"));
  for (const auto& [name, text] : before) EXPECT_EQ(read_file(file(name)), text) << name;
}

TEST_F(Dev, ALostCallerKeyIsReplaced) {
  ASSERT_EQ(run_jwtd({"dev", "--data", folder_}).code, kExitOk);
  const std::string before = read_file(file("caller_key"));
  std::filesystem::remove(file("caller_key"));
  ASSERT_EQ(run_jwtd({"dev", "--data", folder_}).code, kExitOk);
  EXPECT_NE(read_file(file("caller_key")), before);
  EXPECT_THAT(run_jwtd({"caller", "list", "--file", file("callers.toml")}).out, HasSubstr("dev"));
}

TEST_F(Dev, ALostHalfOfTheTlsPairMakesANewOne) {
  ASSERT_EQ(run_jwtd({"dev", "--data", folder_}).code, kExitOk);
  std::filesystem::remove(file("tls.key"));
  EXPECT_EQ(run_jwtd({"dev", "--data", folder_, "--tls"}).code, kExitOk);
}

TEST_F(Dev, WithTheSandboxItAsksItAndPrintsTheFlow) {
  const Outcome outcome = run_jwtd({"dev", "--data", folder_, "--sandbox", "--sandbox-port", "0"});
  ASSERT_TRUE(outcome.served) << outcome.err;
  const std::string& url = outcome.served->config.telesign.url;
  EXPECT_THAT(url, ::testing::StartsWith("http://127.0.0.1:"));
  for (const char* path : {"/v1/mobile/verification ", "/v1/mobile/verification/finalize"}) EXPECT_THAT(outcome.out, HasSubstr(url + path));
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("/v1/token/15555551234/my-first-verification"), HasSubstr("/v1/transactions/my-first-verification\n"),
                                 HasSubstr("/v1/transactions/my-first-verification/status?refresh=1'")));
  EXPECT_EQ(run_jwtd({"dev", "--data", folder_}).out.find("mobile/verification"), std::string::npos);
}

TEST_F(Dev, ACallerOfFewerScopesIsReplaced) {
  ASSERT_EQ(run_jwtd({"dev", "--data", folder_}).code, kExitOk);
  run_jwtd({"caller", "remove", "dev", "--file", file("callers.toml")});
  const Outcome added = run_jwtd({"caller", "add", "dev", "--scope", "mint,read,read:pii", "--file", file("callers.toml")});
  parent_.write("data/caller_key", added.out);
  ASSERT_EQ(run_jwtd({"dev", "--data", folder_}).code, kExitOk);
  EXPECT_THAT(run_jwtd({"caller", "list", "--file", file("callers.toml")}).out, HasSubstr("admin"));
}

TEST_F(Dev, PrintsLinesToPasteAndNoKey) {
  const Outcome outcome = run_jwtd({"dev", "--data", folder_});
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("NOT FOR PRODUCTION"), HasSubstr("curl -s http://127.0.0.1:8080/v1/token/15555551234\n"),
                                 HasSubstr("http://127.0.0.1:8080/v1/tokens"), HasSubstr("http://127.0.0.1:8081/v1/transactions/"),
                                 HasSubstr("http://127.0.0.1:8081/v1/transactions?phone_number="), HasSubstr("Bearer $(cat " + file("caller_key") + ")"),
                                 HasSubstr("http://127.0.0.1:8081/metrics"), HasSubstr("jwtd serve --config conf/jwtd.toml")));
  EXPECT_THAT(outcome.out, HasSubstr("token verify --key " + file("api_key") + " --issuer " + read_file(file("customer_id")).substr(0, 36) + " -"));
  const std::string caller_key = read_file(file("caller_key")), api_key = read_file(file("api_key"));
  EXPECT_THAT(outcome.out + outcome.err, AllOf(Not(HasSubstr(caller_key.substr(0, 40))), Not(HasSubstr(api_key.substr(0, 40)))));
}

TEST_F(Dev, TheVerifyLineWorks) {
  const Outcome outcome = run_jwtd({"dev", "--data", folder_});
  const std::string customer = read_file(file("customer_id")).substr(0, 36);
  const Outcome issued = run_jwtd({"token", "issue", "--key", file("api_key"), "--issuer", customer, "15555551234"});
  EXPECT_EQ(run_jwtd({"token", "verify", "--key", file("api_key"), "--issuer", customer, "-"}, issued.out).code, kExitOk);
}

TEST_F(Dev, WithTlsTheLinesSpeakHttps) {
  const Outcome outcome = run_jwtd({"dev", "--data", folder_, "--tls", "--port", "0", "--admin-port", "0"});
  ASSERT_TRUE(outcome.served) << outcome.err;
  EXPECT_TRUE(outcome.served->config.tls.enabled);
  EXPECT_FALSE(outcome.served->config.tls.strict_transport);
  EXPECT_EQ(outcome.served->config.listen.public_endpoint.port, 0);
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("curl -s --cacert " + file("tls.crt") + " https://127.0.0.1:8080/"), HasSubstr("curl -s http://127.0.0.1:8081/readyz")));
}

TEST_F(Dev, PathsWithSpacesAndQuotesAreQuotedForTheShell) {
  const Outcome outcome = run_jwtd({"dev", "--data", parent_ / "it's mine"});
  EXPECT_EQ(outcome.code, kExitOk) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("'" + (parent_ / "it'\\''s mine/api_key") + "'"));
}

TEST_F(Dev, AFolderWithOtherThingsIsLeftAlone) {
  parent_.write("precious", "x");
  const Outcome outcome = run_jwtd({"dev", "--data", parent_.text()});
  EXPECT_EQ(outcome.code, kExitFailed);
  EXPECT_THAT(outcome.err, HasSubstr("was not made by jwtd dev"));
  EXPECT_FALSE(outcome.served);
  EXPECT_FALSE(std::filesystem::exists(parent_ / "api_key"));
}

TEST_F(Dev, AFolderThatCannotBeMadeIsSaid) {
  const Outcome outcome = run_jwtd({"dev", "--data", "/nonexistent/data"});
  EXPECT_EQ(outcome.code, kExitFailed);
  EXPECT_THAT(outcome.err, HasSubstr("/nonexistent/data: No such file or directory"));
}

TEST_F(Dev, AWrongStoreIsSaid) {
  const Outcome outcome = run_jwtd({"dev", "--data", folder_, "--store", "sqlite:///x"});
  EXPECT_EQ(outcome.code, kExitUsage);
  EXPECT_THAT(outcome.err, HasSubstr("must be rocksdb:///absolute/path"));
}

TEST_F(Dev, TheEnvironmentChangesNothing) {
  ::setenv("JWTD_STORE_URL", "memory:", 1);
  const Outcome outcome = run_jwtd({"dev", "--data", folder_});
  ::unsetenv("JWTD_STORE_URL");
  ASSERT_TRUE(outcome.served);
  EXPECT_EQ(outcome.served->config.store.url, "rocksdb://" + file("store"));
}

}  // namespace
}  // namespace jwtd::cli
