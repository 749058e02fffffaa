// telesign/shared_status_test.cc - a crowd is one request, and an outcome stands as long as it should.
#include "telesign/shared_status.h"

#include <gtest/gtest.h>

#include <latch>
#include <thread>
#include <vector>

#include "telesign/status_client.h"

namespace jwtd::telesign {
namespace {

using namespace std::chrono_literals;

class Shared : public testing::Test {
 protected:
  SharedStatus::Options options(std::chrono::milliseconds cache = 10s, std::size_t entries = 100) {
    return {.cache = cache, .max_entries = entries, .monotonic = [this] { return now_; }, .wall = [] { return UnixMillis{1234}; }};
  }
  SharedStatus::Fetch counting() {
    return [this](const Xid&) -> Fetched {
      ++calls_;
      if (failure_) return Error(*failure_);
      return Report{.code = calls_};
    };
  }

  Monotonic::time_point now_{};
  int calls_ = 0;
  const Code* failure_ = nullptr;
  const Xid xid_ = *Xid::parse("x"), other_ = *Xid::parse("y");
};

TEST_F(Shared, AnOutcomeStandsForTheCachesTime) {
  SharedStatus status(counting(), options());
  const Result<Polled> first = status.ask(xid_);
  EXPECT_FALSE(first->shared);
  EXPECT_EQ(first->at, 1234);
  now_ += 9999ms;
  const Result<Polled> second = status.ask(xid_);
  EXPECT_TRUE(second->shared);
  EXPECT_EQ(second->report.code, 1);
  now_ += 1ms;
  EXPECT_EQ(status.ask(xid_)->report.code, 2);
  EXPECT_EQ(status.stats().asked, 3u);
  EXPECT_EQ(status.stats().fetched, 2u);
}

TEST_F(Shared, TransactionsDoNotShare) {
  SharedStatus status(counting(), options());
  EXPECT_EQ(status.ask(xid_)->report.code, 1);
  EXPECT_EQ(status.ask(other_)->report.code, 2);
}

TEST_F(Shared, WithoutACacheNothingStands) {
  SharedStatus status(counting(), options(0s));
  EXPECT_EQ(status.ask(xid_)->report.code, 1);
  EXPECT_EQ(status.ask(xid_)->report.code, 2);
}

TEST_F(Shared, AFailureStandsAMomentAndAnUnknownTransactionAsLongAsAnAnswer) {
  SharedStatus status(counting(), options());
  failure_ = &kProviderUnavailable;
  EXPECT_TRUE(status.ask(xid_).error().is(kProviderUnavailable));
  now_ += 999ms;
  EXPECT_TRUE(status.ask(xid_).error().is(kProviderUnavailable));
  EXPECT_EQ(calls_, 1);
  now_ += 1ms;
  failure_ = &kProviderReferenceUnknown;
  EXPECT_TRUE(status.ask(xid_).error().is(kProviderReferenceUnknown));
  now_ += 9s;
  EXPECT_TRUE(status.ask(xid_).error().is(kProviderReferenceUnknown));
  EXPECT_EQ(calls_, 2);
  EXPECT_EQ(status.stats().failed, 2u);
}

TEST_F(Shared, WhileTheProviderIsLeftAloneWhatStandsIsStillTold) {
  std::chrono::seconds retry_after{0};
  SharedStatus status(
      [&](const Xid&) -> Fetched {
        ++calls_;
        if (retry_after.count() == 0) return Report{.code = calls_};
        Fetched fetched(Error(kProviderUnavailable, "HTTP status 429"));
        fetched.retry_after = retry_after;
        return fetched;
      },
      options());
  EXPECT_TRUE(status.ask(xid_));
  EXPECT_EQ(status.rest(), 0ms);
  retry_after = 9s;
  EXPECT_FALSE(status.ask(other_));
  retry_after = 0s;
  EXPECT_EQ(status.rest(), 9s);
  EXPECT_TRUE(*status.at_once(xid_)) << "it stands";
  now_ += 8999ms;
  EXPECT_TRUE(status.ask(*Xid::parse("z")).error().is(kProviderUnavailable)) << "no XID is asked about";
  EXPECT_TRUE(status.at_once(other_)->error().is(kProviderUnavailable));
  EXPECT_EQ(calls_, 2);
  EXPECT_EQ(status.stats().spared, 2u);
  now_ += 1ms;
  EXPECT_FALSE(status.at_once(other_));
  EXPECT_TRUE(status.ask(other_));
}

TEST_F(Shared, ASilentProviderIsLeftAlone) {
  SharedStatus status(counting(), options());
  failure_ = &kProviderTimeout;
  for (unsigned i = 0; i < kProviderSilence; ++i) EXPECT_TRUE(status.ask(*Xid::parse("s-" + std::to_string(i))).error().is(kProviderTimeout));
  EXPECT_TRUE(status.ask(xid_).error().is(kProviderUnavailable));
  EXPECT_EQ(calls_, int{kProviderSilence});
  now_ += kProviderProbe;
  failure_ = nullptr;
  EXPECT_TRUE(status.ask(xid_)) << "the probe";
  EXPECT_TRUE(status.ask(other_));
}

TEST_F(Shared, BeyondItsBoundTheOldestGoes) {
  SharedStatus status(counting(), options(10s, 2));
  for (const char* name : {"a", "b", "c"}) EXPECT_TRUE(status.ask(*Xid::parse(name)));
  EXPECT_EQ(status.ask(*Xid::parse("c"))->report.code, 3);
  EXPECT_EQ(status.ask(*Xid::parse("b"))->report.code, 2);
  EXPECT_EQ(status.ask(*Xid::parse("a"))->report.code, 4);
}

TEST_F(Shared, ACrowdIsOneRequest) {
  constexpr int kAskers = 8;
  std::latch in_fetch(1), go(1);
  std::atomic<int> calls = 0;
  SharedStatus status(
      [&](const Xid&) -> Fetched {
        if (++calls == 1) in_fetch.count_down();
        go.wait();
        return Report{.code = 7};
      },
      options());
  std::atomic<int> shared = 0, good = 0;
  std::vector<std::thread> askers;
  const auto ask = [&] {
    const Result<Polled> polled = status.ask(xid_);
    good += polled && polled->report.code == 7;
    shared += polled && polled->shared;
  };
  askers.emplace_back(ask);
  in_fetch.wait();  // the call is on its way now
  for (int i = 1; i < kAskers; ++i) askers.emplace_back(ask);
  while (status.stats().asked != kAskers) std::this_thread::yield();
  go.count_down();
  for (std::thread& asker : askers) asker.join();
  EXPECT_EQ(good, kAskers);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(shared, kAskers - 1);
}

}  // namespace
}  // namespace jwtd::telesign
