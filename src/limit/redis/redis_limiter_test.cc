// limit/redis/redis_limiter_test.cc - against a real server that is shared, flushed, hung, killed and started again.
#include "limit/redis/redis_limiter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "limit/redis/connect_for_tests.h"
#include "tests/fakes/run_task.h"
#include "tests/servers/test_server.h"

namespace jwtd::limit {
namespace {

using namespace std::chrono_literals;
using fakes::FakeLoop;
using fakes::run_task;
using fakes::Started;
using testing::HasSubstr;
using testing::Not;

// What on_change() was told.
class Told {
 public:
  void operator()(const Error* away) {
    const std::lock_guard hold(mutex_);
    texts_.push_back(away ? away->message() : "there");
    told_.notify_all();
  }
  // The text of that number, from 1; waits for it.
  std::string wait_for(std::size_t number) {
    std::unique_lock hold(mutex_);
    EXPECT_TRUE(told_.wait_for(hold, 60s, [&] { return texts_.size() >= number; })) << "number " << number;
    return texts_.size() >= number ? texts_[number - 1] : "nothing";
  }

  std::size_t count() const {
    const std::lock_guard hold(mutex_);
    return texts_.size();
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable told_;
  std::vector<std::string> texts_;
};

RedisLimiter::Options options(const std::string& url, Told* told = nullptr) {
  RedisLimiter::Options out;
  out.url = *parse_store_url(url);
  out.hash_key = new_hash_key();
  out.timeout = 30s;  // sanitizers and a busy machine; tests of the time-out say their own
  out.cells = 1024;
  if (told) out.on_change = [told](const Error* away) { (*told)(away); };
  return out;
}

std::vector<Rule> by_client(std::uint32_t count, OnFailure on_failure) { return {Rule{"per-client", KeyKind::kClient, {rate(count, 3600s)}, on_failure}}; }

// Its making waits for the first connection, but not for long.
bool is_connected(const RedisLimiter& limiter) {
  for (const auto end = Monotonic::now() + 60s; Monotonic::now() < end; std::this_thread::sleep_for(1ms)) {
    if (limiter.available()) return true;
  }
  return false;
}

// Where nobody listens: a port that was free a moment ago.
std::string nowhere() { return "redis://:pa55word@127.0.0.1:1"; }

class RedisLimiterTest : public ::testing::Test {
 protected:
  void SetUp() override { JWTD_NEEDS_SERVER("redis"); }

  Decision ask(RedisLimiter& limiter, std::uint32_t c = 1, std::uint64_t p = 1) {
    return run_task(loop_, limiter.acquire(client(c), phone(p), Monotonic::now()));
  }
  int allowed(RedisLimiter& limiter, int asks) {
    int count = 0;
    for (int i = 0; i < asks; ++i) count += ask(limiter).allowed;
    return count;
  }

