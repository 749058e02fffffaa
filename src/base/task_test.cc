// base/task_test.cc - when a Task runs, what it gives back, and where it goes on.
#include "base/task.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace jwtd {
namespace {

Task<int> give(int value) { co_return value; }

Task<void> note(std::vector<std::string>& notes, std::string text) {
  notes.push_back(std::move(text));
  co_return;
}

// Suspends until resume() is called.
class Gate {
 public:
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiting) noexcept { waiting_ = waiting; }
  void await_resume() const noexcept {}

  bool waited_for() const { return static_cast<bool>(waiting_); }
  void open() { std::exchange(waiting_, {}).resume(); }

 private:
  std::coroutine_handle<> waiting_;
};

struct Counted {
  explicit Counted(int& alive) : alive_(alive) { ++alive_; }
  Counted(const Counted& other) : alive_(other.alive_) { ++alive_; }
  ~Counted() { --alive_; }
  int& alive_;
};

// A loop that runs what was posted when the test says so.
class ManualLoop : public Loop {
 public:
  void post(Wakeup* chain) override { chain_ = chain; }
  void run() {
    current_ = this;
    while (Wakeup* first = chain_) {
      chain_ = first->next;
      first->run(first);
    }
    current_ = nullptr;
  }

 private:
  Wakeup* chain_ = nullptr;
};

TEST(Task, DoesNotStartBeforeItIsAwaited) {
  std::vector<std::string> notes;
  { const Task<void> task = note(notes, "ran"); }
  EXPECT_TRUE(notes.empty());
}

TEST(Task, GivesItsValueToWhoAwaitsIt) {
  int seen = 0;
  [](int& out) -> Detached { out = co_await give(7); }(seen);
  EXPECT_EQ(seen, 7);
}

TEST(Task, AValueThatOnlyMovesIsMoved) {
  std::unique_ptr<int> seen;
  [](std::unique_ptr<int>& out) -> Detached {
    out = co_await []() -> Task<std::unique_ptr<int>> { co_return std::make_unique<int>(5); }();
  }(seen);
  ASSERT_TRUE(seen);
  EXPECT_EQ(*seen, 5);
}

TEST(Task, AValueNeedsNoDefault) {
  struct NoDefault {
    explicit NoDefault(int v) : value(v) {}
    int value;
  };
  int seen = 0;
  [](int& out) -> Detached { out = (co_await []() -> Task<NoDefault> { co_return NoDefault(3); }()).value; }(seen);
  EXPECT_EQ(seen, 3);
}

TEST(Task, RunsInTheOrderOfItsAwaits) {
  std::vector<std::string> notes;
  [](std::vector<std::string>& out) -> Detached {
    co_await note(out, "first");
    out.push_back("second");
    co_await note(out, "third");
  }(notes);
  EXPECT_EQ(notes, (std::vector<std::string>{"first", "second", "third"}));
}

Task<int> depth(int levels) {
  if (levels == 0) co_return 0;
  co_return 1 + co_await depth(levels - 1);
}

TEST(Task, NestsAsDeepAsItIsAwaited) {
  int seen = 0;
  [](int& out) -> Detached { out = co_await depth(100); }(seen);
  EXPECT_EQ(seen, 100);
}

Task<int> after(Gate& gate, int value) {
  co_await gate;
  co_return value;
}

TEST(Task, ASuspensionWithinSuspendsTheWholeChain) {
  Gate gate;
  int seen = 0;
  [](Gate& g, int& out) -> Detached { out = 1 + co_await after(g, 41); }(gate, seen);
  EXPECT_TRUE(gate.waited_for());
  EXPECT_EQ(seen, 0);
  gate.open();
  EXPECT_EQ(seen, 42);
}

TEST(Task, OneThatNeverRanFreesItsArguments) {
  int alive = 0;
  {
    const auto hold = [](Counted) -> Task<void> { co_return; };
    const Task<void> task = hold(Counted(alive));
    EXPECT_EQ(alive, 1);
  }
  EXPECT_EQ(alive, 0);
}

TEST(Task, OneThatRanFreesItsArguments) {
  int alive = 0;
  [](int& count) -> Detached { co_await [](Counted) -> Task<void> { co_return; }(Counted(count)); }(alive);
  EXPECT_EQ(alive, 0);
}

TEST(Task, MovingItLeavesOneOwner) {
  int seen = 0;
  [](int& out) -> Detached {
    Task<int> first = give(9);
    Task<int> second = std::move(first);
    out = co_await second;
  }(seen);
  EXPECT_EQ(seen, 9);
}

TEST(TaskDeathTest, AnEscapingExceptionStopsTheProgram) {
  EXPECT_DEATH([]() -> Detached { co_await []() -> Task<void> { throw 1; co_return; }(); }(), "");
}

TEST(Detached, RunsToItsFirstSuspensionWhenCalled) {
  Gate gate;
  std::string trace;
  [](Gate& g, std::string& out) -> Detached {
    out += "a";
    co_await g;
    out += "b";
  }(gate, trace);
  EXPECT_EQ(trace, "a");
  gate.open();
  EXPECT_EQ(trace, "ab");
}

TEST(Detached, FreesItselfAtItsEnd) {
  int alive = 0;
  Gate gate;
  [](Gate& g, Counted) -> Detached { co_await g; }(gate, Counted(alive));
  EXPECT_EQ(alive, 1);
  gate.open();
  EXPECT_EQ(alive, 0);
}

TEST(Loop, AThreadWithoutOneHasNone) {
  EXPECT_EQ(Loop::current(), nullptr);
  Loop* seen = reinterpret_cast<Loop*>(1);
  std::thread([&] { seen = Loop::current(); }).join();
  EXPECT_EQ(seen, nullptr);
}

TEST(Loop, APostedChainRunsInOrderWithItsLoopCurrent) {
  struct Noted : Wakeup {
    std::vector<std::pair<int, Loop*>>* notes;
    int number;
  };
  std::vector<std::pair<int, Loop*>> notes;
  Noted second{{nullptr, nullptr}, &notes, 2};
  Noted first{{&second, nullptr}, &notes, 1};
  first.run = second.run = [](Wakeup* self) {
    const auto* noted = static_cast<Noted*>(self);
    noted->notes->emplace_back(noted->number, Loop::current());
  };
  ManualLoop loop;
  loop.post(&first);
  EXPECT_TRUE(notes.empty());
  loop.run();
  EXPECT_EQ(notes, (std::vector<std::pair<int, Loop*>>{{1, &loop}, {2, &loop}}));
}

}  // namespace
}  // namespace jwtd
