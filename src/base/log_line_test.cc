// base/log_line_test.cc - whatever a value holds, it stays one value of one line.
#include "base/log_line.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

namespace jwtd {
namespace {

using namespace std::string_view_literals;

constexpr UnixMillis kAt = 1'500'000'000'007;

std::string json(std::initializer_list<LogField> fields) {
  return std::string(LogLine(LogFormat::kJson, kAt, LogLevel::kInfo, "request", fields).text());
}

std::string text(std::initializer_list<LogField> fields) {
  return std::string(LogLine(LogFormat::kText, kAt, LogLevel::kInfo, "request", fields).text());
}

std::string json_value(std::string_view value) {
  constexpr auto kBefore = R"({"time":"2017-07-14T02:40:00.007Z","level":"info","event":"request","v":)"sv;
  const std::string line = json({{"v", value}});
  EXPECT_TRUE(line.starts_with(kBefore));
  EXPECT_TRUE(line.ends_with("}\n"));
  return line.substr(kBefore.size(), line.size() - kBefore.size() - 2);
}

std::string text_value(std::string_view value) {
  constexpr auto kBefore = "2017-07-14T02:40:00.007Z INFO request v="sv;
  const std::string line = text({{"v", value}});
  EXPECT_TRUE(line.starts_with(kBefore));
  EXPECT_TRUE(line.ends_with('\n'));
  return line.substr(kBefore.size(), line.size() - kBefore.size() - 1);
}

TEST(JsonLine, HasTimeLevelAndEventFirst) {
  EXPECT_EQ(json({}), R"({"time":"2017-07-14T02:40:00.007Z","level":"info","event":"request"})"
                      "\n");
}

TEST(JsonLine, NumbersAndTruthsStandBare) {
  EXPECT_TRUE(json({{"status", 200}, {"least", std::numeric_limits<std::int64_t>::min()}, {"ok", true}, {"bad", false}})
                  .ends_with(R"("status":200,"least":-9223372036854775808,"ok":true,"bad":false})"
                             "\n"));
}

TEST(JsonLine, NamesEachLevel) {
  for (const auto& [level, name] :
       {std::pair{LogLevel::kDebug, "debug"}, {LogLevel::kInfo, "info"}, {LogLevel::kWarn, "warn"}, {LogLevel::kError, "error"}}) {
    EXPECT_NE(LogLine(LogFormat::kJson, kAt, level, "x", {}).text().find(std::string(R"("level":")") + name + '"'), std::string_view::npos);
  }
}

TEST(JsonLine, QuotesAndBackslashesAreEscaped) { EXPECT_EQ(json_value(R"(a"b\c)"), R"("a\"b\\c")"); }

TEST(JsonLine, LineBreaksAreEscaped) { EXPECT_EQ(json_value("a\nb\rc\td"), R"("a\nb\rc\td")"); }

TEST(JsonLine, ControlCharactersAreEscaped) {
  EXPECT_EQ(json_value("\0\x01\x08\x1B\x1F\x7F"sv), R"("\u0000\u0001\u0008\u001b\u001f\u007f")");
}

TEST(JsonLine, Utf8Stays) {
  const std::string value = "\xC2\xA0 \xC3\xA9 \xE2\x82\xAC \xF0\x9F\x94\x91";
  EXPECT_EQ(json_value(value), '"' + value + '"');
}

TEST(JsonLine, UnicodeControlsAndLineSeparatorsAreEscaped) {
  EXPECT_EQ(json_value("\xC2\x85 \xC2\x9B \xE2\x80\xA8 \xE2\x80\xA9"), R"("\u0085 \u009b \u2028 \u2029")");
}

TEST(JsonLine, WhatIsNotUtf8IsReplaced) {
  const std::string sign = "\xEF\xBF\xBD";
  EXPECT_EQ(json_value("\xFF"), '"' + sign + '"');
  EXPECT_EQ(json_value("\x80"), '"' + sign + '"');
  EXPECT_EQ(json_value("\xC3"), '"' + sign + '"');                             // cut
  EXPECT_EQ(json_value("\xC0\x8A"), '"' + sign + sign + '"');                  // overlong line feed
  EXPECT_EQ(json_value("\xE0\x80\x8A"), '"' + sign + sign + sign + '"');       // again
  EXPECT_EQ(json_value("\xED\xA0\x80"), '"' + sign + sign + sign + '"');       // surrogate
  EXPECT_EQ(json_value("\xF4\x90\x80\x80"), '"' + sign + sign + sign + sign + '"');  // above U+10FFFF
  EXPECT_EQ(json_value("\xE2\x82\"x"), '"' + sign + sign + R"(\"x")");         // a quote is no continuation
}

TEST(JsonLine, WhatStandsBehindAValueDoesNotCount) {
  EXPECT_EQ(json_value("\xE2\x82\xAC"sv.substr(0, 2)), "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

TEST(JsonLine, EventAndNamesAreEscapedToo) {
  EXPECT_EQ(LogLine(LogFormat::kJson, kAt, LogLevel::kInfo, "a\"b", {{"n\n", 1}}).text(),
            R"({"time":"2017-07-14T02:40:00.007Z","level":"info","event":"a\"b","n\n":1})"
            "\n");
}

// Any value of any length leaves a line that is closed: quotes in pairs, no octet below a space but the last.
TEST(JsonLine, ACutLineIsStillOneObject) {
  for (const auto unit : {"x"sv, "\""sv, "\x01"sv, "\xE2\x82\xAC"sv, "\xFF"sv, "\\"sv}) {
    for (std::size_t pad = 0; pad < 12; ++pad) {
      std::string value(pad, 'p');
      while (value.size() < 2 * kMaxLogLineBytes) value += unit;
      const std::string line = json({{"v", value}, {"never", 1}});
      ASSERT_LE(line.size(), kMaxLogLineBytes);
      ASSERT_GT(line.size(), kMaxLogLineBytes - 32);
      ASSERT_TRUE(line.ends_with("\",\"cut\":true}\n")) << line.substr(line.size() - 40);
      ASSERT_EQ(line.find("never"), std::string::npos);
      bool open = false;
      for (std::size_t i = 0; i + 1 < line.size(); ++i) {
        ASSERT_GE(static_cast<unsigned char>(line[i]), 0x20);
        if (line[i] == '"') open = !open;
        if (line[i] == '\\') i += line[i + 1] == 'u' ? 5 : 1;
      }
      ASSERT_FALSE(open);
    }
  }
}

TEST(JsonLine, WhereverTheCutFallsNamesHaveValues) {
  for (std::size_t size = kMaxLogLineBytes - 160; size < kMaxLogLineBytes; ++size) {
    const std::string value(size, 'x');
    const std::string line = json({{"v", value}, {"second", "abc"}, {"third", 12345}, {"fourth", true}});
    ASSERT_LE(line.size(), kMaxLogLineBytes);
    ASSERT_EQ(line.find(":,"), std::string::npos) << line.substr(line.size() - 60);
    ASSERT_EQ(line.find(":}"), std::string::npos) << line.substr(line.size() - 60);
    const bool cut = line.ends_with(",\"cut\":true}\n");
    const bool whole = line.ends_with("\"second\":\"abc\",\"third\":12345,\"fourth\":true}\n");
    ASSERT_NE(cut, whole) << line.substr(line.size() - 60);
  }
}

TEST(TextLine, HasTimeLevelAndEventFirst) { EXPECT_EQ(text({}), "2017-07-14T02:40:00.007Z INFO request\n"); }

TEST(TextLine, PlainValuesStandBare) { EXPECT_EQ(text_value("/v1/token/{phone_number}"), "/v1/token/{phone_number}"); }

TEST(TextLine, NumbersAndTruthsStandBare) { EXPECT_TRUE(text({{"status", 200}, {"ok", true}}).ends_with(" status=200 ok=true\n")); }

TEST(TextLine, ValuesThatCouldBeReadAsMoreAreQuoted) {
  EXPECT_EQ(text_value(""), R"("")");
  EXPECT_EQ(text_value("two words"), R"("two words")");
  EXPECT_EQ(text_value("status=200"), R"("status=200")");
  EXPECT_EQ(text_value("a\"b"), R"("a\"b")");
}

TEST(TextLine, AValueCannotBeginALine) {
  EXPECT_EQ(text_value("x\n2017-07-14T02:40:00.007Z INFO forged"), R"("x\n2017-07-14T02:40:00.007Z INFO forged")");
  EXPECT_EQ(text_value("\xE2\x80\xA8"), R"("\u2028")");
}

TEST(TextLine, AValueCannotSteerATerminal) { EXPECT_EQ(text_value("\x1B[2J\xC2\x9B"), R"("\u001b[2J\u009b")"); }

TEST(TextLine, ACutLineSaysSo) {
  for (const char unit : {'x', '"'}) {
    const std::string line = text({{"v", std::string(2 * kMaxLogLineBytes, unit)}, {"never", 1}});
    EXPECT_LE(line.size(), kMaxLogLineBytes);
    EXPECT_TRUE(line.ends_with(" cut=true\n"));
    EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
  }
}

TEST(LogLine, TheSecondIsNotRememberedTooLong) {
  const auto at = [](UnixMillis when) { return std::string(LogLine(LogFormat::kText, when, LogLevel::kInfo, "x", {}).text()); };
  EXPECT_EQ(at(kAt), "2017-07-14T02:40:00.007Z INFO x\n");
  EXPECT_EQ(at(kAt + 992), "2017-07-14T02:40:00.999Z INFO x\n");
  EXPECT_EQ(at(kAt + 993), "2017-07-14T02:40:01.000Z INFO x\n");
  EXPECT_EQ(at(kAt), "2017-07-14T02:40:00.007Z INFO x\n");
}

}  // namespace
}  // namespace jwtd
