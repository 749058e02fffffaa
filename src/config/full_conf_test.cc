// config/full_conf_test.cc - holds conf/ and the table of settings together.
#include <gtest/gtest.h>

#include <cctype>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "config/load.h"
#include "document/document.h"

namespace jwtd::config {
namespace {

std::string conf(const char* name) {
  const std::string path = std::string(JWTD_SOURCE_DIR "/conf/") + name;
  std::ifstream in(path);
  EXPECT_TRUE(in) << path;
  return {std::istreambuf_iterator<char>(in), {}};
}

// Lines that are commented out ("#name = ...", "#[[limit]]"), unlike remarks ("# Words"), taken in.
std::string with_examples(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const bool example = text[at] == '#' && at + 1 < end && text[at + 1] != ' ';
    out += text.substr(example ? at + 1 : at, end - at - (example ? 1 : 0)) + "\n";
    at = end + 1;
  }
  return out;
}

void expect_no_problems(const Loaded& loaded) {
  for (const auto& problem : loaded.problems) ADD_FAILURE() << problem.text();
}

TEST(FullConf, HasEveryKnownKeyInTheTablesOrder) {
  const document::Document document = document::parse_toml(conf("jwtd.full.toml"));
  ASSERT_EQ(document.error, "");
  std::map<unsigned, std::string> by_line;
  for (const document::Node& section : document.root.items) {
    for (const document::Node& value : section.items) by_line[value.line] = section.name + "." + value.name;
  }
  std::vector<std::string> keys;
  for (const auto& [line, key] : by_line) keys.push_back(key);
  EXPECT_EQ(keys, known_keys());
}

TEST(FullConf, ParsesWithoutProblems) { expect_no_problems(parse(conf("jwtd.full.toml"), "jwtd.full.toml", {}, {})); }

TEST(FullConf, EveryValueIsTheBuiltInDefault) {
  const Loaded loaded = parse(conf("jwtd.full.toml"), "jwtd.full.toml", {}, {});
  const std::set<std::string> without_default{"issuer.customer_id", "issuer.api_key_file", "tls.certificate", "tls.key", "auth.callers_file"};
  for (const SettingText& setting : setting_texts()) {
    if (without_default.contains(setting.key)) {
      EXPECT_EQ(setting.default_value, "\"\"") << setting.key;
    } else {
      EXPECT_EQ(value_of(loaded.config, setting.key), setting.default_value) << setting.key;
    }
  }
  EXPECT_TRUE(loaded.config.rules.empty());
}

TEST(FullConf, ItsExampleLimitsWorkWhenTakenIn) {
  const Loaded loaded = parse(with_examples(conf("jwtd.full.toml")), "jwtd.full.toml", {}, {});
  expect_no_problems(loaded);
  ASSERT_EQ(loaded.config.rules.size(), 2u);
  EXPECT_EQ(loaded.config.rules[1].rates.size(), 2u);
}

TEST(FullConf, EveryKeyHasAComment) {
  const std::string text = conf("jwtd.full.toml");
  bool comment = false;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    if (!line.empty() && std::islower(static_cast<unsigned char>(line[0]))) {
      EXPECT_TRUE(comment) << line;
    }
    comment = line.starts_with("# ");
    at = end + 1;
  }
}

TEST(ShortConf, StartsWithoutAWarning) {
  const Loaded loaded = parse(conf("jwtd.toml"), "jwtd.toml", {}, {});
  expect_no_problems(loaded);
  for (const auto& warning : loaded.warnings) ADD_FAILURE() << warning.text();
  EXPECT_TRUE(loaded.config.tls.enabled);
}

TEST(TutorialConf, IsOneRequestASecondOnPort5000InClear) {
  const Loaded loaded = parse(conf("tutorial.toml"), "tutorial.toml", {}, {});
  expect_no_problems(loaded);
  EXPECT_EQ(loaded.config.listen.public_endpoint.text(), "0.0.0.0:5000");
  EXPECT_FALSE(loaded.config.tls.enabled);
  EXPECT_TRUE(loaded.config.listen.empty_errors);
  EXPECT_EQ(loaded.config.auth.mint, MintAccess::kOpen);
  ASSERT_EQ(loaded.config.rules.size(), 1u);
  const limit::Rule& rule = loaded.config.rules[0];
  EXPECT_EQ(rule.key, limit::KeyKind::kClient);
  ASSERT_EQ(rule.rates.size(), 1u);
  EXPECT_EQ(rule.rates[0].count, 1u);
  EXPECT_EQ(rule.rates[0].period, std::chrono::seconds(1));
  EXPECT_EQ(rule.rates[0].burst, 1u);
  ASSERT_EQ(loaded.warnings.size(), 1u) << "only that it is in clear";
  EXPECT_NE(loaded.warnings[0].what.find("in clear"), std::string::npos);
}

}  // namespace
}  // namespace jwtd::config
