// forward/forwarder_test.cc - deliveries to a real receiver: signed, repeated, given up, and shared between nodes.
#include "forward/forwarder.h"

#include <gtest/gtest.h>

#include <chrono>
#include <set>

#include "base/limits.h"
#include "http/server.h"
#include "keys/webhook_secret.h"
#include "store/memory/memory_store.h"

namespace jwtd::forward {
namespace {

// 32 octets: "0123456789abcdef" twice.
constexpr const char* kSecret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

std::atomic<UnixMillis> now_ = 1'500'000'000'000;  // turned by hand; read by the senders, too
UnixMillis now() { return now_; }
UnixMillis millis(std::chrono::milliseconds time) { return time.count(); }

struct Received {
  std::string id, timestamp, signature, body;
};

class Receiver {
 public:
  Receiver() {
    router_.add(http::Method::kPost, "/hook", [this](const http::Request& request, http::Response& response) -> Task<void> {
      received.push_back({std::string(request.field("webhook-id")), std::string(request.field("webhook-timestamp")),
                          std::string(request.field("webhook-signature")), std::string(request.body)});
      response.status = status;
      response.content_type = "text/plain";
      response.body = body;
      response.fields += fields;
      if (on_receipt) on_receipt();
      if (received.size() <= held) co_await Held{waiting_};
      else for (const auto one : std::exchange(waiting_, {})) one.resume();
    });
    url = "http://" + *server_.listen({.host = "127.0.0.1", .routers = {&router_}}) + "/hook";
    server_.start();
  }
  ~Receiver() { server_.drain(std::chrono::milliseconds(100)); }

  // Who was held is answered.
  void release() { EXPECT_TRUE(outgoing::HttpClient().send({.url = url, .method = "POST"})); }

  std::string url;
  std::atomic<int> status = 200;
  std::string body, fields;
  std::function<void()> on_receipt;
  std::size_t held = 0;            // so many are answered when the next one arrives
  std::vector<Received> received;  // read only between turns: a turn has its answer then

 private:
  struct Held {
    std::vector<std::coroutine_handle<>>& waiting;
    bool await_ready() const { return false; }
    void await_suspend(std::coroutine_handle<> one) { waiting.push_back(one); }
    void await_resume() const {}
  };
  std::vector<std::coroutine_handle<>> waiting_;
  http::Router router_;
  http::Server server_{{.threads = 1}};
};

class Forwarding : public testing::Test {
 protected:
  void SetUp() override { now_ = 1'500'000'000'000; }

  Forwarder forwarder(bool alone = false, std::size_t at_once = kForwardAtOnce, std::chrono::milliseconds patience = std::chrono::minutes(1),
                      std::chrono::milliseconds window = kForwardWindow) {
    return Forwarder(*store_, *keys::parse_webhook_secret(kSecret),
                     {.url = receiver_.url, .alone = alone, .on_event = [this](std::string_view event) { events_.emplace_back(event); }, .clock = &now, .at_once = at_once, .patience = patience, .window = window});
  }
  Status apply(store::Change change) {
    store::Change* changes[] = {&change};
    return store_->apply(changes);
  }
  Forwarder::Apply through() {
    return [this](store::Change change) { return apply(std::move(change)); };
  }
  void put(const std::string& xid, int code = 2401) {
    store::Change change;
    change.put.push_back(outbox_note(*Xid::parse(xid), *telesign::parse_callback("{\"status\":{\"code\":" + std::to_string(code) + "}}"), now_));
    ASSERT_TRUE(apply(std::move(change)));
  }
  std::size_t count(std::string_view kind) { return store_->notes(kind, "", 1000, now_)->size(); }

