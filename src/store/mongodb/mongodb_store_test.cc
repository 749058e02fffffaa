// store/mongodb/mongodb_store_test.cc - what the contract does not ask: documents, nodes side by side, indexes, damage, copies, and what errors hold.
#include "store/mongodb/mongodb_store.h"

#include <gmock/gmock.h>

#include <atomic>
#include <set>
#include <thread>

#include "base/limits.h"
#include "store/mongodb/changes.h"
#include "store/mongodb/database_for_tests.h"
#include "tests/contract/sample_records.h"
#include "tests/servers/test_server.h"

namespace jwtd::store {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr auto kMonth = std::chrono::hours(24 * 30);

class MongodbStore : public testing::Test {
 protected:
  void SetUp() override {
    JWTD_NEEDS_SERVER("mongodb");
    database_ = std::make_unique<TestDatabase>(shared_server("mongodb").url);
    database_->make_plain_expiry();
  }

  static Entry commit(Store& store, Record record, bool xid_is_new = false) {
    Entry entry{std::move(record), xid_is_new, Outcome::kConflict, {}};
    Entry* batch[] = {&entry};
    const Status status = store.commit(batch);
    EXPECT_TRUE(status) << status.error().message();
    return entry;
  }

  static std::string open_error(const StoreOptions& options) {
    const auto store = open_mongodb_store(options);
    EXPECT_FALSE(store);
    if (store) return {};
    EXPECT_TRUE(store.error().is(kStoreOpenFailed));
    return store.error().message();
  }

  static std::vector<Transaction> scan_all(Store& store, std::size_t limit, std::vector<Slice::Damage>* damaged = nullptr) {
    std::vector<Transaction> all;
    std::string cursor;
    do {
      auto slice = store.scan(limit, cursor, kNow);
      EXPECT_TRUE(slice) << slice.error().message();
      if (!slice) break;
      for (auto& transaction : slice->transactions) all.push_back(std::move(transaction));
      if (damaged != nullptr) damaged->insert(damaged->end(), slice->damaged.begin(), slice->damaged.end());
      cursor = slice->next;
    } while (!cursor.empty());
    return all;
  }

