// tests/contract/timeline_contract.h - what becomes of a transaction, and the notes beside: what every driver does with changes.
//
//   INSTANTIATE_TEST_SUITE_P(Memory, TimelineContract, testing::Values(Driver{...}), name_of_driver);
#pragma once

#include <algorithm>
#include <barrier>

#include "store/events.h"
#include "tests/contract/store_contract.h"

namespace jwtd::store {

class TimelineContract : public StoreContract {
 protected:
  static Event event(std::string key, Event::Type type = Event::Type::kCallback, UnixMillis at = kNow, std::string body = R"({"code":2401})") {
    return {type, at, std::move(key), std::move(body)};
  }
  static Change add(std::string_view xid, Event what, std::vector<Note> put = {}, std::vector<NoteName> remove = {}) {
    return {*Xid::parse(xid), std::move(what), false, std::move(put), std::move(remove), Applied::kDamaged, std::nullopt};
  }
  static Change erase(std::string_view xid) { return {*Xid::parse(xid), std::nullopt, true, {}, {}, Applied::kDamaged, std::nullopt}; }
  static Change only(std::vector<Note> put, std::vector<NoteName> remove = {}) {
    return {std::nullopt, std::nullopt, false, std::move(put), std::move(remove), Applied::kDamaged, std::nullopt};
  }

  std::vector<Change> apply_all(std::vector<Change> changes) {
    std::vector<Change*> batch;
    for (Change& change : changes) batch.push_back(&change);
    const Status status = store_->apply(batch);
    EXPECT_TRUE(status) << status.error().message();
    return changes;
  }
  Change apply(Change change) { return apply_all({std::move(change)})[0]; }

