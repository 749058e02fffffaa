// api/transactions_test.cc - what is found, who may see it, and which questions are refused.
#include "api/transactions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "store/memory/memory_store.h"
#include "telesign/report.h"
#include "tests/fakes/call_route.h"

namespace jwtd::api {
namespace {

using nlohmann::json;
using store::Record;
using testing::HasSubstr;
using testing::Not;

constexpr UnixMillis kNow = 1'500'000'000'000;  // 2017-07-14T02:40:00Z
constexpr const char* kPhone = "15555551234";

Record record(const std::string& xid, UnixMillis at, const std::string& phone = kPhone) {
  const UnixSeconds iat = at / 1000 - 10;
  return {*Xid::parse(xid), *Phone::parse(phone), "token-of-" + xid + "-" + std::to_string(at), "CUSTOMER", "key-1", iat, iat + 90, at};
}

// A store with its own idea of how things went.
class BrokenStore final : public store::Store {
 public:
  Status commit(std::span<store::Entry* const>) override { return {}; }
  Status apply(std::span<store::Change* const>) override { return {}; }
  Result<std::optional<std::string>> note(const store::NoteName&, UnixMillis) override { return Error(store::kStoreUnavailable); }
  Result<std::vector<store::Note>> notes(std::string_view, std::string_view, std::size_t, UnixMillis) override { return Error(store::kStoreUnavailable); }
  Result<std::optional<store::Transaction>> find(const Xid&, UnixMillis) override { return Error(store::kStoreUnavailable, "/secret/path"); }
  Result<store::Page> find_by_phone(const Phone&, std::size_t, std::string_view, UnixMillis) override {
    return Error(store::kStoreDamaged, "/secret/path");
  }
  Status writable() override { return {}; }
  Status sweep(UnixMillis) override { return {}; }
  Result<store::Slice> scan(std::size_t, std::string_view, UnixMillis) override { return Error(store::kStoreUnavailable); }
  Result<store::Adopted> adopt(std::span<const store::Transaction>) override { return Error(store::kStoreUnavailable); }
  store::Stats stats() override { return {}; }
  std::string_view driver() const override { return "broken"; }
};

class TransactionsTest : public testing::Test {
 protected:
  TransactionsTest() {
    access::Callers callers;
    const auto scopes = [](const char* text) { return *access::parse_scopes(text); };
    reader_ = "Bearer " + *callers.add("reader", scopes("read"), "2017-07-14T00:00:00Z");
    auditor_ = "Bearer " + *callers.add("auditor", scopes("read,read:pii"), "2017-07-14T00:00:00Z");
    minter_ = "Bearer " + *callers.add("minter", scopes("mint"), "2017-07-14T00:00:00Z");
    callers_.set(std::move(callers));
    add_transaction_routes(call_.router, context_);
  }

  void commit(Record proposed) {
    store::Entry entry{.proposed = std::move(proposed), .xid_is_new = false, .outcome = {}, .standing = {}};
    store::Entry* const batch[] = {&entry};
    ASSERT_TRUE(store_->commit(batch));
    ASSERT_NE(entry.outcome, store::Outcome::kConflict);
  }

  json get(const std::string& target, const std::string& authorization) {
    call_.get(target, authorization);
    return json::parse(call_.response.body);
  }

  // The code of the problem, "" if there was none.
  std::string refusal(const std::string& target, const std::string& authorization) {
    call_.get(target, authorization);
    return std::string(call_.response.error_id);
  }

