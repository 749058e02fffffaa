// store/group_commit_test.cc - what the group commit promises, over a store whose every batch the test lets through by hand.
#include "store/group_commit.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <string>

#include "base/uuid7.h"
#include "store/apply_all.h"
#include "tests/fakes/run_task.h"

namespace jwtd::store {
namespace {

// Holds each commit until the test opens the gate, and can be told to fail.
class GatedStore final : public Store {
 public:
  Status commit(std::span<Entry* const> batch) override {
    std::unique_lock hold(mutex_);
    batches_.push_back(batch.size());
    arrived_.notify_all();
    opened_.wait(hold, [this] { return permits_ > 0; });
    --permits_;
    if (fails_) return Error(kStoreUnavailable);
    for (Entry* entry : batch) entry->outcome = outcome_;
    return {};
  }
  Status apply(std::span<Change* const> changes) override {
    const std::lock_guard hold(mutex_);
    applied_.push_back(changes.size());
    if (fails_) return Error(kStoreUnavailable);
    for (Change* change : changes) change->applied = Applied::kPresent;
    return {};
  }
  Result<std::optional<std::string>> note(const NoteName&, UnixMillis) override { return std::optional<std::string>(); }
  Result<std::vector<Note>> notes(std::string_view, std::string_view, std::size_t, UnixMillis) override { return std::vector<Note>(); }
  Result<std::optional<Transaction>> find(const Xid&, UnixMillis) override { return std::optional<Transaction>{}; }
  Result<Page> find_by_phone(const Phone&, std::size_t, std::string_view, UnixMillis) override { return Page{}; }
  Status writable() override { return {}; }
  Status sweep(UnixMillis) override { return {}; }
  Result<Slice> scan(std::size_t, std::string_view, UnixMillis) override { return Slice{}; }
  Result<Adopted> adopt(std::span<const Transaction>) override { return Adopted{}; }
  Stats stats() override { return {}; }
  std::string_view driver() const override { return "gated"; }
  std::size_t commits_at_once() const override { return at_once; }

  bool shares_out_batches() const override { return shares_out; }

  std::size_t at_once = 1;
  bool shares_out = false;

  void open_gate(int batches) {
    const std::lock_guard hold(mutex_);
    permits_ += batches;
    opened_.notify_all();
  }
  void wait_for_batches(std::size_t count) {
    std::unique_lock hold(mutex_);
    arrived_.wait(hold, [&] { return batches_.size() >= count; });
  }
  void fail() {
    const std::lock_guard hold(mutex_);
    fails_ = true;
  }
  void answer(Outcome outcome) {
    const std::lock_guard hold(mutex_);
    outcome_ = outcome;
  }
  std::vector<std::size_t> applied() {
    const std::lock_guard hold(mutex_);
    return applied_;
  }
  std::vector<std::size_t> batches() {
    const std::lock_guard hold(mutex_);
    return batches_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_, opened_;
  std::vector<std::size_t> batches_, applied_;
  int permits_ = 0;
  bool fails_ = false;
  Outcome outcome_ = Outcome::kInserted;
};

Record record() {
  static XidGenerator xids;
  return {xids.next(1'500'000'000'000), *Phone::parse("15551234567"), "token", "iss", "kid", 1'500'000'000, 1'500'000'090, 1'500'000'010'000};
}

Task<Result<Committed>> commit_one(Lane& lane) { co_return co_await lane.commit(record(), true); }

class GroupCommitTest : public testing::Test {
 protected:
  using Waiting = fakes::Started<Result<Committed>>;
  std::unique_ptr<Waiting> start() { return std::make_unique<Waiting>(commit_one(lane)); }