  std::vector<std::string> keys(std::string_view xid, UnixMillis now = kNow) {
    std::vector<std::string> found;
    if (const auto transaction = find(xid, now)) {
      for (const Event& one : transaction->events) found.push_back(one.key);
    }
    return found;
  }
  std::optional<std::string> note(std::string kind, std::string key, UnixMillis now = kNow) {
    auto found = store_->note({std::move(kind), std::move(key)}, now);
    EXPECT_TRUE(found) << found.error().message();
    return found ? *std::move(found) : std::nullopt;
  }
  std::vector<std::string> note_keys(std::string_view kind, std::string_view after = {}, std::size_t limit = 1000, UnixMillis now = kNow) {
    auto found = store_->notes(kind, after, limit, now);
    EXPECT_TRUE(found) << found.error().message();
    std::vector<std::string> names;
    if (found) {
      for (const Note& one : *found) {
        EXPECT_EQ(one.kind, kind);
        names.push_back(one.key);
      }
    }
    return names;
  }
};

using Names = std::vector<std::string>;

// -- notes that are put where another stands ----------------------------------------------------------------------------

TEST_P(TimelineContract, ANoteThatAsksForItsFormerSelfIsNotPutBackOnceThatIsGone) {
  apply(only({{"outbox", "k", "first", 0}}));
  apply(only({{"outbox", "k", "second", 0, "outbox"}, {"outbox", "never", "x", 0, "outbox"}}));
  EXPECT_EQ(note("outbox", "k"), "second");
  EXPECT_EQ(note("outbox", "never"), std::nullopt);
  apply(only({}, {{"outbox", "k"}}));
  apply(only({{"outbox", "k", "third", 0, "outbox"}, {"outbox", "other", "y", 0}}));
  EXPECT_EQ(note_keys("outbox"), std::vector<std::string>{"other"}) << "the rest of the change is made all the same";
}

TEST_P(TimelineContract, ANoteMovesOnlyFromWhereItStands) {
  apply(only({{"outbox", "k", "v", 0}}));
  const auto give_up = [this](std::string key) { apply(only({{"dead", key, "given up", kNow + 1'000'000, "outbox"}}, {{"outbox", key}})); };
  give_up("k");
  give_up("never");
  EXPECT_EQ(note_keys("outbox"), std::vector<std::string>{});
  EXPECT_EQ(note_keys("dead"), std::vector<std::string>{"k"});
  EXPECT_EQ(note("dead", "k", kNow + 1'000'000), std::nullopt);
  give_up("k");
  EXPECT_EQ(note("dead", "k"), "given up") << "made twice, as after a lost answer";
  apply(only({{"outbox", "k", "again", 0, "dead"}}, {{"dead", "k"}}));
  EXPECT_EQ(note("outbox", "k"), "again");
  EXPECT_EQ(note_keys("dead"), std::vector<std::string>{});
}

TEST_P(TimelineContract, WhatANoteAsksForIsToldByTheChangesBeforeItInTheBatch) {
  apply(only({{"outbox", "a", "1", 0}, {"outbox", "b", "1", 0}, {"dead", "c", "1", 0}}));
  apply_all({only({}, {{"outbox", "a"}, {"dead", "a"}}), only({{"outbox", "a", "2", 0, "outbox"}}),                                      // erased, then claimed
             only({{"outbox", "b", "2", 0, "outbox"}}), only({{"dead", "b", "3", 0, "outbox"}}, {{"outbox", "b"}}),                       // claimed, then given up,
             only({{"outbox", "b", "4", 0, "dead"}}, {{"dead", "b"}}), only({}, {{"outbox", "b"}, {"dead", "b"}}),                        // replayed, then erased
             only({{"outbox", "c", "2", 0, "dead"}}, {{"dead", "c"}}), only({{"outbox", "c", "3", 0, "outbox"}}),                         // replayed, then claimed
             only({{"outbox", "d", "1", 0}}), only({{"outbox", "d", "2", 0, "outbox"}})});                                                // put, then claimed
  EXPECT_EQ(note_keys("outbox"), (std::vector<std::string>{"c", "d"}));
  EXPECT_EQ(note_keys("dead"), std::vector<std::string>{});
  EXPECT_EQ(note("outbox", "c"), "3");
  EXPECT_EQ(note("outbox", "d"), "2");
}

// Who removes a note and who moves or renews it meet; whoever comes first, nothing is left.
TEST_P(TimelineContract, WhatIsRemovedWhileItMovesIsGone) {
  const bool at_once = store_->commits_at_once() > 1;
  for (int round = 0; round < 50; ++round) {
    const std::string key = "k" + std::to_string(round);
    apply(only({{"outbox", key, "v", 0}}));
    Change moves = round % 2 == 0 ? only({{"dead", key, "v", 0, "outbox"}}, {{"outbox", key}}) : only({{"outbox", key, "w", 0, "outbox"}});
    Change removes = only({}, {{"outbox", key}, {"dead", key}});
    std::barrier together(at_once ? 2 : 1);
    const auto one = [&](Change& change) {
      Change* const batch[] = {&change};
      together.arrive_and_wait();
      const Status status = store_->apply(batch);
      EXPECT_TRUE(status) << status.error().message();
    };
    if (!at_once) one(round % 4 < 2 ? removes : moves);
    std::thread other([&] { one(!at_once && round % 4 < 2 ? moves : removes); });
    if (at_once) one(moves);
    other.join();
  }
  EXPECT_EQ(note_keys("outbox"), std::vector<std::string>{});
  EXPECT_EQ(note_keys("dead"), std::vector<std::string>{});
}

// -- events ---------------------------------------------------------------------------------------------------------

// What an event names for the first time goes on record with it, and is not written again for those that follow.
TEST_P(TimelineContract, ANoteOfTheFirstEventToNameSomethingIsPutOnce) {
  commit(make_record("a"));
  commit(make_record("b"));
  const auto naming = [](std::string_view xid, std::string name, std::string key, std::string value) {
    Change change = add(xid, event(std::move(key)), {{"reference", name, value, 0}, {"outbox", value, "{}", 0}});
    change.first_to_name = name + ":";
    return change;
  };
  EXPECT_EQ(apply(naming("a", "R", "callback:R:1:", "first")).applied, Applied::kWritten);
  EXPECT_EQ(note("reference", "R"), "first");
  EXPECT_EQ(apply(naming("a", "R", "callback:R:2:", "second")).applied, Applied::kWritten);
  EXPECT_EQ(apply(naming("a", "R", "polled:R:2:", "third")).applied, Applied::kWritten) << "whatever the type";
  EXPECT_EQ(note("reference", "R"), "first");
  EXPECT_EQ(note_keys("outbox"), (Names{"first", "second", "third"})) << "the others are put with each";
  EXPECT_EQ(apply(naming("a", "RR", "callback:RR:1:", "another")).applied, Applied::kWritten);
  EXPECT_EQ(note("reference", "RR"), "another") << "a name that begins as a former one is another";
  apply(add("a", event("callback:S:1:05:06")));
  EXPECT_EQ(apply(naming("a", "05", "callback:05:1:", "5")).applied, Applied::kWritten);
  EXPECT_EQ(note("reference", "05"), "5") << "only in its place";
  EXPECT_EQ(apply(naming("b", "R", "callback:R:1:", "of b")).applied, Applied::kWritten);
  EXPECT_EQ(note("reference", "R"), "of b") << "each transaction for itself";
  const UnixMillis later = kNow + std::chrono::milliseconds(kNamedAnew).count();
  Change late = naming("a", "R", "callback:R:3:", "late");
  late.event->at = later - 1;
  apply(std::move(late));
  EXPECT_EQ(note("reference", "R"), "of b") << "the last one to name it is near";
  late = naming("a", "S", "callback:S:2:", "long after");
  late.event->at = later;
  apply(std::move(late));
  EXPECT_EQ(note("reference", "S"), "long after") << "a note may end before its transaction does";
  EXPECT_EQ(apply(naming("nobody", "N", "callback:N:1:", "none")).applied, Applied::kAbsent);
  EXPECT_EQ(note("reference", "N"), std::nullopt);
}

TEST_P(TimelineContract, OfOneBatchTheFirstToNameSomethingPutsTheNote) {
  commit(make_record("a"));
  std::vector<Change> changes;
  for (const char* const number : {"1", "2", "3"}) {
    changes.push_back(add("a", event(std::string("callback:R:") + number), {{"reference", "R", number, 0}}));
    changes.back().first_to_name = "R:";
  }
  for (const Change& change : apply_all(std::move(changes))) EXPECT_EQ(change.applied, Applied::kWritten);
  EXPECT_EQ(note("reference", "R"), "1");
  EXPECT_EQ(keys("a").size(), 3u);
  EXPECT_EQ(apply(erase("a")).applied, Applied::kWritten);
  commit(make_record("a"));
  Change again = add("a", event("callback:R:4"), {{"reference", "R", "4", 0}});
  again.first_to_name = "R:";
  EXPECT_EQ(apply(std::move(again)).applied, Applied::kWritten);
  EXPECT_EQ(note("reference", "R"), "4") << "what was erased has named nothing";
}

TEST_P(TimelineContract, AnEventIsKeptFieldByFieldInItsPlace) {
  commit(make_record("a"));
  const std::vector<Event> events{event("callback:1", Event::Type::kCallback, kNow + 5, R"({"raw":"{\"a\": 1}","text":"äöü \u0000"})"),
                                  event("poll:1", Event::Type::kPolled, kNow - 5, ""), event("verified:billing", Event::Type::kVerified, kNow + 1)};
  for (const Event& one : events) {
    const Change change = apply(add("a", one));
    EXPECT_EQ(change.applied, Applied::kWritten);
    ASSERT_TRUE(change.transaction);
    EXPECT_EQ(change.transaction->events.back(), one);
  }
  const auto found = find("a");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->events, events);
  expect_same(found->current, make_record("a"));
  const Page listed = page(make_record("a").phone.text());
  ASSERT_EQ(listed.transactions.size(), 1u);
  EXPECT_EQ(listed.transactions[0].events, events);
}

