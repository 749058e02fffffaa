// store/postgres/faults_test.cc - a server that is killed, stopped, deaf or cut off in the middle of a commit. Waits are bounded; nothing is asserted about
// how fast a machine is.
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include "store/postgres/place_for_tests.h"
#include "store/postgres/postgres_store.h"
#include "tests/contract/sample_records.h"

namespace jwtd::store {
namespace {

using namespace std::chrono_literals;
constexpr auto kPatience = 60s;

bool wait_until(const std::function<bool()>& condition) {
  for (const auto end = Monotonic::now() + kPatience; Monotonic::now() < end; std::this_thread::sleep_for(10ms)) {
    if (condition()) return true;
  }
  return false;
}

// Stands between a store and the server, and can swallow what either says next and hang up.
class Cutter {
 public:
  explicit Cutter(std::uint16_t server) : server_(server) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in any = loopback(0);
    socklen_t size = sizeof any;
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&any), sizeof any), 0);
    EXPECT_EQ(::listen(listener_, 16), 0);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&any), &size);
    port_ = ntohs(any.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~Cutter() {
    stopping_ = true;
    thread_.join();
    ::close(listener_);
  }
  std::uint16_t port() const { return port_; }
  void cut_answer(int which = 1) { cut_answer_ = which; }  // 1: the next
  void cut_request() { cut_request_ = 1; }
  int cuts() const { return cuts_; }

 private:
  static sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
  }
  struct Pair {
    int client, server;
  };
  // Octets from one side to the other; false: hang up.
  bool pass(int from, int to, std::atomic<int>& cut) {
    char octets[65536];
    const auto size = ::recv(from, octets, sizeof octets, 0);
    if (size <= 0) return false;
    if (cut > 0 && --cut == 0) {
      ++cuts_;
      return false;
    }
    return ::send(to, octets, static_cast<std::size_t>(size), MSG_NOSIGNAL) == size;
  }
  void run() {
    std::vector<Pair> pairs;
    while (!stopping_) {
      std::vector<pollfd> polled = {{listener_, POLLIN, 0}};
      for (const Pair& pair : pairs) {
        polled.push_back({pair.client, POLLIN, 0});
        polled.push_back({pair.server, POLLIN, 0});
      }
      ::poll(polled.data(), polled.size(), 20);
      std::vector<Pair> kept;
      for (std::size_t i = 0; i < pairs.size(); ++i) {
        const Pair pair = pairs[i];
        bool good = true;
        if (polled[1 + 2 * i].revents) good = pass(pair.client, pair.server, cut_request_);
        if (good && polled[2 + 2 * i].revents) good = pass(pair.server, pair.client, cut_answer_);
        if (good) {
          kept.push_back(pair);
        } else {
          ::close(pair.client);
          ::close(pair.server);
        }
      }
      pairs = std::move(kept);
      if (polled[0].revents) {
        const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const sockaddr_in address = loopback(server_);
        if (::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
          pairs.push_back({client, server});
        } else {
          ::close(client);
          ::close(server);
        }
      }
    }
    for (const Pair& pair : pairs) {
      ::close(pair.client);
      ::close(pair.server);
    }
  }

  const std::uint16_t server_;
  std::uint16_t port_ = 0;
  int listener_ = -1;
  std::atomic<int> cut_answer_{0}, cut_request_{0};
  std::atomic<bool> stopping_{false};
  std::atomic<int> cuts_{0};
  std::thread thread_;
};

std::string with_port(const std::string& url, std::uint16_t port) {
  const std::size_t from = url.find(':', url.rfind('@')) + 1;
  return url.substr(0, from) + std::to_string(port) + url.substr(url.find('/', from));
}
std::uint16_t port_of(const std::string& url) { return static_cast<std::uint16_t>(std::stoi(url.substr(url.find(':', url.rfind('@')) + 1))); }

std::unique_ptr<Store> open(const std::string& url, std::chrono::milliseconds timeout, std::vector<std::string>* events = nullptr) {
  static std::mutex mutex;
  StoreOptions options = postgres::options_for(url);
  options.timeout = timeout;
  if (events) {
    options.on_event = [events](std::string_view event) {
      const std::lock_guard lock(mutex);
      events->emplace_back(event);
    };
  }
  auto store = open_postgres_store(options);
  EXPECT_TRUE(store) << store.error().message();
  return store ? *std::move(store) : nullptr;
}