  std::unique_ptr<store::Store> store_ = store::open_memory_store({});
  Receiver receiver_;
  std::vector<std::string> events_;
};

TEST_F(Forwarding, WhatIsDueIsSentOnceAndSigned) {
  Forwarder one = forwarder();
  put("x-1");
  put("x-2");
  EXPECT_EQ(one.turn(through()), 2u);
  EXPECT_EQ(one.turn(through()), 0u);
  ASSERT_EQ(receiver_.received.size(), 2u);
  EXPECT_EQ(count(store::kOutboxNote), 0u);
  const Received& got = receiver_.received[0];
  EXPECT_EQ(got.timestamp, "1500000000");
  EXPECT_EQ(got.signature, webhook_signature(*keys::parse_webhook_secret(kSecret), got.id, 1'500'000'000, got.body));
  EXPECT_EQ(one.stats().delivered, 2u);
  EXPECT_TRUE(events_.empty());
}

// Python: base64(hmac(b"0123456789abcdef0123456789abcdef", b'msg_1.1614265330.{"test": 2432232314}', sha256))
TEST_F(Forwarding, TheSignatureIsThatOfStandardWebhooks) {
  EXPECT_EQ(webhook_signature(*keys::parse_webhook_secret(kSecret), "msg_1", 1'614'265'330, "{\"test\": 2432232314}"), "v1,aTF4+pE6A/FmvKM0YSVBBUfRhLIlBiaBUR+EjGls6Mc=");
}

TEST_F(Forwarding, ARefusalIsTriedAgainWithGrowingPausesAndTheSameId) {
  Forwarder one = forwarder();
  receiver_.status = 500;
  put("x-1");
  EXPECT_EQ(one.turn(through()), 1u);
  EXPECT_EQ(one.turn(through()), 0u) << "not before the pause is over";
  now_ += 5'000;
  EXPECT_EQ(one.turn(through()), 1u);
  now_ += 4'999;
  EXPECT_EQ(one.turn(through()), 0u);
  now_ += 5'001;
  receiver_.status = 204;
  EXPECT_EQ(one.turn(through()), 1u);
  ASSERT_EQ(receiver_.received.size(), 3u);
  EXPECT_EQ(receiver_.received[0].id, receiver_.received[2].id);
  EXPECT_EQ(receiver_.received[0].body, receiver_.received[2].body);
  EXPECT_NE(receiver_.received[0].timestamp, receiver_.received[2].timestamp);
  EXPECT_EQ(count(store::kOutboxNote), 0u);
  EXPECT_EQ(one.stats().failed, 2u);
}

TEST_F(Forwarding, WhatAProcessThatDiedHadClaimedIsFreeAtOnceWhereItWasAlone) {
  put("x-1");
  Delivery claimed = *delivery_of(store_->notes(store::kOutboxNote, "", 1, now_)->at(0));
  claimed.owner = "one that is gone";
  claimed.next_at = now_ + 300'000;
  store::Change change;
  change.put.push_back(note_of(claimed, store::kOutboxNote));
  ASSERT_TRUE(apply(std::move(change)));
  EXPECT_EQ(forwarder().turn(through()), 0u) << "another node may be at it";
  EXPECT_EQ(forwarder(/*alone=*/true).turn(through()), 1u);
  EXPECT_EQ(count(store::kOutboxNote), 0u);
}

TEST_F(Forwarding, AfterAboutADayItIsDead) {
  Forwarder one = forwarder();
  receiver_.status = 302;  // a redirect is no receipt
  put("x-1");
  const UnixMillis began = now_;
  std::size_t tried = 0;
  while (count(store::kOutboxNote) == 1) {
    tried += one.turn(through());
    now_ += 60'000;
  }
  EXPECT_EQ(tried, kForwardAttempts);
  EXPECT_GT(now_ - began, 12 * 3'600'000);
  EXPECT_LT(now_ - began, 30 * 3'600'000);
  EXPECT_EQ(count(store::kDeadNote), 1u);
  EXPECT_EQ(one.stats().dead, 1u);
  EXPECT_EQ(delivery_of(store_->notes(store::kDeadNote, "", 1, now_)->at(0))->attempts, kForwardAttempts);
}

TEST_F(Forwarding, ManyThatWaitDoNotHideOneThatIsDue) {
  Forwarder one = forwarder();
  receiver_.status = 400;
  for (int i = 0; i < 150; ++i) put("x-" + std::to_string(i));
  while (one.turn(through()) == kForwardBatch) {
  }
  receiver_.status = 200;
  receiver_.received.clear();
  now_ += 1;
  put("y");
  for (int i = 0; i < 3 && receiver_.received.empty(); ++i) one.turn(through());
  ASSERT_EQ(receiver_.received.size(), 1u);
  EXPECT_NE(receiver_.received[0].body.find("\"xid\":\"y\""), std::string::npos);
}

TEST_F(Forwarding, WhatANodeClaimedIsLeftToItUntilTheLeaseIsOver) {
  Forwarder one = forwarder(), two = forwarder();
  put("x-1");
  int writes = 0;
  // The first one claims, and dies before it sends.
  const auto dies = [&](store::Change change) -> Status {
    if (++writes > 1) return Error(store::kStoreUnavailable);
    return apply(std::move(change));
  };
  EXPECT_EQ(one.turn(dies), 1u);
  EXPECT_EQ(receiver_.received.size(), 1u);  // it was sent, and that is not on record
  EXPECT_EQ(two.turn(through()), 0u);
  now_ += millis(kForwardClaim);
  EXPECT_EQ(two.turn(through()), 0u);
  now_ += millis(kForwardGrace);
  EXPECT_EQ(two.turn(through()), 1u);
  ASSERT_EQ(receiver_.received.size(), 2u);
  EXPECT_EQ(receiver_.received[0].id, receiver_.received[1].id) << "by which the receiver knows it";
  EXPECT_EQ(count(store::kOutboxNote), 0u);
}

TEST_F(Forwarding, WhatANodeRecordedIsLeftToItForAWhile) {
  Forwarder one = forwarder(), two = forwarder();
  store::Change change;
  change.put.push_back(one.note_for(*Xid::parse("x-1"), *telesign::parse_callback("{\"status\":{\"code\":2401}}"), now_));
  ASSERT_TRUE(apply(change));
  EXPECT_EQ(two.turn(through()), 0u);
  EXPECT_EQ(one.turn(through()), 1u);
  // The next time it dies before it sends.
  ASSERT_TRUE(apply(std::move(change)));
  now_ += millis(kForwardGrace) - 1;
  EXPECT_EQ(two.turn(through()), 0u);
  now_ += 1;
  EXPECT_EQ(two.turn(through()), 1u);
  EXPECT_EQ(receiver_.received.size(), 2u);
}

TEST_F(Forwarding, ATurnEndsBeforeItsClaimDoes) {
  Forwarder one = forwarder(/*alone=*/false, /*at_once=*/1);
  put("x-1");
  put("x-2");
  receiver_.on_receipt = [] { now_ += millis(kForwardWindow) + 1; };  // one that takes its time
  EXPECT_EQ(one.turn(through()), 2u);
  EXPECT_EQ(receiver_.received.size(), 1u);
  EXPECT_EQ(one.turn(through()), 1u);
  EXPECT_EQ(receiver_.received.size(), 2u);
}

TEST_F(Forwarding, OfTwoThatClaimTheLaterSends) {
  Forwarder one = forwarder(), two = forwarder();
  put("x-1");
  std::size_t by_two = 0;
  bool first = true;
  const auto interrupted = [&](store::Change change) -> Status {
    if (std::exchange(first, false)) {
      // Both have read the outbox; the other's claim, and all it does, comes before this one's.
      by_two = two.turn(through());
    }
    return apply(std::move(change));
  };
  one.turn(interrupted);
  EXPECT_EQ(by_two, 1u);
  std::set<std::string> ids;
  for (const Received& got : receiver_.received) ids.insert(got.id);
  EXPECT_EQ(ids.size(), 1u);
}

TEST_F(Forwarding, WhatIsErasedWhileItIsSentIsNotPutBack) {
  Forwarder one = forwarder();
  put("x-1");
  put("x-2");
  receiver_.status = 400;
  receiver_.on_receipt = [&] {  // an erasure
    store::Change change;
    const auto waiting = store_->notes(store::kOutboxNote, "", 1000, now_);
    for (const store::Note& note : *waiting) change.remove.push_back({note.kind, note.key});
    EXPECT_TRUE(apply(std::move(change)));
  };
  EXPECT_EQ(one.turn(through()), 2u);
  EXPECT_EQ(count(store::kOutboxNote), 0u);
  // The last attempt, too.
  receiver_.on_receipt = nullptr;
  put("x-3");
  for (unsigned i = 1; i < kForwardAttempts; ++i) {
    ASSERT_EQ(one.turn(through()), 1u);
    now_ += millis(kForwardLongestPause);
  }
  receiver_.on_receipt = [&] {
    store::Change change;
    change.remove.push_back({std::string(store::kOutboxNote), store_->notes(store::kOutboxNote, "", 1, now_)->at(0).key});
    EXPECT_TRUE(apply(std::move(change)));
  };
  EXPECT_EQ(one.turn(through()), 1u);
  EXPECT_EQ(count(store::kOutboxNote) + count(store::kDeadNote), 0u);
}

TEST_F(Forwarding, AnAnswerIsDecidedByItsStatus) {
  Forwarder one = forwarder();
  receiver_.body = std::string(500'000, 'x');
  put("x-1");
  EXPECT_EQ(one.turn(through()), 1u);
  EXPECT_EQ(one.stats().delivered, 1u);
  EXPECT_EQ(count(store::kOutboxNote), 0u);
}

TEST_F(Forwarding, ManyAreOnTheirWayAtTheSameTime) {
  Forwarder one = forwarder();
  receiver_.held = kForwardAtOnce - 1;
  for (std::size_t i = 0; i < kForwardAtOnce; ++i) put("x-" + std::to_string(i));
  EXPECT_EQ(one.turn(through()), kForwardAtOnce);
  EXPECT_EQ(one.stats().delivered, kForwardAtOnce);
  EXPECT_EQ(one.stats().failed, 0u) << "the first was held until the last arrived";
}

TEST_F(Forwarding, OneThatHangsHoldsNoOther) {
  Forwarder one = forwarder(/*alone=*/false, /*at_once=*/2, std::chrono::milliseconds(50), std::chrono::minutes(1));
  receiver_.held = 1;
  put("x-1");
  EXPECT_EQ(one.turn(through()), 1u);
  EXPECT_EQ(one.stats().delivered, 0u);
  now_ += millis(kForwardClaim);  // even then it is not sent a second time by who still has it on its way
  EXPECT_EQ(one.turn(through()), 0u);
  put("x-2");
  EXPECT_EQ(one.turn(through()), 1u);
  const auto end = Monotonic::now() + std::chrono::seconds(60);
  while (one.stats().delivered < 2 && Monotonic::now() < end) one.turn(through());
  EXPECT_EQ(one.stats().delivered, 2u);
  EXPECT_EQ(one.stats().failed, 0u);
  EXPECT_EQ(receiver_.received.size(), 2u);
  EXPECT_EQ(count(store::kOutboxNote), 0u);
}

TEST_F(Forwarding, WhatHasNotBegunWhenNothingMovesIsFreeAgain) {
  Forwarder one = forwarder(/*alone=*/false, /*at_once=*/1, std::chrono::milliseconds(50), std::chrono::milliseconds(50));
  receiver_.held = 1;
  put("x-1");
  put("x-2");
  EXPECT_EQ(one.turn(through()), 2u);
  EXPECT_EQ(one.turn(through()), 0u) << "the one thread has something to do";
  std::set<unsigned> attempts;
  const auto waiting = store_->notes(store::kOutboxNote, "", 10, now_);
  for (const store::Note& note : *waiting) attempts.insert(delivery_of(note)->attempts);
  EXPECT_EQ(attempts, std::set<unsigned>{0}) << "what was not tried uses up no attempt";
  EXPECT_EQ(delivery_of(waiting->at(1))->next_at, now_);
  EXPECT_GT(delivery_of(waiting->at(0))->next_at, now_);
  receiver_.release();
}

TEST_F(Forwarding, AReceiverThatIsAwayIsLeftAloneAndProbed) {
  Forwarder one = forwarder();
  receiver_.status = 503;
  for (std::size_t i = 0; i < kForwardBatch + 40; ++i) put("x-" + std::to_string(i));
  EXPECT_EQ(one.turn(through()), kForwardBatch);
  EXPECT_TRUE(one.stats().resting);
  EXPECT_EQ(one.turn(through()), 0u) << "40 are due, and are let be";
  EXPECT_EQ(events_.size(), 1u);
  EXPECT_NE(events_[0].find("256 attempts were not taken, the last: HTTP status 503"), std::string::npos) << events_[0];
  EXPECT_EQ(events_[0].find("127.0.0.1"), std::string::npos);
  now_ += millis(kForwardFirstRest);
  EXPECT_EQ(one.turn(through()), 1u) << "a probe";
  EXPECT_EQ(one.turn(through()), 0u);
  now_ += millis(kForwardFirstRest) - 1;
  EXPECT_EQ(one.turn(through()), 0u) << "the second rest is longer";
  now_ += millis(kForwardFirstRest) + 1;
  receiver_.status = 200;
  EXPECT_EQ(one.turn(through()), 1u);
  EXPECT_FALSE(one.stats().resting);
  EXPECT_GE(one.turn(through()), 38u);
  EXPECT_EQ(events_.back(), "the receiver answers again");
}

TEST_F(Forwarding, WhatLiesWithOneMessageHoldsNoOther) {
  Forwarder one = forwarder();
  receiver_.status = 404;
  put("x-1");
  EXPECT_EQ(one.turn(through()), 1u);
  EXPECT_FALSE(one.stats().resting);
  put("x-2");
  EXPECT_EQ(one.turn(through()), 1u);
}

TEST_F(Forwarding, ARestIsAsLongAsTheReceiverAsksWithinItsBound) {
  Forwarder one = forwarder();
  receiver_.status = 429;
  receiver_.fields = "Retry-After: 7\r\n";
  put("x-1");
  put("x-2");
  EXPECT_EQ(one.turn(through()), 2u);
  put("x-3");
  now_ += 6'999;
  EXPECT_EQ(one.turn(through()), 0u);
  now_ += 1;
  receiver_.fields = "Retry-After: 86400\r\n";
  EXPECT_EQ(one.turn(through()), 1u);
  now_ += millis(kForwardLongestRest) - 1;
  EXPECT_EQ(one.turn(through()), 0u);
  now_ += 1;
  EXPECT_EQ(one.turn(through()), 1u);
}

TEST_F(Forwarding, TheLogHasOneLineASecondForWhatFails) {
  Forwarder one = forwarder();
  receiver_.status = 400;
  for (int i = 0; i < 10; ++i) {
    put("x-" + std::to_string(i));
    one.turn(through());
  }
  EXPECT_EQ(events_.size(), 1u);
  now_ += millis(kForwardTellInterval);
  one.turn(through());
  ASSERT_EQ(events_.size(), 2u);
  EXPECT_TRUE(events_[1].starts_with("9 attempts were not taken, the last: HTTP status 400, msg_")) << events_[1];
}

TEST_F(Forwarding, WhatIsErasedBetweenALookAndAWriteIsNotPutBack) {
  Forwarder one = forwarder();
  receiver_.status = 400;
  // At each durable write in its turn: the claim, and what became of it.
  for (int at = 0; at < 2; ++at) {
    put("x-1");
    int writes = 0;
    const auto interrupted = [&](store::Change change) -> Status {
      if (writes++ == at) {
        store::Change erasure;
        const auto waiting = store_->notes(store::kOutboxNote, "", 1000, now_);
        for (const store::Note& note : *waiting) erasure.remove.push_back({note.kind, note.key});
        EXPECT_TRUE(apply(std::move(erasure)));
      }
      return apply(std::move(change));
    };
    one.turn(interrupted);
    EXPECT_EQ(count(store::kOutboxNote) + count(store::kDeadNote), 0u) << at;
    EXPECT_EQ(receiver_.received.size(), static_cast<std::size_t>(at)) << "what is gone before it is claimed is not sent";
    EXPECT_GT(writes, at);
  }
}

TEST_F(Forwarding, AStopGivesUpWhatHangs) {
  store::GroupCommit commit(*store_, {.deadline = std::chrono::hours(1)});
  Forwarder one = forwarder(/*alone=*/true, kForwardAtOnce, std::chrono::milliseconds(50));
  std::atomic<bool> arrived = false;
  receiver_.on_receipt = [&] { arrived = true; };
  receiver_.held = 1;
  put("x-1");
  one.start(commit);
  one.wake();
  const auto end = Monotonic::now() + std::chrono::seconds(60);
  while (!arrived && Monotonic::now() < end) std::this_thread::yield();
  ASSERT_TRUE(arrived);
  const auto begun = Monotonic::now();
  one.stop();
  EXPECT_LT(Monotonic::now() - begun, kForwardTimeout) << "which the attempt would have had";
  EXPECT_EQ(one.stats().failed, 0u) << "nobody knows whether it was taken";
  EXPECT_EQ(count(store::kOutboxNote), 1u);
  receiver_.on_receipt = nullptr;
  receiver_.release();
  Forwarder next = forwarder();
  EXPECT_EQ(next.turn(through()), 1u) << "at once";
  EXPECT_EQ(next.stats().delivered, 1u);
}

TEST_F(Forwarding, ItsThreadSendsWhatIsPutThere) {
  store::GroupCommit commit(*store_, {.deadline = std::chrono::hours(1)});
  Forwarder one = forwarder();
  put("x-1");
  one.start(commit);
  one.wake();
  const auto end = Monotonic::now() + std::chrono::seconds(60);
  while (one.stats().delivered == 0 && Monotonic::now() < end) std::this_thread::yield();
  one.stop();
  EXPECT_EQ(one.stats().delivered, 1u);
  EXPECT_EQ(count(store::kOutboxNote), 0u);
}

}  // namespace
}  // namespace jwtd::forward
