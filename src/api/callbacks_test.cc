// api/callbacks_test.cc - the provider's reports, from the request to the timeline; and the routes that show and remove what came of them.
#include "api/callbacks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "api/erasure.h"
#include "api/status.h"
#include "api/transactions.h"
#include "forward/outbox.h"
#include "store/memory/memory_store.h"
#include "tests/contract/sample_records.h"
#include "tests/fakes/call_route.h"

namespace jwtd::api {
namespace {

using http::Method;
using nlohmann::json;
using store::kNow;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

using timeline::Placed;

constexpr const char* kRoute = "/v1/callbacks/telesign";

std::string report(const std::string& reference, std::int64_t code, const std::string& xid = "", const std::string& time = "2023-11-14T22:13:20.5Z") {
  json body{{"reference_id", reference}, {"sub_resource", "auto"}, {"status", {{"code", code}, {"description", "d"}, {"updated_on", time}}}, {"unknown", {{"kept", true}}}};
  if (!xid.empty()) body["external_id"] = xid;
  return body.dump();
}

// Has something done between the first look for a note and what comes of it.
class MeddledWith final : public store::Store {
 public:
  explicit MeddledWith(store::Store& kept) : kept_(kept) {}
  std::function<void()> after_first_note;
  std::size_t lists = 0;          // of notes that were asked for
  bool lists_fail = false;

  Result<std::optional<std::string>> note(const store::NoteName& name, UnixMillis now) override {
    auto found = kept_.note(name, now);
    if (const auto meddle = std::exchange(after_first_note, nullptr)) meddle();
    return found;
  }
  Status commit(std::span<store::Entry* const> batch) override { return kept_.commit(batch); }
  Status apply(std::span<store::Change* const> batch) override { return kept_.apply(batch); }
  Result<std::vector<store::Note>> notes(std::string_view kind, std::string_view after, std::size_t limit, UnixMillis now) override {
    ++lists;
    return lists_fail ? Result<std::vector<store::Note>>(Error(store::kStoreUnavailable)) : kept_.notes(kind, after, limit, now);
  }
  Result<std::optional<store::Transaction>> find(const Xid& xid, UnixMillis now) override { return kept_.find(xid, now); }
  Result<store::Page> find_by_phone(const Phone& phone, std::size_t limit, std::string_view cursor, UnixMillis now) override { return kept_.find_by_phone(phone, limit, cursor, now); }
  Status writable() override { return kept_.writable(); }
  Status sweep(UnixMillis now) override { return kept_.sweep(now); }
  Result<store::Slice> scan(std::size_t limit, std::string_view cursor, UnixMillis now) override { return kept_.scan(limit, cursor, now); }
  Result<store::Adopted> adopt(std::span<const store::Transaction> transactions) override { return kept_.adopt(transactions); }
  store::Stats stats() override { return kept_.stats(); }
  std::string_view driver() const override { return kept_.driver(); }

 private:
  store::Store& kept_;
};

class CallbacksTest : public testing::Test {
 protected:
  // Of which nothing is known yet.
  static Task<void> tell(timeline::Placing& placing, std::string body) {
    auto what = telesign::parse_callback(body);
    const auto placed = co_await placing.callback(*std::move(what), kNow);
    EXPECT_EQ(placed ? placed->placed : Placed::kDropped, Placed::kUnmatched);
  }

  static Task<void> place(timeline::Placing& placing, std::string body) {
    auto what = telesign::parse_callback(body);
    const auto placed = co_await placing.callback(*std::move(what), kNow);
    EXPECT_TRUE(placed);
  }

  static Task<void> poll(timeline::Placing& placing, std::string body) {
    auto what = telesign::parse_callback(body);
    const auto placed = co_await placing.poll(*Xid::parse("order-1"), *std::move(what), kNow);
    EXPECT_TRUE(placed);
  }

  // A callback that another node kept, whose reference id `first` learns while the store does not tell what waits.
  void is_placed_with_the_next_one_after(Task<void> (*first)(timeline::Placing&, std::string)) {
    MeddledWith store(*store_);
    timeline::Placing placing(store, reads_, lane_, count_, {});
    timeline::UnmatchedCount others{0};
    timeline::Placing other(*store_, reads_, lane_, others, {});
    commit("order-1");
    fakes::run_task(call_.loop, tell(other, report("R1", 2401)));
    store.lists_fail = true;
    fakes::run_task(call_.loop, first(placing, report("R1", 2400, "order-1", "2023-11-14T22:13:10Z")));
    EXPECT_EQ(unmatched().size(), 1u);
    store.lists_fail = false;
    fakes::run_task(call_.loop, place(placing, report("R1", 2400, "order-1", "2023-11-14T22:13:11Z")));
    EXPECT_TRUE(unmatched().empty());
    EXPECT_EQ(status("order-1")["status"]["code"], 2401);
  }