struct Committed {
  Status status;
  Entry entry;
};

Committed commit(Store& store, const Record& record, bool is_new = false) {
  Entry entry{record, is_new, Outcome::kConflict, std::nullopt};
  Entry* batch[] = {&entry};
  Status status = store.commit(batch);
  return {std::move(status), std::move(entry)};
}

// -- a link that breaks ---------------------------------------------------------------------------------------------

class PostgresLink : public testing::Test {
 protected:
  void SetUp() override {
    JWTD_NEEDS_SERVER("postgresql");
    postgres::empty_database();
    cutter_ = std::make_unique<Cutter>(port_of(postgres::database_url()));
    // Without TLS, so that one answer is one packet, and what is cut is the answer to a commit.
    store_ = open(with_port(postgres::database_url(), cutter_->port()) + "?sslmode=disable&gssencmode=disable", 20s);
  }
  std::uint64_t issued(const char* xid) {
    const auto found = store_->find(*Xid::parse(xid), kNow);
    return found && *found ? (*found)->issued : 0;
  }
  std::unique_ptr<Cutter> cutter_;
  std::unique_ptr<Store> store_;
};

TEST_F(PostgresLink, ACommitWhoseAnswerIsLostIsReadBack) {
  for (const bool is_new : {true, false}) {
    const char* xid = is_new ? "made" : "given";
    cutter_->cut_answer();
    const Committed done = commit(*store_, make_record(xid), is_new);
    ASSERT_TRUE(done.status) << done.status.error().message();
    EXPECT_EQ(done.entry.outcome, Outcome::kInserted);
    EXPECT_FALSE(done.entry.standing);
    EXPECT_EQ(issued(xid), 1u);
  }
  EXPECT_EQ(cutter_->cuts(), 2);
  EXPECT_EQ(store_->stats().transactions, 2u);
}

TEST_F(PostgresLink, ACommitThatNeverArrivedIsMadeOnANewConnection) {
  cutter_->cut_request();
  const Committed done = commit(*store_, make_record("a"), true);
  ASSERT_TRUE(done.status) << done.status.error().message();
  EXPECT_EQ(done.entry.outcome, Outcome::kInserted);
  EXPECT_EQ(cutter_->cuts(), 1);
}

