// limit/redis/redis_limiter.cc - the queue, the threads that carry it to the server, and the way without the server.
#include "limit/redis/redis_limiter.h"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <coroutine>
#include <cstdlib>
#include <optional>
#include <utility>

#include "base/thread_name.h"
#include "limit/redis/link.h"

namespace jwtd::limit {
namespace {

constexpr auto kClosedRetryAfter = std::chrono::seconds(1);  // a guess: a server that restarts is back in about that

// A write, since a replica and a full server answer everything else.
constexpr std::string_view kProbe = "*5\r\n$3\r\nSET\r\n$19\r\njwtd:{limit}::probe\r\n$1\r\n1\r\n$2\r\nPX\r\n$4\r\n1000\r\n";

std::vector<Rule> local_rules(const std::vector<Rule>& rules) {
  std::vector<Rule> local;
  std::copy_if(rules.begin(), rules.end(), std::back_inserter(local), [](const Rule& rule) { return rule.on_failure == OnFailure::kLocal; });
  return local;
}

bool any_closed(const std::vector<Rule>& rules) {
  return std::any_of(rules.begin(), rules.end(), [](const Rule& rule) { return rule.on_failure == OnFailure::kClosed; });
}

Status ask_for_a_write(Link& link, Monotonic::time_point deadline) {
  std::vector<Reply> replies;
  if (Status status = link.exchange(kProbe, 1, deadline, replies); !status) return status;
  const std::string word = error_word(*replies.front());
  return word.empty() ? Status() : Status(Error(kLimitStoreRefused, word));
}

std::uint64_t micros_since(Monotonic::time_point start) {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(Monotonic::now() - start).count());
}

}  // namespace

// One request; part of its coroutine, which stands still until hand_back().
struct RedisLimiter::Job : Wakeup {
  Job(const ClientKey& c, Phone p) : client(c), phone(p) {
    run = [](Wakeup* w) { static_cast<Job*>(w)->waiter.resume(); };
  }

  ClientKey client;
  Phone phone;
  std::optional<Decision> decision;  // empty: the server gave none
  Monotonic::time_point since;
  Loop* loop = nullptr;
  std::coroutine_handle<> waiter;
  Job* next_job = nullptr;
};

class RedisLimiter::Ask : private Job {
 public:
  Ask(RedisLimiter& limiter, const ClientKey& c, Phone p) : Job(c, p), limiter_(limiter) {}
  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> awaiter) {
    waiter = awaiter;
    return limiter_.enqueue(this);  // true: from here on another thread may own this
  }
  std::optional<Decision> await_resume() const { return decision; }

 private:
  RedisLimiter& limiter_;
};

// What one thread has: its connection, and room that it uses again and again.
struct RedisLimiter::Worker {
  explicit Worker(std::uint_fast32_t seed) : random(seed) {}

  // Asks the server for all of `jobs`, and fills their decisions. Fails with why there is none at all, or why the link is of no more use.
  Status call(const Script& script, const Jobs& jobs, Monotonic::time_point deadline);
  Status call_once(const Script& script, const Jobs& jobs, Monotonic::time_point deadline);

  std::minstd_rand random;
  Pauses pauses{kLimitFirstPause, kLimitLongestPause};
  std::unique_ptr<Link> link;
  Jobs batch, late, unknown;
  std::string commands;
  std::vector<Reply> replies;
  std::string refusal;  // the kind of the last error reply
};

Status RedisLimiter::Worker::call(const Script& script, const Jobs& jobs, Monotonic::time_point deadline) {
  refusal.clear();
  Status status = call_once(script, jobs, deadline);
  if (status && !unknown.empty()) {
    const Jobs again = std::exchange(unknown, {});
    status = link->load(script.text(), deadline);
    if (status) status = call_once(script, again, deadline);
  }
  if (!status) return status;
  const bool any = std::any_of(jobs.begin(), jobs.end(), [](const Job* job) { return job->decision.has_value(); });
  return any ? Status() : Status(Error(kLimitStoreRefused, refusal.empty() ? "an answer that is not the script's" : refusal));
}

