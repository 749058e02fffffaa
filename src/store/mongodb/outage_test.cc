// store/mongodb/outage_test.cc - a server that is killed, paused and started again, and connections that are cut while a write is under way.
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "base/time.h"
#include "store/mongodb/database_for_tests.h"
#include "tests/contract/sample_records.h"
#include "tests/servers/test_server.h"

namespace jwtd::store {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

constexpr auto kTimeout = seconds(2);  // of calls that are to go well, too: over a server in Python, under sanitizers
constexpr auto kBack = seconds(60);  // how long a server's return may take to be seen, on a busy machine

Status commit(Store& store, Record record, Outcome* outcome = nullptr) {
  Entry entry{std::move(record), true, Outcome::kConflict, {}};
  Entry* batch[] = {&entry};
  Status status = store.commit(batch);
  if (outcome != nullptr) *outcome = entry.outcome;
  return status;
}

template <class F>
bool within(Monotonic::duration time, F condition) {
  for (const auto end = Monotonic::now() + time; Monotonic::now() < end; std::this_thread::sleep_for(milliseconds(10))) {
    if (condition()) return true;
  }
  return false;
}

class MongodbOutage : public testing::Test {
 protected:
  void SetUp() override {
    JWTD_NEEDS_SERVER("mongodb");
    server_ = std::make_unique<TestServer>("mongodb");
    ASSERT_TRUE(server_->runs()) << server_->why();
    database_ = std::make_unique<TestDatabase>(server_->url());
    database_->make_plain_expiry();
    StoreOptions options = database_->options();
    options.timeout = kTimeout;
    options.on_event = [this](std::string_view event) {
      const std::lock_guard lock(mutex_);
      events_ += std::string(event) + "\n";
    };
    store_ = database_->open(options);
    ASSERT_NE(store_, nullptr);
  }

  std::string events() {
    const std::lock_guard lock(mutex_);
    return events_;
  }

  std::unique_ptr<TestServer> server_;
  std::unique_ptr<TestDatabase> database_;
  std::mutex mutex_;
  std::string events_;
  std::unique_ptr<Store> store_;
};

TEST_F(MongodbOutage, WhileTheServerIsAwayEverythingFailsQuicklyAndThenGoesOn) {
  ASSERT_TRUE(commit(*store_, make_record("a")));
  server_->say("kill");
  auto began = Monotonic::now();
  const Status first = commit(*store_, make_record("b"));
  ASSERT_FALSE(first);
  EXPECT_TRUE(first.error().is(kStoreUnavailable));
  EXPECT_LT(Monotonic::now() - began, 10 * kTimeout);

  began = Monotonic::now();
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(commit(*store_, make_record("c")));
  const auto found = store_->find(*Xid::parse("a"), kNow);
  ASSERT_FALSE(found);
  EXPECT_TRUE(found.error().is(kStoreUnavailable));
  EXPECT_LT(Monotonic::now() - began, 10 * kTimeout) << "a hundred that wait would take as many of them";
  const Status writable = store_->writable();
  ASSERT_FALSE(writable);
  EXPECT_TRUE(writable.error().is(kStoreUnavailable));
  EXPECT_THAT(writable.error().detail(), HasSubstr("the server is away"));

  server_->say("start");
  EXPECT_TRUE(within(kBack, [&] { return static_cast<bool>(store_->writable()); }));
  EXPECT_TRUE(commit(*store_, make_record("d")));
  const auto again = store_->find(*Xid::parse("a"), kNow);
  ASSERT_TRUE(again);
  EXPECT_TRUE(*again);
  EXPECT_THAT(events(), HasSubstr("the server is away"));
  EXPECT_THAT(events(), HasSubstr("the server is back after"));
}

TEST_F(MongodbOutage, AnAbsenceIsSeenWithoutTraffic) {
  server_->say("kill");
  EXPECT_TRUE(within(kBack, [&] { return !store_->writable(); }));
  server_->say("start");
  EXPECT_TRUE(within(kBack, [&] { return static_cast<bool>(store_->writable()); }));
}

TEST_F(MongodbOutage, AServerThatAnswersNothingIsGivenUpInTime) {
  server_->say("pause");
  const auto began = Monotonic::now();
  const Status status = commit(*store_, make_record("a"));
  EXPECT_FALSE(status);
  EXPECT_LT(Monotonic::now() - began, 20 * kTimeout);
  server_->say("resume");
  EXPECT_TRUE(within(kBack, [&] { return static_cast<bool>(store_->writable()); }));
  Outcome outcome;
  ASSERT_TRUE(commit(*store_, make_record("a"), &outcome));
  EXPECT_EQ(database_->count(R"({"xid": "a"})"), 1);
}

TEST_F(MongodbOutage, WhatWasConfirmedSurvivesAKill) {
  for (int round = 0; round < 3; ++round) {
    std::vector<std::string> confirmed;
    std::atomic<std::size_t> count{0};
    std::atomic<bool> stop{false};
    std::thread client([&] {
      for (int i = 0; !stop; ++i) {
        std::vector<Entry> entries;
        for (int k = 0; k < 8; ++k) {
          entries.push_back({make_record("r" + std::to_string(round) + "." + std::to_string(i) + "." + std::to_string(k)), true, Outcome::kConflict, {}});
        }
        std::vector<Entry*> batch;
        for (Entry& entry : entries) batch.push_back(&entry);
        if (!store_->commit(batch)) {
          std::this_thread::sleep_for(milliseconds(10));
          continue;
        }
        for (Entry& entry : entries) confirmed.push_back(entry.proposed.xid.text());
        count = confirmed.size();
      }
    });
    std::this_thread::sleep_for(milliseconds(300 + 100 * round));
    EXPECT_TRUE(within(kBack, [&] { return count > 0; }));
    server_->say("kill");
    stop = true;
    client.join();
    server_->say("start");
    ASSERT_TRUE(within(kBack, [&] { return static_cast<bool>(store_->writable()); }));
    EXPECT_FALSE(confirmed.empty());
    for (const auto& xid : confirmed) {
      const auto found = store_->find(*Xid::parse(xid), kNow);
      ASSERT_TRUE(found) << found.error().message();
      ASSERT_TRUE(*found) << xid << " was confirmed and is gone";
      expect_same((*found)->current, make_record(xid));
    }
  }
}

// -- an outcome that nobody heard -----------------------------------------------------------------------------------

// Hands octets on between a store and the server, and cuts the connection over which the next write goes.
class Cutter {
 public:
  enum class When { kNever, kBeforeTheServerHasIt, kBeforeTheAnswer };

