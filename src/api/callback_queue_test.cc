// api/callback_queue_test.cc - who sees the queue, its pages, and the way back from the dead.
#include "api/callback_queue.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "forward/outbox.h"
#include "store/memory/memory_store.h"
#include "tests/contract/sample_records.h"
#include "tests/fakes/call_route.h"

namespace jwtd::api {
namespace {

using http::Method;
using nlohmann::json;
using store::kNow;

class CallbackQueue : public testing::Test {
 protected:
  CallbackQueue() {
    context_.now = [] { return kNow; };
    context_.replayed = [this] { ++woken_; };
    add_callback_queue_routes(call_.router, context_);
    access::Callers callers;
    const auto add = [&](const char* name, const char* scopes) { return "Bearer " + *callers.add(name, *access::parse_scopes(scopes), "2026-11-25T00:00:00Z"); };
    reader_ = add("reader", "read,read:pii");
    operator_ = add("operator", "read:pii,callbacks");
    masked_ = add("masked", "callbacks");
    callers_.set(std::move(callers));
  }

  std::string put(const std::string& xid, std::string_view kind) {
    store::Change change;
    forward::Delivery delivery = *forward::delivery_of(forward::outbox_note(*Xid::parse(xid), *telesign::parse_callback(R"({"status":{"code":2401}})"), kNow));
    if (kind == std::string_view(store::kDeadNote)) delivery.attempts = 36;
    change.put.push_back(forward::note_of(delivery, kind));
    store::Change* changes[] = {&change};
    EXPECT_TRUE(store_->apply(changes));
    return delivery.id;
  }
  json get(const std::string& path, const std::string& caller, int status = 200) {
    call_.get(path, caller);
    EXPECT_EQ(call_.response.status, status) << call_.response.body;
    return json::parse(call_.response.body);
  }
  json replay(const std::string& body, const std::string& caller, int status = 200) {
    EXPECT_EQ(call_.call(Method::kPost, "/v1/callbacks/replay", caller, body).status, status) << call_.response.body;
    return json::parse(call_.response.body);
  }

  fakes::CallRoute call_;
  std::unique_ptr<store::Store> store_ = store::open_memory_store({});
  store::GroupCommit commit_{*store_, {.deadline = std::chrono::hours(1)}};
  store::Lane lane_{commit_, call_.loop};
  store::ReadPool reads_{{.threads = 1, .deadline = std::chrono::hours(1)}};
  access::Snapshot callers_;
  CallbackQueueContext context_{{*store_, reads_, callers_}, lane_};
  std::string reader_, operator_, masked_;
  int woken_ = 0;
};

TEST_F(CallbackQueue, NeedsTheScope) {
  for (const char* path : {"/v1/callbacks/outbox", "/v1/callbacks/dead"}) {
    get(path, "", 401);
    get(path, reader_, 403);
  }
  replay("{}", "", 401);
  replay("{}", reader_, 403);
}

TEST_F(CallbackQueue, ListsAreInPagesAndBodiesForThoseWhoMaySeeThem) {
  put("x-1", store::kOutboxNote);
  put("x-2", store::kOutboxNote);
  put("x-3", store::kDeadNote);
  const json first = get("/v1/callbacks/outbox?limit=1", operator_);
  ASSERT_EQ(first["callbacks"].size(), 1u);
  const json second = get("/v1/callbacks/outbox?limit=2&cursor=" + first["next"].get<std::string>(), masked_);
  ASSERT_EQ(second["callbacks"].size(), 1u);
  EXPECT_TRUE(second["next"].is_null());
  EXPECT_NE(first["callbacks"][0]["id"], second["callbacks"][0]["id"]);
  EXPECT_EQ(first["callbacks"][0]["body"]["data"]["state"], "success");
  EXPECT_FALSE(second["callbacks"][0].contains("body"));
  const json dead = get("/v1/callbacks/dead", masked_);
  ASSERT_EQ(dead["callbacks"].size(), 1u);
  EXPECT_EQ(dead["callbacks"][0]["xid"], "x-3");
  EXPECT_EQ(dead["callbacks"][0]["attempts"], 36);
  get("/v1/callbacks/dead?limt=1", masked_, 400);
  get("/v1/callbacks/dead?limit=0", masked_, 400);
}

TEST_F(CallbackQueue, ATransactionIdThatIsAPhoneNumberIsMasked) {
  put("15555551234", store::kOutboxNote);
  EXPECT_EQ(get("/v1/callbacks/outbox", masked_)["callbacks"][0]["xid"], "*******1234");
  EXPECT_EQ(get("/v1/callbacks/outbox", operator_)["callbacks"][0]["xid"], "15555551234");
}

TEST_F(CallbackQueue, TheDeadAreReplayedOneOrAll) {
  const std::string id = put("x-1", store::kDeadNote);
  for (int i = 0; i < 120; ++i) put("y-" + std::to_string(i), store::kDeadNote);
  EXPECT_EQ(replay(json{{"id", id}}.dump(), masked_), (json{{"replayed", 1}, {"more", false}}));
  EXPECT_EQ(get("/v1/callbacks/outbox", masked_)["callbacks"][0]["attempts"], 0);
  replay(json{{"id", id}}.dump(), masked_, 404);
  EXPECT_EQ(replay("{}", masked_), (json{{"replayed", 100}, {"more", true}}));
  EXPECT_EQ(replay("{}", masked_), (json{{"replayed", 20}, {"more", false}}));
  EXPECT_EQ(replay("{}", masked_), (json{{"replayed", 0}, {"more", false}}));
  EXPECT_EQ(store_->notes(store::kOutboxNote, "", 1000, kNow)->size(), 121u);
  EXPECT_EQ(woken_, 3);
}

// As with a callback that has just come: the other nodes leave it alone for a while (forward/forwarder.h).
TEST_F(CallbackQueue, WhatIsReplayedIsTheTurnOfTheNodeThatWasAsked) {
  context_.owner = "node-1";
  put("x-1", store::kDeadNote);
  replay("{}", masked_);
  const auto notes = store_->notes(store::kOutboxNote, "", 10, kNow);
  ASSERT_EQ(notes->size(), 1u);
  EXPECT_EQ(forward::delivery_of(notes->at(0))->owner, "node-1");
}

TEST_F(CallbackQueue, AReplayIsReadStrictly) {
  for (const char* body : {"", "[]", "{\"id\":1}", "{\"id\":\"\"}", "{\"ids\":\"x\"}", "{\"id\":\"a\",\"id\":\"b\"}"}) replay(body, masked_, 400);
}

}  // namespace
}  // namespace jwtd::api
