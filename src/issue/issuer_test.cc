// issue/issuer_test.cc - what a minted token says, and what a repeated request gets.
#include "issue/issuer.h"

#include <gtest/gtest.h>

#include "jose/jws.h"
#include "store/memory/memory_store.h"
#include "tests/fakes/run_task.h"

namespace jwtd::issue {
namespace {

constexpr UnixMillis kNow = 1'500'000'010'123;

class IssuerTest : public testing::Test {
 protected:
  Result<Minted> mint(std::string_view phone, std::optional<std::string_view> xid = std::nullopt, UnixMillis now = kNow) {
    std::optional<Xid> parsed;
    if (xid) parsed = *Xid::parse(*xid);
    return fakes::run_task(loop, issuer.mint(*Phone::parse(phone), parsed, now));
  }

  std::unique_ptr<store::Store> store = store::open_memory_store({});
  fakes::FakeLoop loop;
  store::GroupCommit commit{*store, {.deadline = std::chrono::hours(1)}};
  store::Lane lane{commit, loop};
  jose::HmacKey key = *jose::HmacKey::make(jose::Algorithm::kHs256, Secret(std::string(64, 'k')));
  Issuer issuer{{"FFFFFFFF-EEEE-DDDD-1234-AB1234567890", std::chrono::seconds(90), std::chrono::seconds(10)}, key, lane};
};

TEST_F(IssuerTest, TheTokenVerifiesAndSaysWhatWasAskedFor) {
  const auto minted = mint("15551234567", "order-1");
  ASSERT_TRUE(minted);
  const auto verified = jose::verify(minted->record.token, key, {"FFFFFFFF-EEEE-DDDD-1234-AB1234567890"}, kNow / 1000);
  ASSERT_TRUE(verified) << verified.error().message();
  EXPECT_EQ(verified->phn, "15551234567");
  EXPECT_EQ(verified->xid, "order-1");
}

TEST_F(IssuerTest, IatIsBackdatedAndExpFollowsFromIt) {
  const auto minted = mint("15551234567");
  EXPECT_EQ(minted->record.iat, kNow / 1000 - 10);
  EXPECT_EQ(minted->record.exp, kNow / 1000 - 10 + 90);
}

TEST_F(IssuerTest, WhatIsReturnedIsOnRecord) {
  const auto minted = mint("15551234567");
  const auto found = store->find(minted->record.xid, kNow);
  ASSERT_TRUE(found && found->has_value());
  EXPECT_EQ((*found)->current.token, minted->record.token);
}

TEST_F(IssuerTest, EveryRequestWithoutAnXidGetsItsOwn) {
  EXPECT_NE(mint("15551234567")->record.xid, mint("15551234567")->record.xid);
}

TEST_F(IssuerTest, ARetryGetsTheSameToken) {
  const auto first = mint("15551234567", "order-1");
  const auto second = mint("15551234567", "order-1", kNow + 5'000);
  EXPECT_EQ(second->outcome, store::Outcome::kReused);
  EXPECT_EQ(second->record.token, first->record.token);
}

TEST_F(IssuerTest, PastHalfItsLifeANewTokenIsMintedUnderTheSameTransaction) {
  const auto first = mint("15551234567", "order-1");
  const auto second = mint("15551234567", "order-1", kNow + 60'000);
  EXPECT_EQ(second->outcome, store::Outcome::kReissued);
  EXPECT_NE(second->record.token, first->record.token);
}

TEST_F(IssuerTest, AnotherPhoneUnderTheSameXidIsRefused) {
  ASSERT_TRUE(mint("15551234567", "order-1"));
  const auto second = mint("15557654321", "order-1");
  ASSERT_FALSE(second);
  EXPECT_TRUE(second.error().is(kXidTaken));
}

}  // namespace
}  // namespace jwtd::issue
