// timeline/timeline_test.cc - a set of reports has one status, in whatever order and however often they come.
#include "timeline/timeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "store/events.h"

namespace jwtd::timeline {
namespace {

using store::Event;
using store::Transaction;

constexpr UnixMillis kNow = 1'700'000'000'000;

Transaction transaction(std::vector<Event> events = {}) {
  const store::Record record{*Xid::parse("x"), *Phone::parse("15555551234"), "t", "iss", "kid", kNow / 1000 - 10, kNow / 1000 + 80, kNow};
  return {kNow, 1, record, {}, std::move(events)};
}

// `second` below zero: without a date.
telesign::Report report(std::int64_t code, int second, const std::string& reference = "R") {
  const std::string time = second < 0 ? "" : R"(,"updated_on":"2016-10-21T14:05:)" + std::to_string(10 + second) + R"(Z")";
  auto made = telesign::parse_callback(R"({"reference_id":")" + reference + R"(","status":{"code":)" + std::to_string(code) + R"(,"description":"d")" + time + "}}");
  EXPECT_TRUE(made) << made.error().message();
  return *std::move(made);
}

Event callback(const telesign::Report& report, UnixMillis at = kNow) { return telesign::event_of(report, Event::Type::kCallback, at); }

// As a store does it.
Transaction receive(const std::vector<telesign::Report>& reports) {
  Transaction all = transaction();
  for (const auto& one : reports) (void)store::append(all, callback(one));
  return all;
}

TEST(Status, WithoutAReportIsNone) {
  EXPECT_EQ(status_of(transaction()).state, State::kNone);
  EXPECT_EQ(status_of(transaction({{Event::Type::kVerified, kNow, "verified:a", "{}"}})).state, State::kNone);
}

TEST(Status, MovesForwardFromPendingToFinal) {
  EXPECT_EQ(status_of(receive({report(2400, 0)})).state, State::kPending);
  const Status success = status_of(receive({report(2400, 0), report(2401, 1)}));
  EXPECT_EQ(success.state, State::kSuccess);
  EXPECT_EQ(success.report.code, 2401);
  EXPECT_EQ(success.source, "callback");
  EXPECT_EQ(status_of(receive({report(2401, 1), report(2400, 5)})).state, State::kSuccess) << "a late pending changes nothing";
  EXPECT_EQ(status_of(receive({report(103, 3), report(105, 1)})).report.code, 103) << "of pending ones the newest stands";
}

TEST(Status, TwoFinalStatesContradictAndTheFirstByItsDateStands) {
  const Status status = status_of(receive({report(2402, 2), report(2401, 1)}));
  EXPECT_EQ(status.state, State::kSuccess);
  EXPECT_TRUE(status.contradicted);
  EXPECT_FALSE(status_of(receive({report(2402, 2), report(2411, 1)})).contradicted) << "two words for one state";
  EXPECT_EQ(status_of(receive({report(2401, -1), report(2402, 1)})).state, State::kFailure) << "without a date it counts as later";
}

// docs/API.md says it: what was told may turn, once of two reports, and only towards the earlier date.
TEST(Status, AFinalStateTurnsWhenTheOneDatedFirstComesSecond) {
  EXPECT_EQ(status_of(receive({report(2402, 2)})).state, State::kFailure);
  EXPECT_EQ(status_of(receive({report(2402, 2), report(2401, 1)})).state, State::kSuccess);
  EXPECT_EQ(status_of(receive({report(2402, 2), report(2401, 1), report(2402, 3)})).state, State::kSuccess);
  EXPECT_EQ(status_of(receive({report(2402, 2), report(2401, 1), report(2402, 0)})).state, State::kFailure);
  EXPECT_EQ(status_of(receive({report(2401, 1), report(2402, 1)})).state, State::kFailure) << "of one date";
  EXPECT_EQ(status_of(receive({report(2401, -1), report(2402, -1)})).state, State::kFailure) << "of none";
}

TEST(Status, APollThatSaysTheSameIsNoNews) {
  const Event polled = telesign::event_of(report(2401, 1), Event::Type::kPolled, kNow + 5);
  const Status status = status_of(transaction({callback(report(2401, 1)), polled}));
  EXPECT_EQ(status.source, "callback");
  EXPECT_EQ(status.known_at, kNow);
}

TEST(Status, ABodyThatIsNotOursIsPassedOver) {
  EXPECT_EQ(status_of(transaction({{Event::Type::kCallback, kNow, "k", "not JSON"}})).state, State::kNone);
}

// The property: every permutation, with any of them repeated, ends in the same state; and along the way it only moves forward unless the
// reports contradict each other.
TEST(Status, IsTheSameForEveryOrderAndAnyRepetition) {
  std::mt19937_64 random(std::random_device{}());
  const std::int64_t codes[] = {2400, 2401, 2402, 2411, 103, 200, 290, 7777, 2403};
  for (int round = 0; round < 60; ++round) {
    std::vector<telesign::Report> reports;
    const std::size_t size = 1 + random() % 5;
    for (std::size_t i = 0; i < size; ++i) {
      reports.push_back(report(codes[random() % std::size(codes)], static_cast<int>(random() % 6) - 1, random() % 4 == 0 ? "S" : "R"));
    }
    std::vector<std::size_t> order(size);
    std::iota(order.begin(), order.end(), 0);
    const Status expected = status_of(receive(reports));
    do {
      std::vector<telesign::Report> sent;
      for (const std::size_t i : order) {
        sent.push_back(reports[i]);
        if (random() % 2) sent.push_back(reports[order[random() % size]]);
      }
      int reached = 0;
      for (std::size_t n = 1; n <= sent.size(); ++n) {
        const Status so_far = status_of(receive({sent.begin(), sent.begin() + static_cast<std::ptrdiff_t>(n)}));
        const int now = so_far.state == State::kNone ? 0 : so_far.state == State::kPending ? 1 : 2;
        ASSERT_GE(now, reached);
        reached = now;
      }
      const Status status = status_of(receive(sent));
      ASSERT_EQ(status.state, expected.state);
      ASSERT_EQ(status.report.code, expected.report.code);
      ASSERT_EQ(status.report.updated_on, expected.report.updated_on);
      ASSERT_EQ(status.contradicted, expected.contradicted);
    } while (std::next_permutation(order.begin(), order.end()));
  }
}

std::vector<std::string> types(const Transaction& transaction, UnixMillis now) {
  std::vector<std::string> names;
  for (const Item& item : items_of(transaction, now)) names.emplace_back(item.type);
  return names;
}

using testing::ElementsAre;

TEST(Items, LineUpTokensAndEventsByTheirTime) {
  Transaction all = transaction({callback(report(2400, 0), kNow + 1000), callback(report(2401, 1), kNow + 3000)});
  all.earlier.push_back(all.current);
  all.current.recorded_at = kNow + 2000;
  all.current.exp += 100;
  all.issued = 2;
  EXPECT_THAT(types(all, kNow + 4000), ElementsAre("issued", "callback", "reissued", "callback"));
  const auto items = items_of(all, kNow + 4000);
  EXPECT_FALSE(items[1].applied);
  EXPECT_TRUE(items[3].applied);
  EXPECT_EQ(items[0].record, &all.earlier[0]);
}

TEST(Items, ATokenExpiresUnlessTheTransactionIsClosed) {
  EXPECT_THAT(types(transaction(), kNow + 79'999), ElementsAre("issued"));
  EXPECT_THAT(types(transaction(), kNow + 80'000), ElementsAre("issued", "expired"));
  EXPECT_THAT(types(transaction({{Event::Type::kConsumed, kNow + 5, "consumed", "{}"}}), kNow + 80'000), ElementsAre("issued", "consumed"));
}

TEST(Items, OfVeryManyTokensTheFirstIsNotShown) {
  Transaction all = transaction();
  all.issued = 500;
  all.earlier.push_back(all.current);
  EXPECT_THAT(types(all, kNow), ElementsAre("reissued", "reissued"));
}

}  // namespace
}  // namespace jwtd::timeline