TEST_F(PostgresLink, AReissueWhoseAnswerIsLostIsNotMadeTwice) {
  ASSERT_TRUE(commit(*store_, make_record("a")).status);
  cutter_->cut_answer(2);  // the first round trip reads, the second reissues
  const Committed done = commit(*store_, make_record("a", kPhone, kNow + 60'000));
  ASSERT_TRUE(done.status) << done.status.error().message();
  EXPECT_EQ(done.entry.outcome, Outcome::kReissued);
  EXPECT_EQ(cutter_->cuts(), 1);
  EXPECT_EQ(issued("a"), 2u);
}

// It must not be told that somebody else was first.
TEST_F(PostgresLink, AConsumerWhoseAnswerIsLostIsTheWinner) {
  ASSERT_TRUE(commit(*store_, make_record("a")).status);
  const Event consumed{Event::Type::kConsumed, kNow, "consumed", R"({"nonce":"1"})"};
  Change first{*Xid::parse("a"), consumed, false, {{"outbox", "1", "v", 0}}, {}, Applied::kDamaged, {}}, second = first;
  Change* batch[] = {&first, &second};
  cutter_->cut_answer(2);  // the first round trip reads
  const Status status = store_->apply(batch);
  ASSERT_TRUE(status) << status.error().message();
  EXPECT_EQ(cutter_->cuts(), 1);
  EXPECT_EQ(first.applied, Applied::kWritten);
  EXPECT_EQ(second.applied, Applied::kPresent);
  EXPECT_EQ((*store_->find(*Xid::parse("a"), kNow))->events, std::vector<Event>{consumed});
  EXPECT_EQ(*store_->note({"outbox", "1"}, kNow), "v");

  Change late{*Xid::parse("a"), Event{Event::Type::kConsumed, kNow, "consumed", R"({"nonce":"2"})"}, false, {}, {}, Applied::kDamaged, {}};
  batch[0] = &late;
  cutter_->cut_answer();
  ASSERT_TRUE(store_->apply({batch, 1}));
  EXPECT_EQ(late.applied, Applied::kPresent) << "of another";
}

TEST_F(PostgresLink, ChangesThatAreLostAgainAndAgainAreMadeOnce) {
  ASSERT_TRUE(commit(*store_, make_record("a")).status);
  std::atomic<bool> over{false};
  std::thread nuisance([&] {
    for (int i = 0; i < 20 && !over; ++i) {
      (i % 2 ? cutter_->cut_answer() : cutter_->cut_request());
      std::this_thread::sleep_for(20ms);
    }
  });
  for (int i = 0; i < 40; ++i) {
    const std::string key = std::to_string(i);
    Change change{*Xid::parse("a"), Event{Event::Type::kCallback, kNow, key, ""}, false, {{"outbox", key, "", 0}}, {}, Applied::kDamaged, {}};
    Change* batch[] = {&change};
    bool failed_before = false;
    EXPECT_TRUE(wait_until([&] {
      const bool done = store_->apply(batch).has_value();
      failed_before = failed_before || !done;
      return done;
    }));
    if (!failed_before) {
      EXPECT_EQ(change.applied, Applied::kWritten);
    }
  }
  over = true;
  nuisance.join();
  postgres::Session session(postgres::database_url());
  EXPECT_EQ(session.value("SELECT jsonb_array_length(('[' || events || ']')::jsonb) FROM jwtd.transactions"), "40");
  EXPECT_EQ(session.value("SELECT count(*) FROM jwtd.notes"), "40");
}

TEST_F(PostgresLink, ABatchWhoseAnswersAreLostAgainAndAgainIsWhole) {
  ASSERT_TRUE(commit(*store_, make_record("old")).status);
  ASSERT_TRUE(commit(*store_, make_record("taken", kOtherPhone)).status);
  std::atomic<bool> over{false};
  std::thread nuisance([&] {
    for (int i = 0; i < 20 && !over; ++i) {
      (i % 2 ? cutter_->cut_answer() : cutter_->cut_request());
      std::this_thread::sleep_for(20ms);
    }
  });
  for (int i = 0; i < 30; ++i) {
    const UnixMillis at = kNow + 60'000 * (i + 1);
    std::vector<Entry> entries = {{make_record("n" + std::to_string(i), kPhone, at), true, Outcome::kConflict, {}},
                                  {make_record("g" + std::to_string(i), kPhone, at), false, Outcome::kConflict, {}},
                                  {make_record("old", kPhone, at), false, Outcome::kConflict, {}},
                                  {make_record("taken", kPhone, at), false, Outcome::kInserted, {}}};
    std::vector<Entry*> batch;
    for (Entry& entry : entries) batch.push_back(&entry);
    // Refused at once while the link breaks as a connection is being made; nothing has been sent then.
    EXPECT_TRUE(wait_until([&] { return store_->commit(batch).has_value(); }));
    EXPECT_EQ(entries[0].outcome, Outcome::kInserted);
    EXPECT_EQ(entries[1].outcome, Outcome::kInserted);
    EXPECT_EQ(entries[2].outcome, Outcome::kReissued);
    EXPECT_EQ(entries[3].outcome, Outcome::kConflict);
    const auto found = store_->find(*Xid::parse("old"), at);
    if (found) {  // its own link may be the one that breaks
      EXPECT_EQ((*found)->issued, static_cast<std::uint64_t>(i) + 2);
    }
  }
  over = true;
  nuisance.join();
  postgres::Session session(postgres::database_url());
  EXPECT_EQ(session.value("SELECT count(*) FROM (SELECT FROM jwtd.transactions GROUP BY xid HAVING count(*) > 1) twice"), "0");
  EXPECT_EQ(session.value("SELECT count(*) FROM jwtd.transactions"), "62");
  EXPECT_EQ(session.value("SELECT count(DISTINCT number) || ' ' || count(*) FROM jwtd.earlier_tokens"), "30 30");
}

// The session behind a lost answer may still be at work. What it holds is waited for, and not for ever.
TEST_F(PostgresLink, AnXidThatAnotherTransactionHoldsIsWaitedForUntilTheTimeout) {
  store_ = open(postgres::database_url(), 2s);
  postgres::Session other(postgres::database_url());
  other.run("BEGIN; INSERT INTO jwtd.transactions SELECT now(), now(), now(), now(), 15555551234, 1, 1, 'a', 'iss', 'kid', 't'");
  const auto started = Monotonic::now();
  const Committed blocked = commit(*store_, make_record("a"));
  ASSERT_FALSE(blocked.status);
  EXPECT_TRUE(blocked.status.error().is(kStoreUnavailable));
  EXPECT_LT(Monotonic::now() - started, 30s);
  EXPECT_FALSE(store_->writable());
  other.run("ROLLBACK");
  EXPECT_EQ(commit(*store_, make_record("a")).entry.outcome, Outcome::kInserted);
  EXPECT_TRUE(store_->writable());
}

TEST_F(PostgresLink, ASessionThatTheAdministratorEndsCostsNothing) {
  ASSERT_TRUE(commit(*store_, make_record("a")).status);
  postgres::Session admin(postgres::database_url());
  for (int i = 0; i < 5; ++i) {
    admin.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'jwtd' AND pid <> pg_backend_pid() AND datname = current_database()");
    const Committed done = commit(*store_, make_record("b" + std::to_string(i)));
    EXPECT_TRUE(done.status) << done.status.error().message();
    EXPECT_TRUE(store_->find(*Xid::parse("a"), kNow));
  }
}

TEST_F(PostgresLink, ADatabaseThatHasBecomeReadOnlyIsSeenAndItsReturnToo) {
  store_ = open(postgres::database_url(), 5s);
  postgres::Session admin(postgres::database_url());
  const std::string name = admin.value("SELECT current_database()");
  admin.run("ALTER DATABASE " + name + " SET default_transaction_read_only = on");
  admin.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'jwtd' AND pid <> pg_backend_pid() AND datname = current_database()");
  EXPECT_TRUE(wait_until([&] { return !store_->writable(); }));
  EXPECT_FALSE(commit(*store_, make_record("a")).status);
  admin.run("BEGIN READ WRITE; ALTER DATABASE " + name + " RESET default_transaction_read_only; COMMIT");
  EXPECT_TRUE(wait_until([&] { return commit(*store_, make_record("a")).status.has_value(); }));
}

// -- a server that goes away ----------------------------------------------------------------------------------------

class PostgresAway : public testing::Test {
 protected:
  void SetUp() override {
    JWTD_NEEDS_SERVER("postgresql");
    server_ = std::make_unique<TestServer>("postgresql");
    ASSERT_TRUE(server_->runs()) << server_->why();
    store_ = open(server_->url(), 4s, &events_);
    ASSERT_NE(store_, nullptr);
  }
  void TearDown() override { store_.reset(); }
  std::vector<std::string> events_;
  std::unique_ptr<TestServer> server_;
  std::unique_ptr<Store> store_;
};

TEST_F(PostgresAway, WhatWasAcknowledgedIsThereAfterKillMinusNine) {
  std::mutex mutex;
  std::vector<Record> acknowledged;
  std::atomic<bool> over{false};
  std::atomic<int> refused{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; !over; ++i) {
        std::vector<Entry> entries;
        for (int k = 0; k < 16; ++k) {
          const std::string xid = "t" + std::to_string(t) + "-" + std::to_string(i) + "-" + std::to_string(k);
          entries.push_back({make_record(xid, kPhone, kNow + i), k % 2 == 0, Outcome::kConflict, {}});
        }
        std::vector<Entry*> batch;
        for (Entry& entry : entries) batch.push_back(&entry);
        if (store_->commit(batch)) {
          const std::lock_guard lock(mutex);
          for (const Entry& entry : entries) {
            EXPECT_EQ(entry.outcome, Outcome::kInserted);
            acknowledged.push_back(entry.proposed);
          }
        } else {
          ++refused;
          std::this_thread::sleep_for(5ms);
        }
      }
    });
  }
  const auto count = [&] {
    const std::lock_guard lock(mutex);
    return acknowledged.size();
  };
  for (int kill = 0; kill < 3; ++kill) {
    const std::size_t before = count();
    EXPECT_TRUE(wait_until([&] { return count() > before + 500; })) << "service did not resume";
    server_->say("kill");
    EXPECT_TRUE(wait_until([&] { return !store_->writable(); }));
    // Not before somebody was refused: a batch that waits for its confirmation may outlast a quick restart.
    const int refused_before = refused;
    EXPECT_TRUE(wait_until([&] { return refused > refused_before; })) << "nobody was told";
    server_->say("start");
  }
  const std::size_t before = count();
  EXPECT_TRUE(wait_until([&] { return count() > before; }));
  over = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(refused, 0);
  std::size_t missing = 0;
  for (const Record& record : acknowledged) {
    const auto found = store_->find(record.xid, kNow);
    missing += !(found && *found && (*found)->current.token == record.token && (*found)->issued == 1);
  }
  EXPECT_EQ(missing, 0u) << "of " << acknowledged.size();
  postgres::Session session(server_->url());
  EXPECT_EQ(session.value("SELECT count(*) FROM (SELECT FROM jwtd.transactions GROUP BY xid HAVING count(*) > 1) twice"), "0");
  // Clean up to the last: nothing that a store left behind holds anything.
  EXPECT_EQ(session.value("SELECT count(*) FROM pg_prepared_xacts"), "0");
}