Status RedisLimiter::Worker::call_once(const Script& script, const Jobs& jobs, Monotonic::time_point deadline) {
  commands.clear();
  replies.clear();
  unknown.clear();
  for (const Job* job : jobs) script.append_call(commands, link->script_name(), job->client, job->phone);
  Status status = link->exchange(commands, jobs.size(), deadline, replies);
  for (std::size_t i = 0; i < replies.size(); ++i) {
    if (std::string word = error_word(*replies[i]); word == "NOSCRIPT") unknown.push_back(jobs[i]);
    else if (!word.empty()) refusal = std::move(word);
    else jobs[i]->decision = script.read(*replies[i]);
  }
  return status;
}

RedisLimiter::RedisLimiter(std::vector<Rule> rules, Options options)
    : rules_(std::move(rules)),
      options_(std::move(options)),
      script_(rules_, options_.hash_key),
      closes_(any_closed(rules_)),
      local_(local_rules(rules_), options_.cells),
      fallbacks_(rules_.size()),
      breaker_(std::random_device{}()),
      cause_(kLimitStoreLost) {
  std::random_device seeds;
  for (std::size_t i = 0; i < options_.connections; ++i) threads_.emplace_back([this, seed = seeds()] { serve(seed); });
  std::unique_lock hold(mutex_);
  settled_.wait_for(hold, kLimitConnectTimeout, [this] { return tried_; });
}

RedisLimiter::~RedisLimiter() {
  {
    const std::lock_guard hold(mutex_);
    stopping_ = true;
  }
  filled_.notify_all();
  stopped_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  Jobs left;
  take_all(left);
  hand_back(left);
}

Task<Decision> RedisLimiter::acquire(const ClientKey& client, Phone phone, Monotonic::time_point now) {
  if (rules_.empty()) co_return Decision{};
  if (const std::optional<Decision> decision = co_await Ask(*this, client, phone)) co_return *decision;
  co_return decide_alone(client, phone, now);
}

Decision RedisLimiter::decide_alone(const ClientKey& client, Phone phone, Monotonic::time_point now) {
  Decision decision;
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    const bool closed = rules_[i].on_failure == OnFailure::kClosed;
    if (closes_ && !closed) continue;
    fallbacks_[i].fetch_add(1, std::memory_order_relaxed);
    if (closed && decision.allowed) decision = Decision{.allowed = false, .unavailable = true, .rule = &rules_[i], .retry_after = kClosedRetryAfter};
  }
  return closes_ ? decision : local_.acquire_now(client, phone, now);
}

Status RedisLimiter::available() const {
  if (connected() > 0 && !breaker_open()) return {};
  return Error(kLimitsUnavailable);
}

