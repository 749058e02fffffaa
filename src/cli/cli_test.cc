// cli/cli_test.cc - the mistakes people make on a command line, and what serve and check-config make of a configuration.
#include "cli/cli.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/run_for_tests.h"
#include "http/tls.h"
#include "keys/api_key.h"
#include "keys/webhook_secret.h"

namespace jwtd::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

void expect_usage_error(const std::vector<std::string>& arguments, const std::string& what) {
  const Outcome outcome = run_jwtd(arguments);
  EXPECT_EQ(outcome.code, kExitUsage) << what;
  EXPECT_THAT(outcome.err, HasSubstr(what));
  EXPECT_THAT(outcome.out, IsEmpty());
  EXPECT_FALSE(outcome.served);
}

// -- usage ---------------------------------------------------------------------------------------------------------------

TEST(Usage, NoVerbShowsTheHelpOnStandardError) {
  const Outcome outcome = run_jwtd({});
  EXPECT_EQ(outcome.code, kExitUsage);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("check-config"), HasSubstr("Exit codes:")));
}

TEST(Usage, AnUnknownVerbNamesTheNearest) {
  expect_usage_error({"sevre"}, "\"sevre\" is not a verb of jwtd; did you mean serve?");
  expect_usage_error({"token", "verfy"}, "\"verfy\" is not a verb of jwtd token; did you mean verify?");
  expect_usage_error({"zzzzzz"}, "\"zzzzzz\" is not a verb of jwtd\n");
}

TEST(Usage, AnUnknownFlagNamesTheNearest) {
  expect_usage_error({"serve", "--confg", "x"}, "\"--confg\" is not an option of jwtd serve; did you mean --config?");
  expect_usage_error({"serve", "--confg=x"}, "\"--confg\" is not an option of jwtd serve; did you mean --config?");
  expect_usage_error({"dev", "--prot", "1"}, "did you mean --port?");
}

TEST(Usage, WhatIsMissingIsSaid) {
  expect_usage_error({"serve"}, "--config is required");
  expect_usage_error({"check-config"}, "FILE is required");
  expect_usage_error({"token", "verify", "--key", "k", "x"}, "--issuer is required");
  expect_usage_error({"token"}, "See: jwtd token --help");
  expect_usage_error({"caller", "list"}, "--config FILE or --file CALLERS_FILE is required");
  expect_usage_error({"caller", "add", "--scope", "mint", "--file", "f"}, "NAME is required");
}

TEST(Usage, ValuesOfFlagsAreChecked) {
  expect_usage_error({"dev", "--port", "70000"}, "--port");
  expect_usage_error({"dev", "--port", "x"}, "--port");
  expect_usage_error({"version", "-o", "xml"}, "xml");
  expect_usage_error({"serve", "--config", "x", "--set", "listen.threads"}, "--set takes KEY=VALUE");
  expect_usage_error({"token", "verify", "--key", "k", "--issuer", "i", "--algorithm", "RS256", "x"}, "--algorithm must be HS256, HS384 or HS512");
  expect_usage_error({"token", "verify", "--key", "k", "--issuer", "i", "--leeway", "5", "x"}, "--leeway must be whole seconds");
  expect_usage_error({"token", "verify", "--key", "k", "--issuer", "i", "--at", "noon", "x"}, "--at");
  expect_usage_error({"token", "issue", "--key", "k", "--issuer", "i", "--lifetime", "5s", "15555551234"}, "must be longer than issuer.backdate");
  expect_usage_error({"token", "issue", "--key", "k", "--issuer", "a b", "15555551234"}, "issuer.customer_id must be");
  expect_usage_error({"caller", "list", "--config", "a", "--file", "b"}, "--file");
}

// A script's variable that is not set must not become "all there is", or another one of what is named.
TEST(Usage, AnEmptyWordIsNotAsIfItWereNotThere) {
  expect_usage_error({"callbacks", "replay", "--key-file", "k", ""}, "ID: it is empty");
  expect_usage_error({"token", "issue", "--key", "k", "--issuer", "i", "15555551234", ""}, "XID: it is empty");
  for (const char* option : {"--xid", "--kid", "--token-file"}) {
    expect_usage_error({"revoke", option, "", "--phone", "15555551234", "--key-file", "k"}, std::string(option) + ": it is empty");
  }
  for (const char* option : {"--phone", "--phone-file"}) {
    expect_usage_error({"revoke", "--xid", "a", option, "", "--key-file", "k"}, std::string(option) + ": it is empty");
    for (const char* verb : {"export", "erase"}) expect_usage_error({"transactions", verb, option, "", "--key-file", "k"}, std::string(option) + ": it is empty");
  }
}