  explicit Cutter(int server_port) : server_port_(server_port) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = loopback(0);
    ::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address);
    ::listen(listener_, 64);
    socklen_t size = sizeof address;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { accept_all(); });
  }
  ~Cutter() {
    stop_ = true;
    thread_.join();
    for (auto& pair : pairs_) pair.join();
    ::close(listener_);
  }

  int port() const { return port_; }
  void cut_next(std::string command, When when) {
    const std::lock_guard lock(mutex_);
    command_ = std::move(command);
    when_ = when;
  }
  int cuts() const { return cuts_; }

 private:
  static sockaddr_in loopback(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    return address;
  }

  void accept_all() {
    while (!stop_) {
      pollfd waiting{listener_, POLLIN, 0};
      if (::poll(&waiting, 1, 20) != 1) continue;
      const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      pairs_.emplace_back([this, client] { serve(client); });
    }
  }

  When cut_for(std::string_view octets) {
    const std::lock_guard lock(mutex_);
    if (when_ == When::kNever || octets.find(command_) == octets.npos) return When::kNever;
    return std::exchange(when_, When::kNever);
  }

  void serve(int client) {
    const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(server_port_);
    bool open = ::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    When cut = When::kNever;
    char buffer[65536];
    while (open && !stop_) {
      pollfd both[2] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
      if (::poll(both, 2, 20) <= 0) continue;
      for (int side = 0; side < 2 && open; ++side) {
        if (!(both[side].revents & (POLLIN | POLLHUP | POLLERR))) continue;
        const auto size = ::recv(both[side].fd, buffer, sizeof buffer, 0);
        if (size <= 0) {
          open = false;
          break;
        }
        if (side == 0 && cut == When::kNever) cut = cut_for({buffer, static_cast<std::size_t>(size)});
        if (cut == When::kBeforeTheServerHasIt || (side == 1 && cut == When::kBeforeTheAnswer)) {
          open = false;
          ++cuts_;
          break;
        }
        ::send(both[1 - side].fd, buffer, static_cast<std::size_t>(size), MSG_NOSIGNAL);
      }
    }
    ::close(client);
    ::close(server);
  }

  const int server_port_;
  int listener_, port_;
  std::atomic<bool> stop_{false};
  std::atomic<int> cuts_{0};
  std::mutex mutex_;
  std::string command_;
  When when_ = When::kNever;
  std::thread thread_;
  std::vector<std::thread> pairs_;
};