bool RedisLimiter::enqueue(Job* job) {
  if (!available()) {
    stats_.away.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  job->loop = Loop::current();
  if (job->loop == nullptr) std::abort();  // nobody could resume the coroutine
  job->since = Monotonic::now();
  {
    const std::lock_guard hold(mutex_);
    if (connected() == 0 || queued_ >= kMaxQueuedLimits) {
      (connected() == 0 ? stats_.away : stats_.overloaded).fetch_add(1, std::memory_order_relaxed);
      return false;
    }
    (newest_ ? newest_->next_job : oldest_) = job;
    newest_ = job;
    ++queued_;
  }
  filled_.notify_one();
  return true;
}

void RedisLimiter::serve(std::uint_fast32_t seed) {
  name_this_thread("limiter");
  Worker worker(seed);
  while (true) {
    if (!worker.link && !connect(worker)) return;
    if (!worker.link) continue;
    worker.batch.clear();
    worker.late.clear();
    if (!take(worker.batch, worker.late)) return;
    hand_back(worker.late);
    if (!worker.batch.empty()) work(worker);
    else if (worker.late.empty()) probe(worker);
  }
}

// One attempt, and a pause when it failed.
bool RedisLimiter::connect(Worker& worker) {
  auto opened = Link::open(options_.url, options_.ca_file, script_.text(), Monotonic::now() + kLimitConnectTimeout);
  Status status = opened ? Status() : Status(opened.error());
  if (status) {
    status = ask_for_a_write(**opened, Monotonic::now() + options_.timeout);
  }
  std::unique_lock hold(mutex_);
  if (status) {
    worker.link = std::move(*opened);
    worker.pauses.reset();
    ++connected_;
  } else {
    cause_ = status.error();
  }
  tried_ = true;
  settled_.notify_all();
  tell(Monotonic::now());
  if (!status) stopped_.wait_for(hold, worker.pauses.next(worker.random), [this] { return stopping_; });
  return !stopping_;
}

bool RedisLimiter::take(Jobs& batch, Jobs& late) {
  std::unique_lock hold(mutex_);
  Monotonic::time_point now = Monotonic::now();
  Monotonic::time_point until = now + kLimitProbeInterval;
  if (breaker_.open()) until = std::min(until, breaker_.until());
  filled_.wait_until(hold, until, [this] { return oldest_ || stopping_; });
  now = Monotonic::now();
  tell(now);  // what came too soon after the last time
  while (oldest_ && batch.size() < kMaxLimitBatch) {
    Job* const job = oldest_;
    oldest_ = job->next_job;
    if (!oldest_) newest_ = nullptr;
    --queued_;
    (now - job->since > options_.timeout ? late : batch).push_back(job);
  }
  stats_.overloaded.fetch_add(late.size(), std::memory_order_relaxed);
  return !stopping_ || !batch.empty() || !late.empty();
}

void RedisLimiter::work(Worker& worker) {
  const auto started = Monotonic::now();
  const Status status = worker.call(script_, worker.batch, started + options_.timeout);
  const auto decided = static_cast<std::size_t>(
      std::count_if(worker.batch.begin(), worker.batch.end(), [](const Job* job) { return job->decision.has_value(); }));
  stats_.answered.fetch_add(decided, std::memory_order_relaxed);
  if (status) {
    stats_.round_trips.fetch_add(1, std::memory_order_relaxed);
    stats_.round_trip_micros.fetch_add(micros_since(started), std::memory_order_relaxed);
  }
  const bool timed_out = !status && status.error().is(kLimitStoreTimeout);
  const bool lost = !status && status.error().is(kLimitStoreLost);
  (timed_out ? stats_.timed_out : lost ? stats_.lost : stats_.refused).fetch_add(worker.batch.size() - decided, std::memory_order_relaxed);
  Jobs left;
  {
    const std::lock_guard hold(mutex_);
    if (status) {
      breaker_.succeeded();
    } else {
      breaker_.failed(Monotonic::now());
      failed(worker, status.error(), left);
    }
    open_ = breaker_.open();
    tell(Monotonic::now());
  }
  hand_back(worker.batch);
  hand_back(left);
}

// Whether an idle connection still is one, and whether the breaker may be closed.
void RedisLimiter::probe(Worker& worker) {
  const Status status = ask_for_a_write(*worker.link, Monotonic::now() + options_.timeout);
  Jobs left;
  {
    const std::lock_guard hold(mutex_);
    const auto now = Monotonic::now();
    if (!status) {
      if (breaker_.open()) breaker_.failed(now);
      failed(worker, status.error(), left);
    } else if (breaker_.open() && breaker_.until() <= now) {
      breaker_.probed();
    }
    open_ = breaker_.open();
    tell(now);
  }
  hand_back(left);
}

// The connection is given up; whoever waits for the last one need not wait any more.
void RedisLimiter::failed(Worker& worker, const Error& why, Jobs& left) {
  cause_ = why;
  worker.link.reset();
  if (--connected_ > 0) return;
  take_all(left);
  stats_.away.fetch_add(left.size(), std::memory_order_relaxed);
}

void RedisLimiter::take_all(Jobs& to) {
  for (; oldest_; oldest_ = oldest_->next_job) to.push_back(oldest_);
  newest_ = nullptr;
  queued_ = 0;
}

void RedisLimiter::tell(Monotonic::time_point now) {
  const bool away = connected_ == 0 || breaker_.open();
  if (told_once_ && (away == told_away_ || now - told_at_ < kLimitProbeInterval)) return;
  told_once_ = true;
  told_away_ = away;
  told_at_ = now;
  options_.on_change(away ? &cause_ : nullptr);
}

void RedisLimiter::hand_back(const Jobs& jobs) {
  Posts posts;
  for (Job* job : jobs) posts.add(*job->loop, *job);
  posts.send();
}

}  // namespace jwtd::limit