// Wherever the error comes from: the parser's library, a verb, or what reads a file or a configuration.
TEST(Usage, AWordThatMayBeASecretIsNotRepeated) {
  const std::string key(60, 'S'), token = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9." + std::string(90, 'p') + "." + std::string(43, 's'), number = "15557308642";
  EXPECT_THAT(run_jwtd({"keygen", key}).err, AllOf(Not(HasSubstr("SSSS")), HasSubstr("[60 characters that may be a secret]")));
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{{key}, {number}, {"keygen", number}, {"keygen", "--nothing=" + key}, {"dev", "--port", number},
        {"token", "verify", "--key", key, "--issuer", "C", "x"}, {"token", "verify", "--key=" + key, "--issuer", "C", "x"}, {"token", "verify", "--key", "k", "--issuer", "C", "--at", "x" + number, "x"},
        {"revoke", "--token-file", token, "--key-file", "x"}, {"revoke", "--phone-file", number, "--key-file", "x"},
        {"serve", "--set", "issuer.api_key_file=" + key}, {"check-config", "--set", "auth.callers_file=jwtd_" + key, "/dev/null"}}) {
    const Outcome outcome = run_jwtd(arguments);
    EXPECT_NE(outcome.code, kExitOk);
    EXPECT_THAT(outcome.err, AllOf(Not(HasSubstr("SSSSSSSS")), Not(HasSubstr("15557308642")), Not(HasSubstr("eyJhbGciOi")), Not(IsEmpty()))) << testing::PrintToString(arguments);
  }
  EXPECT_THAT(run_jwtd({"keygen", "surplus-word"}).err, HasSubstr("surplus-word"));
}

TEST(Usage, HelpIsEverywhereWithExamplesAndExitCodes) {
  for (const std::vector<std::string>& verb : std::vector<std::vector<std::string>>{{}, {"dev"}, {"serve"}, {"check-config"}, {"keygen"}, {"token", "issue"}, {"token", "inspect"},
                                                                                     {"token", "verify"}, {"caller", "add"}, {"caller", "list"}, {"caller", "remove"}, {"version"}}) {
    std::vector<std::string> arguments = verb;
    arguments.emplace_back("--help");
    const Outcome outcome = run_jwtd(arguments);
    EXPECT_EQ(outcome.code, kExitOk);
    EXPECT_THAT(outcome.out, AllOf(HasSubstr("Examples:"), HasSubstr("Exit codes:"))) << ::testing::PrintToString(verb);
    EXPECT_THAT(outcome.err, IsEmpty());
  }
}

TEST(Usage, HelpAsAVerbIsTheSame) {
  EXPECT_EQ(run_jwtd({"help"}).out, run_jwtd({"--help"}).out);
  EXPECT_EQ(run_jwtd({"help", "serve"}).out, run_jwtd({"serve", "--help"}).out);
}

TEST(Usage, HelpOfServeHasAFlagForEachCommonSetting) {
  EXPECT_THAT(run_jwtd({"serve", "--help"}).out, AllOf(HasSubstr("--listen-public"), HasSubstr("--listen-admin"), HasSubstr("--store"),
                                                       HasSubstr("--log-level"), HasSubstr("--log-format"), HasSubstr("--set")));
}

TEST(Version, IsTextOrJson) {
  EXPECT_THAT(run_jwtd({"version"}).out, AllOf(StartsWith("jwtd "), HasSubstr("OpenSSL "), HasSubstr("RocksDB ")));
  EXPECT_EQ(run_jwtd({"--version"}).out, run_jwtd({"version"}).out);
  const auto json = nlohmann::json::parse(run_jwtd({"version", "-o", "json"}).out);
  EXPECT_TRUE(json.contains("jwtd") && json.contains("compiler") && json.contains("openssl") && json.contains("rocksdb"));
}