  std::unique_ptr<TestDatabase> database_;
};

// -- documents ------------------------------------------------------------------------------------------------------

TEST_F(MongodbStore, ADocumentHasTheTutorialsFieldsInTheirPlace) {
  const auto store = database_->open();
  commit(*store, make_record("a"), true);
  EXPECT_THAT(database_->show(), testing::StartsWith(R"({ "_id" : "a", "xid" : "a", "phone_number" : "15555551234", "token" : ")"));
  EXPECT_EQ(database_->count(R"({"expires_at": {"$date": {"$numberLong": ")" + std::to_string(kNow + 30LL * 86'400'000) + R"("}}})"), 1);
}

TEST_F(MongodbStore, EveryEarlierTokenIsKeptHoweverMany) {
  const auto store = database_->open();
  constexpr int kCount = 2 * static_cast<int>(kMaxEarlierTokens) + 7;
  for (int i = 0; i < kCount; ++i) commit(*store, make_record("a", kPhone, kNow + i * 60'000));
  const auto all = scan_all(*store, 10);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].issued, static_cast<std::uint64_t>(kCount));
  ASSERT_EQ(all[0].earlier.size(), static_cast<std::size_t>(kCount - 1));
  for (int i = 0; i < kCount - 1; ++i) expect_same(all[0].earlier[i], make_record("a", kPhone, kNow + (kCount - 2 - i) * 60'000));
  EXPECT_EQ(database_->count("{}", kEarlierTokens), 2);
  EXPECT_LT(database_->show().size(), 60'000u);
}

// -- nodes side by side ---------------------------------------------------------------------------------------------

// Each of two stores commits one record under each XID, all at the same time; returns the entries by store.
std::vector<std::vector<Entry>> race(std::vector<std::unique_ptr<Store>>& stores, const std::vector<std::vector<Record>>& records, bool xid_is_new) {
  std::vector<std::vector<Entry>> entries(stores.size());
  std::vector<std::thread> threads;
  for (std::size_t s = 0; s < stores.size(); ++s) {
    for (const Record& record : records[s]) entries[s].push_back({record, xid_is_new, Outcome::kConflict, {}});
    threads.emplace_back([&, s] {
      for (Entry& entry : entries[s]) {
        Entry* batch[] = {&entry};
        EXPECT_TRUE(stores[s]->commit(batch));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  return entries;
}

TEST_F(MongodbStore, NodesThatRaceForAnXidAgreeOnOneRecord) {
  for (const bool xid_is_new : {false, true}) {
    std::vector<std::unique_ptr<Store>> stores;
    std::vector<std::vector<Record>> records(2);
    for (int s = 0; s < 2; ++s) stores.push_back(database_->open());
    for (int i = 0; i < 40; ++i) {
      for (int s = 0; s < 2; ++s) records[s].push_back(make_record((xid_is_new ? "n" : "g") + std::to_string(i), kPhone, kNow + s));
    }
    const auto entries = race(stores, records, xid_is_new);
    for (std::size_t i = 0; i < 40; ++i) {
      const int winner = entries[0][i].outcome == Outcome::kInserted ? 0 : 1;
      EXPECT_EQ(entries[winner][i].outcome, Outcome::kInserted);
      EXPECT_EQ(entries[1 - winner][i].outcome, Outcome::kReused);
      ASSERT_TRUE(entries[1 - winner][i].standing);
      expect_same(*entries[1 - winner][i].standing, entries[winner][i].proposed);
    }
  }
  EXPECT_EQ(database_->count(), 80);
}

TEST_F(MongodbStore, NodesThatRaceWithDifferentPhonesGiveOneConflict) {
  std::vector<std::unique_ptr<Store>> stores;
  std::vector<std::vector<Record>> records(2);
  for (int s = 0; s < 2; ++s) stores.push_back(database_->open());
  for (int i = 0; i < 40; ++i) {
    for (int s = 0; s < 2; ++s) records[s].push_back(make_record("x" + std::to_string(i), s == 0 ? kPhone : kOtherPhone));
  }
  const auto entries = race(stores, records, false);
  for (std::size_t i = 0; i < 40; ++i) {
    const std::set<Outcome> outcomes{entries[0][i].outcome, entries[1][i].outcome};
    EXPECT_EQ(outcomes, (std::set<Outcome>{Outcome::kInserted, Outcome::kConflict}));
  }
  EXPECT_EQ(database_->count(), 40);
}

TEST_F(MongodbStore, NodesThatReissueAtOnceAgreeOnOneToken) {
  std::vector<std::unique_ptr<Store>> stores;
  std::vector<std::vector<Record>> records(2);
  for (int s = 0; s < 2; ++s) stores.push_back(database_->open());
  for (int i = 0; i < 40; ++i) {
    commit(*stores[0], make_record("x" + std::to_string(i)));
    for (int s = 0; s < 2; ++s) records[s].push_back(make_record("x" + std::to_string(i), kPhone, kNow + 60'000 + s));
  }
  const auto entries = race(stores, records, false);
  for (std::size_t i = 0; i < 40; ++i) {
    const int winner = entries[0][i].outcome == Outcome::kReissued ? 0 : 1;
    EXPECT_EQ(entries[winner][i].outcome, Outcome::kReissued);
    EXPECT_EQ(entries[1 - winner][i].outcome, Outcome::kReused);
    const auto found = stores[0]->find(entries[0][i].proposed.xid, kNow);
    ASSERT_TRUE(found && *found);
    EXPECT_EQ((*found)->issued, 2u);
    ASSERT_EQ((*found)->earlier.size(), 1u);
    expect_same((*found)->current, entries[winner][i].proposed);
  }
}

// -- events and notes -----------------------------------------------------------------------------------------------

Change add(std::string_view xid, std::string key, std::string body, Event::Type type = Event::Type::kCallback) {
  return {*Xid::parse(xid), Event{type, kNow, std::move(key), std::move(body)}, false, {}, {}, Applied::kDamaged, {}};
}
Applied apply(Store& store, Change& change) {
  Change* batch[] = {&change};
  const Status status = store.apply(batch);
  EXPECT_TRUE(status) << status.error().message();
  return change.applied;
}

// With a note they are transactions of the server's, without one they are not.
TEST_F(MongodbStore, OfNodesThatConsumeAtOnceOneWins) {
  for (const bool with_note : {false, true}) {
    std::vector<std::unique_ptr<Store>> stores;
    for (int s = 0; s < 3; ++s) stores.push_back(database_->open());
    std::vector<std::vector<Change>> changes(stores.size());
    std::vector<std::thread> threads;
    for (int i = 0; i < 25; ++i) {
      const std::string xid = (with_note ? "n" : "x") + std::to_string(i);
      commit(*stores[0], make_record(xid));
      for (std::size_t s = 0; s < stores.size(); ++s) {
        changes[s].push_back(add(xid, "consumed", "{\"node\":" + std::to_string(s) + "}", Event::Type::kConsumed));
        if (with_note) changes[s].back().put.push_back({"outbox", xid, std::to_string(s), 0});
      }
    }
    for (std::size_t s = 0; s < stores.size(); ++s) {
      threads.emplace_back([&, s] {
        for (Change& change : changes[s]) apply(*stores[s], change);
      });
    }
    for (auto& thread : threads) thread.join();
    for (std::size_t i = 0; i < 25; ++i) {
      int winners = 0;
      for (std::size_t s = 0; s < stores.size(); ++s) {
        if (changes[s][i].applied != Applied::kWritten) {
          EXPECT_EQ(changes[s][i].applied, Applied::kPresent);
          continue;
        }
        ++winners;
        const auto found = stores[0]->find(*changes[s][i].xid, kNow);
        ASSERT_TRUE(found && *found);
        EXPECT_EQ((*found)->events, std::vector<Event>{*changes[s][i].event});
        if (with_note) {
          EXPECT_EQ(*stores[0]->note({"outbox", changes[s][i].xid->text()}, kNow), std::to_string(s));
        }
      }
      EXPECT_EQ(winners, 1);
    }
  }
}

// A single server has no transactions: the same in the end, and nothing that was put is lost on the way.
TEST_F(MongodbStore, WithoutTransactionsNotesGoWithTheirEventsToo) {
  const auto store = database_->open();
  for (int i = 0; i < 20; ++i) commit(*store, make_record("x" + std::to_string(i)));
  std::atomic<int> winners{0};
  std::vector<std::thread> threads;
  for (int s = 0; s < 3; ++s) {
    threads.emplace_back([&, s] {
      const auto connections = Connections::make(database_->options());
      ASSERT_TRUE(connections);
      ServerWatch watch(**connections, {}, {});
      const Commit::OnDamage on_damage = [](const Error&) {};
      std::vector<Change> changes;
      for (int i = 0; i < 20; ++i) {
        const std::string xid = "x" + std::to_string(i);
        changes.push_back(add(xid, "consumed", "{\"node\":" + std::to_string(s) + "}", Event::Type::kConsumed));
        changes.back().put.push_back({"outbox", xid, "", 0});
        changes.back().remove.push_back({"unmatched", xid});
        changes.push_back({std::nullopt, std::nullopt, false, {{"unmatched", "never." + xid + std::to_string(s), "", 0}}, {}, Applied::kDamaged, {}});
      }
      std::vector<Change*> batch;
      for (Change& change : changes) batch.push_back(&change);
      const Status status = Changes(**connections, watch, kMonth, on_damage, false).run(batch);
      EXPECT_TRUE(status) << status.error().message();
      for (std::size_t i = 0; i < changes.size(); i += 2) winners += changes[i].applied == Applied::kWritten;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(winners, 20);
  EXPECT_EQ(store->notes("outbox", {}, 1000, kNow)->size(), 20u);
  EXPECT_EQ(store->notes("unmatched", {}, 1000, kNow)->size(), 60u);
  for (int i = 0; i < 20; ++i) EXPECT_EQ((*store->find(*Xid::parse("x" + std::to_string(i)), kNow))->events.size(), 1u);
}

TEST_F(MongodbStore, ATokenIsNotReissuedBehindARevocation) {
  const auto store = database_->open(), other = database_->open();
  for (int i = 0; i < 30; ++i) commit(*store, make_record("x" + std::to_string(i)));
  std::thread revoker([&] {
    for (int i = 0; i < 30; ++i) {
      Change change = add("x" + std::to_string(i), "revoked", "", Event::Type::kRevoked);
      EXPECT_EQ(apply(*other, change), Applied::kWritten);
      // Whoever comes after the answer gets no token any more.
      EXPECT_EQ(commit(*other, make_record("x" + std::to_string(i), kPhone, kNow + 120'000)).outcome, Outcome::kClosed);
    }
  });
  for (int i = 0; i < 30; ++i) {
    const Outcome outcome = commit(*store, make_record("x" + std::to_string(i), kPhone, kNow + 60'000)).outcome;
    EXPECT_TRUE(outcome == Outcome::kReissued || outcome == Outcome::kClosed);
  }
  revoker.join();
}

TEST_F(MongodbStore, AnErasureTakesTheEarlierTokensToo) {
  const auto store = database_->open();
  for (int i = 0; i < 2 * static_cast<int>(kMaxEarlierTokens) + 7; ++i) commit(*store, make_record("a", kPhone, kNow + i * 60'000));
  commit(*store, make_record("a.b"));
  EXPECT_EQ(database_->count("{}", kEarlierTokens), 2);
  Change erase{*Xid::parse("a"), std::nullopt, true, {{"erased", "a", "{}", 0}}, {}, Applied::kDamaged, {}};
  EXPECT_EQ(apply(*store, erase), Applied::kWritten);
  EXPECT_EQ(database_->count("{}", kEarlierTokens), 0);
  EXPECT_EQ(database_->count(), 1);
  EXPECT_EQ(database_->count("{}", kNotes), 1);
}

TEST_F(MongodbStore, DamagedEventsAreNamedAndStopNobodyElse) {
  const auto store = database_->open();
  commit(*store, make_record("a"));
  commit(*store, make_record("b"));
  database_->update(R"({"_id": "a"})", R"({"$set": {"events": [{"key": "k"}]}})");
  Change damaged = add("a", "1", ""), sound = add("b", "1", "");
  Change* batch[] = {&damaged, &sound};
  ASSERT_TRUE(store->apply(batch));
  EXPECT_EQ(damaged.applied, Applied::kDamaged);
  EXPECT_EQ(sound.applied, Applied::kWritten);
  const auto found = store->find(*Xid::parse("a"), kNow);
  ASSERT_FALSE(found);
  EXPECT_THAT(found.error().detail(), HasSubstr("events is not understood"));
}

// -- indexes and retention ------------------------------------------------------------------------------------------

TEST_F(MongodbStore, IndexesAreMadeWithATtlAndTheServerIsLeftToIt) {
  TestDatabase fresh(shared_server("mongodb").url);
  const auto store = fresh.open(std::chrono::hours(1));
  const UnixMillis now = wall_now();  // by the server's clock it has not expired: its own sweep leaves it there
  commit(*store, make_record("a", kPhone, now));
  ASSERT_TRUE(store->sweep(now + 2 * 3'600'000));
  EXPECT_EQ(fresh.count(), 1);
  StoreOptions options = fresh.options();
  options.create_indexes = false;
  EXPECT_TRUE(open_mongodb_store(options));
}

TEST_F(MongodbStore, SweepRemovesWhatExpiredWhereTheServerDoesNot) {
  const auto store = database_->open(std::chrono::seconds(10));
  std::vector<Entry> entries;
  for (int i = 0; i < 1024; ++i) entries.push_back({make_record("x" + std::to_string(i), kPhone, kNow + i), true, Outcome::kConflict, {}});
  std::vector<Entry*> batch;
  for (Entry& entry : entries) batch.push_back(&entry);
  ASSERT_TRUE(store->commit(batch));
  database_->insert(R"({"xid": "legacy", "phone_number": "15555551234", "token": "t"})");
  // Every document that goes costs the server its time, which a busy machine may not have within one call's; the janitor comes again too.
  Status swept;
  for (int attempt = 0; attempt < 5 && !(swept = store->sweep(kNow + 10'000 + 1000)); ++attempt) {}
  ASSERT_TRUE(swept) << swept.error().detail();
  EXPECT_EQ(database_->count(), 24 + 1);
}

TEST_F(MongodbStore, WithoutRightToMakeIndexesTheMissingOnesAreNamed) {
  StoreOptions options = database_->options();
  options.create_indexes = false;
  const std::string error = open_error(options);
  EXPECT_THAT(error, HasSubstr("store.create_indexes is false"));
  EXPECT_THAT(error, HasSubstr(R"(db.tokens.createIndex({xid: 1}, {name: "jwtd_xid"}))"));
  EXPECT_THAT(error, HasSubstr("{phone_number: 1, created_at: 1, _id: 1}"));
  database_->command(R"({"dropIndexes": "jwtd_notes", "index": "jwtd_expiry"})");
  EXPECT_THAT(open_error(options), HasSubstr(R"(db.jwtd_notes.createIndex({expires_at: 1}, {name: "jwtd_expiry", expireAfterSeconds: 0}))"));
}

TEST_F(MongodbStore, AnIndexOfTheSameNameWithOtherOptionsIsNamedAndKept) {
  TestDatabase fresh(shared_server("mongodb").url);
  fresh.command(R"({"createIndexes": "tokens", "indexes": [{"key": {"expires_at": 1}, "name": "jwtd_expiry", "expireAfterSeconds": 3600}]})");
  EXPECT_THAT(open_error(fresh.options()), HasSubstr("jwtd_expiry of tokens is over {expires_at: 1}, expireAfterSeconds 3600"));
  TestDatabase other(shared_server("mongodb").url);
  other.command(R"({"createIndexes": "tokens", "indexes": [{"key": {"xid": 1}, "name": "jwtd_xid", "unique": true}]})");
  EXPECT_THAT(open_error(other.options()), HasSubstr("jwtd_xid of tokens is over {xid: 1}, unique"));
  EXPECT_THAT(open_error(other.options()), HasSubstr("drops no index itself"));
}

TEST_F(MongodbStore, TheTutorialsOwnIndexOverXidDoes) {
  database_->command(R"({"createIndexes": "tokens", "indexes": [{"key": {"xid": 1}, "name": "xid_1"}]})");
  EXPECT_NE(database_->open(), nullptr);
}

// -- damage ---------------------------------------------------------------------------------------------------------

TEST_F(MongodbStore, ADocumentThatIsNotUnderstoodIsNamedAndLeftAlone) {
  std::string events;
  StoreOptions options = database_->options();
  options.on_event = [&](std::string_view event) { events += event; };
  const auto store = database_->open(options);
  for (const char* xid : {"newer", "short", "moved", "good"}) commit(*store, make_record(xid));
  database_->update(R"({"_id": "newer"})", R"({"$set": {"v": 2}})");
  database_->update(R"({"_id": "short"})", R"({"$unset": {"exp": ""}})");
  database_->update(R"({"_id": "moved"})", R"({"$set": {"xid": "elsewhere"}})");
  database_->insert(R"({"_id": 7, "xid": "foreign", "phone_number": "15555551234", "token": "t"})");
  const std::string before = database_->show();
  for (const char* xid : {"newer", "short", "moved", "foreign"}) {
    const auto found = store->find(*Xid::parse(xid), kNow);
    ASSERT_FALSE(found) << xid;
    EXPECT_TRUE(found.error().is(kStoreDamaged)) << xid;
    if (std::string_view(xid) != "foreign") {
      EXPECT_THAT(found.error().detail(), HasSubstr(xid));
    }
  }
  std::vector<Entry> entries;
  for (const char* xid : {"newer", "short", "moved", "foreign", "fresh"}) {
    entries.push_back({make_record(xid, kPhone, kNow + 60'000), false, Outcome::kInserted, {}});
  }
  std::vector<Entry*> batch;
  for (Entry& entry : entries) batch.push_back(&entry);
  ASSERT_TRUE(store->commit(batch));
  for (int i = 0; i < 4; ++i) EXPECT_EQ(entries[i].outcome, Outcome::kDamaged) << i;
  EXPECT_EQ(entries[4].outcome, Outcome::kInserted);
  EXPECT_EQ(database_->show(R"({"_id": {"$ne": "fresh"}})"), before);
  EXPECT_THAT(events, HasSubstr("not understood"));
  EXPECT_THAT(events, Not(HasSubstr(kPhone)));

  std::vector<Slice::Damage> damaged;
  EXPECT_EQ(scan_all(*store, 2, &damaged).size(), 2u);
  EXPECT_EQ(damaged.size(), 4u);
}

// What was just revoked, or learnt, shows on every node. The server here is a replica set of one: who asks a secondary waits for it in vain.
TEST_F(MongodbStore, WhatIsServedIsReadFromThePrimaryWhateverTheUrlPrefers) {
  StoreOptions options = database_->options();
  options.url += "?readPreference=secondary";
  const auto store = database_->open(options);
  for (int i = 0; i < 3; ++i) commit(*store, make_record("a", kPhone, kNow + i * 60'000));
  Change revoke = add("a", "revoked", "{}", Event::Type::kRevoked);
  revoke.put.push_back({"reference", "R1", "a", 0});
  EXPECT_EQ(apply(*store, revoke), Applied::kWritten);
  const auto found = store->find(*Xid::parse("a"), kNow);
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ((*found)->events.size(), 1u);
  const auto page = store->find_by_phone(*Phone::parse(kPhone), 10, {}, kNow);
  ASSERT_TRUE(page) << page.error().message();
  EXPECT_EQ(page->transactions.size(), 1u);
  const auto note = store->note({"reference", "R1"}, kNow);
  ASSERT_TRUE(note) << note.error().message();
  EXPECT_EQ(*note, "a");
  const auto notes = store->notes("reference", "", 10, kNow);
  ASSERT_TRUE(notes) << notes.error().message();
  EXPECT_EQ(notes->size(), 1u);
}

TEST_F(MongodbStore, ACollectionThatCannotKeepXidsApartIsRefused) {
  TestDatabase fresh(shared_server("mongodb").url);
  fresh.command(R"({"create": "tokens", "collation": {"locale": "en", "strength": 2}})");
  EXPECT_THAT(open_error(fresh.options()), HasSubstr("collation"));
}

// -- copies ---------------------------------------------------------------------------------------------------------

TEST_F(MongodbStore, WhatIsScannedCanBeAdoptedAndIsTheSame) {
  const auto from = database_->open();
  for (int i = 0; i < 25; ++i) commit(*from, make_record("x" + std::to_string(i), kPhone, kNow + i));
  for (int i = 0; i < 120; ++i) commit(*from, make_record("x3", kPhone, kNow + (i + 1) * 60'000));
  const auto all = scan_all(*from, 7);
  ASSERT_EQ(all.size(), 25u);
  TestDatabase target(shared_server("mongodb").url);
  target.make_plain_expiry();
  const auto to = target.open();
  auto adopted = to->adopt(all);
  ASSERT_TRUE(adopted) << adopted.error().message();
  EXPECT_EQ(adopted->written, 25u);
  adopted = to->adopt(all);
  ASSERT_TRUE(adopted);
  EXPECT_EQ(adopted->written, 0u);
  EXPECT_EQ(adopted->present, 25u);
  const auto copied = scan_all(*to, 100);
  ASSERT_EQ(copied.size(), 25u);
  for (std::size_t i = 0; i < copied.size(); ++i) {
    EXPECT_EQ(copied[i].created_at, all[i].created_at);
    EXPECT_EQ(copied[i].issued, all[i].issued);
    expect_same(copied[i].current, all[i].current);
    ASSERT_EQ(copied[i].earlier.size(), all[i].earlier.size());
    for (std::size_t k = 0; k < all[i].earlier.size(); ++k) expect_same(copied[i].earlier[k], all[i].earlier[k]);
  }
  // It goes on living there.
  EXPECT_EQ(commit(*to, make_record("x3", kPhone, kNow + 200 * 60'000)).outcome, Outcome::kReissued);
  const auto found = to->find(*Xid::parse("x3"), kNow);
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->issued, 122u);
  expect_same((*found)->earlier.at(0), make_record("x3", kPhone, kNow + 120 * 60'000));
}

TEST_F(MongodbStore, AScanCursorWithAPartButWithoutAnIdIsRefused) {
  const auto store = database_->open();
  for (const char* cursor : {"row.AAAA", "own.!", "row", "row.+"}) {
    const auto refused = store->scan(1, cursor, kNow);
    ASSERT_FALSE(refused) << cursor;
    EXPECT_TRUE(refused.error().is(kCursorMalformed));
  }
}

// -- what errors hold -----------------------------------------------------------------------------------------------

TEST(MongodbUrl, APasswordIsInNoError) {
  StoreOptions options;
  options.timeout = std::chrono::milliseconds(200);
  for (const char* url : {"mongodb://user:pa55word@127.0.0.1:1/jwt_db", "mongodb://user:pa55/word@127.0.0.1:1/jwt_db", "mongodb://user:pa55@word@127.0.0.1:1",
                          "mongodb://user:pa55word%zz@127.0.0.1:1", "mongodb://user:pa55word@127.0.0.1:99999/jwt_db",
                          "mongodb://user:pa55word@127.0.0.1:1/?authMechanism=pa55word", "mongodb://127.0.0.1:1/?tls=true&tlsCertificateKeyFilePassword=pa55word"}) {
    options.url = url;
    const auto store = open_mongodb_store(options);
    ASSERT_FALSE(store) << url;
    EXPECT_THAT(store.error().message(), Not(HasSubstr("pa55"))) << url;
  }
  options.url = "mongodb://user@127.0.0.1:1/jwt_db";
  options.password = "pa55word";
  const auto store = open_mongodb_store(options);
  ASSERT_FALSE(store);
  EXPECT_THAT(store.error().message(), Not(HasSubstr("pa55")));
  EXPECT_THAT(store.error().message(), HasSubstr("127.0.0.1:1/jwt_db"));
}

TEST(MongodbUrl, AnOptionThatLibmongocWouldIgnoreIsRefused) {
  StoreOptions options;
  options.url = "mongodb://127.0.0.1:1/?tsl=true";
  const auto store = open_mongodb_store(options);
  ASSERT_FALSE(store);
  EXPECT_THAT(store.error().message(), HasSubstr("tsl"));
}

}  // namespace
}  // namespace jwtd::store