TEST_F(PostgresAway, WhileItIsStoppedEverythingFailsAtOnceAndResumesByItself) {
  ASSERT_TRUE(commit(*store_, make_record("a")).status);
  server_->say("stop");
  EXPECT_TRUE(wait_until([&] { return !store_->writable(); })) << "nobody asked, and it was noticed";
  const auto started = Monotonic::now();
  for (int i = 0; i < 100; ++i) {
    const Committed refused = commit(*store_, make_record("b"));
    ASSERT_FALSE(refused.status);
    EXPECT_TRUE(refused.status.error().is(kStoreUnavailable));
    EXPECT_FALSE(store_->find(*Xid::parse("a"), kNow));
  }
  EXPECT_LT(Monotonic::now() - started, 60s) << "two hundred that wait would take as many times 4 s";
  EXPECT_FALSE(store_->sweep(kNow));
  EXPECT_EQ(store_->stats().transactions, 1u);
  server_->say("start");
  EXPECT_TRUE(wait_until([&] { return store_->writable().has_value(); }));
  EXPECT_EQ(commit(*store_, make_record("b")).entry.outcome, Outcome::kInserted);
  EXPECT_TRUE(store_->find(*Xid::parse("a"), kNow)->has_value());
  store_.reset();
  ASSERT_EQ(events_.size(), 3u);  // the migration, away, back
  EXPECT_TRUE(events_[1].starts_with("PostgreSQL is away: ")) << events_[1];
  EXPECT_EQ(events_[2], "PostgreSQL is back");
  const std::string url = server_->url();
  const std::string password = url.substr(url.find(':', 11) + 1, url.rfind('@') - url.find(':', 11) - 1);
  for (const std::string& event : events_) EXPECT_EQ(event.find(password), std::string::npos);
}