// -- tokens, through the arguments -----------------------------------------------------------------------------------------

TEST(TokenVerb, WhatIsIssuedVerifies) {
  const TemporaryFolder folder;
  const std::string key = folder.write("api_key", keys::generate_api_key());
  const Outcome issued = run_jwtd({"token", "issue", "--key", key, "--issuer", "C-1", "--at", "1500000000", "15555551234", "x-1"});
  ASSERT_EQ(issued.code, kExitOk) << issued.err;
  const Outcome good = run_jwtd({"token", "verify", "--key", key, "--issuer", "C-1", "--at", "1500000001", "-"}, issued.out);
  EXPECT_EQ(good.code, kExitOk) << good.err;
  EXPECT_THAT(good.out, StartsWith("valid: "));
  const Outcome late = run_jwtd({"token", "verify", "--key", key, "--issuer", "C-1", "--at", "1600000000", "-"}, issued.out);
  EXPECT_EQ(late.code, kExitFailed);
  const Outcome lenient = run_jwtd({"token", "verify", "--key", key, "--issuer", "C-1", "--at", "1500000085", "--leeway", "10s", "-"}, issued.out);
  EXPECT_EQ(lenient.code, kExitOk);
  const Outcome wrong_issuer = run_jwtd({"token", "verify", "--key", key, "--issuer", "C-2", "--at", "1500000001", "-"}, issued.out);
  EXPECT_EQ(wrong_issuer.code, kExitFailed);
}

TEST(TokenVerb, IssueTakesDurationsAndAlgorithm) {
  const TemporaryFolder folder;
  const std::string key = folder.write("api_key", keys::generate_api_key());
  const Outcome issued = run_jwtd({"token", "issue", "--key", key, "--issuer", "C-1", "--at", "1500000000", "--lifetime", "10m", "--backdate", "0s",
                                   "--algorithm", "HS384", "-o", "json", "15555551234"});
  ASSERT_EQ(issued.code, kExitOk) << issued.err;
  const auto json = nlohmann::json::parse(issued.out);
  const Outcome inspected = run_jwtd({"token", "inspect", "-o", "json", json.at("token").get<std::string>()});
  EXPECT_EQ(inspected.code, kExitOk);
  EXPECT_THAT(inspected.out, AllOf(HasSubstr("HS384"), HasSubstr("1500000600")));
}

TEST(KeygenVerb, PrintsAKey) {
  const Outcome outcome = run_jwtd({"keygen"});
  EXPECT_EQ(outcome.code, kExitOk);
  EXPECT_EQ(outcome.out.size(), 89u);
}

// -- callers -----------------------------------------------------------------------------------------------------------------

TEST(CallerVerb, WorksOnTheFileAndOnTheConfigurationsFile) {
  const TemporaryFolder folder;
  const std::string callers = folder / "callers.toml";
  const std::string config = folder.write("jwtd.toml", "[issuer]\ncustomer_id='C'\napi_key_file='/k'\n[auth]\ncallers_file='" + callers + "'\n");
  const Outcome added = run_jwtd({"caller", "add", "billing", "--scope", "read,mint", "--config", config});
  EXPECT_EQ(added.code, kExitOk) << added.err;
  EXPECT_THAT(added.out, StartsWith("jwtd_"));
  EXPECT_THAT(run_jwtd({"caller", "list", "--file", callers}).out, HasSubstr("billing"));
  EXPECT_EQ(run_jwtd({"caller", "remove", "billing", "--config", config}).code, kExitOk);
  EXPECT_THAT(run_jwtd({"caller", "list", "--file", callers}).out, Not(HasSubstr("billing")));
}

TEST(CallerVerb, AWrongConfigurationIsSaidAndNothingMade) {
  const TemporaryFolder folder;
  const std::string config = folder.write("jwtd.toml", "[auth]\ncallers_fil='" + (folder / "c") + "'\n");
  const Outcome outcome = run_jwtd({"caller", "add", "billing", "--scope", "read", "--config", config});
  EXPECT_EQ(outcome.code, kExitUsage);
  EXPECT_THAT(outcome.err, HasSubstr("did you mean \"callers_file\"?"));
}