  GatedStore store;
  fakes::FakeLoop loop;
  GroupCommit commit{store, {.max_queued = 4, .max_batch = 2, .deadline = std::chrono::hours(1)}};
  Lane lane{commit, loop};
};

TEST_F(GroupCommitTest, NobodyIsAnsweredBeforeTheStoreHasConfirmed) {
  const auto one = start();
  store.wait_for_batches(1);
  EXPECT_EQ(loop.run_posted(), 0u);
  EXPECT_FALSE(one->done());
  store.open_gate(1);
  loop.wait_and_run();
  ASSERT_TRUE(one->done());
  EXPECT_TRUE(one->value()->has_value());
}

Task<Result<Change>> apply_one(Lane& lane) {
  Change change;
  change.put.push_back({"kind", "key", "value", 0});
  co_return co_await lane.apply(std::move(change));
}

TEST_F(GroupCommitTest, ChangesGoTheSameWayBehindTheRecordsOfTheirBatch) {
  const auto first = start();
  store.wait_for_batches(1);
  fakes::Started<Result<Change>> change(apply_one(lane));
  const auto second = start();
  EXPECT_EQ(loop.run_posted(), 0u);
  store.open_gate(2);
  while (!change.done() || !second->done()) loop.wait_and_run();
  ASSERT_TRUE(change.value()->has_value());
  EXPECT_EQ((*change.value())->applied, Applied::kPresent);
  EXPECT_EQ((*change.value())->put.size(), 1u) << "what was asked for comes back with it";
  EXPECT_EQ(store.batches(), (std::vector<std::size_t>{1, 1}));
  EXPECT_EQ(store.applied(), (std::vector<std::size_t>{1}));
  EXPECT_EQ(commit.stats().changes, 1u);
}

Task<Result<Change>> apply_large(Lane& lane) {
  Change change;
  change.put.push_back({"kind", "key", std::string(kMaxNoteBytes + 1, 'x'), 0});
  co_return co_await lane.apply(std::move(change));
}

Task<Result<std::vector<Change>>> apply_three(Lane& lane, std::size_t large) {
  std::vector<Change> changes(3);
  for (std::size_t i = 0; i < changes.size(); ++i) changes[i].put.push_back({"kind", std::to_string(i), std::string(i == large ? kMaxNoteBytes + 1 : 1, 'x'), 0});
  co_return co_await apply_all(lane, std::move(changes));
}

TEST_F(GroupCommitTest, ChangesThatAreGivenTogetherShareAWriteAndComeBackInOrder) {
  const auto first = start();  // while it is written the three gather
  store.wait_for_batches(1);
  fakes::Started<Result<std::vector<Change>>> all(apply_three(lane, 3));
  store.open_gate(1);
  while (!all.done()) loop.wait_and_run();
  ASSERT_TRUE(all.value()->has_value());
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ((**all.value())[i].applied, Applied::kPresent);
    EXPECT_EQ((**all.value())[i].put[0].key, std::to_string(i));
  }
  EXPECT_EQ(store.applied(), (std::vector<std::size_t>{2, 1})) << "two is the bound of a batch here";
}

TEST_F(GroupCommitTest, OfChangesThatAreGivenTogetherAFailureIsTold) {
  fakes::Started<Result<std::vector<Change>>> all(apply_three(lane, 1));
  while (!all.done()) loop.wait_and_run();
  ASSERT_FALSE(all.value()->has_value());
  EXPECT_TRUE(all.value()->error().is(kChangeTooLarge));
  fakes::Started<Result<std::vector<Change>>> none(apply_all(lane, {}));
  EXPECT_TRUE(none.done());
}

TEST_F(GroupCommitTest, AChangeOutOfBoundsNeverReachesTheStore) {
  fakes::Started<Result<Change>> change(apply_large(lane));
  ASSERT_TRUE(change.done());
  EXPECT_TRUE(change.value()->error().is(kChangeTooLarge));
  EXPECT_TRUE(store.applied().empty());
}

TEST_F(GroupCommitTest, AFailedChangeSaysSoAndConcernsNoRecord) {
  store.fail();
  fakes::Started<Result<Change>> change(apply_one(lane));
  while (!change.done()) loop.wait_and_run();
  ASSERT_FALSE(change.value()->has_value());
  EXPECT_TRUE(change.value()->error().is(kStoreUnavailable));
}

TEST_F(GroupCommitTest, WhatArrivesDuringACommitSharesTheNextOneUpToTheBatchBound) {
  const auto first = start();
  store.wait_for_batches(1);
  const auto second = start(), third = start(), fourth = start();
  store.open_gate(3);
  while (!fourth->done()) loop.wait_and_run();
  EXPECT_EQ(store.batches(), (std::vector<std::size_t>{1, 2, 1}));
  EXPECT_TRUE(first->done() && second->done() && third->done());
}

TEST_F(GroupCommitTest, ABatchCostsOnePostALoop) {
  const auto first = start();
  store.wait_for_batches(1);
  const auto second = start(), third = start();
  store.open_gate(1);
  loop.wait_and_run();
  const std::size_t before = loop.posts();
  store.open_gate(1);
  while (!third->done()) loop.wait_and_run();
  EXPECT_EQ(loop.posts(), before + 1);
  EXPECT_TRUE(second->done());
}

TEST_F(GroupCommitTest, AFullQueueRefusesAtOnce) {
  const auto first = start();
  store.wait_for_batches(1);
  const auto second = start(), third = start(), fourth = start();
  EXPECT_TRUE(commit.full());
  const auto fifth = start();
  ASSERT_TRUE(fifth->done());
  EXPECT_TRUE(fifth->value()->error().is(kQueueFull));
  store.open_gate(3);
  while (!fourth->done()) loop.wait_and_run();
  EXPECT_FALSE(commit.full());
}

TEST_F(GroupCommitTest, IsNotReadyWhileItsQueueIsFull) {
  EXPECT_TRUE(commit.ready(Monotonic::now()));
  std::vector<std::unique_ptr<Waiting>> waiting;
  for (int i = 0; i < 4; ++i) waiting.push_back(start());
  const Status ready = commit.ready(Monotonic::now());
  ASSERT_FALSE(ready);
  EXPECT_TRUE(ready.error().is(kQueueFull));
  store.open_gate(4);
  for (const auto& one : waiting)
    while (!one->done()) loop.wait_and_run();
  EXPECT_TRUE(commit.ready(Monotonic::now()));
}

TEST_F(GroupCommitTest, IsNotReadyWhileTheStoreHasABatchForLongerThanAnybodyWaits) {
  const auto one = start();
  store.wait_for_batches(1);
  const auto now = Monotonic::now();
  EXPECT_TRUE(commit.ready(now));
  const Status ready = commit.ready(now + std::chrono::hours(2));
  ASSERT_FALSE(ready);
  EXPECT_TRUE(ready.error().is(kCommitTimeout));
  store.open_gate(1);
  loop.wait_and_run();
  EXPECT_TRUE(commit.ready(now + std::chrono::hours(2)));
}

TEST_F(GroupCommitTest, AFailedBatchFailsAllOfItsRecords) {
  store.fail();
  const auto one = start();
  store.open_gate(1);
  loop.wait_and_run();
  ASSERT_TRUE(one->done());
  EXPECT_TRUE(one->value()->error().is(kStoreUnavailable));
  EXPECT_EQ(commit.stats().records.load(), 0u);
}

TEST_F(GroupCommitTest, PastTheDeadlineTheWaiterIsAnsweredAndTheLateResultIsDropped) {
  const auto one = start();
  store.wait_for_batches(1);
  lane.expire(Monotonic::now() + std::chrono::minutes(59));
  EXPECT_FALSE(one->done());
  lane.expire(Monotonic::now() + std::chrono::minutes(61));
  ASSERT_TRUE(one->done());
  EXPECT_TRUE(one->value()->error().is(kCommitTimeout));
  EXPECT_EQ(lane.waiting(), 0u);
  store.open_gate(1);
  loop.wait_and_run();  // the record comes back and is freed (the sanitizer would tell)
  EXPECT_EQ(commit.stats().timed_out.load(), 1u);
}

TEST_F(GroupCommitTest, TheStoresOutcomeReachesTheWaiter) {
  store.answer(Outcome::kConflict);
  const auto one = start();
  store.open_gate(1);
  loop.wait_and_run();
  EXPECT_EQ((*one->value())->outcome, Outcome::kConflict);
}

TEST_F(GroupCommitTest, ADamagedRecordFailsTheOneThatAskedForIt) {
  store.answer(Outcome::kDamaged);
  const auto one = start();
  store.open_gate(1);
  loop.wait_and_run();
  ASSERT_TRUE(one->done());
  ASSERT_FALSE(*one->value());
  EXPECT_TRUE(one->value()->error().is(kStoreDamaged));
}

TEST(GroupCommit, WhatIsQueuedAtTheEndIsStillCommitted) {
  GatedStore store;
  fakes::FakeLoop loop;
  auto commit = std::make_unique<GroupCommit>(store, GroupCommit::Options{.deadline = std::chrono::hours(1)});
  Lane lane(*commit, loop);
  fakes::Started<Result<Committed>> first(commit_one(lane));
  store.wait_for_batches(1);
  fakes::Started<Result<Committed>> second(commit_one(lane));
  store.open_gate(2);
  commit.reset();
  loop.run_posted();
  EXPECT_TRUE(first.done() && second.done());
}

TEST(GroupCommit, AStoreThatTakesSeveralBatchesAtOnceGetsThem) {
  GatedStore store;
  store.at_once = 2;
  fakes::FakeLoop loop;
  GroupCommit commit(store, {.deadline = std::chrono::hours(1)});
  Lane lane(commit, loop);
  fakes::Started<Result<Committed>> first(commit_one(lane));
  store.wait_for_batches(1);
  fakes::Started<Result<Committed>> second(commit_one(lane));
  store.wait_for_batches(2);  // with the first one still in the store
  store.open_gate(2);
  while (!first.done() || !second.done()) loop.wait_and_run();
}

// The sizes of all batches when `count` requests arrive while one is being committed.
std::vector<std::size_t> batches_of(GatedStore& store, std::size_t count, std::size_t max_batch = 100) {
  fakes::FakeLoop loop;
  GroupCommit commit(store, {.max_batch = max_batch, .deadline = std::chrono::hours(1)});
  Lane lane(commit, loop);
  std::vector<std::unique_ptr<fakes::Started<Result<Committed>>>> all;
  const auto start = [&] { all.push_back(std::make_unique<fakes::Started<Result<Committed>>>(commit_one(lane))); };
  start();
  store.wait_for_batches(1);
  for (std::size_t i = 0; i < count; ++i) start();
  store.open_gate(100);
  while (lane.waiting() > 0) loop.wait_and_run();
  return store.batches();
}

TEST(GroupCommit, ABatchTakesAllThatWaits) {
  GatedStore store;
  EXPECT_EQ(batches_of(store, 7), (std::vector<std::size_t>{1, 7}));
}

TEST(GroupCommit, ABatchLeavesHalfToTheNextWhereTheStoreWantsIt) {
  GatedStore store;
  store.shares_out = true;
  EXPECT_EQ(batches_of(store, 7), (std::vector<std::size_t>{1, 4, 3}));  // half of 1 on its way back and 7 that wait; then half of 4 and 3, rounded up
}

TEST(GroupCommit, AShareIsNeverMoreThanABatchAndNeverNothing) {
  GatedStore store;
  store.shares_out = true;
  EXPECT_EQ(batches_of(store, 7, 2), (std::vector<std::size_t>{1, 2, 2, 2, 1}));
  GatedStore alone;
  alone.shares_out = true;
  EXPECT_EQ(batches_of(alone, 1), (std::vector<std::size_t>{1, 1}));
}

TEST(GroupCommit, ARecordWhoseDeadlinePassedInTheQueueIsNotWritten) {
  GatedStore store;
  fakes::FakeLoop loop;
  auto commit = std::make_unique<GroupCommit>(store, GroupCommit::Options{.deadline = std::chrono::milliseconds(0)});
  Lane lane(*commit, loop);
  fakes::Started<Result<Committed>> one(commit_one(lane));
  while (!one.done()) loop.wait_and_run();
  EXPECT_TRUE(one.value()->error().is(kCommitTimeout));
  EXPECT_TRUE(store.batches().empty());
}

}  // namespace
}  // namespace jwtd::store