class MongodbUnknownOutcome : public testing::TestWithParam<std::tuple<bool, Cutter::When>> {
 protected:
  void SetUp() override {
    JWTD_NEEDS_SERVER("mongodb");
    const std::string url = shared_server("mongodb").url;
    const auto colon = url.rfind(':');
    database_ = std::make_unique<TestDatabase>(url);
    database_->make_plain_expiry();
    cutter_ = std::make_unique<Cutter>(std::stoi(url.substr(colon + 1)));
    StoreOptions options = database_->options();
    // Without libmongoc's own retry the outcome is unknown for certain.
    options.url = "mongodb://127.0.0.1:" + std::to_string(cutter_->port()) + "/" + database_->url().substr(database_->url().rfind('/') + 1) +
                  "?retryWrites=" + (std::get<0>(GetParam()) ? "true" : "false");
    store_ = database_->open(options);
    ASSERT_NE(store_, nullptr);
  }
  Cutter::When when() const { return std::get<1>(GetParam()); }

  std::unique_ptr<TestDatabase> database_;
  std::unique_ptr<Cutter> cutter_;
  std::unique_ptr<Store> store_;
};

TEST_P(MongodbUnknownOutcome, AnInsertIsThereOnceAndSaysSo) {
  cutter_->cut_next("insert", when());
  std::vector<Entry> entries = {{make_record("a"), true, Outcome::kConflict, {}}, {make_record("b"), false, Outcome::kConflict, {}}};
  Entry* batch[] = {&entries[0], &entries[1]};
  const Status status = store_->commit(batch);
  ASSERT_TRUE(status) << status.error().message();
  EXPECT_EQ(cutter_->cuts(), 1);
  EXPECT_EQ(entries[0].outcome, Outcome::kInserted);
  EXPECT_EQ(entries[1].outcome, Outcome::kInserted);
  EXPECT_EQ(database_->count(), 2);
  EXPECT_TRUE(within(kBack, [&] { return static_cast<bool>(store_->writable()); }));
}

TEST_P(MongodbUnknownOutcome, AReissueHappensOnce) {
  ASSERT_TRUE(commit(*store_, make_record("a")));
  cutter_->cut_next("update", when());
  Entry entry{make_record("a", kPhone, kNow + 60'000), false, Outcome::kConflict, {}};
  Entry* batch[] = {&entry};
  const Status status = store_->commit(batch);
  ASSERT_TRUE(status) << status.error().message();
  EXPECT_EQ(cutter_->cuts(), 1);
  EXPECT_EQ(entry.outcome, Outcome::kReissued);
  EXPECT_TRUE(within(kBack, [&] { return static_cast<bool>(store_->writable()); }));
  const auto found = store_->find(*Xid::parse("a"), kNow);
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->issued, 2u);
  EXPECT_EQ((*found)->earlier.size(), 1u);
  expect_same((*found)->current, entry.proposed);
}

// It must not be told that somebody else was first: without notes, with them in a transaction, and with its commit cut off.
TEST_P(MongodbUnknownOutcome, AConsumerIsTheWinnerOnce) {
  for (const char* command : {"update", "with a note", "commitTransaction"}) {
    const bool with_note = std::string_view(command) != "update";
    const std::string xid = std::string(1, command[0]);
    ASSERT_TRUE(commit(*store_, make_record(xid)));
    const int before = cutter_->cuts();
    const Event consumed{Event::Type::kConsumed, kNow, "consumed", R"({"nonce":"1"})"};
    Change first{*Xid::parse(xid), consumed, false, {}, {}, Applied::kDamaged, {}};
    if (with_note) first.put.push_back({"outbox", xid, "v", 0});
    Change second = first;
    Change* batch[] = {&first, &second};
    cutter_->cut_next(std::string_view(command) == "with a note" ? "update" : command, when());
    const Status status = store_->apply(batch);
    ASSERT_TRUE(status) << command << ": " << status.error().message();
    EXPECT_EQ(cutter_->cuts(), before + 1) << command;
    EXPECT_EQ(first.applied, Applied::kWritten) << command;
    EXPECT_EQ(second.applied, Applied::kPresent) << command;
    EXPECT_TRUE(within(kBack, [&] { return static_cast<bool>(store_->writable()); }));
    const auto found = store_->find(*Xid::parse(xid), kNow);
    ASSERT_TRUE(found && *found);
    EXPECT_EQ((*found)->events, std::vector<Event>{consumed}) << command;
    if (with_note) {
      EXPECT_EQ(*store_->note({"outbox", xid}, kNow), "v") << command;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Cuts, MongodbUnknownOutcome,
                         testing::Combine(testing::Bool(), testing::Values(Cutter::When::kBeforeTheServerHasIt, Cutter::When::kBeforeTheAnswer)));

}  // namespace
}  // namespace jwtd::store