TEST_P(TimelineContract, TheSameKeyTwiceIsOneEvent) {
  commit(make_record("a"));
  apply(add("a", event("k")));
  const Change again = apply(add("a", event("k", Event::Type::kPolled, kNow + 1, "{}")));
  EXPECT_EQ(again.applied, Applied::kPresent);
  ASSERT_TRUE(again.transaction);
  EXPECT_EQ(again.transaction->events, std::vector<Event>{event("k")});
  EXPECT_EQ(find("a")->events, std::vector<Event>{event("k")});
}

TEST_P(TimelineContract, OfOneBatchTheEarlierCountsFirst) {
  commit_all({make_record("a"), make_record("b")});
  const auto done = apply_all({add("a", event("1")), add("b", event("1")), add("a", event("2")), add("a", event("1")), add("c", event("1"))});
  EXPECT_EQ(done[0].applied, Applied::kWritten);
  EXPECT_EQ(done[1].applied, Applied::kWritten);
  EXPECT_EQ(done[2].applied, Applied::kWritten);
  EXPECT_EQ(done[3].applied, Applied::kPresent);
  EXPECT_EQ(done[4].applied, Applied::kAbsent);
  EXPECT_FALSE(done[4].transaction);
  EXPECT_EQ(keys("a"), (Names{"1", "2"}));
  EXPECT_EQ(keys("b"), (Names{"1"}));
}