  FakeLoop loop_;
  const std::string url_ = shared_server("redis").url;
  Told told_;
};

TEST_F(RedisLimiterTest, TwoNodesShareOneBudget) {
  const auto same = options(url_);
  RedisLimiter one(by_client(5, OnFailure::kClosed), same), other(by_client(5, OnFailure::kClosed), same);
  ASSERT_TRUE(is_connected(one) && is_connected(other));
  int count = 0;
  for (int i = 0; i < 10; ++i) count += ask(i % 2 ? one : other).allowed;
  EXPECT_EQ(count, 5);
  const Decision refused = ask(one);
  EXPECT_FALSE(refused.unavailable);
  EXPECT_EQ(refused.rule, &one.rules()[0]);
  EXPECT_EQ(one.stats().answered + other.stats().answered, 11u);
  EXPECT_EQ(one.fallbacks(0) + other.fallbacks(0), 0u);
}

TEST_F(RedisLimiterTest, NodesWithAnotherKeyDoNot) {
  RedisLimiter one(by_client(3, OnFailure::kClosed), options(url_)), other(by_client(3, OnFailure::kClosed), options(url_));
  ASSERT_TRUE(is_connected(one) && is_connected(other));
  EXPECT_EQ(allowed(one, 5), 3);
  EXPECT_EQ(allowed(other, 5), 3);
}

TEST_F(RedisLimiterTest, RequestsAtOnceGetExactlyTheBudgetInFewRoundTrips) {
  TestServer own("redis");
  ASSERT_TRUE(own.runs()) << own.why();
  RedisLimiter limiter(by_client(700, OnFailure::kClosed), options(own.url()));
  ASSERT_TRUE(is_connected(limiter));
  own.say("pause");  // until all of them wait, however slowly they come
  std::vector<std::unique_ptr<Started<Decision>>> tasks;
  for (int i = 0; i < 1000; ++i) tasks.push_back(std::make_unique<Started<Decision>>(limiter.acquire(client(1), phone(1), Monotonic::now())));
  own.say("resume");
  int count = 0;
  for (const auto& task : tasks) {
    while (!task->done()) loop_.wait_and_run();
    count += task->value()->allowed;
  }
  EXPECT_EQ(count, 700);
  EXPECT_GE(limiter.stats().round_trips, 1000 / kMaxLimitBatch);
  EXPECT_LT(limiter.stats().round_trips, 500u);
}

TEST_F(RedisLimiterTest, WithoutRulesNobodyIsAsked) {
  RedisLimiter limiter({}, options(url_));
  EXPECT_TRUE(ask(limiter).allowed);
  EXPECT_EQ(limiter.stats().answered, 0u);
}

TEST_F(RedisLimiterTest, AForgottenScriptIsLoadedAgain) {
  RedisLimiter limiter(by_client(5, OnFailure::kClosed), options(url_));
  ASSERT_TRUE(is_connected(limiter));
  EXPECT_EQ(allowed(limiter, 2), 2);
  (void)Console(url_).ask({"SCRIPT", "FLUSH"});
  EXPECT_EQ(allowed(limiter, 5), 3);
  EXPECT_EQ(limiter.stats().answered, 7u);
  EXPECT_GE(limiter.connected(), 1u);  // the other one may still be on its way
}

TEST_F(RedisLimiterTest, ABrokenConnectionIsMadeAgain) {
  RedisLimiter limiter(by_client(1000, OnFailure::kLocal), options(url_));
  EXPECT_TRUE(ask(limiter).allowed);
  (void)Console(url_).ask({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
  // Until the pause before the next connection is over, this process decides, which takes no time: by the clock, then, and not by count.
  for (const auto until = Monotonic::now() + 60s; limiter.stats().answered < 20 && Monotonic::now() < until;) (void)ask(limiter);
  EXPECT_GE(limiter.stats().answered, 20u);
}

TEST_F(RedisLimiterTest, AnOpenRuleLetsEverythingThrough) {
  RedisLimiter limiter(by_client(1, OnFailure::kOpen), options(nowhere(), &told_));
  EXPECT_THAT(told_.wait_for(1), AllOf(HasSubstr("connect"), Not(HasSubstr("pa55word"))));
  EXPECT_FALSE(limiter.available());
  EXPECT_EQ(allowed(limiter, 10), 10);
  EXPECT_EQ(ask(limiter).rule, nullptr);
  EXPECT_EQ(limiter.fallbacks(0), 11u);
  EXPECT_EQ(limiter.stats().away, 11u);
}

TEST_F(RedisLimiterTest, AClosedRuleLetsNothingThroughAndSaysThatItIsNoLimit) {
  RedisLimiter limiter({Rule{"l", KeyKind::kAll, {rate(1, 60s)}, OnFailure::kLocal}, Rule{"c", KeyKind::kAll, {rate(9, 60s)}, OnFailure::kClosed}},
                       options(nowhere()));
  for (int i = 0; i < 3; ++i) {
    const Decision decision = ask(limiter);
    EXPECT_FALSE(decision.allowed);
    EXPECT_TRUE(decision.unavailable);
    EXPECT_EQ(decision.rule->name, "c");
    EXPECT_GT(decision.retry_after, 0s);
  }
  EXPECT_EQ(limiter.fallbacks(0), 0u) << "nothing was charged anywhere";
  EXPECT_EQ(limiter.fallbacks(1), 3u);
}

TEST_F(RedisLimiterTest, ALocalRuleCountsHere) {
  RedisLimiter limiter({Rule{"o", KeyKind::kAll, {rate(1, 60s)}, OnFailure::kOpen}, Rule{"l", KeyKind::kClient, {rate(3, 60s)}, OnFailure::kLocal}},
                       options(nowhere()));
  EXPECT_EQ(allowed(limiter, 5), 3);
  const Decision refused = ask(limiter);
  EXPECT_EQ(refused.rule->name, "l");
  EXPECT_FALSE(refused.unavailable);
  EXPECT_TRUE(ask(limiter, 2).allowed);
}

TEST_F(RedisLimiterTest, AWrongPasswordIsNamedAndNotShown) {
  StoreUrl wrong = *parse_store_url(url_);
  wrong.password = "pa55word";
  auto with_wrong = options(url_, &told_);
  with_wrong.url = wrong;
  RedisLimiter limiter(by_client(3, OnFailure::kLocal), with_wrong);
  EXPECT_THAT(told_.wait_for(1), AllOf(HasSubstr("password: WRONGPASS"), Not(HasSubstr("pa55word"))));
  EXPECT_EQ(allowed(limiter, 5), 3);
}

TEST_F(RedisLimiterTest, ADatabaseIsChosen) {
  auto in_three = options(url_ + "/3");
  RedisLimiter limiter(by_client(3, OnFailure::kClosed), in_three);
  ASSERT_TRUE(is_connected(limiter));
  EXPECT_EQ(allowed(limiter, 5), 3);
  Console console(url_ + "/3");
  EXPECT_GE(console.ask({"DBSIZE"})->integer, 1);
  auto beyond = options(url_ + "/9999", &told_);
  RedisLimiter none(by_client(3, OnFailure::kClosed), beyond);
  EXPECT_THAT(told_.wait_for(1), HasSubstr("database: ERR"));
}

// A user who may do everything but what the limiter is for: connecting works, and every request is refused.
TEST_F(RedisLimiterTest, TheBreakerOpensWhenConnectingWorksAndAskingDoesNot) {
  Console console(url_);
  (void)console.ask({"ACL", "SETUSER", "half", "on", ">pa55word", "~*", "+@all", "-evalsha"});
  auto as_half = options(url_, &told_);
  as_half.url.user = "half";
  as_half.url.password = "pa55word";
  as_half.connections = 1;
  RedisLimiter limiter(by_client(100'000, OnFailure::kLocal), as_half);
  EXPECT_EQ(told_.wait_for(1), "there");
  const auto end = Monotonic::now() + 60s;
  bool opened = false;
  while ((!opened || told_.count() < 2) && Monotonic::now() < end) {
    (void)ask(limiter);
    opened = opened || limiter.breaker_open();
  }
  EXPECT_TRUE(opened);
  EXPECT_GE(limiter.stats().refused, kLimitBreakerFailures);
  EXPECT_LT(limiter.stats().refused, 30u) << "the pauses grow";
  EXPECT_GT(limiter.stats().away, 10 * limiter.stats().refused);
  EXPECT_THAT(told_.wait_for(2), AllOf(HasSubstr("NOPERM"), Not(HasSubstr("pa55word"))));
  (void)console.ask({"ACL", "SETUSER", "half", "+evalsha"});
  while ((limiter.stats().answered == 0 || told_.count() < 3) && Monotonic::now() < end) (void)ask(limiter);
  EXPECT_GT(limiter.stats().answered, 0u);
  EXPECT_EQ(told_.wait_for(3), "there");
  EXPECT_FALSE(limiter.breaker_open());
  (void)console.ask({"ACL", "DELUSER", "half"});
}

TEST_F(RedisLimiterTest, TheRightsThatTheDocumentationNamesAreEnough) {
  Console console(url_);
  const Reply made = console.ask({"ACL", "SETUSER", "narrow", "on", ">pa55word", "~jwtd:{limit}:*", "+auth", "+select", "+script|load", "+evalsha", "+time", "+mget", "+set"});
  ASSERT_EQ(error_word(*made), "");
  auto as_narrow = options(url_ + "/2", &told_);
  as_narrow.url.user = "narrow";
  as_narrow.url.password = "pa55word";
  RedisLimiter limiter(by_client(3, OnFailure::kClosed), as_narrow);
  EXPECT_EQ(told_.wait_for(1), "there");
  EXPECT_EQ(allowed(limiter, 5), 3);
  (void)console.ask({"ACL", "DELUSER", "narrow"});
}

TEST_F(RedisLimiterTest, AReplicaIsNoPlaceForLimits) {
  TestServer own("redis");
  ASSERT_TRUE(own.runs()) << own.why();
  (void)Console(own.url()).ask({"REPLICAOF", "127.0.0.1", "1"});
  RedisLimiter limiter(by_client(3, OnFailure::kLocal), options(own.url(), &told_));
  EXPECT_THAT(told_.wait_for(1), HasSubstr("READONLY"));
  EXPECT_EQ(allowed(limiter, 5), 3);
}

TEST_F(RedisLimiterTest, AServerThatHangsCostsTheTimeOutAndThenNothing) {
  TestServer own("redis");
  ASSERT_TRUE(own.runs()) << own.why();
  auto quick = options(own.url(), &told_);
  quick.timeout = 1s;
  RedisLimiter limiter(by_client(1000, OnFailure::kLocal), quick);
  EXPECT_EQ(told_.wait_for(1), "there");
  EXPECT_TRUE(ask(limiter).allowed);
  EXPECT_EQ(limiter.stats().answered, 1u);
  own.say("pause");
  const auto start = Monotonic::now();
  EXPECT_TRUE(ask(limiter).allowed);
  // Less when both idle connections had been asked meanwhile whether they still are ones.
  EXPECT_TRUE(limiter.stats().timed_out == 0 || Monotonic::now() - start >= quick.timeout);
  EXPECT_THAT(told_.wait_for(2), HasSubstr("in time"));
  EXPECT_FALSE(limiter.available());
  EXPECT_TRUE(ask(limiter).allowed);
  EXPECT_EQ(limiter.stats().timed_out + limiter.stats().away + limiter.stats().overloaded, 2u);
  own.say("resume");
  EXPECT_EQ(told_.wait_for(3), "there");
  EXPECT_TRUE(ask(limiter).allowed);
  EXPECT_EQ(limiter.stats().answered, 2u);
}

TEST_F(RedisLimiterTest, MoreThanCanWaitIsDecidedAtOnce) {
  TestServer own("redis");
  ASSERT_TRUE(own.runs()) << own.why();
  auto patient = options(own.url());
  patient.timeout = 3s;  // more than it takes to ask so often
  RedisLimiter limiter(by_client(1'000'000, OnFailure::kOpen), patient);
  ASSERT_TRUE(is_connected(limiter));
  own.say("pause");
  std::vector<std::unique_ptr<Started<Decision>>> tasks;
  for (std::size_t i = 0; i < kMaxQueuedLimits + 500; ++i) {
    tasks.push_back(std::make_unique<Started<Decision>>(limiter.acquire(client(1), phone(1), Monotonic::now())));
  }
  std::size_t allowed = 0;
  for (const auto& task : tasks) {
    while (!task->done()) loop_.wait_and_run();
    allowed += task->value()->allowed;
  }
  EXPECT_EQ(allowed, tasks.size());
  const RedisStats& stats = limiter.stats();
  EXPECT_EQ(stats.timed_out + stats.overloaded + stats.away + stats.lost, tasks.size());
  EXPECT_GT(stats.overloaded, 0u);
  own.say("resume");
}

TEST_F(RedisLimiterTest, AServerThatWasKilledIsUsedAgainWhenItIsBack) {
  TestServer own("redis");
  ASSERT_TRUE(own.runs()) << own.why();
  RedisLimiter limiter(by_client(3, OnFailure::kClosed), options(own.url(), &told_));
  EXPECT_EQ(told_.wait_for(1), "there");
  EXPECT_EQ(allowed(limiter, 5), 3);
  own.say("kill");
  EXPECT_TRUE(ask(limiter).unavailable);
  EXPECT_THAT(told_.wait_for(2), Not(HasSubstr("there")));
  EXPECT_FALSE(limiter.available());
  own.say("start");
  EXPECT_EQ(told_.wait_for(3), "there");
  EXPECT_TRUE(limiter.available());
  EXPECT_EQ(allowed(limiter, 5), 3) << "it kept nothing, so the budget is a new one";
}

}  // namespace
}  // namespace jwtd::limit
