// store/change_plan_test.cc - what becomes of changes whose write was beaten, lost, or had to wait.
#include "store/change_plan.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>

#include "tests/contract/sample_records.h"

namespace jwtd::store {
namespace {

// What a database would have: transactions and the names of notes.
class ChangePlanTest : public testing::Test {
 protected:
  enum class Fate { kWritten, kBeaten, kLost, kLostButWritten };

  static Event event(std::string key, std::string body = "{}", Event::Type type = Event::Type::kCallback) { return {type, kNow, std::move(key), std::move(body)}; }
  static Change add(std::string_view xid, Event what, std::vector<Note> put = {}) { return {*Xid::parse(xid), std::move(what), false, std::move(put), {}, {}, {}}; }
  static Change erase(std::string_view xid) { return {*Xid::parse(xid), std::nullopt, true, {}, {}, {}, {}}; }

  void stand(std::string_view xid) { standing_.insert_or_assign(std::string(xid), Transaction{kNow, 1, make_record(xid), {}, {}}); }

  // The fates of the rounds, one after the other; then everything is written. Between two rounds, `meanwhile`.
  std::vector<Applied> run(std::vector<Change> changes, std::vector<Fate> fates = {}, const std::function<void()>& meanwhile = {}) {
    std::vector<Change*> batch;
    for (Change& change : changes) batch.push_back(&change);
    ChangePlan plan(batch, std::chrono::hours(1));
    for (rounds_ = 0; !plan.settled() && rounds_ < 20;) {
      for (const Xid& xid : plan.unread()) {
        if (const auto found = standing_.find(xid.text()); found != standing_.end()) plan.stands(found->second);
      }
      plan.have_read();
      const auto writes = plan.next();
      const Fate fate = rounds_ < fates.size() ? fates[rounds_] : Fate::kWritten;
      for (const auto& write : writes) {
        if (fate == Fate::kWritten || fate == Fate::kLostButWritten) perform(write);
        if (fate == Fate::kWritten) plan.written(write);
        else if (fate == Fate::kBeaten) plan.beaten(write);
        else plan.lost(write);
      }
      if (!writes.empty()) ++rounds_;
      if (meanwhile) meanwhile();
    }
    EXPECT_TRUE(plan.settled());
    std::vector<Applied> applied;
    for (const Change& change : changes) applied.push_back(change.applied);
    return applied;
  }

  void perform(const ChangePlan::Write& write) {
    if (write.before) {
      Transaction& transaction = standing_.at(write.xid().text());
      ASSERT_EQ(transaction.events.size(), write.before->events.size());
      for (const Event* one : write.events) transaction.events.push_back(*one);
      if (write.erase) standing_.erase(write.xid().text());
    }
    for (const auto& [name, note] : write.notes) notes_.push_back((note ? "+" : "-") + std::string(name.second));
  }