TEST(CallerVerb, WithoutACallersFileInTheConfigurationIsWrongUsage) {
  const TemporaryFolder folder;
  const std::string config = folder.write("jwtd.toml", "[issuer]\ncustomer_id='C'\napi_key_file='/k'\n");
  EXPECT_EQ(run_jwtd({"caller", "add", "billing", "--scope", "read", "--config", config}).code, kExitUsage);
}

TEST(Sandbox, WrongUsageIsSaid) {
  TemporaryFolder folder;
  const std::string key = folder.write("api_key", keys::generate_api_key());
  const auto with = [&](std::vector<std::string> more) {
    std::vector<std::string> all{"sandbox", "--api-key-file", key, "--customer-id", "C"};
    all.insert(all.end(), more.begin(), more.end());
    return run_jwtd(all);
  };
  EXPECT_EQ(run_jwtd({"sandbox"}).code, kExitUsage);
  const Outcome open = with({"--listen", "0.0.0.0:0"});
  EXPECT_EQ(open.code, kExitUsage);
  EXPECT_THAT(open.err, HasSubstr("loopback"));
  EXPECT_THAT(with({"--listen", "nowhere"}).err, HasSubstr("--listen must be an address and a port"));
  EXPECT_THAT(with({"--callback-url", "http://example.com/x"}).err, HasSubstr("--callback-url must be https"));
  EXPECT_EQ(with({"--copies", "0"}).code, kExitUsage);
  const Outcome keyless = run_jwtd({"sandbox", "--api-key-file", folder / "none", "--customer-id", "C", "--listen", "127.0.0.1:0"});
  EXPECT_EQ(keyless.code, kExitFailed);
  EXPECT_THAT(keyless.err, HasSubstr("none"));
}

// -- serve and check-config --------------------------------------------------------------------------------------------------

class ConfigVerbs : public ::testing::Test {
 protected:
  TemporaryFolder folder_;
  std::string key_ = folder_.write("api_key", keys::generate_api_key());

  std::string config(const std::string& rest, const std::string& key_file = "") {
    return folder_.write("jwtd.toml", "[issuer]\ncustomer_id = 'C'\napi_key_file = '" + (key_file.empty() ? key_ : key_file) + "'\n" + rest);
  }
  std::string local(const std::string& rest = "") {
    return config("[listen]\npublic = '127.0.0.1:0'\nadmin = '127.0.0.1:0'\n[store]\nurl = 'rocksdb://" + (folder_ / "store") + "'\n" + rest);
  }
  // What both verbs say of it; neither may make anything.
  void expect_problem(const std::string& file, const std::string& what) {
    const auto before = entries();
    const Outcome checked = run_jwtd({"check-config", file});
    EXPECT_EQ(checked.code, kExitUsage);
    EXPECT_THAT(checked.err, HasSubstr(what));
    EXPECT_THAT(checked.out, IsEmpty());
    const Outcome served = run_jwtd({"serve", "--config", file});
    EXPECT_EQ(served.code, kExitUsage);
    EXPECT_THAT(served.err, HasSubstr(what));
    EXPECT_FALSE(served.served);
    EXPECT_EQ(entries(), before);
  }
  std::size_t entries() {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::recursive_directory_iterator(folder_.text())) ++count;
    return count;
  }
};

TEST_F(ConfigVerbs, AGoodOneIsOkAndServed) {
  const std::string file = local();
  const Outcome checked = run_jwtd({"check-config", file});
  EXPECT_EQ(checked.code, kExitOk) << checked.err;
  EXPECT_EQ(checked.out, "ok\n");
  const Outcome served = run_jwtd({"serve", "--config", file});
  EXPECT_EQ(served.code, kExitOk);
  ASSERT_TRUE(served.served);
  EXPECT_EQ(served.served->config_path, file);
  EXPECT_EQ(served.served->config.issuer.customer_id, "C");
  EXPECT_THAT(served.out, IsEmpty());
}

TEST_F(ConfigVerbs, ServesCodeIsReturned) { EXPECT_EQ(run_jwtd({"serve", "--config", local()}, "", kExitFailed).code, kExitFailed); }

