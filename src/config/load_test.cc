// config/load_test.cc - each rule of the configuration, shown by an input that breaks it.
#include "config/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

namespace jwtd::config {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kIssuer = "[issuer]\ncustomer_id = \"C-1\"\napi_key_file = \"/k\"\n";  // lines 1 to 3; what is added begins at line 4
const std::string kLocal = "[listen]\npublic = \"127.0.0.1:8080\"\n";

Loaded parse_text(const std::string& toml, const Environment& environment = {}, const Overrides& flags = {}) {
  return parse(toml, "c.toml", environment, flags);
}
Loaded parse_rest(const std::string& rest, const Environment& environment = {}, const Overrides& flags = {}) {
  return parse_text(kIssuer + rest, environment, flags);
}

std::vector<std::string> texts(const std::vector<Problem>& problems) {
  std::vector<std::string> out;
  for (const Problem& problem : problems) out.push_back(problem.text());
  return out;
}

// The one problem that `rest` behind a good issuer has, at `line`.
void expect_problem(const std::string& rest, unsigned line, const std::string& what) {
  const Loaded loaded = parse_rest(rest);
  ASSERT_THAT(texts(loaded.problems), ElementsAre(HasSubstr(what))) << rest;
  EXPECT_EQ(loaded.problems[0].where, "c.toml:" + std::to_string(line)) << rest;
}

void expect_warning(const std::string& rest, const std::string& what) {
  const Loaded loaded = parse_rest(rest);
  EXPECT_THAT(texts(loaded.problems), ElementsAre()) << rest;
  EXPECT_THAT(texts(loaded.warnings), ::testing::Contains(HasSubstr(what))) << rest;
}

TEST(Load, TakesEverySettingOfTheIssue) {
  const Loaded loaded = parse_text(R"(
[issuer]
customer_id = "FFFFFFFF-EEEE-DDDD-1234-AB1234567890"
api_key_file = "/etc/jwtd/api_key"
lifetime = "60s"
backdate = "5s"
algorithm = "HS512"
[listen]
public = "0.0.0.0:8443"
admin = "127.0.0.1:8081"
threads = 3
max_connections = 7
admin_threads = 4
admin_max_connections = 9
empty_errors = true
[tls]
certificate = "/etc/jwtd/tls.crt"
key = "/etc/jwtd/tls.key"
min_version = "1.3"
[store]
url = "memory:"
retention = "7d"
[auth]
mint = "key"
callers_file = "/etc/jwtd/callers.toml"
[[limit]]
name = "per-client"
key = "client"
rate = "1 per second"
burst = 4
[limits]
cells = 2048
refusal_status = 403
[proxy]
trusted = ["10.0.0.0/8", "::1"]
header = "Forwarded"
[log]
format = "text"
level = "warn"
file = "/var/log/jwtd.log"
requests = "errors"
)");
  ASSERT_THAT(texts(loaded.problems), ElementsAre());
  const Config& c = loaded.config;
  EXPECT_EQ(c.issuer.customer_id, "FFFFFFFF-EEEE-DDDD-1234-AB1234567890");
  EXPECT_EQ(c.issuer.api_key_file, "/etc/jwtd/api_key");
  EXPECT_EQ(c.issuer.lifetime, 60s);
  EXPECT_EQ(c.issuer.backdate, 5s);
  EXPECT_EQ(c.issuer.algorithm, jose::Algorithm::kHs512);
  EXPECT_EQ(c.listen.public_endpoint.text(), "0.0.0.0:8443");
  EXPECT_EQ(c.listen.admin.text(), "127.0.0.1:8081");
  EXPECT_EQ(c.listen.threads, 3u);
  EXPECT_EQ(c.listen.max_connections, 7u);
  EXPECT_EQ(c.listen.admin_threads, 4u);
  EXPECT_EQ(c.listen.admin_max_connections, 9u);
  EXPECT_TRUE(c.listen.empty_errors);
  EXPECT_TRUE(c.tls.enabled);
  EXPECT_EQ(c.tls.certificate, "/etc/jwtd/tls.crt");
  EXPECT_EQ(c.tls.key, "/etc/jwtd/tls.key");
  EXPECT_EQ(c.tls.min_version, TlsVersion::k1_3);
  EXPECT_EQ(c.store.url, "memory:");
  EXPECT_EQ(c.store.retention, 168h);
  EXPECT_EQ(c.auth.mint, MintAccess::kKey);
  EXPECT_EQ(c.auth.callers_file, "/etc/jwtd/callers.toml");
  ASSERT_EQ(c.rules.size(), 1u);
  EXPECT_EQ(c.rules[0].name, "per-client");
  EXPECT_EQ(c.rules[0].key, limit::KeyKind::kClient);
  EXPECT_EQ(c.rules[0].rates.at(0).burst, 4u);
  EXPECT_EQ(c.limits.cells, 2048u);
  EXPECT_EQ(c.limits.refusal_status, 403);
  EXPECT_EQ(c.proxy.trusted.size(), 2u);
  EXPECT_EQ(c.proxy.header, "forwarded");
  EXPECT_EQ(c.log.options.format, LogFormat::kText);
  EXPECT_EQ(c.log.options.level, LogLevel::kWarn);
  EXPECT_EQ(c.log.options.file, "/var/log/jwtd.log");
  EXPECT_EQ(c.log.requests, RequestLog::kErrors);
}

// -- sources -----------------------------------------------------------------------------------------------------------

TEST(Load, EnvironmentWinsOverTheFileAndFlagsOverBoth) {
  const std::string file = "[listen]\npublic = \"127.0.0.1:1\"\nadmin = \"127.0.0.1:2\"\nthreads = 1\n";
  const Loaded loaded = parse_rest(file, {{"JWTD_LISTEN_ADMIN", "127.0.0.1:3"}, {"JWTD_LISTEN_THREADS", "4"}}, {{"listen.threads", "5"}});
  ASSERT_THAT(texts(loaded.problems), ElementsAre());
  EXPECT_EQ(loaded.config.listen.public_endpoint.port, 1);
  EXPECT_EQ(loaded.config.listen.admin.port, 3);
  EXPECT_EQ(loaded.config.listen.threads, 5u);
  EXPECT_EQ(loaded.origins.at("listen.public"), "c.toml:5");
  EXPECT_EQ(loaded.origins.at("listen.admin"), "JWTD_LISTEN_ADMIN");
  EXPECT_EQ(loaded.origins.at("listen.threads"), "--set listen.threads");
}

TEST(Load, EverySettingHasAnEnvironmentForm) {
  const std::map<std::string, std::string> text{
      {"listen.empty_errors", "true"}, {"listen.threads", "2"}, {"listen.max_connections", "9"}, {"listen.admin_threads", "2"}, {"listen.admin_max_connections", "9"}, {"limits.cells", "4096"},
      {"limits.refusal_status", "403"}, {"limits.connections", "2"}, {"store.connections", "2"}, {"store.create_indexes", "false"}, {"callbacks.enabled", "false"},
      {"proxy.trusted", "10.0.0.0/8, 192.168.0.0/16"}};
  for (const SettingText& setting : setting_texts()) {
    const auto found = text.find(setting.key);
    const std::string plain = setting.default_value.substr(0, 1) == "\"" ? setting.default_value.substr(1, setting.default_value.size() - 2) : "";
    const Loaded loaded = parse("", "", {{setting.environment, found == text.end() ? plain : found->second}}, {});
    EXPECT_THAT(texts(loaded.problems), Not(::testing::Contains(HasSubstr("no setting")))) << setting.environment;
    EXPECT_EQ(loaded.origins.at(setting.key), setting.environment);
    if (setting.key == "proxy.trusted") {
      EXPECT_EQ(loaded.config.proxy.trusted.size(), 2u);
    }
  }
}

TEST(Load, AFileIsNotNeeded) {
  const Loaded loaded = parse("", "", {{"JWTD_ISSUER_CUSTOMER_ID", "C"}, {"JWTD_ISSUER_API_KEY_FILE", "/k"}}, {{"listen.public", "127.0.0.1:0"}});
  EXPECT_THAT(texts(loaded.problems), ElementsAre());
}

TEST(Load, AWrongValueNamesItsSource) {
  const Loaded loaded = parse_rest("", {{"JWTD_LISTEN_PUBLIC", "nowhere"}}, {{"log.level", "loud"}, {"listen.threads", "many"}});
  EXPECT_THAT(texts(loaded.problems), ElementsAre(HasSubstr("JWTD_LISTEN_PUBLIC: listen.public must be an address and a port"),
                                                  HasSubstr("--log-level: log.level must be"), HasSubstr("--set listen.threads: listen.threads must be an integer")));
}

TEST(Load, AnUnknownEnvironmentNameIsAProblemWithTheNearest) {
  const Loaded loaded = parse_rest(kLocal, {{"JWTD_AUTH_MNT", "key"}, {"JWTD_ZZZZZZ", "x"}, {"JWTD_LIMITS_PORT", "8080"}});
  EXPECT_THAT(texts(loaded.problems), ElementsAre("JWTD_AUTH_MNT: this is the name of no setting; did you mean JWTD_AUTH_MINT?",
                                                  "JWTD_LIMITS_PORT: this is the name of no setting; did you mean JWTD_LIMITS_STORE?",
                                                  "JWTD_ZZZZZZ: this is the name of no setting."));
}

TEST(Load, WhatKubernetesPutsThereIsPassedOver) {
  const Loaded loaded = parse_rest(kLocal, {{"JWTD_SERVICE_HOST", "10.0.0.1"}, {"JWTD_SERVICE_PORT_HTTPS", "8443"}, {"JWTD_PORT", "tcp://10.0.0.1:8443"},
                                            {"JWTD_PORT_8443_TCP", "x"}, {"JWTD_ADMIN_SERVICE_HOST", "10.0.0.2"}, {"JWTD_ADMIN_SERVICE_PORT", "8081"},
                                            {"JWTD_ADMIN_PORT", "tcp://10.0.0.2:8081"}, {"JWTD_ADMIN_PORT_8081_TCP_ADDR", "10.0.0.2"}});
  EXPECT_THAT(texts(loaded.problems), ElementsAre());
  EXPECT_THAT(texts(loaded.warnings), ElementsAre());
}

TEST(Load, NamesWithoutThePrefixAreNotLookedAt) { EXPECT_THAT(texts(parse_rest(kLocal, {{"LISTEN_PUBLIC", "x"}}).problems), ElementsAre()); }

TEST(Load, AnUnknownFlagKeyIsAProblem) {
  const Loaded loaded = parse_rest(kLocal, {}, {{"listen.publik", "x"}, {"lisen.public", "x"}, {"limit.name", "x"}, {"x", "y"}});
  EXPECT_THAT(texts(loaded.problems), ElementsAre(HasSubstr("did you mean \"public\"?"), HasSubstr("did you mean \"listen\"?"),
                                                  HasSubstr("[[limit]] rules stand only in the file"), HasSubstr("\"x\" is not a section")));
}

// -- all at once, with lines -------------------------------------------------------------------------------------------

TEST(Load, AllProblemsAreFoundAtOnceInTheFilesOrder) {
  const Loaded loaded = parse_text("[store]\nurl = \"x\"\n[issuer]\nlifetime = 90\n[listen]\npublik = 1\nadmin = \"10.0.0.1:1\"\n", {{"JWTD_LOG_LEVEL", "x"}}, {});
  EXPECT_THAT(texts(loaded.problems),
              ElementsAre(HasSubstr("c.toml:2: store.url"), HasSubstr("c.toml:4: issuer.lifetime must be a string"), HasSubstr("c.toml:6: \"publik\""),
                          HasSubstr("c.toml:7: listen.admin"), HasSubstr("JWTD_LOG_LEVEL: "), HasSubstr("c.toml: issuer.customer_id is missing"),
                          HasSubstr("c.toml: issuer.api_key_file is missing")));
}

TEST(Load, BrokenTomlIsOneProblemWithItsLine) {
  const Loaded loaded = parse_text("[issuer]\ncustomer_id = \n");
  ASSERT_EQ(loaded.problems.size(), 1u);
  EXPECT_THAT(loaded.problems[0].text(), HasSubstr("c.toml:2: This is not TOML: "));
}

TEST(Load, AKeyTwiceIsAProblem) { EXPECT_THAT(texts(parse_rest("customer_id = \"D\"\n").problems), ElementsAre(HasSubstr("c.toml:4: "))); }

TEST(Load, DottedKeysAreTheSame) { EXPECT_EQ(parse_text("issuer.customer_id = \"C\"\nissuer.api_key_file = \"/k\"\n").config.issuer.customer_id, "C"); }

TEST(Load, NestingWithoutEndIsAProblemNotACrash) {
  std::string dots = "a";
  for (int i = 0; i < 100'000; ++i) dots += ".a";
  EXPECT_EQ(parse_text(dots + " = 1").problems.size(), 1u);
  EXPECT_EQ(parse_text("[" + dots + "]").problems.size(), 1u);
  EXPECT_EQ(parse_text("a = " + std::string(100'000, '[')).problems.size(), 1u);
  EXPECT_EQ(parse_text("a = \"x\"" + dots).problems.size(), 1u);
}

TEST(Load, HeadersThatBreakTheParsersInvariantsAreProblemsWithTheirLine) {
  for (const char* header : {"[[[", "[}", "[\r", "[[[[a]]]]", "[ [a]]"}) {
    const Loaded loaded = parse_text(kIssuer + header + "\n");
    ASSERT_EQ(loaded.problems.size(), 1u) << header;
    EXPECT_THAT(loaded.problems[0].text(), HasSubstr("c.toml:4: This is not TOML: ")) << header;
  }
}

TEST(Load, CharactersOutsideAsciiStandOnlyInStringsAndComments) {
  EXPECT_THAT(texts(parse_rest("\u2eff = 1\n").problems), ElementsAre(HasSubstr("c.toml:4: This is not TOML: only strings and comments")));
  EXPECT_THAT(texts(parse_rest("# Gr\u00fc\u00dfe\n[auth]\ncallers_file = '/\u00fc'\n").problems), ElementsAre());
  EXPECT_THAT(texts(parse_text("\ufeff" + kIssuer).problems), ElementsAre());
}

TEST(Load, DotsInStringsAndCommentsAreNotNesting) {
  expect_warning(kLocal + "[proxy]\ntrusted = [\"0.0.0.0/0\"" + [] {
    std::string many;
    for (int i = 0; i < 200; ++i) many += ", '10.0.0." + std::to_string(i) + "'";
    return many;
  }() + "]\n# " + std::string(1000, '.') + "\n", "proxy.trusted");
}

// -- unknown keys ------------------------------------------------------------------------------------------------------

TEST(UnknownKey, TheNearestOfItsSectionIsNamed) {
  expect_problem("lifetme = \"90s\"\n", 4, "\"lifetme\" is not a setting of [issuer]; did you mean \"lifetime\"?");
  expect_problem("[log]\nlevle = \"info\"\n", 5, "did you mean \"level\"?");
}
TEST(UnknownKey, ThatBelongsElsewhereNamesTheSection) { expect_problem("[log]\nretention = \"1d\"\n", 5, "did you mean \"retention\" of [store]?"); }
TEST(UnknownKey, WithNothingNearListsTheSection) { expect_problem("[tls]\ncertificate='/c'\nkey='/k'\nzzz = 1\n", 7, "it has certificate, key, min_version"); }
TEST(UnknownKey, AnUnknownSectionNamesTheNearest) { expect_problem("[lisen]\npublic = \"127.0.0.1:1\"\n", 4, "\"lisen\" is not a section; did you mean \"listen\"?"); }
TEST(UnknownKey, AnUnknownSectionWithNothingNearListsThem) { expect_problem("[zzzzzz]\n", 4, "there are issuer, listen, tls"); }
TEST(UnknownKey, InNoSectionNamesItsSection) {
  const Loaded loaded = parse_text("customer_id = \"C\"\n" + kIssuer);
  EXPECT_THAT(texts(loaded.problems), ElementsAre(HasSubstr("c.toml:1: \"customer_id\" stands in no section; did you mean \"customer_id\" of [issuer]?")));
}
TEST(UnknownKey, ControlCharactersAreEscaped) { EXPECT_THAT(parse_rest("\"a\\u001b[31m\" = 1\n").problems.at(0).what, HasSubstr("\\u001B")); }

TEST(Section, StandsInOnePairOfBrackets) { EXPECT_THAT(texts(parse_rest("[[store]]\nurl = \"memory:\"\n").problems), ElementsAre(HasSubstr("one pair of brackets"))); }
TEST(Section, IsNotAValue) { EXPECT_THAT(texts(parse_text("store = \"memory:\"\n" + kIssuer).problems), ElementsAre(HasSubstr("store must be a section, [store], not a string"))); }

// -- types -------------------------------------------------------------------------------------------------------------

TEST(Types, AreStrict) {
  expect_problem("lifetime = 90\n", 4, "issuer.lifetime must be a string such as \"90s\", not an integer");
  expect_problem("[listen]\nthreads = \"2\"\n", 5, "listen.threads must be an integer such as 0, not a string");
  expect_problem("[listen]\nthreads = 2.0\n", 5, "not a decimal number");
  expect_problem("[listen]\nempty_errors = 1\n", 5, "listen.empty_errors must be a boolean such as false, not an integer");
  expect_problem("[listen]\npublic = [\"127.0.0.1:1\"]\n", 5, "not a list");
  expect_problem("[listen.public]\n", 4, "not a table");
  expect_problem("[store]\nretention = 2026-01-01\n", 5, "not a date or time");
  expect_problem("[proxy]\ntrusted = \"10.0.0.0/8\"\n", 5, "proxy.trusted must be a list of strings such as [\"10.0.0.0/8\"], not a string");
  expect_problem("[proxy]\ntrusted = [\"10.0.0.0/8\",\n 1]\n", 6, "and has an integer");
}

// -- values ------------------------------------------------------------------------------------------------------------

TEST(Issuer, CustomerIdNeedsNoEscapeInJson) {
  for (const char* id : {"", "a b", "a\\\"b", "a/b", "\\u00e9", "a\\u0000"}) {
    const Loaded loaded = parse_text(std::string("[issuer]\napi_key_file='/k'\ncustomer_id = \"") + id + "\"\n");
    EXPECT_THAT(texts(loaded.problems), ElementsAre(HasSubstr("c.toml:3: issuer.customer_id must be 1 to 64 characters"))) << id;
  }
  EXPECT_EQ(parse_text("[issuer]\napi_key_file='/k'\ncustomer_id = '" + std::string(65, 'a') + "'").problems.size(), 1u);
  EXPECT_EQ(parse_text("[issuer]\napi_key_file='/k'\ncustomer_id = '" + std::string(64, 'a') + "'").problems.size(), 0u);
}
TEST(Issuer, LifetimeIsFrom1sTo1d) {
  expect_problem("lifetime = \"0s\"\nbackdate='0s'\n", 4, "issuer.lifetime must be from 1s to 1d");
  expect_problem("lifetime = \"25h\"\n", 4, "issuer.lifetime must be from 1s to 1d");
  expect_problem("lifetime = \"1500ms\"\n", 4, "must be whole seconds");
}
TEST(Issuer, LifetimeIsLongerThanBackdate) {
  expect_problem("lifetime = \"10s\"\n", 4, "must be longer than issuer.backdate");
  expect_problem("backdate = \"90s\"\n", 4, "must be longer than issuer.backdate");
  EXPECT_THAT(texts(parse_rest("lifetime = \"11s\"\n").problems), ElementsAre());
}
TEST(Issuer, ABackdateThatLeavesNoHalfLifeIsAWarning) {
  expect_warning("lifetime = \"20s\"\n", "issuer.backdate (10s) is half of issuer.lifetime (20s) or more");
  expect_warning("backdate = \"50s\"\n", "every repeated request gets a new one");
  EXPECT_THAT(texts(parse_rest("lifetime = \"21s\"\n" + kLocal).warnings), ElementsAre());
}
TEST(Issuer, BackdateIsAtMost10m) { expect_problem("lifetime='1h'\nbackdate = \"11m\"\n", 5, "issuer.backdate must be from 0s to 10m"); }
TEST(Issuer, ALifetimeAboveTheProvidersIsAWarning) {
  expect_warning(R"(lifetime = "91s")", "issuer.lifetime is 91s");
  EXPECT_THAT(texts(parse_rest(kLocal + "[issuer.x]").warnings), Not(::testing::Contains(HasSubstr("lifetime"))));
}
TEST(Issuer, AlgorithmIsOneOfThree) {
  expect_problem("algorithm = \"none\"\n", 4, "must be \"HS256\", \"HS384\" or \"HS512\"");
  expect_problem("algorithm = \"hs256\"\n", 4, "must be \"HS256\"");
}
TEST(Issuer, ApiKeyFileIsNotEmpty) {
  EXPECT_THAT(texts(parse_text("[issuer]\ncustomer_id='C'\napi_key_file=''").problems), ElementsAre(HasSubstr("c.toml:3: issuer.api_key_file is empty")));
}

TEST(Listen, BoundsHold) {
  expect_problem("[listen]\nthreads = 257\n", 5, "listen.threads must be from 0 to 256");
  expect_problem("[listen]\nthreads = -1\n", 5, "listen.threads must be from 0 to 256");
  expect_problem("[listen]\nmax_connections = 0\n", 5, "listen.max_connections must be from 1 to 1000000");
  expect_problem("[listen]\nadmin_threads = 257\n", 5, "listen.admin_threads must be from 0 to 256");
  expect_problem("[listen]\nadmin_max_connections = 0\n", 5, "listen.admin_max_connections must be from 1 to 1000000");
  expect_problem("[listen]\npublic = \"example.com:80\"\n", 5, "listen.public must be a numeric address or localhost");
}
TEST(Listen, AdminBeyondLoopbackNeedsTls) {
  expect_problem("[listen]\nadmin = \"0.0.0.0:8081\"\n", 5, "caller keys would travel in clear");
  const Loaded loaded = parse_rest("[listen]\nadmin = \"0.0.0.0:8081\"\n[tls]\ncertificate='/c'\nkey='/k'\n");
  EXPECT_THAT(texts(loaded.problems), ElementsAre());
}
TEST(Listen, PublicBeyondLoopbackWithoutTlsIsAWarning) {
  expect_warning("[listen]\npublic = \"0.0.0.0:8080\"\n", "tokens travel in clear");
  EXPECT_THAT(texts(parse_rest(kLocal).warnings), ElementsAre());
}
TEST(Listen, BothNeedDifferentPorts) {
  expect_problem("[listen]\npublic = \"127.0.0.1:8081\"\n", 5, "need different ports");
  expect_problem("[listen]\npublic = \"0.0.0.0:8081\"\n", 5, "need different ports");
  EXPECT_THAT(texts(parse_rest("[listen]\npublic='127.0.0.1:0'\nadmin='127.0.0.1:0'\n").problems), ElementsAre());
}

TEST(TlsSection, NeedsCertificateAndKey) {
  expect_problem("[tls]\nkey = \"/k\"\n", 5, "[tls] needs tls.certificate");
  expect_problem("[tls]\ncertificate = \"/c\"\n", 5, "[tls] needs tls.key");
  EXPECT_THAT(texts(parse_rest("[tls]\n").problems), ElementsAre(HasSubstr("c.toml:4: [tls] needs tls.certificate"), HasSubstr("c.toml:4: [tls] needs tls.key")));
}
TEST(TlsSection, IsOnWhenTheEnvironmentNamesThePair) {
  const Loaded loaded = parse_rest("", {{"JWTD_TLS_CERTIFICATE", "/c"}}, {{"tls.key", "/k"}});
  EXPECT_THAT(texts(loaded.problems), ElementsAre());
  EXPECT_TRUE(loaded.config.tls.enabled);
}
TEST(TlsSection, Version11IsAWarning) { expect_warning("[tls]\ncertificate='/c'\nkey='/k'\nmin_version='1.1'\n", "RFC 8996"); }
TEST(TlsSection, OtherVersionsAreRefused) { expect_problem("[tls]\ncertificate='/c'\nkey='/k'\nmin_version='1.0'\n", 7, "must be \"1.1\", \"1.2\" or \"1.3\""); }

TEST(StoreUrl, IsRocksdbWithAnAbsolutePathOrMemory) {
  for (const char* url : {"", "rocksdb", "rocksdb:", "rocksdb:/var/lib/jwtd", "sqlite:///x", "memory", "memory://", "/var/lib/jwtd"}) {
    expect_problem(std::string("[store]\nurl = \"") + url + "\"\n", 5, "store.url must be rocksdb:///absolute/path, mongodb://host/jwt_db, postgresql://host/database or memory:");
  }
  expect_problem("[store]\nurl = \"rocksdb://var/lib\"\n", 5, "must have an absolute path");
  expect_problem("[store]\nurl = \"rocksdb:///\"\n", 5, "must have an absolute path");
  expect_problem("[store]\nurl = \"rocksdb:///a?b\"\n", 5, "must have a plain path");
}
TEST(StoreUrl, OfADatabaseWithAPasswordIsAWarningThatDoesNotShowIt) {
  for (const char* url : {"mongodb://u:pa55word@h/jwt_db", "postgresql://u:pa55word@h/db"}) {
    const Loaded loaded = parse_rest(std::string("[store]\nurl = \"") + url + "\"\n");
    EXPECT_EQ(loaded.config.store.url, url);
    EXPECT_EQ(value_of(loaded.config, "store.url").find("pa55word"), std::string::npos);
    EXPECT_THAT(texts(loaded.warnings), ::testing::Contains(::testing::AllOf(HasSubstr("store.password_file"), Not(HasSubstr("pa55word"))))) << url;
  }
}
TEST(StoreUrl, WithAPasswordIsRefusedOnTheCommandLine) {
  const Loaded loaded = parse_rest("", {}, {{"store.url", "postgresql://u:pa55word@h/db"}});
  EXPECT_THAT(texts(loaded.problems), ElementsAre(::testing::AllOf(HasSubstr("list of processes"), Not(HasSubstr("pa55word")))));
}
TEST(StoreUrl, StandsInOnePlaceOnly) { expect_problem("[store]\nurl = \"memory:\"\nurl_file = \"/f\"\n", 6, "both there"); }
TEST(StoreTimeout, HasMilliseconds) {
  EXPECT_EQ(parse_rest("[store]\ntimeout = \"250ms\"\n").config.store.timeout, 250ms);
  expect_problem("[store]\ntimeout = \"1ms\"\n", 5, "must be from 10ms to 30s");
}
TEST(StoreUrl, MemoryIsAWarning) { expect_warning("[store]\nurl = \"memory:\"\n", "lost when the process ends"); }
TEST(StoreRetention, MayBeForEver) { EXPECT_EQ(parse_rest("[store]\nretention = \"0s\"\n").config.store.retention, 0s); }
TEST(StoreRetention, ShorterThanATokenIsAWarning) { expect_warning("[store]\nretention = \"30s\"\n", "shorter than issuer.lifetime"); }

TEST(AuthSection, MintByKeyNeedsACallersFile) { expect_problem("[auth]\nmint = \"key\"\n", 5, "nobody could mint"); }
TEST(AuthSection, MintIsOpenOrKey) { expect_problem("[auth]\nmint = \"closed\"\n", 5, "auth.mint must be \"open\" or \"key\""); }
TEST(AuthSection, OpenWithoutLimitsBeyondLoopbackIsAWarning) { expect_warning("[listen]\npublic='0.0.0.0:1'\n", "without any limit"); }

TEST(PreviousKey, IsAnotherFile) {
  EXPECT_EQ(parse_rest("previous_api_key_file = \"/old\"\n").config.issuer.previous_api_key_file, "/old");
  expect_problem("previous_api_key_file = \"/k\"\n", 4, "it is for the key before");
  expect_problem("previous_api_key = \"x\"\n", 4, "secrets never stand in the configuration");
}

TEST(TelesignSection, TakesItsSettings) {
  const Config c = parse_rest("[telesign]\nurl='http://127.0.0.1:9/'\nstatus_path='/s/{xid}/x'\nauth='basic'\ntimeout='250ms'\ncache='0s'\n").config;
  EXPECT_EQ(c.telesign.url, "http://127.0.0.1:9");
  EXPECT_EQ(c.telesign.status_path, "/s/{xid}/x");
  EXPECT_EQ(c.telesign.auth, TelesignAuth::kBasic);
  EXPECT_EQ(c.telesign.timeout, 250ms);
  EXPECT_EQ(c.telesign.cache, 0s);
}
TEST(TelesignSection, UrlIsAnOriginOverTls) {
  for (const char* url : {"https://h/x", "https://h?x", "https://h?", "https://h/?"}) expect_problem(std::string("[telesign]\nurl='") + url + "'\n", 5, "must end behind the host");
  for (const char* url : {"h", "", "ftp://h", "https://u:p@h", "https://h#f"}) expect_problem(std::string("[telesign]\nurl='") + url + "'\n", 5, "must be https://host");
  for (const char* url : {"http://rest-api.telesign.com", "http://127.0.0.1.example", "http://10.0.0.1", "http://localhost.example"}) {
    expect_problem(std::string("[telesign]\nurl='") + url + "'\n", 5, "only for loopback");
  }
  for (const char* url : {"http://localhost:1", "http://[::1]:1", "http://127.8.9.1", "https://h:8443"}) {
    EXPECT_THAT(texts(parse_rest(std::string("[telesign]\nurl='") + url + "'\n").problems), ElementsAre()) << url;
  }
}
TEST(TelesignSection, StatusPathHoldsTheXidOnce) {
  for (const char* path : {"", "/s", "{xid}", "s/{xid}", "//h/{xid}", "/{xid}/{xid}", "/s/{xid}?a=b", "/s/{XID}", "/s p/{xid}", "/%2e/{xid}"}) {
    expect_problem(std::string("[telesign]\nstatus_path='") + path + "'\n", 5, "holds {xid} once");
  }
}
TEST(TelesignSection, BoundsHold) {
  expect_problem("[telesign]\nauth='none'\n", 5, "telesign.auth must be \"digest\" or \"basic\"");
  expect_problem("[telesign]\ntimeout='31s'\n", 5, "must be from 100ms to 30s");
  expect_problem("[telesign]\ncache='2h'\n", 5, "must be from 0s to 1h");
  expect_problem("[telesign]\napi_key='x'\n", 5, "use issuer.api_key_file");
}

TEST(CallbacksSection, ForwardingNeedsASecretAndTls) {
  const Config c = parse_rest("[callbacks]\nforward_to='https://h:1/a?b=c'\nforward_secret_file='/s'\n").config;
  EXPECT_EQ(c.callbacks.forward_to, "https://h:1/a?b=c");
  EXPECT_EQ(c.callbacks.forward_secret_file, "/s");
  EXPECT_EQ(parse_rest("[callbacks]\nforward_to='https://h'\nforward_secret_file='/s'\nforward_ca_file='/ca'\n").config.callbacks.forward_ca_file, "/ca");
  EXPECT_EQ(parse_rest("[telesign]\nca_file='/ca'\n").config.telesign.ca_file, "/ca");
  EXPECT_TRUE(c.callbacks.enabled);
  expect_problem("[callbacks]\nforward_to='https://h'\n", 5, "needs callbacks.forward_secret_file");
  expect_problem("[callbacks]\nforward_to='http://h/x'\nforward_secret_file=''\n", 5, "only for loopback");
  expect_problem("[callbacks]\nforward_secret='x'\n", 5, "use callbacks.forward_secret_file");
  EXPECT_THAT(texts(parse_rest("[callbacks]\nforward_to='http://localhost/x'\nforward_secret_file='/s'\n").problems), ElementsAre());
  expect_warning("[callbacks]\nforward_secret_file='/s'\n", "nothing is forwarded");
  expect_warning("[callbacks]\nforward_ca_file='/ca'\n", "nothing is forwarded");
  expect_warning("[callbacks]\nenabled=false\nforward_to='https://h'\nforward_secret_file='/s'\n", "nothing arrives");
}

TEST(LimitsSection, BoundsHold) {
  expect_problem("[limits]\ncells = 1023\n", 5, "limits.cells must be from 1024 to 268435456");
  expect_problem("[limits]\nrefusal_status = 418\n", 5, "limits.refusal_status must be 429 or 403");
}

TEST(ProxySection, EveryWrongNetworkIsNamed) {
  const Loaded loaded = parse_rest("[proxy]\ntrusted = [\"10.0.0.1/8\",\n\"x\",\n\"::/0\"]\n");
  EXPECT_THAT(texts(loaded.problems), ElementsAre(HasSubstr("c.toml:5: proxy.trusted has \"10.0.0.1/8\""), HasSubstr("c.toml:6: proxy.trusted must hold networks")));
}
TEST(ProxySection, TrustingEverybodyIsAWarning) { expect_warning("[proxy]\ntrusted = [\"0.0.0.0/0\"]\n", "any address"); }
TEST(ProxySection, HeaderIsOneOfTwo) { expect_problem("[proxy]\nheader = \"x-real-ip\"\n", 5, "must be \"x-forwarded-for\" or \"forwarded\""); }

TEST(LogSection, ValuesAreChosen) {
  expect_problem("[log]\nformat = \"xml\"\n", 5, "log.format must be \"json\" or \"text\"");
  expect_problem("[log]\nlevel = \"INFO\"\n", 5, "log.level must be \"debug\", \"info\", \"warn\" or \"error\"");
  expect_problem("[log]\nrequests = \"some\"\n", 5, "log.requests must be \"all\", \"errors\" or \"none\"");
}

// -- [[limit]] ---------------------------------------------------------------------------------------------------------

std::string rule(const std::string& name, const std::string& rest) { return "[[limit]]\nname = \"" + name + "\"\n" + rest; }

TEST(LimitsStore, IsARedisUrl) {
  const Limits limits = parse_rest("[limits]\nstore = \"rediss://cache:7000/2\"\ntimeout = \"20ms\"\nca_file = \"/ca\"\n").config.limits;
  EXPECT_EQ(limits.store, "rediss://cache:7000/2");
  EXPECT_EQ(limits.timeout, 20ms);
  EXPECT_EQ(limits.ca_file, "/ca");
  EXPECT_EQ(parse_rest("").config.limits.store, "");
  for (const char* url : {"memory:", "redis:", "http://host", "redis://host/db"}) {
    expect_problem(std::string("[limits]\nstore = \"") + url + "\"\n", 5, "limits.store must be redis://");
  }
  expect_problem("[limits]\ntimeout = \"2s\"\n", 5, "must be from 1ms to 1s");
  expect_problem("[limits]\nconnections = 0\n", 5, "must be from 1 to 16");
}
TEST(LimitsStore, APasswordIsAWarningThatDoesNotShowItAndRefusedOnTheCommandLine) {
  const Loaded loaded = parse_rest("[limits]\nstore = \"redis://:pa55word@cache\"\n");
  EXPECT_EQ(value_of(loaded.config, "limits.store"), "\"redis://:***@cache\"");
  EXPECT_THAT(texts(loaded.warnings), ::testing::Contains(::testing::AllOf(HasSubstr("limits.password_file"), Not(HasSubstr("pa55word")))));
  const Loaded flags = parse_rest("", {}, {{"limits.store", "redis://:pa55word@cache"}});
  EXPECT_THAT(texts(flags.problems), ElementsAre(::testing::AllOf(HasSubstr("list of processes"), Not(HasSubstr("pa55word")))));
  const Loaded wrong = parse_rest("[limits]\nstore = \"redis://pa55word@cache\"\n");
  EXPECT_THAT(texts(wrong.problems), ElementsAre(::testing::AllOf(HasSubstr("there is no colon"), Not(HasSubstr("pa55word")))));
}
TEST(LimitsStore, StandsInOnePlaceOnly) { expect_problem("[limits]\nstore = \"redis://h\"\nstore_url_file = \"/f\"\n", 6, "both there"); }
TEST(LimitRule, OnFailureIsOneOfThree) {
  EXPECT_EQ(parse_rest(rule("a", "key='all'\nrate='1/second'\n")).config.rules.at(0).on_failure, limit::OnFailure::kLocal);
  EXPECT_EQ(parse_rest(rule("a", "key='all'\nrate='1/second'\non_failure='open'\n")).config.rules.at(0).on_failure, limit::OnFailure::kOpen);
  EXPECT_EQ(parse_rest(rule("a", "key='all'\nrate='1/second'\non_failure='closed'\n")).config.rules.at(0).on_failure, limit::OnFailure::kClosed);
  expect_problem(rule("a", "key='all'\nrate='1/second'\non_failure='shut'\n"), 8, "limit on_failure must be \"open\", \"closed\" or \"local\"");
}
TEST(LimitRule, NeedsNameKeyAndRate) {
  const Loaded loaded = parse_rest("[[limit]]\n");
  EXPECT_THAT(texts(loaded.problems), ElementsAre(HasSubstr("c.toml:4: [[limit]] needs name"), HasSubstr("needs key"), HasSubstr("needs rate")));
}
TEST(LimitRule, NameIsShortAndPlain) {
  for (const std::string& name : {std::string(), std::string("Upper"), std::string("a b"), std::string(65, 'a')}) {
    expect_problem(rule(name, "key='all'\nrate='1/second'\n"), 5, "limit name must be 1 to 64 characters");
  }
}
TEST(LimitRule, NamesDiffer) { expect_problem(rule("a", "key='all'\nrate='1/second'\n") + rule("a", "key='phone'\nrate='1/second'\n"), 9, "names must differ"); }
TEST(LimitRule, KeyIsOneOfThree) { expect_problem(rule("a", "key='ip'\nrate='1/second'\n"), 6, "limit key must be \"client\", \"phone\" or \"all\""); }
TEST(LimitRule, RateIsInTheNotation) { expect_problem(rule("a", "key='all'\nrate='fast'\n"), 7, "limit rate must be such as \"10 per minute\""); }
TEST(LimitRule, BurstGoesWithASingleRate) {
  expect_problem(rule("a", "key='all'\nrate='1/second; 9/minute'\nburst=2\n"), 8, "limit burst goes with a single rate");
  EXPECT_EQ(parse_rest(rule("a", "key='all'\nrate='1/second; 9/minute'\n")).config.rules.at(0).rates.size(), 2u);
}
TEST(LimitRule, BurstIsAPositiveInteger) {
  expect_problem(rule("a", "key='all'\nrate='1/second'\nburst=0\n"), 8, "limit burst must be from 1");
  expect_problem(rule("a", "key='all'\nrate='1/second'\nburst=1000000001\n"), 8, "limit burst must be from 1");
  expect_problem(rule("a", "key='all'\nrate='1/second'\nburst='5'\n"), 8, "limit burst must be an integer");
}
TEST(LimitRule, WithoutBurstTheCountIs) { EXPECT_EQ(parse_rest(rule("a", "key='all'\nrate='7/minute'\n")).config.rules.at(0).rates.at(0).burst, 7u); }
TEST(LimitRule, TypesAreStrict) { expect_problem(rule("a", "key='all'\nrate=5\n"), 7, "limit rate must be a string such as \"10 per minute\", not an integer"); }
TEST(LimitRule, UnknownKeysNameTheNearest) { expect_problem(rule("a", "key='all'\nrates='1/second'\nrate='1/second'\n"), 7, "did you mean \"rate\"?"); }
TEST(LimitRule, StandsInTwoPairsOfBrackets) { expect_problem("[limit]\ncells = 1\n", 4, "[[limit]] stands in two pairs of brackets"); }
TEST(LimitRule, ThereIsAMostOfRates) {
  std::string many;
  for (int i = 0; i < 33; ++i) many += rule("r" + std::to_string(i), "key='all'\nrate='1/second'\n");
  EXPECT_THAT(texts(parse_rest(many).problems), ElementsAre(HasSubstr("have 33 rates, and may have 32")));
}

// -- secrets -----------------------------------------------------------------------------------------------------------

const std::string kKey = "uDgmQ2hZaOYldPJdmFh6NeX8kunZ2zU1YWaUwGvV6xfwuDgmQ2hZaOYldPJdmFh6NeX8kunZ2zU1YWaUw==";

TEST(Secrets, NeverStandInTheConfiguration) {
  for (const char* name : {"api_key", "key", "secret"}) {
    const Loaded loaded = parse_rest(std::string(name) + " = \"" + kKey + "\"\n");
    EXPECT_THAT(texts(loaded.problems), ElementsAre(::testing::AllOf(HasSubstr("c.toml:4: "), HasSubstr("use issuer.api_key_file"), Not(HasSubstr(kKey.substr(0, 8)))))) << name;
  }
  expect_problem("[auth]\ncaller_key = \"x\"\n", 5, "use auth.callers_file");
  expect_problem("[tls]\ncertificate='/c'\nkey='/k'\nkey_password = \"x\"\n", 7, "secrets never stand in the configuration");
}
TEST(Secrets, NorInTheEnvironmentOrFlags) {
  const Loaded loaded = parse_rest(kLocal, {{"JWTD_ISSUER_API_KEY", kKey}}, {{"issuer.api_key", kKey}});
  EXPECT_THAT(texts(loaded.problems), ElementsAre(HasSubstr("use JWTD_ISSUER_API_KEY_FILE"), HasSubstr("use issuer.api_key_file")));
  for (const std::string& text : texts(loaded.problems)) EXPECT_THAT(text, Not(HasSubstr(kKey.substr(0, 8))));
}
TEST(Secrets, AKeyInThePlaceOfItsPathIsRefusedAndNotRepeated) {
  for (const std::string& value : {kKey, "/" + kKey, std::string("-----BEGIN PRIVATE KEY-----\\nabc")}) {
    const Loaded loaded = parse_text("[issuer]\ncustomer_id='C'\napi_key_file = \"" + value + "\"\n");
    EXPECT_THAT(texts(loaded.problems), ::testing::Contains(::testing::AllOf(HasSubstr("c.toml:3: "), HasSubstr("looks like a key itself")))) << value;
    for (const std::string& text : texts(loaded.problems)) EXPECT_THAT(text, Not(HasSubstr(value.substr(0, 12))));
  }
}
TEST(Secrets, ALongPathIsNoKey) {
  EXPECT_THAT(texts(parse_text("[issuer]\ncustomer_id='C'\napi_key_file = '/var/lib/containers/secrets/jwtd/production/apikey'\n").problems), ElementsAre());
}
TEST(Secrets, AnApiKeyOfAnyOtherShapeIsNotRepeatedEither) {
  const Loaded loaded = parse_text("[issuer]\ncustomer_id='C'\napi_key_file = [\"" + kKey + "\"]\n");
  for (const std::string& text : texts(loaded.problems)) EXPECT_THAT(text, Not(HasSubstr(kKey.substr(0, 8))));
}

TEST(Credential, IsAFileOfSystemds) {
  const std::string toml = "[issuer]\ncustomer_id='C'\napi_key_file='credential:api_key'\n[auth]\ncallers_file='credential:callers'\n";
  const Loaded loaded = parse_text(toml, {{"CREDENTIALS_DIRECTORY", "/run/credentials/jwtd.service"}});
  EXPECT_THAT(texts(loaded.problems), ElementsAre());
  EXPECT_EQ(loaded.config.issuer.api_key_file, "/run/credentials/jwtd.service/api_key");
  EXPECT_EQ(loaded.config.auth.callers_file, "/run/credentials/jwtd.service/callers");
}
TEST(Credential, WithoutSystemdIsAProblem) {
  EXPECT_THAT(texts(parse_text("[issuer]\ncustomer_id='C'\napi_key_file='credential:k'\n").problems),
              ::testing::Contains(HasSubstr("LoadCredential=k:")));
}
TEST(Credential, NamesNoOtherFolder) {
  for (const char* name : {"", "..", ".", "../x", "a/b", "a b"}) {
    const Loaded loaded = parse_rest(std::string("[auth]\ncallers_file='credential:") + name + "'\n", {{"CREDENTIALS_DIRECTORY", "/c"}});
    EXPECT_THAT(texts(loaded.problems), ElementsAre(HasSubstr("behind \"credential:\""))) << name;
  }
}

// -- files -------------------------------------------------------------------------------------------------------------

TEST(LoadFile, ThatIsMissingIsAProblemWithItsPath) {
  const Loaded loaded = load_file("/nonexistent/jwtd.toml", {}, {});
  EXPECT_THAT(texts(loaded.problems), ElementsAre("/nonexistent/jwtd.toml: The configuration cannot be read: No such file or directory."));
}
TEST(LoadFile, ThatIsAFolderIsAProblem) { EXPECT_THAT(texts(load_file("/tmp", {}, {}).problems), ElementsAre(HasSubstr("cannot be read: Is a directory"))); }

TEST(LoadFile, AboveItsBoundIsAProblem) {
  const std::string path = ::testing::TempDir() + "jwtd_load_test.toml";
  std::ofstream(path) << kIssuer << std::string(kMaxConfigBytes, '\n');
  EXPECT_THAT(texts(load_file(path, {}, {}).problems), ElementsAre(HasSubstr("larger than 1048576 octets")));
  std::ofstream(path) << kIssuer << kLocal;
  EXPECT_THAT(texts(load_file(path, {}, {}).problems), ElementsAre());
  std::remove(path.c_str());
}

}  // namespace
}  // namespace jwtd::config