  CallbacksTest() {
    context_.now = [] { return kNow + 1000; };
    context_.observer.placed = [this](timeline::Placed placed) { placed_.push_back(placed); };
    context_.observer.refused = [this](const Code& code) { refused_.push_back(code.id); };
    context_.observer.contradicted = [this] { ++contradicted_; };
    unmatched_.now = status_.now = erasure_.now = transactions_.now = context_.now;
    add_callback_route(call_.router, context_);
    add_unmatched_route(call_.router, unmatched_);
    add_status_route(call_.router, status_);
    add_erasure_route(call_.router, erasure_);
    add_transaction_routes(call_.router, transactions_);
    access::Callers callers;
    const auto add = [&](const char* name, const char* scopes) { return "Bearer " + *callers.add(name, *access::parse_scopes(scopes), "2026-11-25T00:00:00Z"); };
    reader_ = add("reader", "read");
    operator_ = add("operator", "read,read:pii,callbacks,admin");
    masked_ = add("masked", "callbacks");
    callers_.set(std::move(callers));
  }

  void commit(std::string_view xid, std::string_view phone = store::kPhone) {
    store::Entry entry{store::make_record(xid, phone), false, {}, {}};
    store::Entry* batch[] = {&entry};
    ASSERT_TRUE(store_->commit(batch));
  }
  int send(const std::string& body) { return call_.call(Method::kPost, kRoute, telesign::signature_of(body, key_), body).status; }
  json status(const std::string& xid) {
    call_.get("/v1/transactions/" + xid + "/status", reader_);
    return json::parse(call_.response.body);
  }
  void provider(telesign::SharedStatus::Fetch fetch) {
    status_.provider = &provider_.emplace(std::move(fetch), telesign::SharedStatus::Options{.cache = std::chrono::seconds(0), .wall = [] { return kNow + 1000; }});
  }
  json refused_refresh(const std::string& xid) {
    EXPECT_GE(call_.get("/v1/transactions/" + xid + "/status?refresh=1", reader_).status, 400);
    return json::parse(call_.response.body);
  }
  std::size_t events(const std::string& xid) { return (*store_->find(*Xid::parse(xid), kNow))->events.size(); }
  json unmatched() {
    call_.get("/v1/callbacks?unmatched=1", operator_);
    EXPECT_EQ(call_.response.status, 200);
    return json::parse(call_.response.body)["callbacks"];
  }

