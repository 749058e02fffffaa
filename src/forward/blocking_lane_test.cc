// forward/blocking_lane_test.cc - tests of forward/blocking_lane.h, over a store whose changes hang until the test lets them go.
#include "forward/blocking_lane.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <optional>
#include <thread>

#include "store/store.h"

namespace jwtd::forward {
namespace {

class HangingStore final : public store::Store {
 public:
  Status apply(std::span<store::Change* const> changes) override {
    go_.wait();
    for (store::Change* change : changes) change->applied = store::Applied::kWritten;
    return {};
  }
  void let_go() { gate_.set_value(); }

  Status commit(std::span<store::Entry* const>) override { return {}; }
  Result<std::optional<std::string>> note(const store::NoteName&, UnixMillis) override { return std::optional<std::string>(); }
  Result<std::vector<store::Note>> notes(std::string_view, std::string_view, std::size_t, UnixMillis) override { return std::vector<store::Note>(); }
  Result<std::optional<store::Transaction>> find(const Xid&, UnixMillis) override { return std::optional<store::Transaction>(); }
  Result<store::Page> find_by_phone(const Phone&, std::size_t, std::string_view, UnixMillis) override { return store::Page{}; }
  Status writable() override { return {}; }
  Status sweep(UnixMillis) override { return {}; }
  Result<store::Slice> scan(std::size_t, std::string_view, UnixMillis) override { return store::Slice{}; }
  Result<store::Adopted> adopt(std::span<const store::Transaction>) override { return store::Adopted{}; }
  store::Stats stats() override { return {}; }
  std::string_view driver() const override { return "hanging"; }

 private:
  std::promise<void> gate_;
  std::shared_future<void> go_ = gate_.get_future().share();
};

store::Change note(std::string key) {
  store::Change change;
  change.put.push_back({"outbox", std::move(key), "{}", 0});
  return change;
}

class BlockingLaneTest : public testing::Test {
 protected:
  HangingStore store_;
  store::GroupCommit commit_{store_, {.deadline = std::chrono::milliseconds(150)}};
};

TEST_F(BlockingLaneTest, ReturnsWhatBecameOfTheChange) {
  store_.let_go();
  store::GroupCommit commit(store_, {.deadline = std::chrono::hours(1)});
  BlockingLane lane(commit);
  for (const char* const key : {"a", "b"}) {
    const auto applied = lane.apply(note(key));
    ASSERT_TRUE(applied) << applied.error().message();
    EXPECT_EQ(applied->applied, store::Applied::kWritten);
  }
}

// At the end of the service the forwarder's thread goes, and with it its lane, while the store may still have a change that nobody waits for any more.
TEST_F(BlockingLaneTest, DoesNotEndBeforeTheCommitHasHandedBackWhatWasGivenUp) {
  auto lane = std::make_unique<BlockingLane>(commit_);
  for (const char* const key : {"a", "b"}) {
    const auto applied = lane->apply(note(key));
    ASSERT_FALSE(applied);
    EXPECT_TRUE(applied.error().is(store::kCommitTimeout));
  }
  std::atomic<bool> let_go{false};
  std::thread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(250));
    let_go = true;
    store_.let_go();
  });
  lane.reset();
  EXPECT_TRUE(let_go);
  later.join();
}

TEST_F(BlockingLaneTest, AChangeThatIsRefusedAtOnceLeavesNothingToWaitFor) {
  BlockingLane lane(commit_);
  store::Change change = note("a");
  change.put.front().key = std::string(kMaxNoteKeyBytes + 1, 'k');
  const auto applied = lane.apply(std::move(change));
  ASSERT_FALSE(applied);
  EXPECT_TRUE(applied.error().is(store::kChangeTooLarge));
  store_.let_go();
}

}  // namespace
}  // namespace jwtd::forward
