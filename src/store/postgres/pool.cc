// store/postgres/pool.cc - lending, and the thread that makes connections.
#include "store/postgres/pool.h"

#include <algorithm>

#include "base/thread_name.h"
#include "store/postgres/statements.h"
#include "store/store.h"

namespace jwtd::store::postgres {
namespace {

constexpr auto kFirstPause = std::chrono::milliseconds(50);
constexpr auto kLongestPause = std::chrono::milliseconds(1000);  // so late, at worst, is service back after the database
constexpr auto kSignOfLife = std::chrono::milliseconds(1000);
constexpr auto kIdleWorkInterval = std::chrono::seconds(15);     // estimates for metrics
constexpr int kTimeoutsToConnect = 2;                            // several round trips and a key exchange

}  // namespace

Pool::Pool(Options options, std::unique_ptr<Connection> first)
    : options_(std::move(options)), open_(1), pauses_(kFirstPause, kLongestPause), random_(std::random_device()()) {
  idle_.push_back(std::move(first));
  thread_ = std::thread([this] { name_this_thread("postgresql"), tend(); });
}

Pool::~Pool() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  tend_.notify_all();
  thread_.join();
}

Result<std::unique_ptr<Connection>> Pool::connect(const Target& target, Deadline deadline) {
  auto connection = Connection::open(target, deadline);
  if (!connection) return connection;
  const Answer prepared = (*connection)->prepare(all_statements(), deadline);
  if (prepared.state == Answer::State::kLost) return Error(kStoreUnavailable, prepared.why);
  if (!prepared.ok()) return Error(kStoreUnavailable, "the tables are not as jwtd made them: " + prepared.why);
  return connection;
}

// -- lending --------------------------------------------------------------------------------------------------------

bool Pool::may_take(Use use) const {
  return use == Use::kOther || options_.connections == 1 || committing_ + 1 < options_.connections;
}

std::unique_ptr<Connection> Pool::take_idle() {
  while (!idle_.empty()) {
    std::unique_ptr<Connection> connection = std::move(idle_.back());
    idle_.pop_back();
    if (connection->still_there()) return connection;
    --open_;
  }
  return nullptr;
}

Result<Pool::Lease> Pool::acquire(Use use, Deadline deadline, Patience patience) {
  std::unique_lock lock(mutex_);
  while (true) {
    if (may_take(use)) {
      if (auto connection = take_idle()) {
        if (use == Use::kCommit) ++committing_;
        return Lease(*this, std::move(connection), use);
      }
    }
    if (!away_.empty() && patience == Patience::kNone) return Error(kStoreUnavailable, away_);
    ++waiting_;
    tend_.notify_one();
    const bool late = changed_.wait_until(lock, deadline) == std::cv_status::timeout;
    --waiting_;
    if (late) return Error(kStoreUnavailable, away_.empty() ? "no connection became free in time" : away_);
  }
}

void Pool::give_back(std::unique_ptr<Connection> connection, Use use) {
  {
    const std::lock_guard lock(mutex_);
    if (use == Use::kCommit) --committing_;
    if (connection->usable()) {
      heard_ = Monotonic::now();
      idle_.push_back(std::move(connection));
    } else {
      --open_;
      heard_ = {};  // ask soon
    }
  }
  changed_.notify_all();
  tend_.notify_one();
}

Status Pool::state() const {
  const std::lock_guard lock(mutex_);
  return away_.empty() ? Status() : Status(Error(kStoreUnavailable, away_));
}

// -- the pool's thread ----------------------------------------------------------------------------------------------

void Pool::tend() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const auto now = Monotonic::now();
    const bool wanted = (waiting_ > idle_.size() && open_ < options_.connections) || open_ == 0;
    if (wanted && now >= try_again_) {
      make_one(lock);
      continue;
    }
    if (away_.empty() && (now - heard_ >= kSignOfLife || now - worked_ >= kIdleWorkInterval) && !idle_.empty()) {
      look_after_one(lock);
      continue;
    }
    tend_.wait_until(lock, wanted ? try_again_ : std::max(heard_ + kSignOfLife, now + kFirstPause));
  }
}

void Pool::make_one(std::unique_lock<std::mutex>& lock) {
  ++open_;
  lock.unlock();
  auto made = connect(options_.target, Monotonic::now() + kTimeoutsToConnect * options_.target.timeout);
  lock.lock();
  if (made) {
    heard_ = Monotonic::now();
    idle_.push_back(std::move(*made));
    server_is_back();
  } else {
    --open_;
    try_again_ = Monotonic::now() + pauses_.next(random_);
    // While others still have connections, one that cannot be had (too many clients, say) is no reason to refuse work.
    if (open_ == 0) server_is_away(made.error().detail());
  }
  changed_.notify_all();
}

void Pool::look_after_one(std::unique_lock<std::mutex>& lock) {
  std::unique_ptr<Connection> connection = take_idle();
  if (!connection) return;
  const bool work = Monotonic::now() - worked_ >= kIdleWorkInterval;
  lock.unlock();
  const Step ping{&kPing, {}};
  const Answer answer = connection->run({&ping, 1}, Monotonic::now() + options_.target.timeout);
  const bool writable = answer.ok() && answer.rows.at(0).size() == 1;
  if (writable && work && options_.on_idle) options_.on_idle(*connection);
  lock.lock();
  if (writable) {
    heard_ = Monotonic::now();
    if (work) worked_ = heard_;
    if (connection->usable()) {
      idle_.push_back(std::move(connection));
    } else {
      --open_;
    }
  } else {
    // All were made to the same server: a standby by now, or gone.
    open_ -= 1 + idle_.size();
    idle_.clear();
    heard_ = Monotonic::now();
    if (open_ == 0) server_is_away(answer.ok() ? "the server takes no writes (it is a standby, or read-only)" : answer.why);
  }
  changed_.notify_all();
}

void Pool::server_is_away(const std::string& why) {
  const bool is_news = away_.empty();
  away_ = why.empty() ? "the server is away" : why;
  if (is_news && options_.on_event) options_.on_event("PostgreSQL is away: " + away_);
}

void Pool::server_is_back() {
  pauses_.reset();
  try_again_ = {};
  if (away_.empty()) return;
  away_.clear();
  if (options_.on_event) options_.on_event("PostgreSQL is back");
}

}  // namespace jwtd::store::postgres
