// limit/redis/script_test.cc - the script inside a real server beside LocalLimiter, and what stands in the server afterwards.
#include "limit/redis/script.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "limit/local_limiter.h"
#include "limit/redis/connect_for_tests.h"
#include "tests/servers/test_server.h"

namespace jwtd::limit {
namespace {

using namespace std::chrono_literals;
using std::chrono::microseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr seconds kSince1970{1'790'000'000};  // LocalLimiter's clock begins at 0, the server's here

// Script and LocalLimiter side by side, at times turned by hand.
class Pair {
 public:
  Pair(std::vector<Rule> rules, const std::string& url)
      : rules_(std::move(rules)), script_(rules_, new_hash_key(), Script::Clock::kArgument), local_(rules_, 1 << 16), console_(url, script_.text()) {}

  Decision shared(std::uint32_t c, std::uint64_t p, microseconds now) {
    std::string call;
    script_.append_call(call, console_.script_name(), client(c), phone(p), kSince1970 + now);
    const Reply reply = console_.send(call);
    const auto decision = script_.read(*reply);
    EXPECT_TRUE(decision) << (reply->type == REDIS_REPLY_ERROR ? reply->str : "not an answer of the script");
    return decision.value_or(Decision{});
  }
  Decision local(std::uint32_t c, std::uint64_t p, microseconds now) { return local_.acquire_now(client(c), phone(p), Monotonic::time_point(now)); }

  // The names differ in where their rules live, hence by value.
  ::testing::AssertionResult agree(std::uint32_t c, std::uint64_t p, microseconds now) {
    const Decision a = shared(c, p, now);
    const Decision b = local(c, p, now);
    if (a.allowed == b.allowed && a.rule->name == b.rule->name && *a.rate == *b.rate && a.remaining == b.remaining && a.retry_after == b.retry_after &&
        a.reset_after == b.reset_after && a.unavailable == b.unavailable) {
      return ::testing::AssertionSuccess();
    }
    return ::testing::AssertionFailure() << "server: " << text(a) << "; here: " << text(b);
  }

 private:
  static std::string text(const Decision& d) {
    return std::string(d.allowed ? "allowed" : "refused") + " by " + d.rule->name + ", left " + std::to_string(d.remaining) + ", retry " +
           std::to_string(d.retry_after.count()) + ", reset " + std::to_string(d.reset_after.count());
  }

  std::vector<Rule> rules_;
  Script script_;
  LocalLimiter local_;
  Console console_;
};

TEST(Script, DecidesAsLocalLimiterOnRandomRulesKeysAndTimes) {
  JWTD_NEEDS_SERVER("redis");
  const std::uint32_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const auto below = [&](std::uint64_t end) { return std::uniform_int_distribution<std::uint64_t>(0, end - 1)(random); };
  for (int round = 0; round < 12; ++round) {
    std::vector<Rule> rules;
    for (std::uint64_t r = 0; r <= below(4); ++r) {
      Rule rule{"rule-" + std::to_string(r), static_cast<KeyKind>(below(3)), {}};
      for (std::uint64_t i = 0; i <= below(3); ++i) {
        const auto period = seconds(below(2) == 0 ? 1 + below(10) : 1 + below(3'110'400'000));
        const auto count = static_cast<std::uint32_t>(1 + (below(4) == 0 ? below(1'000'000'000) : below(30)));
        rule.rates.push_back(rate(count, period, below(2) == 0 ? 0 : static_cast<std::uint32_t>(1 + below(40))));
      }
      rules.push_back(std::move(rule));
    }
    Pair pair(std::move(rules), shared_server("redis").url);
    microseconds now{seconds(below(100'000))};
    for (int step = 0; step < 300; ++step) {
      // Often at the same moment, mostly soon after, sometimes much later.
      switch (below(8)) {
        case 0: case 1: case 2: break;
        case 3: now += microseconds(below(86'400'000'000)); break;
        default: now += microseconds(below(500'000)); break;
      }
      ASSERT_TRUE(pair.agree(static_cast<std::uint32_t>(below(3)), below(3), now)) << "round " << round << ", step " << step;
    }
  }
}

// Beyond 2^53 nanoseconds, and below a microsecond: where doubles and the server's clock would lose something.
TEST(Script, IsExactForTheLongestAndTheShortestRates) {
  JWTD_NEEDS_SERVER("redis");
  for (const Rate& one : {rate(1'000'000'000, 1s), rate(3, 1s), rate(7, 3'110'400'000s), rate(1, 3'110'400'000s), rate(1'000'000'000, 3'110'400'000s, 4'000'000'000u),
                          rate(999'999'937, 1s, 2)}) {
    Pair pair({Rule{"one", KeyKind::kClient, {one}}}, shared_server("redis").url);
    microseconds now{1'000'000'000};
    for (int step = 0; step < 40; ++step, now += microseconds(step % 3)) ASSERT_TRUE(pair.agree(1, 1, now)) << one.count << ", step " << step;
    const auto step_by = std::max<microseconds>(std::chrono::duration_cast<microseconds>(one.interval()), 1us);
    constexpr seconds kEnd{30LL * 365 * 86'400};  // a little before LocalLimiter's clock stands still
    for (int step = 0; step < 10 && now < kEnd; ++step, now += step_by) ASSERT_TRUE(pair.agree(1, 1, now)) << one.count << ", step " << step;
  }
}

TEST(Script, WhenTheServersClockGoesBackABucketIsEmptyAtWorst) {
  JWTD_NEEDS_SERVER("redis");
  Pair pair({Rule{"one", KeyKind::kClient, {rate(2, 10s)}}}, shared_server("redis").url);
  const microseconds later = 7200s;
  EXPECT_TRUE(pair.shared(1, 1, later).allowed);
  const Decision back = pair.shared(1, 1, later - 3600s);
  EXPECT_FALSE(back.allowed);
  EXPECT_EQ(back.retry_after, 5s);
  EXPECT_EQ(back.reset_after, 10s);
  EXPECT_FALSE(pair.shared(1, 1, later - 3600s + 5s - 1us).allowed);
  EXPECT_TRUE(pair.shared(1, 1, later - 3600s + 5s).allowed);
}

class OnServer : public ::testing::Test {
 protected:
  void SetUp() override { JWTD_NEEDS_SERVER("redis"); }

  std::vector<std::string> names(const Script& script, std::uint32_t c, std::uint64_t p) const {
    std::string call;
    script.append_call(call, "", client(c), phone(p));
    std::vector<std::string> found;
    for (std::size_t at = 0; (at = call.find("jwtd:", at)) != std::string::npos; ++at) found.push_back(call.substr(at, call.find('\r', at) - at));
    return found;
  }

  const std::vector<Rule> rules_{Rule{"c", KeyKind::kClient, {rate(2, 60s)}}, Rule{"p", KeyKind::kPhone, {rate(3, 60s), rate(3, 60s), rate(9, 3600s)}},
                                 Rule{"a", KeyKind::kAll, {rate(5, 60s)}}};
};

TEST_F(OnServer, ByTheServersOwnClockTheTimesAreRight) {
  const Script script(rules_, new_hash_key());
  Console console(shared_server("redis").url, script.text());
  std::string call;
  script.append_call(call, console.script_name(), client(1), phone(1));
  const auto start = Monotonic::now();
  for (std::uint64_t left : {1, 0}) {
    const auto decision = script.read(*console.send(call));
    ASSERT_TRUE(decision);
    EXPECT_TRUE(decision->allowed);
    EXPECT_EQ(decision->rule->name, "c");
    EXPECT_EQ(decision->remaining, left);
  }
  const auto refused = script.read(*console.send(call));
  ASSERT_TRUE(refused);
  EXPECT_FALSE(refused->allowed);
  EXPECT_EQ(refused->rule, &rules_[0]);
  EXPECT_LE(refused->retry_after, 30s);
  EXPECT_GE(refused->retry_after, 30s - (Monotonic::now() - start) - 100ms);  // two clocks
}

TEST_F(OnServer, BucketsExpireWhenTheyAreFullAgain) {
  const Script script(rules_, new_hash_key());
  Console console(shared_server("redis").url, script.text());
  std::string call;
  script.append_call(call, console.script_name(), client(1), phone(1));
  ASSERT_TRUE(script.read(*console.send(call))->allowed);
  const std::vector<std::string> all = names(script, 1, 1);
  ASSERT_EQ(all.size(), 5u);
  const std::array<std::int64_t, 5> fills{30'000, 20'000, 20'000, 400'000, 12'000};
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Reply left = console.ask({"PTTL", all[i]});
    EXPECT_GT(left->integer, 0) << all[i];
    EXPECT_LE(left->integer, fills[i]) << all[i];
    EXPECT_GT(left->integer, fills[i] - 11'000) << all[i];
    EXPECT_EQ(std::string(console.ask({"GET", all[i]})->str).size(), 19u);
  }
}

TEST_F(OnServer, WhatIsNoBucketIsAnErrorAndChargesNothing) {
  const Script script(rules_, new_hash_key());
  Console console(shared_server("redis").url, script.text());
  const std::vector<std::string> all = names(script, 1, 1);
  (void)console.ask({"SET", all.back(), "nonsense"});
  std::string call;
  script.append_call(call, console.script_name(), client(1), phone(1));
  const Reply reply = console.send(call);
  EXPECT_FALSE(script.read(*reply));
  EXPECT_NE(error_word(*reply), "");
  EXPECT_EQ(console.ask({"EXISTS", all.front()})->integer, 0);
}

TEST_F(OnServer, OtherAnswersAreNotTakenForDecisions) {
  const Script script(rules_, new_hash_key());
  Console console(shared_server("redis").url);
  using Words = std::initializer_list<std::string_view>;
  for (const Words& words : {Words{"PING"}, Words{"TIME"}, Words{"GET", "nothing"}, Words{"NONSENSE"}, Words{"MGET", "1", "2", "3", "4", "5", "6", "7", "8"},
                             Words{"EVAL", "return {1, '1790000000', '0', 'x', false, false, false, false}", "0"},
                             Words{"EVAL", "return {1, '1790000000', '0', '1990000000000000000', false, false, false, false}", "0"}}) {
    EXPECT_FALSE(script.read(*console.ask(words))) << *words.begin();
  }
  EXPECT_TRUE(script.read(*console.ask({"EVAL", "return {1, '1790000000', '0', false, false, false, false, false}", "0"})));
}

TEST_F(OnServer, NamesAreSharedByThoseWithTheKeyAndTellNothing) {
  const std::string key = new_hash_key();
  const Script one(rules_, key), other(rules_, key), stranger(rules_, new_hash_key());
  EXPECT_EQ(names(one, 1, 1), names(other, 1, 1));
  std::set<std::string> different;
  for (std::uint32_t i = 0; i < 100; ++i) {
    for (const Script* script : {&one, &stranger}) {
      for (const std::string& name : names(*script, i, i)) {
        different.insert(name);
        EXPECT_TRUE(name.starts_with("jwtd:{limit}:"));
        EXPECT_EQ(name.find(phone(i).text()), std::string::npos);
      }
    }
  }
  EXPECT_EQ(different.size(), 2 * (4 * 100 + 1u));  // three rates by phone, one by client, and all is one
}

TEST_F(OnServer, RulesThatDifferHaveBucketsThatDiffer) {
  const std::string key = new_hash_key();
  std::set<std::string> different;
  for (const Rule& rule : {Rule{"r", KeyKind::kAll, {rate(1, 60s)}}, Rule{"s", KeyKind::kAll, {rate(1, 60s)}}, Rule{"r", KeyKind::kPhone, {rate(1, 60s)}},
                           Rule{"r", KeyKind::kAll, {rate(2, 60s)}}, Rule{"r", KeyKind::kAll, {rate(1, 60s, 2)}}}) {
    const std::vector<Rule> rules{rule};
    different.insert(names(Script(rules, key), 1, 1).at(0));
  }
  EXPECT_EQ(different.size(), 5u);
}

}  // namespace
}  // namespace jwtd::limit