TEST_P(TimelineContract, WhatOneBatchErasesIsGoneForItsRest) {
  commit(make_record("a"));
  const auto done = apply_all({add("a", event("1")), erase("a"), add("a", event("2")), erase("a")});
  EXPECT_EQ(done[0].applied, Applied::kWritten);
  EXPECT_EQ(done[1].applied, Applied::kWritten);
  EXPECT_EQ(done[2].applied, Applied::kAbsent);
  EXPECT_EQ(done[3].applied, Applied::kAbsent);
  EXPECT_FALSE(find("a"));
}

TEST_P(TimelineContract, WhatIsPastRetentionHasNoEvents) {
  open(std::chrono::seconds(60));
  commit(make_record("a"));
  apply(add("a", event("old")));
  EXPECT_EQ(apply(add("a", event("late", Event::Type::kCallback, kNow + 61'000))).applied, Applied::kAbsent);
  const Entry anew = commit(make_record("a", kPhone, kNow + 62'000));
  EXPECT_EQ(anew.outcome, Outcome::kInserted);
  EXPECT_TRUE(keys("a", kNow + 62'000).empty()) << "a transaction that came anew has none of the old one's";
}

TEST_P(TimelineContract, AReissueKeepsTheEvents) {
  commit(make_record("a"));
  apply(add("a", event("1")));
  EXPECT_EQ(commit(make_record("a", kPhone, kNow + 80'000)).outcome, Outcome::kReissued);
  EXPECT_EQ(apply(add("a", event("2"))).applied, Applied::kWritten);
  EXPECT_EQ(keys("a"), (Names{"1", "2"}));
  EXPECT_EQ(find("a")->earlier.size(), 1u);
}

TEST_P(TimelineContract, OnlyOneConsumes) {
  commit(make_record("a"));
  constexpr int kRivals = 8;
  if (store_->commits_at_once() == 1) {
    const auto done = apply_all(std::vector<Change>(kRivals, add("a", event("consumed", Event::Type::kConsumed))));
    EXPECT_EQ(std::count_if(done.begin(), done.end(), [](const Change& one) { return one.applied == Applied::kWritten; }), 1);
    return;
  }
  std::atomic<int> winners{0};
  std::barrier start(static_cast<std::ptrdiff_t>(store_->commits_at_once()));
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < store_->commits_at_once(); ++i) {
    threads.emplace_back([&] {
      start.arrive_and_wait();
      winners += apply(add("a", event("consumed", Event::Type::kConsumed))).applied == Applied::kWritten;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(winners, 1);
}

TEST_P(TimelineContract, WhatIsRevokedIsNotConsumed) {
  commit(make_record("a"));
  EXPECT_EQ(apply(add("a", event("revoked", Event::Type::kRevoked))).applied, Applied::kWritten);
  EXPECT_EQ(apply(add("a", event("consumed", Event::Type::kConsumed))).applied, Applied::kClosed);
  EXPECT_EQ(keys("a"), Names{"revoked"});
}

TEST_P(TimelineContract, AClosedTransactionTakesNoMoreTokens) {
  commit_all({make_record("a"), make_record("b")});
  apply_all({add("a", event("revoked", Event::Type::kRevoked)), add("b", event("consumed", Event::Type::kConsumed))});
  for (const char* xid : {"a", "b"}) {
    EXPECT_EQ(commit(make_record(xid, kPhone, kNow + 1)).outcome, Outcome::kClosed);
    EXPECT_EQ(commit(make_record(xid, kPhone, kNow + 80'000)).outcome, Outcome::kClosed);
    EXPECT_EQ(commit(make_record(xid, "15559999999", kNow + 1)).outcome, Outcome::kConflict);
    EXPECT_EQ(find(xid)->issued, 1u);
  }
}

TEST_P(TimelineContract, ATimelineIsBoundedAndCanAlwaysBeClosed) {
  commit(make_record("a"));
  std::vector<Change> changes;
  for (std::size_t i = 0; i < kMaxVerifiers + 1; ++i) changes.push_back(add("a", event("verified:" + std::to_string(i), Event::Type::kVerified)));
  EXPECT_EQ(apply_all(changes).back().applied, Applied::kFull);
  changes.clear();
  for (std::size_t i = kMaxVerifiers; i < kMaxEvents - 2 - kKeptForResults; ++i) changes.push_back(add("a", event("callback:" + std::to_string(i))));
  EXPECT_EQ(apply_all(changes).back().applied, Applied::kWritten);
  EXPECT_EQ(apply(add("a", event("one more"))).applied, Applied::kFull);
  const auto result = [](std::string key) {
    Change change = add("a", event(std::move(key)));
    change.decides = true;
    return change;
  };
  for (std::size_t i = 0; i < kKeptForResults; ++i) EXPECT_EQ(apply(result("final:" + std::to_string(i))).applied, Applied::kWritten) << i;
  EXPECT_EQ(apply(result("one more final")).applied, Applied::kFull);
  EXPECT_EQ(apply(add("a", event("consumed", Event::Type::kConsumed))).applied, Applied::kWritten);
  EXPECT_EQ(apply(add("a", event("revoked", Event::Type::kRevoked))).applied, Applied::kWritten);
  EXPECT_EQ(find("a")->events.size(), kMaxEvents);
}

TEST_P(TimelineContract, LargeDetailsAreKeptWhole) {
  commit(make_record("a"));
  const std::string body(kMaxEventBytes, 'x');
  EXPECT_EQ(apply(add("a", event("1", Event::Type::kCallback, kNow, body))).applied, Applied::kWritten);
  EXPECT_EQ(apply(add("a", event("2", Event::Type::kCallback, kNow, body))).applied, Applied::kWritten);
  EXPECT_EQ(find("a")->events[1].body, body);
}

TEST_P(TimelineContract, EventsSurviveReopening) {
  if (!GetParam().survives_reopening) GTEST_SKIP() << GetParam().name << " keeps nothing";
  commit(make_record("a"));
  apply(add("a", event("1"), {{"ref", "R1", "a", 0}}));
  open();
  EXPECT_EQ(keys("a"), Names{"1"});
  EXPECT_EQ(note("ref", "R1"), "a");
}

TEST_P(TimelineContract, ManyXidsOfEveryFormInOneBatch) {
  std::vector<Record> records;
  std::vector<Change> changes;
  for (int i = 0; i < 100; ++i) {
    records.push_back(make_record("x." + std::to_string(i)));
    changes.push_back(add(records.back().xid.view(), event("e" + std::to_string(i))));
  }
  records.push_back(make_record("018bcfe5-6800-7abc-8def-0123456789ab"));
  changes.push_back(add(records.back().xid.view(), event("e")));
  commit_all(records);
  for (const Change& change : apply_all(changes)) EXPECT_EQ(change.applied, Applied::kWritten);
  EXPECT_EQ(keys("x.17"), Names{"e17"});
  EXPECT_EQ(keys("018bcfe5-6800-7abc-8def-0123456789ab"), Names{"e"});
}

TEST_P(TimelineContract, WhatIsToldAtOnceIsWhatALookUpTells) {
  commit(make_record("a"));
  apply(add("a", event("1"), {{"ref", "R1", "a", kNow + 1000}}));
  for (const char* xid : {"a", "absent"}) {
    const auto at_once = store_->find_at_once(*Xid::parse(xid), kNow);
    if (!at_once) continue;
    ASSERT_TRUE(*at_once);
    const auto waited = find(xid);
    ASSERT_EQ((*at_once)->has_value(), waited.has_value());
    if (waited) {
      expect_same((**at_once)->current, waited->current);
      EXPECT_EQ((**at_once)->events, waited->events);
    }
  }
  for (const UnixMillis now : {kNow, kNow + 1000}) {
    if (const auto at_once = store_->note_at_once({"ref", "R1"}, now)) {
      EXPECT_EQ(**at_once, note("ref", "R1", now));
    }
  }
}

// -- erasing --------------------------------------------------------------------------------------------------------

TEST_P(TimelineContract, ErasingRemovesATransactionWithAllThatIsUnderIt) {
  commit_all({make_record("a"), make_record("b")});
  EXPECT_EQ(commit(make_record("a", kPhone, kNow + 80'000)).outcome, Outcome::kReissued);
  apply(add("a", event("1")));
  Change change = erase("a");
  change.put.push_back({"erased", "a", "{}", 0});
  EXPECT_EQ(apply(change).applied, Applied::kWritten);
  EXPECT_FALSE(find("a"));
  EXPECT_EQ(note("erased", "a"), "{}");
  EXPECT_EQ(list(kPhone), Xids{"b"});
  EXPECT_EQ(apply(erase("a")).applied, Applied::kAbsent);
  EXPECT_EQ(commit(make_record("a", "15559999999", kNow + 90'000)).outcome, Outcome::kInserted) << "the XID is free again";
  const auto anew = find("a", kNow + 90'000);
  ASSERT_TRUE(anew);
  EXPECT_EQ(anew->issued, 1u);
  EXPECT_TRUE(anew->earlier.empty());
  EXPECT_TRUE(anew->events.empty());
  EXPECT_EQ(list("15559999999", kMaxPageRecords, kNow + 90'000), Xids{"a"});
}

// -- notes ----------------------------------------------------------------------------------------------------------

TEST_P(TimelineContract, NotesAreKeptReplacedAndRemoved) {
  EXPECT_FALSE(note("ref", "R1"));
  EXPECT_EQ(apply(only({{"ref", "R1", "a", 0}, {"ref", "R2", R"({"ä":"\u0000"})", 0}, {"out", "R1", "", 0}})).applied, Applied::kWritten);
  EXPECT_EQ(note("ref", "R1"), "a");
  EXPECT_EQ(note("ref", "R2"), R"({"ä":"\u0000"})");
  EXPECT_EQ(note("out", "R1"), "");
  apply(only({{"ref", "R1", "b", 0}}, {{"ref", "R2"}, {"ref", "never"}}));
  EXPECT_EQ(note("ref", "R1"), "b");
  EXPECT_FALSE(note("ref", "R2"));
}

TEST_P(TimelineContract, NotesAreListedInTheOrderOfTheirKeysWithinTheirKind) {
  apply(only({{"b", "2", "", 0}, {"b", "10", "", 0}, {"b", "Z", "", 0}, {"b", "a", "", 0}, {"b", "~", "", 0}, {"a", "1", "", 0}, {"c", "1", "", 0}, {"bb", "1", "", 0}}));
  EXPECT_EQ(note_keys("b"), (Names{"10", "2", "Z", "a", "~"}));
  EXPECT_EQ(note_keys("b", "2", 2), (Names{"Z", "a"}));
  EXPECT_EQ(note_keys("b", "~"), Names{});
  EXPECT_EQ(note_keys("b", "11"), (Names{"2", "Z", "a", "~"})) << "the cursor need not be there";
  EXPECT_EQ(note_keys("nothing"), Names{});
}

TEST_P(TimelineContract, ANoteEndsAtItsTime) {
  apply(only({{"k", "1", "v", kNow + 1000}, {"k", "2", "v", 0}}));
  EXPECT_EQ(note("k", "1", kNow + 999), "v");
  EXPECT_FALSE(note("k", "1", kNow + 1000));
  EXPECT_EQ(note_keys("k", {}, 10, kNow + 1000), Names{"2"});
  EXPECT_TRUE(store_->sweep(kNow + 1000));
  EXPECT_EQ(note_keys("k", {}, 10, kNow), Names{"2"}) << "gone, not only hidden";
}

TEST_P(TimelineContract, NotesGoWithTheEventTheyCameWith) {
  commit(make_record("a"));
  apply(only({{"out", "0", "old", 0}}));
  EXPECT_EQ(apply(add("a", event("1"), {{"out", "1", "v", 0}}, {{"out", "0"}})).applied, Applied::kWritten);
  EXPECT_EQ(note_keys("out"), Names{"1"});
  EXPECT_EQ(apply(add("a", event("1"), {{"out", "2", "v", 0}}, {{"out", "1"}})).applied, Applied::kPresent);
  EXPECT_EQ(apply(add("absent", event("1"), {{"out", "3", "v", 0}}, {{"out", "1"}})).applied, Applied::kAbsent);
  EXPECT_EQ(note_keys("out"), Names{"1"});
}

// -- copies ---------------------------------------------------------------------------------------------------------

TEST_P(TimelineContract, ScanAndAdoptCarryEvents) {
  commit(make_record("a"));
  apply_all({add("a", event("1")), add("a", event("revoked", Event::Type::kRevoked))});
  auto slice = store_->scan(10, {}, kNow);
  ASSERT_TRUE(slice);
  ASSERT_EQ(slice->transactions.size(), 1u);
  EXPECT_EQ(slice->transactions[0].events.size(), 2u);
  const std::vector<Transaction> kept = slice->transactions;
  apply(erase("a"));
  const auto adopted = store_->adopt(kept);
  ASSERT_TRUE(adopted);
  EXPECT_EQ(adopted->written, 1u);
  EXPECT_EQ(keys("a"), (Names{"1", "revoked"}));
  EXPECT_EQ(commit(make_record("a", kPhone, kNow + 1)).outcome, Outcome::kClosed);
}

}  // namespace jwtd::store