TEST_F(ConfigVerbs, FlagsReachTheConfiguration) {
  const Outcome outcome = run_jwtd({"serve", "--config", local(), "--listen-public", "127.0.0.1:7", "--listen-admin=127.0.0.1:8", "--store", "memory:", "--log-level", "warn",
                                    "--log-format", "text", "--set", "listen.threads=3", "--set", "proxy.trusted=10.0.0.0/8,::1"});
  ASSERT_TRUE(outcome.served) << outcome.err;
  const config::Config& c = outcome.served->config;
  EXPECT_EQ(c.listen.public_endpoint.port, 7);
  EXPECT_EQ(c.listen.admin.port, 8);
  EXPECT_EQ(c.store.url, "memory:");
  EXPECT_EQ(c.log.options.level, LogLevel::kWarn);
  EXPECT_EQ(c.log.options.format, LogFormat::kText);
  EXPECT_EQ(c.listen.threads, 3u);
  EXPECT_EQ(c.proxy.trusted.size(), 2u);
}

TEST_F(ConfigVerbs, AWrongFlagIsNamedAsItWasGiven) {
  const Outcome outcome = run_jwtd({"serve", "--config", local(), "--log-level", "loud", "--set", "listen.thread=3"});
  EXPECT_EQ(outcome.code, kExitUsage);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("--log-level: log.level must be"), HasSubstr("did you mean \"threads\"?")));
}

TEST_F(ConfigVerbs, AllProblemsStandWithTheirLines) {
  const std::string file = config("lifetime = 90\n[listn]\n[store]\nurl = 'x'\n");
  const Outcome outcome = run_jwtd({"check-config", file});
  EXPECT_EQ(outcome.code, kExitUsage);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr(file + ":4: issuer.lifetime"), HasSubstr(file + ":5: \"listn\""), HasSubstr(file + ":7: store.url")));
}