  using All = std::vector<Applied>;
  std::map<std::string, Transaction> standing_;
  std::vector<std::string> notes_;
  std::size_t rounds_ = 0;
};

constexpr auto kWritten = Applied::kWritten, kPresent = Applied::kPresent, kAbsent = Applied::kAbsent;

TEST_F(ChangePlanTest, ManyChangesOfManyTransactionsAreOneRound) {
  stand("a");
  stand("b");
  EXPECT_EQ(run({add("a", event("1")), add("b", event("1")), add("a", event("2")), add("a", event("1")), add("c", event("1"))}),
            (All{kWritten, kWritten, kWritten, kPresent, kAbsent}));
  EXPECT_EQ(rounds_, 1u);
  EXPECT_EQ(standing_.at("a").events.size(), 2u);
}

TEST_F(ChangePlanTest, WhoeverIsBeatenReadsAgain) {
  stand("a");
  EXPECT_EQ(run({add("a", event("k"), {{"n", "1", "", 0}})}, {Fate::kBeaten}, [&] { standing_.at("a").events = {event("k", "another's")}; }), All{kPresent});
  EXPECT_TRUE(notes_.empty());
}

TEST_F(ChangePlanTest, ALostWriteThatArrivedIsOursAndWrittenOnce) {
  stand("a");
  EXPECT_EQ(run({add("a", event("k", "mine"), {{"n", "1", "", 0}}), add("a", event("k", "mine"))}, {Fate::kLostButWritten}), (All{kWritten, kPresent}));
  EXPECT_EQ(standing_.at("a").events.size(), 1u);
  EXPECT_EQ(notes_, std::vector<std::string>{"+1"});
}

TEST_F(ChangePlanTest, ALostWriteThatDidNotArriveIsWritten) {
  stand("a");
  EXPECT_EQ(run({add("a", event("k", "mine"), {{"n", "1", "", 0}})}, {Fate::kLost}), All{kWritten});
  EXPECT_EQ(standing_.at("a").events.size(), 1u);
  EXPECT_EQ(notes_, std::vector<std::string>{"+1"});
}

TEST_F(ChangePlanTest, ALostWriteThatAnotherBeatIsNotOurs) {
  stand("a");
  EXPECT_EQ(run({add("a", event("consumed", "mine", Event::Type::kConsumed))}, {Fate::kLost},
                [&] { standing_.at("a").events = {event("consumed", "another's", Event::Type::kConsumed)}; }),
            All{kPresent});
}

TEST_F(ChangePlanTest, AnErasureThatWasLostDoesNotTakeWhatCameAnew) {
  stand("a");
  EXPECT_EQ(run({erase("a")}, {Fate::kLostButWritten},
                [&] {
                  stand("a");
                  standing_.at("a").created_at = kNow + 5;
                }),
            All{kWritten});
  EXPECT_TRUE(standing_.contains("a"));
}

TEST_F(ChangePlanTest, AnErasureThatWasLostIsDoneOrFoundDone) {
  for (const Fate fate : {Fate::kLost, Fate::kLostButWritten}) {
    stand("a");
    EXPECT_EQ(run({erase("a"), erase("a"), add("a", event("2"))}, {fate}), (All{kWritten, kAbsent, kAbsent}));
    EXPECT_FALSE(standing_.contains("a"));
  }
}

// Of two transactions that want the same note one may be beaten: neither is to take the other's with it.
TEST_F(ChangePlanTest, ANoteOfTwoTransactionsIsWrittenOneAfterTheOther) {
  stand("a");
  stand("b");
  EXPECT_EQ(run({add("a", event("1"), {{"n", "same", "a", 0}}), add("b", event("1"), {{"n", "same", "b", 0}}), add("b", event("2"))}), (All{kWritten, kWritten, kWritten}));
  EXPECT_EQ(rounds_, 2u);
  EXPECT_EQ(notes_, (std::vector<std::string>{"+same", "+same"}));
  EXPECT_EQ(standing_.at("b").events.front().key, "1");
}

// A server without transactions may have written the documents and not the notes: then the events are there, and the first of them puts its note again.
TEST_F(ChangePlanTest, WhatTheFirstToNameItHasToPutIsPutAgainWhenItMayBeLost) {
  stand("a");
  Change first = add("a", event("callback:R:1"), {{"n", "R", "first", 0}}), second = add("a", event("callback:R:2"), {{"n", "R", "second", 0}});
  first.first_to_name = second.first_to_name = "R:";
  Change* batch[] = {&first, &second};
  ChangePlan plan(batch, std::chrono::hours(1));
  const auto read_and_write = [&] {
    plan.stands(standing_.at("a"));
    plan.have_read();
    const auto writes = plan.next();
    EXPECT_EQ(writes.size(), 1u);
    EXPECT_EQ(writes[0].notes.size(), 1u);
    EXPECT_EQ(writes[0].notes.begin()->second->value, "first");
    return writes[0];
  };
  const auto write = read_and_write();
  for (const Event* const one : write.events) standing_.at("a").events.push_back(*one);
  plan.lost(write, /*with_notes=*/false);
  plan.written(read_and_write());
  EXPECT_TRUE(plan.settled());
  EXPECT_EQ(first.applied, Applied::kWritten);
  EXPECT_EQ(second.applied, Applied::kWritten);
}

TEST_F(ChangePlanTest, WhatIsDamagedStopsNobodyElse) {
  stand("b");
  Change damaged = add("a", event("1"), {{"n", "1", "", 0}}), sound = add("b", event("1"));
  Change* batch[] = {&damaged, &sound};
  ChangePlan plan(batch, std::chrono::hours(1));
  plan.is_damaged("a");
  plan.stands(standing_.at("b"));
  plan.have_read();
  const auto writes = plan.next();
  ASSERT_EQ(writes.size(), 1u);
  EXPECT_EQ(writes[0].xid().view(), "b");
  plan.written(writes[0]);
  EXPECT_TRUE(plan.settled());
  EXPECT_EQ(damaged.applied, Applied::kDamaged);
}

TEST_F(ChangePlanTest, WhatIsDamagedIsErasedByWhoeverKnowsItsPhone) {
  stand("a");
  Change event_before = add("a", event("1")), nobodys = erase("a"), others = erase("a"), its = erase("a"), event_behind = add("a", event("2")), again = erase("a");
  others.of = *Phone::parse("15559999999");
  its.of = again.of = *Phone::parse(kPhone);
  Change* batch[] = {&event_before, &nobodys, &others, &its, &event_behind, &again};
  ChangePlan plan(batch, std::chrono::hours(1));
  plan.is_damaged("a", standing_.at("a"));
  plan.have_read();
  const auto writes = plan.next();
  ASSERT_EQ(writes.size(), 1u);
  EXPECT_TRUE(writes[0].erase);
  plan.written(writes[0]);
  EXPECT_TRUE(plan.settled());
  EXPECT_EQ(event_before.applied, Applied::kDamaged);
  EXPECT_EQ(nobodys.applied, Applied::kDamaged);
  EXPECT_EQ(others.applied, Applied::kDamaged);
  EXPECT_EQ(its.applied, Applied::kWritten);
  EXPECT_EQ(event_behind.applied, Applied::kAbsent);
  EXPECT_EQ(again.applied, Applied::kAbsent);
}

TEST_F(ChangePlanTest, WhatWasDamagedAndStandsSoundAfterwardsIsSound) {
  stand("a");
  Change change = erase("a");
  change.of = *Phone::parse(kPhone);
  Change* batch[] = {&change};
  ChangePlan plan(batch, std::chrono::hours(1));
  plan.is_damaged("a", standing_.at("a"));
  plan.have_read();
  plan.beaten(plan.next()[0]);
  ASSERT_EQ(plan.unread().size(), 1u);
  change.of.reset();
  plan.stands(standing_.at("a"));
  plan.have_read();
  plan.written(plan.next()[0]);
  EXPECT_EQ(change.applied, Applied::kWritten);
}

}  // namespace
}  // namespace jwtd::store