  std::unique_ptr<store::Store> store_ = store::open_memory_store(store::StoreOptions());
  access::Snapshot callers_;
  fakes::CallRoute call_;
  store::ReadPool reads_{{.threads = 1, .deadline = std::chrono::hours(1)}};
  TransactionsContext context_{{*store_, reads_, callers_, nullptr, [] { return kNow; }}};
  std::string reader_, auditor_, minter_;
};

// -- one transaction ------------------------------------------------------------------------------------------------

TEST_F(TransactionsTest, ATransactionIsFoundByItsXid) {
  commit(record("order-1", kNow));
  call_.get("/v1/transactions/order-1", auditor_);
  EXPECT_EQ(call_.response.status, 200);
  EXPECT_EQ(call_.response.content_type, "application/json");
  EXPECT_EQ(call_.response.body,
            R"({"xid":"order-1","phone_number":"15555551234","token_state":"active",)"
            R"("status":{"state":"none","code":null,"description":null,"updated_on":null,"source":null},"created_at":"2017-07-14T02:40:00.000Z","issued":1,)"
            R"("iss":"CUSTOMER","kid":"key-1","issued_at":"2017-07-14T02:39:50Z","expires_at":"2017-07-14T02:41:20Z",)"
            R"("recorded_at":"2017-07-14T02:40:00.000Z","token":"token-of-order-1-1500000000000","earlier":[],)"
            R"("events":[{"type":"issued","at":"2017-07-14T02:40:00.000Z","expires_at":"2017-07-14T02:41:20Z","kid":"key-1",)"
            R"("token":"token-of-order-1-1500000000000"}]})");
}

TEST_F(TransactionsTest, WithoutReadPiiNumbersAreMaskedAndTokensLeftOut) {
  commit(record("order-1", kNow - 80'000));
  commit(record("order-1", kNow));
  const json one = get("/v1/transactions/order-1", reader_);
  EXPECT_EQ(one["phone_number"], "*******1234");
  EXPECT_FALSE(one.contains("token"));
  EXPECT_FALSE(one["earlier"][0].contains("token"));
  EXPECT_THAT(call_.response.body, Not(HasSubstr(kPhone)));
  EXPECT_THAT(call_.response.body, Not(HasSubstr("token-of")));
}

TEST_F(TransactionsTest, EarlierTokensAreShownNewestFirst) {
  commit(record("order-1", kNow - 200'000));
  commit(record("order-1", kNow - 100'000));
  commit(record("order-1", kNow));
  const json one = get("/v1/transactions/order-1", auditor_);
  EXPECT_EQ(one["issued"], 3);
  EXPECT_EQ(one["created_at"], "2017-07-14T02:36:40.000Z");
  ASSERT_EQ(one["earlier"].size(), 2u);
  EXPECT_EQ(one["earlier"][0], json({{"issued_at", "2017-07-14T02:38:10Z"},
                                     {"expires_at", "2017-07-14T02:39:40Z"},
                                     {"recorded_at", "2017-07-14T02:38:20.000Z"},
                                     {"token", "token-of-order-1-1499999900000"}}));
  EXPECT_EQ(one["earlier"][1]["token"], "token-of-order-1-1499999800000");
}

TEST_F(TransactionsTest, ATokenIsActiveUntilTheSecondItExpires) {
  commit(record("ends-now", kNow - 80'000));
  commit(record("ends-next", kNow - 79'000));
  EXPECT_EQ(get("/v1/transactions/ends-now", reader_)["token_state"], "expired");
  EXPECT_EQ(get("/v1/transactions/ends-next", reader_)["token_state"], "active");
}

TEST_F(TransactionsTest, WhatTheProviderSaidStandsInTheTimelineAndTheStatus) {
  commit(record("order-1", kNow - 5000));
  const auto report = telesign::parse_callback(
      R"({"reference_id":"R1","external_id":"order-1","status":{"code":2401,"description":"Verified","updated_on":"2017-07-14T02:39:59.5Z"},"phone":"15555551234"})");
  ASSERT_TRUE(report);
  store::Change change{*Xid::parse("order-1"), telesign::event_of(*report, store::Event::Type::kCallback, kNow), false, {}, {}, {}, {}};
  store::Change* const batch[] = {&change};
  ASSERT_TRUE(store_->apply(batch));
  const json status{{"state", "success"}, {"code", 2401}, {"description", "Verified"}, {"updated_on", "2017-07-14T02:39:59.5Z"}, {"source", "callback"},
                    {"known_at", "2017-07-14T02:40:00.000Z"}};
  const json one = get("/v1/transactions/order-1", auditor_);
  EXPECT_EQ(one["status"], status);
  EXPECT_EQ(one["events"][1]["type"], "callback");
  EXPECT_EQ(one["events"][1]["applied"], true);
  EXPECT_EQ(one["events"][1]["raw"], report->raw);
  EXPECT_FALSE(get("/v1/transactions/order-1", reader_)["events"][1].contains("raw"));
  EXPECT_THAT(call_.response.body, Not(HasSubstr(kPhone)));
  EXPECT_EQ(get(std::string("/v1/transactions?phone_number=") + kPhone, auditor_)["transactions"][0]["status"], status);
}

TEST_F(TransactionsTest, AnUnknownXidIs404) {
  EXPECT_EQ(refusal("/v1/transactions/nobody", reader_), "transaction_unknown");
  EXPECT_EQ(call_.response.status, 404);
  EXPECT_THAT(call_.response.body, Not(HasSubstr("nobody")));
}

TEST_F(TransactionsTest, AMalformedXidIs400) {
  for (const char* target : {"/v1/transactions/a%2Fb", "/v1/transactions/%00", "/v1/transactions/a%20b", "/v1/transactions/..", "/v1/transactions/%zz"}) {
    EXPECT_EQ(refusal(target, reader_), "xid_malformed") << target;
    EXPECT_EQ(call_.response.status, 400);
  }
}

TEST_F(TransactionsTest, AnEscapedXidIsTheSameXid) {
  commit(record("order-1", kNow));
  EXPECT_EQ(get("/v1/transactions/%6frder-1", reader_)["xid"], "order-1");
}

// -- who may ask ----------------------------------------------------------------------------------------------------

TEST_F(TransactionsTest, BothRoutesNeedACaller) {
  for (const char* target : {"/v1/transactions/order-1", "/v1/transactions?phone_number=15555551234"}) {
    EXPECT_EQ(refusal(target, ""), "caller_key_missing");
    EXPECT_EQ(call_.response.status, 401);
    EXPECT_EQ(refusal(target, "Bearer jwtd_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), "caller_key_unknown");
    EXPECT_EQ(call_.response.status, 401);
  }
}

TEST_F(TransactionsTest, BothRoutesNeedTheScopeRead) {
  for (const char* target : {"/v1/transactions/order-1", "/v1/transactions?phone_number=15555551234"}) {
    EXPECT_EQ(refusal(target, minter_), "scope_missing");
    EXPECT_EQ(call_.response.status, 403);
  }
}

TEST_F(TransactionsTest, WhoMayNotAskLearnsNothingAboutTheQuestion) {
  EXPECT_EQ(refusal("/v1/transactions/a%2Fb?x=1", ""), "caller_key_missing");
  EXPECT_EQ(refusal("/v1/transactions?nonsense", minter_), "scope_missing");
}

TEST_F(TransactionsTest, ARemovedCallerIsRefusedFromTheNextRequestOn) {
  commit(record("order-1", kNow));
  EXPECT_EQ(refusal("/v1/transactions/order-1", reader_), "");
  callers_.set(access::Callers());
  EXPECT_EQ(refusal("/v1/transactions/order-1", reader_), "caller_key_unknown");
}

// -- lists ----------------------------------------------------------------------------------------------------------

TEST_F(TransactionsTest, APhonesTransactionsAreListedNewestFirst) {
  commit(record("first", kNow - 3000));
  commit(record("second", kNow - 2000));
  commit(record("of-another", kNow - 1000, "4915112345678"));
  const json page = get("/v1/transactions?phone_number=15555551234", auditor_);
  ASSERT_EQ(page["transactions"].size(), 2u);
  EXPECT_EQ(page["transactions"][0]["xid"], "second");
  EXPECT_EQ(page["transactions"][1]["xid"], "first");
  EXPECT_EQ(page["transactions"][1]["token"], "token-of-first-1499999997000");
  EXPECT_TRUE(page["next"].is_null());
}

TEST_F(TransactionsTest, AListLeavesEarlierTokensToTheTransactionItself) {
  commit(record("order-1", kNow - 100'000));
  commit(record("order-1", kNow));
  const json page = get("/v1/transactions?phone_number=15555551234", auditor_);
  ASSERT_EQ(page["transactions"].size(), 1u);
  EXPECT_EQ(page["transactions"][0]["issued"], 2);
  EXPECT_FALSE(page["transactions"][0].contains("earlier"));
}

TEST_F(TransactionsTest, AListIsMaskedToo) {
  commit(record("order-1", kNow));
  const json page = get("/v1/transactions?phone_number=15555551234", reader_);
  EXPECT_EQ(page["transactions"][0]["phone_number"], "*******1234");
  EXPECT_THAT(call_.response.body, Not(HasSubstr("token-of")));
  EXPECT_THAT(call_.response.body, Not(HasSubstr(kPhone)));
}

TEST_F(TransactionsTest, APhoneWithoutTransactionsIsAnEmptyList) {
  call_.get("/v1/transactions?phone_number=4915112345678", reader_);
  EXPECT_EQ(call_.response.status, 200);
  EXPECT_EQ(call_.response.body, R"({"transactions":[],"next":null})");
}

TEST_F(TransactionsTest, PagesFollowEachOtherWithoutGapOrRepeat) {
  for (int i = 0; i < 45; ++i) commit(record("order-" + std::to_string(i), kNow - 100'000 + i));
  std::vector<std::string> seen;
  std::string target = "/v1/transactions?phone_number=15555551234";
  std::vector<std::size_t> sizes;
  for (std::string next = target; !next.empty();) {
    const json page = get(next, reader_);
    ASSERT_EQ(call_.response.status, 200) << call_.response.body;
    sizes.push_back(page["transactions"].size());
    for (const json& one : page["transactions"]) seen.push_back(one["xid"]);
    next = page["next"].is_null() ? "" : target + "&cursor=" + page["next"].get<std::string>();
  }
  EXPECT_EQ(sizes, (std::vector<std::size_t>{20, 20, 5}));
  ASSERT_EQ(seen.size(), 45u);
  for (int i = 0; i < 45; ++i) EXPECT_EQ(seen[static_cast<std::size_t>(i)], "order-" + std::to_string(44 - i));
}

TEST_F(TransactionsTest, TheLimitIsFromOneToAHundred) {
  for (int i = 0; i < 3; ++i) commit(record("order-" + std::to_string(i), kNow + i));
  const std::string target = "/v1/transactions?phone_number=15555551234&limit=";
  EXPECT_EQ(get(target + "1", reader_)["transactions"].size(), 1u);
  EXPECT_EQ(get(target + "100", reader_)["transactions"].size(), 3u);
  for (const char* limit : {"0", "101", "", "-1", "+1", "1.0", "1e1", "0x1", "a", "1a", "%31%", "99999999999999999999999", "%20" "1"}) {
    EXPECT_EQ(refusal(target + limit, reader_), "page_limit_malformed") << limit;
    EXPECT_EQ(call_.response.status, 400);
  }
}

TEST_F(TransactionsTest, ThePhoneNumberMayHaveItsPlus) {
  commit(record("order-1", kNow));
  for (const char* number : {"15555551234", "+15555551234", "%2B15555551234"})
    EXPECT_EQ(get(std::string("/v1/transactions?phone_number=") + number, reader_)["transactions"].size(), 1u) << number;
}

TEST_F(TransactionsTest, APhoneNumberIsNeeded) {
  for (const char* target : {"/v1/transactions", "/v1/transactions?", "/v1/transactions?limit=5"}) {
    EXPECT_EQ(refusal(target, reader_), "phone_number_missing") << target;
    EXPECT_EQ(call_.response.status, 400);
  }
}

TEST_F(TransactionsTest, AMalformedPhoneNumberIsRefused) {
  for (const char* number : {"", "123", "05555551234", "1555555123a", "++15555551234", "1555555123456789", "%00", "%1", "%C3%A4"}) {
    EXPECT_EQ(refusal(std::string("/v1/transactions?phone_number=") + number, reader_), "phone_malformed") << number;
    EXPECT_EQ(call_.response.status, 400);
  }
}

TEST_F(TransactionsTest, AnUnknownParameterIsRefused) {
  commit(record("order-1", kNow));
  for (const char* target : {"/v1/transactions?phone_number=15555551234&page=2", "/v1/transactions?phone=15555551234", "/v1/transactions?=1",
                             "/v1/transactions?Limit=1", "/v1/transactions/order-1?verbose", "/v1/transactions/order-1?phone_number=15555551234"}) {
    EXPECT_EQ(refusal(target, reader_), "query_parameter_unknown") << target;
    EXPECT_EQ(call_.response.status, 400);
  }
}

TEST_F(TransactionsTest, ARepeatedParameterIsRefused) {
  EXPECT_EQ(refusal("/v1/transactions?phone_number=15555551234&phone_number=15555551235", reader_), "query_parameter_repeated");
  EXPECT_EQ(refusal("/v1/transactions?phone_number=15555551234&limit=1&limit=1", reader_), "query_parameter_repeated");
}

TEST_F(TransactionsTest, AnEmptyPairIsNoParameter) {
  EXPECT_EQ(refusal("/v1/transactions?&phone_number=15555551234&&limit=1&", reader_), "");
}

TEST_F(TransactionsTest, AForeignCursorIsRefused) {
  for (const char* cursor : {"nonsense", "%00", "%4"}) {
    EXPECT_EQ(refusal(std::string("/v1/transactions?phone_number=15555551234&cursor=") + cursor, reader_), "cursor_malformed") << cursor;
    EXPECT_EQ(call_.response.status, 400);
  }
}

// -- bad times ------------------------------------------------------------------------------------------------------

TEST_F(TransactionsTest, NoAnswerIsCached) {
  commit(record("order-1", kNow));
  EXPECT_THAT(call_.get("/v1/transactions/order-1", auditor_).fields, HasSubstr("Cache-Control: no-store\r\n"));
  EXPECT_THAT(call_.get("/v1/transactions?phone_number=15555551234", auditor_).fields, HasSubstr("Cache-Control: no-store\r\n"));
}

TEST_F(TransactionsTest, AStoreThatFailsIsAProblemWithoutItsDetail) {
  BrokenStore broken;
  const TransactionsContext context{{broken, reads_, callers_, nullptr, [] { return kNow; }}};
  fakes::CallRoute call;
  add_transaction_routes(call.router, context);
  EXPECT_EQ(call.get("/v1/transactions/order-1", reader_).status, 503);
  EXPECT_THAT(call.response.fields, HasSubstr("Retry-After: 1\r\n"));
  EXPECT_THAT(call.response.body, Not(HasSubstr("/secret")));
  EXPECT_EQ(call.get("/v1/transactions?phone_number=15555551234", reader_).status, 500);
  EXPECT_THAT(call.response.body, Not(HasSubstr("/secret")));
}

TEST_F(TransactionsTest, APageNamesWhatCannotBeReadAndShowsTheRest) {
  class WithDamage final : public store::Store {
   public:
    explicit WithDamage(store::Store& sound) : sound_(sound) {}
    Status commit(std::span<store::Entry* const> batch) override { return sound_.commit(batch); }
    Status apply(std::span<store::Change* const> changes) override { return sound_.apply(changes); }
    Result<std::optional<std::string>> note(const store::NoteName& name, UnixMillis now) override { return sound_.note(name, now); }
    Result<std::vector<store::Note>> notes(std::string_view kind, std::string_view after, std::size_t limit, UnixMillis now) override { return sound_.notes(kind, after, limit, now); }
    Result<std::optional<store::Transaction>> find(const Xid&, UnixMillis) override { return Error(store::kStoreDamaged); }
    Result<store::Page> find_by_phone(const Phone& phone, std::size_t limit, std::string_view cursor, UnixMillis now) override {
      auto page = sound_.find_by_phone(phone, limit, cursor, now);
      if (page) page->damaged = {*Xid::parse("broken-1"), *Xid::parse("broken-2")};
      return page;
    }
    Status writable() override { return {}; }
    Status sweep(UnixMillis) override { return {}; }
    Result<store::Slice> scan(std::size_t, std::string_view, UnixMillis) override { return Error(store::kStoreUnavailable); }
    Result<store::Adopted> adopt(std::span<const store::Transaction>) override { return Error(store::kStoreUnavailable); }
    store::Stats stats() override { return {}; }
    std::string_view driver() const override { return "damaged"; }

   private:
    store::Store& sound_;
  } damaged(*store_);
  commit(record("order-1", kNow));
  std::atomic<std::uint64_t> count = 0;
  const TransactionsContext context{{damaged, reads_, callers_, nullptr, [] { return kNow; }}, &count};
  fakes::CallRoute call;
  add_transaction_routes(call.router, context);
  const json page = json::parse(call.get("/v1/transactions?phone_number=15555551234", reader_).body);
  EXPECT_EQ(page["transactions"].size(), 1u);
  EXPECT_EQ(page["damaged"], json({"broken-1", "broken-2"}));
  EXPECT_EQ(count, 2u);
  EXPECT_EQ(call.get("/v1/transactions/order-1", reader_).status, 500);
  EXPECT_EQ(count, 3u);
}

TEST_F(TransactionsTest, WhatTheStoreCouldNotDoIsLoggedWithItsDetailAndTheRequestsId) {
  const std::string path = testing::TempDir() + "/transactions_test.log";
  auto log = *Log::open({.file = path});
  BrokenStore broken;
  const TransactionsContext context{{broken, reads_, callers_, log.get(), [] { return kNow; }}};
  fakes::CallRoute call;
  add_transaction_routes(call.router, context);
  call.get("/v1/transactions/order-1", reader_);
  log->flush();
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  std::remove(path.c_str());
  const json line = json::parse(text.str());
  EXPECT_EQ(line["code"], "store_unavailable");
  EXPECT_EQ(line["detail"], "/secret/path");
  EXPECT_EQ(line["request_id"], "req-1");
}

TEST_F(TransactionsTest, AFullReadQueueIs503) {
  store::ReadPool none({.threads = 1, .max_queued = 0});
  const TransactionsContext context{{*store_, none, callers_, nullptr, [] { return kNow; }}};
  fakes::CallRoute call;
  add_transaction_routes(call.router, context);
  EXPECT_EQ(call.get("/v1/transactions/order-1", reader_).status, 503);
  EXPECT_EQ(call.response.error_id, "read_queue_full");
}

}  // namespace
}  // namespace jwtd::api