TEST_F(ConfigVerbs, FilesOfCertificateAuthoritiesAreLookedAt) {
  const std::string empty = folder_.write("empty.crt", ""), key = folder_.write("key.pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
  const auto section = [&](const std::string& setting, const std::string& path) { return local("[" + setting.substr(0, setting.find('.')) + "]\n" + setting.substr(setting.find('.') + 1) + " = '" + path + "'\n"); };
  for (const std::string setting : {"telesign.ca_file", "callbacks.forward_ca_file", "limits.ca_file"}) {
    for (const std::string& path : {std::string("/nowhere"), empty, key}) {
      for (const char* verb : {"check-config", "serve"}) {
        const std::string file = section(setting, path);
        const Outcome outcome = verb == std::string("serve") ? run_jwtd({"serve", "--config", file}) : run_jwtd({verb, file});
        EXPECT_EQ(outcome.code, kExitUsage) << setting << ' ' << path;
        EXPECT_THAT(outcome.err, AllOf(HasSubstr(setting + ": "), HasSubstr(path)));
        EXPECT_FALSE(outcome.served);
      }
    }
  }
}

TEST_F(ConfigVerbs, ThePreviousKeyAndTheForwardingSecretAreLookedAt) {
  const std::string forward = "[callbacks]\nforward_to = 'https://backend.example/x'\nforward_secret_file = '";
  EXPECT_EQ(run_jwtd({"check-config", local(forward + folder_.write("secret", keys::generate_webhook_secret()) + "'\n")}).out, "ok\n");
  const Outcome secret = run_jwtd({"check-config", local(forward + folder_.write("bad_secret", "hunter2") + "'\n")});
  EXPECT_THAT(secret.err, AllOf(HasSubstr("callbacks.forward_secret_file: "), HasSubstr("whsec_"), Not(HasSubstr("hunter2"))));
  const std::string previous = "previous_api_key_file = '";
  EXPECT_EQ(run_jwtd({"check-config", config(previous + folder_.write("old", keys::generate_api_key()) + "'\n[listen]\npublic='127.0.0.1:0'\n[store]\nurl='memory:'")}).code, kExitOk);
  EXPECT_THAT(run_jwtd({"check-config", config(previous + "/nowhere'\n[listen]\npublic='127.0.0.1:0'\n[store]\nurl='memory:'")}).err, HasSubstr("issuer.previous_api_key_file: "));
}

TEST_F(ConfigVerbs, JsonHasProblemsAndWarnings) {
  const Outcome bad = run_jwtd({"check-config", "-o", "json", config("[store]\nurl = 'x'\n")});
  EXPECT_EQ(bad.code, kExitUsage);
  const auto report = nlohmann::json::parse(bad.out);
  EXPECT_FALSE(report.at("ok").get<bool>());
  EXPECT_THAT(report.at("problems").at(0).at("where").get<std::string>(), HasSubstr("jwtd.toml:5"));
  const Outcome good = run_jwtd({"check-config", "-o", "json", local(), "--store", "memory:"});
  EXPECT_EQ(good.code, kExitOk);
  EXPECT_THAT(nlohmann::json::parse(good.out).at("warnings").at(0).at("what").get<std::string>(), HasSubstr("memory:"));
  EXPECT_THAT(good.err, IsEmpty());
}

TEST_F(ConfigVerbs, WarningsAreSaidAndServedAllTheSame) {
  const Outcome warned = run_jwtd({"serve", "--config", local(), "--store", "memory:"});
  ASSERT_TRUE(warned.served);
  EXPECT_THAT(warned.served->warnings.at(0).text(), HasSubstr("--store: store.url is memory:"));
  EXPECT_THAT(warned.err, IsEmpty());
}

TEST_F(ConfigVerbs, AMissingConfigurationIsAProblem) { expect_problem(folder_ / "none.toml", "cannot be read: No such file or directory"); }

TEST_F(ConfigVerbs, AMissingKeyFileIsAProblemAtItsLine) { expect_problem(config("", folder_ / "none"), "jwtd.toml:3: "); }

TEST_F(ConfigVerbs, AKeyThatIsNotBase64OrTooShortIsAProblemAndNotRepeated) {
  for (const std::string key : {"not base64, and secret", "c2hvcnRzZWNyZXQ=", ""}) {
    const std::string file = config("", folder_.write("bad_key", key));
    expect_problem(file, "jwtd.toml:3: ");
    if (!key.empty()) {
      EXPECT_THAT(run_jwtd({"check-config", file}).err, Not(HasSubstr(key)));
    }
  }
}

TEST_F(ConfigVerbs, AKeyForEveryUserIsAWarning) {
  std::filesystem::permissions(key_, std::filesystem::perms(0644));
  EXPECT_THAT(run_jwtd({"check-config", local()}).err, HasSubstr("can be read by every user"));
}

TEST_F(ConfigVerbs, ATlsPairIsLoaded) {
  const std::string certificate = folder_ / "tls.crt", key = folder_ / "tls.key";
  ASSERT_TRUE(http::write_development_certificate(certificate, key, 30));
  const std::string tls = "[tls]\ncertificate = '" + certificate + "'\nkey = '" + key + "'\n";
  EXPECT_EQ(run_jwtd({"check-config", local(tls)}).code, kExitOk);
  ASSERT_TRUE(http::write_development_certificate(folder_ / "other.crt", folder_ / "other.key", 30));
  expect_problem(local("[tls]\ncertificate = '" + certificate + "'\nkey = '" + (folder_ / "other.key") + "'\n"), "The certificate and key cannot be used");
  expect_problem(local("[tls]\ncertificate = '" + certificate + "'\nkey = '/nonexistent'\n"), "/nonexistent");
}

TEST_F(ConfigVerbs, ACallersFileIsLoaded) {
  expect_problem(local("[auth]\ncallers_file = '" + folder_.write("callers.toml", "[[caller]]\nname = 1\n") + "'\n"), "callers.toml");
  EXPECT_THAT(run_jwtd({"check-config", local("[auth]\ncallers_file = '" + (folder_ / "none.toml") + "'\n")}).err, HasSubstr("there is no caller in"));
}

TEST_F(ConfigVerbs, TheStoresFolderOrItsParentIsThere) {
  expect_problem(config("[store]\nurl = 'rocksdb://" + (folder_ / "a/b/c") + "'\n"), "cannot be made: there is no folder");
  expect_problem(config("[store]\nurl = 'rocksdb://" + key_ + "'\n"), "is not a folder");
}

TEST_F(ConfigVerbs, TheLogFileCanBeWritten) {
  expect_problem(local("[log]\nfile = '/nonexistent/jwtd.log'\n"), "log.file");
  expect_problem(local("[log]\nfile = '" + folder_.text() + "'\n"), "is a folder");
}

}  // namespace
}  // namespace jwtd::cli