TEST_F(PostgresAway, ADeafServerIsGivenTheTimeoutAndNoMore) {
  ASSERT_TRUE(commit(*store_, make_record("a")).status);
  server_->say("pause");
  const auto started = Monotonic::now();
  const Committed refused = commit(*store_, make_record("b"));
  EXPECT_FALSE(refused.status);
  EXPECT_FALSE(store_->find(*Xid::parse("a"), kNow));
  EXPECT_LT(Monotonic::now() - started, 40s);
  EXPECT_TRUE(wait_until([&] { return !store_->writable(); }));
  server_->say("resume");
  EXPECT_TRUE(wait_until([&] { return store_->writable().has_value(); }));
  // It was never confirmed, so it may be there or not; asked again it is, once.
  const Committed again = commit(*store_, make_record("b", kPhone, kNow + 1));
  EXPECT_TRUE(again.status) << again.status.error().message();
  EXPECT_TRUE(again.entry.outcome == Outcome::kInserted || again.entry.outcome == Outcome::kReused);
}

TEST_F(PostgresAway, AtStartItIsAnErrorThatSaysSo) {
  server_->say("stop");
  const auto store = open_postgres_store(postgres::options_for(server_->url()));
  ASSERT_FALSE(store);
  EXPECT_TRUE(store.error().is(kStoreUnavailable));
  EXPECT_NE(store.error().detail().find("refused"), std::string::npos) << store.error().detail();
}

}  // namespace
}  // namespace jwtd::store