  fakes::CallRoute call_;
  std::unique_ptr<store::Store> store_ = store::open_memory_store({});
  store::GroupCommit commit_{*store_, {.deadline = std::chrono::hours(1)}};
  store::Lane lane_{commit_, call_.loop};
  store::ReadPool reads_{{.threads = 1, .deadline = std::chrono::hours(1)}};
  store::ReadPool polls_{{.threads = 1, .deadline = std::chrono::hours(1)}};
  const std::array<jose::HmacKey, 2> keys_{*jose::HmacKey::make(jose::Algorithm::kHs256, Secret(std::string(64, 'k'))),
                                           *jose::HmacKey::make(jose::Algorithm::kHs256, Secret(std::string(64, 'p')))};
  const jose::HmacKey& key_ = keys_[0];
  const jose::HmacKey& previous_ = keys_[1];
  access::Snapshot callers_;
  timeline::UnmatchedCount count_{0};
  timeline::Placing placing_{*store_, reads_, lane_, count_, {}};
  telesign::CallbackCheck signature_{"CUSTOMER", keys_};
  CallbackContext context_{placing_, signature_, nullptr, {}};
  AdminContext unmatched_{*store_, reads_, callers_};
  std::optional<telesign::SharedStatus> provider_;
  StatusContext status_{{*store_, reads_, callers_}, polls_, placing_};
  ErasureContext erasure_{{*store_, reads_, callers_}, lane_, std::chrono::seconds(0)};
  TransactionsContext transactions_{{*store_, reads_, callers_}};
  std::vector<timeline::Placed> placed_;
  std::vector<std::string> refused_;
  int contradicted_ = 0;
  std::string reader_, operator_, masked_;
};

using Outcomes = std::vector<timeline::Placed>;

// -- placing --------------------------------------------------------------------------------------------------------

TEST_F(CallbacksTest, AReportIsOnRecordWhenItIsAnswered) {
  commit("order-1");
  EXPECT_EQ(send(report("R1", 2401, "order-1")), 200);
  EXPECT_EQ(placed_, Outcomes{Placed::kApplied});
  EXPECT_EQ(status("order-1")["status"]["state"], "success");
  EXPECT_EQ(status("order-1")["age_seconds"], 0);
  EXPECT_EQ((*store_->find(*Xid::parse("order-1"), kNow))->events[0].body, report("R1", 2401, "order-1")) << "as it was sent, unknown members and all";
}

TEST_F(CallbacksTest, ARepeatedReportIsOneEvent) {
  commit("order-1");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(send(report("R1", 2401, "order-1")), 200);
  EXPECT_EQ(placed_, (Outcomes{Placed::kApplied, Placed::kDuplicate, Placed::kDuplicate}));
  EXPECT_EQ(events("order-1"), 1u);
}

TEST_F(CallbacksTest, ALateReportIsSeenAndNotApplied) {
  commit("order-1");
  send(report("R1", 2401, "order-1"));
  send(report("R1", 2400, "order-1", "2023-11-14T22:13:25Z"));
  EXPECT_EQ(placed_, (Outcomes{Placed::kApplied, Placed::kSeen}));
  EXPECT_EQ(status("order-1")["status"]["state"], "success");
  EXPECT_EQ(events("order-1"), 2u);
}

TEST_F(CallbacksTest, TwoFinalStatesAreAContradictionOnce) {
  commit("order-1");
  send(report("R1", 2401, "order-1", "2023-11-14T22:13:20Z"));
  send(report("R1", 2402, "order-1", "2023-11-14T22:13:21Z"));
  send(report("R1", 2411, "order-1", "2023-11-14T22:13:22Z"));
  EXPECT_EQ(contradicted_, 1);
  EXPECT_EQ(status("order-1")["status"]["code"], 2401);
  EXPECT_EQ(status("order-1")["status"]["contradicted"], true);
}

TEST_F(CallbacksTest, AReferenceIdThatWasLearntIsEnough) {
  commit("order-1");
  send(report("R1", 2400, "order-1"));
  EXPECT_EQ(send(report("R1", 2401, "", "2023-11-14T22:13:30Z")), 200);
  EXPECT_EQ(status("order-1")["status"]["code"], 2401);
}

TEST_F(CallbacksTest, AResultIsNotLostToWhatIsOddBesideIt) {
  commit("order-1");
  json odd = json::parse(report("R1", 2401, "order-1"));
  odd["reference_id"] = "R\u00e9f " + std::string(100, 'r');
  odd["status"]["description"] = std::string(2'000, 'd');
  EXPECT_EQ(send(odd.dump()), 200);
  EXPECT_EQ(status("order-1")["status"]["state"], "success");
  EXPECT_EQ(status("order-1")["status"]["description"], std::string(1'024, 'd'));
  EXPECT_EQ((*store_->find(*Xid::parse("order-1"), kNow))->events[0].body, odd.dump()) << "whole";
}

TEST_F(CallbacksTest, AnXidThatCannotBeOursIsAsNone) {
  commit("order-1");
  send(report("R1", 2400, "order-1"));
  json numbered = json::parse(report("R1", 2401, "", "2023-11-14T22:13:30Z")), endless = numbered;
  numbered["external_id"] = 12345;
  endless["external_id"] = std::string(500, 'x');
  EXPECT_EQ(send(numbered.dump()), 200);
  EXPECT_EQ(status("order-1")["status"]["code"], 2401) << "its reference id was learnt";
  endless["reference_id"] = "R2";
  EXPECT_EQ(send(endless.dump()), 200);
  ASSERT_EQ(unmatched().size(), 1u);
  EXPECT_EQ(unmatched()[0]["reference_id"], "R2");
  commit("order-2");
  send(report("R2", 2400, "order-2"));
  EXPECT_EQ(status("order-2")["status"]["code"], 2401);
  EXPECT_TRUE(unmatched().empty());
}

TEST_F(CallbacksTest, WhatCannotBePlacedIsKeptAndListedAndPlacedWhenItsReferenceIsLearnt) {
  EXPECT_EQ(send(report("R1", 2401, "", "2023-11-14T22:13:30Z")), 200);
  EXPECT_EQ(send(report("R1", 2401, "", "2023-11-14T22:13:30Z")), 200);
  EXPECT_EQ(send(report("R2", 2401, "nobody")), 200);
  EXPECT_EQ(placed_, Outcomes(3, Placed::kUnmatched));
  const json waiting = unmatched();
  ASSERT_EQ(waiting.size(), 2u);
  EXPECT_EQ(waiting[0]["reference_id"], "R1");
  EXPECT_EQ(waiting[1]["xid"], "nobody");
  EXPECT_EQ(waiting[0]["raw"], report("R1", 2401, "", "2023-11-14T22:13:30Z"));
  call_.get("/v1/callbacks?unmatched=1", masked_);
  EXPECT_THAT(call_.response.body, Not(HasSubstr("raw")));

  commit("order-1");
  send(report("R1", 2400, "order-1"));
  EXPECT_EQ(status("order-1")["status"]["code"], 2401);
  EXPECT_EQ(events("order-1"), 2u);
  EXPECT_EQ(unmatched().size(), 1u);
}

// Another node kept it, so this one's count knows nothing of it.
TEST_F(CallbacksTest, WhatAnotherNodeKeptIsPlacedWhenItsReferenceIsLearntHere) {
  timeline::UnmatchedCount others{0};
  timeline::Placing other(*store_, reads_, lane_, others, {});
  commit("order-1");
  fakes::run_task(call_.loop, tell(other, report("R1", 2401)));
  ASSERT_EQ(count_.load(), 0u);
  send(report("R1", 2400, "order-1", "2023-11-14T22:13:10Z"));
  EXPECT_EQ(status("order-1")["status"]["code"], 2401);
  EXPECT_TRUE(unmatched().empty());
}

// Between the look for its reference id and the note that keeps it, another callback brings the reference id, and finds nothing that waits.
TEST_F(CallbacksTest, WhatIsKeptWhileItsReferenceIsLearntIsPlacedAllTheSame) {
  MeddledWith store(*store_);
  timeline::Placing placing(store, reads_, lane_, count_, {});
  commit("order-1");
  store.after_first_note = [&] {
    store::Change change;
    change.xid = *Xid::parse("order-1");
    change.event = telesign::event_of(*telesign::parse_callback(report("R1", 2400, "order-1", "2023-11-14T22:13:10Z")), store::Event::Type::kCallback, kNow);
    change.put.push_back({std::string(store::kReferenceNote), "R1", "order-1", 0});
    store::Change* batch[] = {&change};
    EXPECT_TRUE(store_->apply(batch));
  };
  fakes::run_task(call_.loop, tell(placing, report("R1", 2401)));
  EXPECT_EQ(status("order-1")["status"]["code"], 2401);
  EXPECT_TRUE(unmatched().empty());
}

// Over a database a list is a round trip, and nearly every callback is a second or third report of a reference id that is known.
TEST_F(CallbacksTest, WhatMayWaitIsLookedForWhenTheReferenceIsLearntAndThenNoMore) {
  MeddledWith store(*store_);
  timeline::Placing placing(store, reads_, lane_, count_, {});
  commit("order-1");
  const auto come = [&](std::int64_t code, const std::string& time) {
    fakes::run_task(call_.loop, place(placing, report("R1", code, "order-1", time)));
    return std::exchange(store.lists, 0);
  };
  EXPECT_EQ(come(2400, "2023-11-14T22:13:10Z"), 1u);
  EXPECT_EQ(come(2401, "2023-11-14T22:13:20Z"), 0u);
  count_ = 1;
  EXPECT_EQ(come(2402, "2023-11-14T22:13:30Z"), 1u) << "one waits, for whatever";
}

TEST_F(CallbacksTest, WhatCouldNotBeLookedForIsLookedForWithTheNextOne) { is_placed_with_the_next_one_after(place); }

TEST_F(CallbacksTest, WhatAPollCouldNotLookForIsLookedForWithTheNextCallback) { is_placed_with_the_next_one_after(poll); }

TEST_F(CallbacksTest, AContradictionThatShowsLaterCountsToo) {
  commit("order-1");
  send(report("R1", 2401));  // waits
  send(report("R1", 2402, "order-1", "2023-11-14T22:13:40Z"));
  EXPECT_EQ(contradicted_, 1) << "by the one that was placed with it";
  send(report("R1", 2403, "order-1", "2023-11-14T22:13:50Z"));
  EXPECT_EQ(contradicted_, 1) << "once";

  commit("order-2");
  send(report("R2", 2401, "order-2"));
  provider([](const Xid& xid) { return telesign::parse_callback(report("R2", 2402, xid.text(), "2023-11-14T22:13:40Z")); });
  status_.contradicted = [this] { ++contradicted_; };
  for (int i = 0; i < 2; ++i) EXPECT_EQ(call_.get("/v1/transactions/order-2/status?refresh=1", reader_).status, 200);
  EXPECT_EQ(contradicted_, 2) << "by the provider's answer, once";
  EXPECT_EQ(status("order-2")["status"]["code"], 2401);
}

TEST_F(CallbacksTest, APhoneNumberInTheProvidersWordsIsMasked) {
  commit("order-1");
  const auto naming = [](std::string body) { return body.replace(body.find(R"("d")"), 3, R"("code 123456 to 15555551234, +15555551234, 0015555551234.")"); };
  const std::string masked = "code 123456 to *******1234, +*******1234, *********1234.";
  send(naming(report("R1", 2401, "order-1")));
  send(naming(report("R2", 2401, "15555551234")));
  EXPECT_EQ(status("order-1")["status"]["description"], masked);
  for (const char* path : {"/v1/transactions/order-1", "/v1/transactions?phone_number=15555551234"}) {
    EXPECT_THAT(call_.get(path, reader_).body, AllOf(HasSubstr(masked), Not(HasSubstr("15555551234")))) << path;
    EXPECT_THAT(call_.get(path, operator_).body, HasSubstr("to 15555551234, +15555551234, 0015555551234.")) << path;
  }
  EXPECT_THAT(call_.get("/v1/callbacks?unmatched=1", masked_).body, AllOf(HasSubstr(masked), HasSubstr(R"("xid":"*******1234")"), Not(HasSubstr("15555551234"))));
  EXPECT_THAT(call_.get("/v1/callbacks?unmatched=1", operator_).body, HasSubstr(R"("xid":"15555551234")"));
  commit("order-2");
  send(report("15555551234", 2401, "order-2"));
  send(report("R3", 2401, "1-555-555-1234"));
  EXPECT_THAT(call_.get("/v1/callbacks?unmatched=1", masked_).body, AllOf(HasSubstr(R"("xid":"*-***-***-1234")"), Not(HasSubstr("555-1234"))));
  EXPECT_THAT(call_.get("/v1/transactions/order-2", reader_).body, AllOf(HasSubstr(R"("reference_id":"*******1234")"), Not(HasSubstr("15555551234"))));
}

TEST_F(CallbacksTest, APhoneNumberInGroupsIsMaskedToo) {
  commit("order-1");
  json body = json::parse(report("R1", 2401, "order-1"));
  body["status"]["description"] = "calling +1 555 555 1234 or +1-555-555-1234 / 15555551234 / 1.555.555.1234 (555)5551234";
  send(body.dump());
  EXPECT_EQ(status("order-1")["status"]["description"], "calling +* *** *** 1234 or +*-***-***-**** / *******1234 / *.***.***.**** (***)***1234");
  EXPECT_THAT(call_.get("/v1/transactions/order-1", operator_).body, HasSubstr("calling +1 555 555 1234 or"));
}

TEST_F(CallbacksTest, UnmatchedOnesAreBounded) {
  count_ = timeline::kMaxUnmatched;
  EXPECT_EQ(send(report("R1", 2401)), 200);
  EXPECT_EQ(placed_, Outcomes{Placed::kDropped});
  EXPECT_TRUE(unmatched().empty());
}

TEST_F(CallbacksTest, UnmatchedOnesComeInPages) {
  for (int i = 0; i < 5; ++i) send(report("R" + std::to_string(i), 2401));
  std::string cursor;
  std::size_t seen = 0;
  for (int page = 0; page < 3; ++page) {
    call_.get("/v1/callbacks?unmatched=1&limit=2" + (cursor.empty() ? "" : "&cursor=" + cursor), operator_);
    const json body = json::parse(call_.response.body);
    seen += body["callbacks"].size();
    if (body["next"].is_null()) break;
    cursor = body["next"];
  }
  EXPECT_EQ(seen, 5u);
  EXPECT_EQ(call_.get("/v1/callbacks", operator_).status, 400);
  EXPECT_EQ(call_.get("/v1/callbacks?unmatched=1", reader_).status, 403);
  EXPECT_EQ(*timeline::count_unmatched(*store_, kNow), 5u);
}

// -- what is refused ------------------------------------------------------------------------------------------------

TEST_F(CallbacksTest, BothFormsOfTheSignatureAndBothKeysCount) {
  commit("order-1");
  const std::string body = report("R1", 2401, "order-1");
  EXPECT_EQ(call_.call(Method::kPost, kRoute, "TSA CUSTOMER:" + telesign::signature_of(body, key_), body).status, 200);
  EXPECT_EQ(call_.call(Method::kPost, kRoute, telesign::signature_of(body, previous_), body).status, 200);
  EXPECT_EQ(call_.call(Method::kPost, kRoute, "TSA OTHER:" + telesign::signature_of(body, key_), body).status, 401);
}

TEST_F(CallbacksTest, WhatIsForgedOrMisshapenLeavesNothing) {
  commit("order-1");
  const std::string body = report("R1", 2401, "order-1");
  const std::string signature = telesign::signature_of(body, key_);
  EXPECT_EQ(call_.call(Method::kPost, kRoute, "", body).status, 401);
  EXPECT_EQ(call_.call(Method::kPost, kRoute, "AAAA", body).status, 401);
  EXPECT_EQ(call_.call(Method::kPost, kRoute, signature, body + " ").status, 401) << "encoded anew";
  EXPECT_EQ(call_.call(Method::kPost, kRoute, signature, body.substr(0, body.size() - 1)).status, 401) << "cut";
  EXPECT_EQ(send("not JSON"), 400);
  EXPECT_EQ(send(R"({"status":{"code":2401},"status":{"code":2402},"external_id":"order-1"})"), 400);
  EXPECT_EQ(send("{\"status\":{\"code\":2401},\"external_id\":\"order-1\",\"x\":\"\xff\"}"), 400);
  EXPECT_THAT(call_.response.body, Not(HasSubstr("order-1")));
  EXPECT_EQ(refused_.size(), 7u);
  EXPECT_EQ(events("order-1"), 0u);
  EXPECT_TRUE(unmatched().empty());
}

// -- asking the provider --------------------------------------------------------------------------------------------

TEST_F(CallbacksTest, ARefreshPutsTheProvidersAnswerOnRecord) {
  commit("order-1");
  send(report("R1", 2401));  // not placed yet
  int asked = 0;
  provider([&](const Xid& xid) {
    ++asked;
    return telesign::parse_callback(report("R1", 2400, xid.text(), "2023-11-14T22:13:10Z"));
  });
  call_.get("/v1/transactions/order-1/status?refresh=1", reader_);
  EXPECT_EQ(call_.response.status, 200);
  const json body = json::parse(call_.response.body);
  EXPECT_EQ(body["status"]["code"], 2401) << "the callback was placed by the reference id in the answer";
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(events("order-1"), 2u);
  status("order-1");
  EXPECT_EQ(asked, 1) << "not without refresh";
}

TEST_F(CallbacksTest, WithoutTheProviderTheLastKnownStatusIsInTheProblem) {
  commit("order-1");
  send(report("R1", 2401, "order-1"));
  status_.now = [] { return kNow + 61'000; };
  provider([](const Xid&) { return telesign::Fetched(Error(telesign::kProviderUnavailable, "no route")); });
  const json body = refused_refresh("order-1");
  EXPECT_EQ(call_.response.status, 503);
  EXPECT_EQ(body["code"], "provider_unavailable");
  EXPECT_EQ(body["last_known"]["status"]["state"], "success");
  EXPECT_EQ(body["last_known"]["age_seconds"], 60);
}

TEST_F(CallbacksTest, EveryRefusedRefreshHasTheLastKnownStatus) {
  commit("order-1");
  for (std::size_t i = 0; i < kMaxEvents; ++i) send(report("R" + std::to_string(i), 2400, "order-1"));
  for (std::size_t i = 0; i < kKeptForResults; ++i) send(report("F" + std::to_string(i), 2402, "order-1"));
  provider([](const Xid&) { return telesign::parse_callback(report("R-new", 2401)); });
  const json body = refused_refresh("order-1");
  EXPECT_EQ(body["code"], "timeline_full");
  EXPECT_EQ(body["last_known"]["status"]["state"], "failure");
}

TEST_F(CallbacksTest, WhatTheProviderWantsToBeLeftAloneIsToldOn) {
  commit("order-1");
  commit("order-2");
  int asked = 0;
  provider([&](const Xid&) {
    ++asked;
    telesign::Fetched fetched(Error(telesign::kProviderUnavailable));
    fetched.retry_after = std::chrono::seconds(30);
    return fetched;
  });
  for (const char* xid : {"order-1", "order-2"}) {
    const json body = refused_refresh(xid);
    EXPECT_EQ(body["code"], "provider_unavailable");
    EXPECT_EQ(body["last_known"]["xid"], xid);
    EXPECT_THAT(call_.response.fields, testing::ContainsRegex("Retry-After: (30|29|28)\r\n"));
  }
  EXPECT_EQ(asked, 1);
}

TEST_F(CallbacksTest, MoreQuestionsThanThereIsRoomForAreRefusedAtOnce) {
  commit("order-1");
  store::ReadPool none({.threads = 1, .max_queued = 0});
  StatusContext full{{*store_, reads_, callers_}, none, placing_};
  provider([](const Xid&) { return telesign::Fetched(Error(telesign::kProviderTimeout)); });
  full.provider = &*provider_;
  full.now = status_.now;
  call_.router = {};
  add_status_route(call_.router, full);
  const json body = refused_refresh("order-1");
  EXPECT_EQ(body["code"], "provider_busy");
  EXPECT_EQ(body["last_known"]["xid"], "order-1");
}

TEST_F(CallbacksTest, AnAnswerWithTheReferenceIdOfAnotherTransactionIsRefused) {
  commit("order-1");
  commit("order-2");
  send(report("R1", 2400, "order-1"));
  provider([](const Xid&) { return telesign::parse_callback(report("R1", 2401)); });
  const json body = refused_refresh("order-2");
  EXPECT_EQ(body["code"], "provider_answer_malformed");
  EXPECT_EQ(body["last_known"]["status"]["state"], "none");
  EXPECT_EQ(status("order-2")["status"]["state"], "none");
  EXPECT_EQ(call_.get("/v1/transactions/order-1/status?refresh=1", reader_).status, 200);
  EXPECT_EQ(status("order-1")["status"]["state"], "success");
}

TEST_F(CallbacksTest, AStatusIsAskedForProperly) {
  commit("order-1");
  EXPECT_EQ(status("nobody")["code"], "transaction_unknown");
  EXPECT_EQ(call_.get("/v1/transactions/order-1/status?refresh=1", reader_).error_id, "refresh_off");
  EXPECT_EQ(call_.get("/v1/transactions/order-1/status?refresh=2", reader_).error_id, "query_parameter_malformed");
  EXPECT_EQ(call_.get("/v1/transactions/order-1/status?fresh=1", reader_).error_id, "query_parameter_unknown");
  EXPECT_EQ(call_.get("/v1/transactions/order-1/status").status, 401);
  EXPECT_EQ(call_.get("/v1/transactions/order-1/status", masked_).status, 403);
  EXPECT_EQ(status("order-1")["status"]["state"], "none");
  EXPECT_EQ(status("order-1")["age_seconds"], nullptr);
}

// -- erasure --------------------------------------------------------------------------------------------------------

TEST_F(CallbacksTest, ErasingAPhoneNumberLeavesCounts) {
  for (int i = 0; i < 130; ++i) commit("order-" + std::to_string(i));
  commit("other", store::kOtherPhone);
  send(report("R1", 2401, "order-1"));
  const std::string target = std::string("/v1/transactions?phone_number=") + store::kPhone;
  EXPECT_EQ(call_.call(Method::kDelete, target, reader_, "").status, 403);
  EXPECT_EQ(call_.call(Method::kDelete, "/v1/transactions", operator_, "").status, 400);
  EXPECT_EQ(call_.call(Method::kDelete, target, operator_, "").status, 200);
  EXPECT_EQ(call_.response.body, R"({"transactions":130,"tokens":130,"events":1,"damaged":0,"callbacks":0})");
  EXPECT_EQ(json::parse(call_.get(target, operator_).body)["transactions"].size(), 0u);
  EXPECT_FALSE(*store_->find(*Xid::parse("order-1"), kNow));
  EXPECT_TRUE(*store_->find(*Xid::parse("other"), kNow));
  call_.get("/v1/transactions/order-1", operator_);
  EXPECT_EQ(call_.response.status, 404);
  EXPECT_EQ(json::parse(call_.response.body)["erased"]["events"], 1);
  EXPECT_EQ(send(report("R1", 2400)), 200);
  EXPECT_EQ(placed_.back(), Placed::kUnmatched) << "the reference id is forgotten";
}

TEST_F(CallbacksTest, WhatWasSentBeforeAnErasureIsNotTakenForTheTransactionThatComesAnewUnderItsXid) {
  commit("order-1");
  const std::string replayed = report("R1", 2401, "order-1", "2023-11-14T22:13:10Z");  // ten seconds ago
  EXPECT_EQ(send(replayed), 200);
  context_.now = erasure_.now = [] { return kNow + 3600'000; };
  const std::string target = std::string("/v1/transactions?phone_number=") + store::kPhone;
  ASSERT_EQ(call_.call(Method::kDelete, target, operator_, "").status, 200);
  EXPECT_EQ(send(replayed), 200);
  EXPECT_EQ(placed_.back(), Placed::kErased);
  EXPECT_TRUE(unmatched().empty()) << "its phone number is not kept again";
  commit("order-1", store::kOtherPhone);
  EXPECT_EQ(send(replayed), 200);
  EXPECT_EQ(placed_.back(), Placed::kErased);
  EXPECT_EQ(status("order-1")["status"]["state"], "none");
  EXPECT_EQ(send(report("R2", 2402, "order-1", "2023-11-14T23:20:00Z")), 200);
  EXPECT_EQ(placed_.back(), Placed::kApplied) << "what came afterwards counts";
}

TEST_F(CallbacksTest, AFullTimelineStillLearnsItsResult) {
  commit("order-1");
  const auto at = [](std::size_t second) { return "2023-11-14T22:" + std::to_string(10 + second / 60) + ":" + std::to_string(10 + second % 50) + "." + std::to_string(second) + "Z"; };
  for (std::size_t i = 0; i < kMaxEvents - 2 - kKeptForResults; ++i) ASSERT_EQ(send(report("R1", 2400, "order-1", at(i))), 200) << i;
  EXPECT_EQ(send(report("R1", 2400, "order-1", at(500))), 503);
  EXPECT_EQ(refused_.back(), "timeline_full");
  provider([&](const Xid& xid) { return telesign::parse_callback(report("R1", 2400, xid.text(), at(501))); });
  EXPECT_EQ(call_.get("/v1/transactions/order-1/status?refresh=1", reader_).status, 200) << "what decides nothing is not kept, and refuses nobody";
  EXPECT_EQ(json::parse(call_.response.body)["status"]["state"], "pending");
  EXPECT_EQ(send(report("R1", 2401, "order-1", at(502))), 200);
  EXPECT_EQ(status("order-1")["status"]["state"], "success");
}

TEST_F(CallbacksTest, ErasingAPhoneNumberReachesCallbacksThatWereNeverPlaced) {
  ASSERT_STREQ(store::kPhone, "15555551234");
  const auto naming = [&](const std::string& reference, const std::string& member) {
    std::string body = report(reference, 2401);
    return body.insert(1, member + ",");
  };
  const std::vector<std::string> named = {R"("phone_number":"15555551234")",       R"("phone_number":15555551234)",           R"("to":{"numbers":["x","+1 (555) 555-1234"]})",
                                          R"("text":"sent to +15555551234 today")", R"("text":"\u0031\u0035555551234")",       R"("15555551234":true)"};
  const std::vector<std::string> others = {R"("phone_number":"15555551235")", R"("phone_number":"155555512340")", R"("id":"915555551234")", R"("a":"1555555","b":"1234")", R"("price":0.5)"};
  for (std::size_t i = 0; i < named.size(); ++i) ASSERT_EQ(send(naming("N" + std::to_string(i), named[i])), 200) << named[i];
  for (std::size_t i = 0; i < others.size(); ++i) ASSERT_EQ(send(naming("O" + std::to_string(i), others[i])), 200) << others[i];
  for (int i = 0; i < 1100; ++i) send(i % 2 ? naming("P" + std::to_string(i), named[0]) : report("P" + std::to_string(i), 2401));
  ASSERT_EQ(*timeline::count_unmatched(*store_, kNow), named.size() + others.size() + 1100);

  const std::string target = std::string("/v1/transactions?phone_number=") + store::kPhone;
  EXPECT_EQ(call_.call(Method::kDelete, target, operator_, "").body, R"({"transactions":0,"tokens":0,"events":0,"damaged":0,"callbacks":556})");
  EXPECT_EQ(*timeline::count_unmatched(*store_, kNow), others.size() + 550);
  EXPECT_EQ(call_.call(Method::kDelete, target, operator_, "").body, R"({"transactions":0,"tokens":0,"events":0,"damaged":0,"callbacks":0})");
}

TEST_F(CallbacksTest, ErasingAPhoneNumberReachesWhatWasGivenUpForwardingWhenItsTransactionIsPastRetention) {
  const auto put = [&](const std::string& xid, const std::string& body) {
    store::Change change;
    change.put.push_back(forward::note_of({.key = "k-" + xid, .id = "msg_1", .xid = xid, .body = body}, store::kDeadNote));
    store::Change* batch[] = {&change};
    ASSERT_TRUE(store_->apply(batch));
  };
  put("gone", R"({"data":{"callback":{"phone_number":"15555551234"}}})");
  put("other", R"({"data":{"callback":{"phone_number":"15555551235"}}})");
  call_.call(Method::kDelete, std::string("/v1/transactions?phone_number=") + store::kPhone, operator_, "");
  EXPECT_EQ(call_.response.status, 200);
  const auto left = store_->notes(store::kDeadNote, "", 10, kNow);
  ASSERT_EQ(left->size(), 1u);
  EXPECT_EQ(left->at(0).key, "k-other");
}

TEST_F(CallbacksTest, UnmatchedOnesOfAPhoneNumberNameItOrOneOfItsTransactions) {
  const auto naming = [&](const std::string& reference, const std::string& member) {
    std::string body = report(reference, 2401);
    return body.insert(1, member + ",");
  };
  send(report("R-xid", 2401, "order-1"));  // before its transaction
  send(report("R-others-xid", 2401, "order-2"));
  commit("order-1");
  commit("order-2", store::kOtherPhone);
  send(naming("R-phone", R"("to":"+1 555 555 1234")"));
  send(naming("R-others-phone", R"("to":"15555551235")"));
  for (int i = 0; i < 10; ++i) send(report("R-" + std::to_string(i), 2401));
  // One that cannot be read any more is there for people all the same.
  store::Change change;
  change.put.push_back({std::string(store::kUnmatchedNote), "R-broken/x", std::to_string(kNow) + R"( {"to":"15555551234")", 0});
  store::Change* batch[] = {&change};
  ASSERT_TRUE(store_->apply(batch));

  std::set<std::string> raw;
  std::string cursor;
  int pages = 0;
  do {
    call_.get("/v1/callbacks?unmatched=1&limit=4&phone_number=15555551234" + (cursor.empty() ? "" : "&cursor=" + cursor), operator_);
    ASSERT_EQ(call_.response.status, 200) << call_.response.body;
    const json page = json::parse(call_.response.body);
    for (const json& one : page["callbacks"]) raw.insert(one["raw"].get<std::string>());
    cursor = page["next"].is_null() ? "" : page["next"].get<std::string>();
  } while (!cursor.empty() && ++pages < 10);
  EXPECT_GT(pages, 1);
  EXPECT_EQ(raw, (std::set<std::string>{report("R-xid", 2401, "order-1"), naming("R-phone", R"("to":"+1 555 555 1234")"), R"({"to":"15555551234")"}));
  EXPECT_EQ(call_.get("/v1/callbacks?unmatched=1&phone_number=12", operator_).error_id, "phone_malformed");
  EXPECT_EQ(call_.get("/v1/callbacks?unmatched=1&phone_number=15555551234", reader_).status, 403);
  EXPECT_EQ(unmatched().size(), 15u);

  call_.call(Method::kDelete, std::string("/v1/transactions?phone_number=") + store::kPhone, operator_, "");
  EXPECT_EQ(json::parse(call_.response.body)["callbacks"], 3) << "an erasure reaches what an export shows";
  EXPECT_EQ(unmatched().size(), 12u);
}

TEST_F(CallbacksTest, OneUnreadableDoesNotHideThoseBehindIt) {
  store::Change change;
  change.put.push_back({std::string(store::kUnmatchedNote), "A/x", "1700000000000 {}", 0});
  store::Change* batch[] = {&change};
  ASSERT_TRUE(store_->apply(batch));
  send(report("B", 2401));
  send(report("C", 2401));
  call_.get("/v1/callbacks?unmatched=1&limit=2", masked_);
  const json page = json::parse(call_.response.body);
  ASSERT_EQ(page["callbacks"].size(), 2u);
  EXPECT_EQ(page["callbacks"][0]["damaged"], true);
  EXPECT_FALSE(page["callbacks"][0].contains("raw"));
  EXPECT_FALSE(page["next"].is_null());
}

}  // namespace
}  // namespace jwtd::api
