// store/mongodb/damage_test.cc - documents that others changed, in a phone's list and in an erasure.
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "base/limits.h"
#include "store/mongodb/connections.h"
#include "store/mongodb/database_for_tests.h"
#include "store/mongodb/mongodb_store.h"
#include "tests/contract/paged_list.h"
#include "tests/contract/sample_records.h"
#include "tests/servers/test_server.h"

namespace jwtd::store {
namespace {

class DamagedDocuments : public testing::Test {
 protected:
  void SetUp() override {
    JWTD_NEEDS_SERVER("mongodb");
    database_ = std::make_unique<TestDatabase>(shared_server("mongodb").url);
    database_->make_plain_expiry();
  }
  static void commit(Store& store, Record record) {
    Entry entry{std::move(record), false, Outcome::kConflict, {}};
    Entry* batch[] = {&entry};
    const Status status = store.commit(batch);
    ASSERT_TRUE(status) << status.error().message();
  }
  static Applied apply(Store& store, Change& change) {
    Change* batch[] = {&change};
    const Status status = store.apply(batch);
    EXPECT_TRUE(status) << status.error().message();
    return change.applied;
  }

  std::unique_ptr<TestDatabase> database_;
};

TEST_F(DamagedDocuments, AListPassesOverDamageAndNamesItAndAnErasureRemovesItUnread) {
  const auto store = database_->open();
  for (int i = 0; i < 6; ++i) commit(*store, make_record("x" + std::to_string(i), kPhone, kNow + i));
  for (int i = 1; i < static_cast<int>(kMaxEarlierTokens) + 7; ++i) commit(*store, make_record("x2", kPhone, kNow + i * 60'000));
  commit(*store, make_record("others", kOtherPhone));
  EXPECT_EQ(database_->count("{}", kEarlierTokens), 1);
  database_->update(R"({"_id": "x0"})", R"({"$set": {"events": 7}})");
  database_->update(R"({"_id": "x2"})", R"({"$unset": {"exp": ""}})");
  database_->update(R"({"_id": "x5"})", R"({"$set": {"xid": "elsewhere"}})");
  database_->update(R"({"_id": "others"})", R"({"$set": {"v": 2}})");
  const Phone phone = *Phone::parse(kPhone);
  for (std::size_t limit = 1; limit < 8; ++limit) {
    const auto [sound, damaged] = list_by_pages(*store, phone, limit, kNow + 80'000);
    EXPECT_EQ(sound, xids_of({"x4", "x3", "x1"})) << limit;
    EXPECT_EQ(damaged, xids_of({"x5", "x2", "x0"})) << limit;
  }

  const auto erase = [&](const char* xid, std::optional<Phone> of) {
    Change change{*Xid::parse(xid), std::nullopt, true, {{"erased", xid, "{}", 0}}};
    change.of = of;
    return apply(*store, change);
  };
  EXPECT_EQ(erase("x2", std::nullopt), Applied::kDamaged) << "nobody says whose it is";
  EXPECT_EQ(erase("others", phone), Applied::kDamaged) << "it is another's";
  for (const char* xid : {"x0", "x2", "x5"}) EXPECT_EQ(erase(xid, phone), Applied::kWritten) << xid;
  EXPECT_EQ(erase("x2", phone), Applied::kAbsent);
  EXPECT_EQ(database_->count(), 4);
  EXPECT_EQ(database_->count(R"({"phone_number": "15555551234"})"), 3);
  EXPECT_EQ(database_->count("{}", kEarlierTokens), 0);
  EXPECT_EQ(database_->count("{}", kNotes), 3);
}

// The tutorial's row beside it is whole, and the transaction is not: a look-up by XID and the list say the same, once.
TEST_F(DamagedDocuments, ARowBesideADamagedDocumentIsNotShownForIt) {
  const auto store = database_->open();
  database_->insert(R"({"_id": {"$oid": "655500000000000000000001"}, "xid": "a", "phone_number": "15555551234", "token": "t"})");
  database_->insert(R"({"_id": {"$oid": "655500000000000000000002"}, "xid": "b", "phone_number": "15555551234", "token": "t"})");
  const UnixMillis now = 0x65550000LL * 1000 + 1000;
  Change revoke{*Xid::parse("a"), Event{Event::Type::kRevoked, now, "revoked", "{}"}, false, {}, {}, Applied::kDamaged, {}};
  ASSERT_EQ(apply(*store, revoke), Applied::kWritten);
  database_->update(R"({"_id": "a"})", R"({"$set": {"v": 2}})");
  ASSERT_FALSE(store->find(*Xid::parse("a"), now));
  for (std::size_t limit = 1; limit < 4; ++limit) {
    const auto [sound, damaged] = list_by_pages(*store, *Phone::parse(kPhone), limit, now);
    EXPECT_EQ(sound, std::vector<Xid>{*Xid::parse("b")}) << limit;
    EXPECT_EQ(damaged, std::vector<Xid>{*Xid::parse("a")}) << limit;
  }
  Change erase{*Xid::parse("a"), std::nullopt, true};
  erase.of = *Phone::parse(kPhone);
  EXPECT_EQ(apply(*store, erase), Applied::kWritten);
  EXPECT_EQ(database_->count(R"({"xid": "a"})"), 0) << "the row too";
}

}  // namespace
}  // namespace jwtd::store
