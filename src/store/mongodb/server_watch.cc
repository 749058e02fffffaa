// store/mongodb/server_watch.cc - wait, ask, tell.
#include "store/mongodb/server_watch.h"

#include <algorithm>
#include <cstdio>

#include "base/thread_name.h"

namespace jwtd::store {
namespace {

constexpr auto kFirstRetry = std::chrono::milliseconds(100);
constexpr auto kLastRetry = std::chrono::milliseconds(2000);
constexpr auto kLifeInterval = std::chrono::seconds(1);
constexpr auto kStatsInterval = std::chrono::seconds(15);
constexpr const char* kNobody = "/";  // an _id that no document has: XIDs hold no '/'

std::string seconds_text(Monotonic::duration time) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", std::chrono::duration<double>(time).count());
  return text;
}

}  // namespace

Status ask_for_life(Connections& connections, Failure* failure) {
  auto lease = connections.lease();
  if (!lease) return lease.error();
  Bson ping, reply;
  ping.small("ping", 1);
  bson_error_t error;
  const bool alive = mongoc_client_command_simple(lease->client(), "admin", ping.get(), connections.primary(), nullptr, &error);
  if (alive) return {};
  const Failure failed = describe(error);
  if (failure != nullptr) *failure = failed;
  return unavailable(failed);
}

Status ask_for_a_write(Connections& connections) {
  auto lease = connections.lease();
  if (!lease) return lease.error();
  Bson nobody, change, member;
  nobody.text("_id", kNobody);
  member.small("v", 0);
  change.document("$set", member);
  bson_error_t error;
  const bool done = mongoc_collection_update_one(lease->tokens(), nobody.get(), change.get(), nullptr, nullptr, &error);
  return done ? Status() : Status(unavailable(describe(error)));
}

Result<Stats> ask_for_size(Connections& connections) {
  auto lease = connections.lease();
  if (!lease) return lease.error();
  Bson options;
  options.number("maxTimeMS", connections.timeout().count());
  bson_error_t error;
  Stats stats;
  const auto count = mongoc_collection_estimated_document_count(lease->tokens(), options.get(), connections.primary(), nullptr, &error);
  if (count < 0) return unavailable(describe(error));
  stats.transactions = static_cast<std::uint64_t>(count);
  Bson command;
  command.text("collStats", kTokens);
  bson_t reply;
  // Not every server and not every role has it.
  if (mongoc_client_command_simple(lease->client(), lease->database(), command.get(), connections.primary(), &reply, &error)) {
    bson_iter_t at;
    for (const char* key : {"storageSize", "totalIndexSize"}) {
      if (bson_iter_init_find(&at, &reply, key)) stats.bytes += static_cast<std::uint64_t>(std::max<std::int64_t>(0, bson_iter_as_int64(&at)));
    }
  }
  bson_destroy(&reply);
  return stats;
}

ServerWatch::ServerWatch(Connections& connections, OnEvent on_event, Stats first)
    : connections_(connections), on_event_(std::move(on_event)), stats_(first), pauses_(kFirstRetry, kLastRetry), random_(std::random_device()()),
      thread_([this] { name_this_thread("mongodb_watch"), run(); }) {}

ServerWatch::~ServerWatch() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

Status ServerWatch::check() const {
  if (!away_.load(std::memory_order_acquire)) return {};
  const std::lock_guard lock(mutex_);
  return Error(kStoreUnavailable, "mongodb: the server is away: " + cause_);
}

void ServerWatch::failed(const std::string& cause) {
  {
    const std::lock_guard lock(mutex_);
    if (away_) return;
    cause_ = cause;
    since_ = Monotonic::now();
    away_ = true;
  }
  wake_.notify_one();
  if (on_event_) on_event_("mongodb: the server is away: " + cause);
}

Stats ServerWatch::stats() const {
  const std::lock_guard lock(mutex_);
  return {stats_.transactions + added_.load(std::memory_order_relaxed), stats_.bytes};
}

void ServerWatch::run() {
  auto stats_at = Monotonic::now();
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (away_) {
      try_again(lock);
      continue;
    }
    pauses_.reset();
    if (wake_.wait_for(lock, kLifeInterval, [this] { return stopping_ || away_; })) continue;
    lock.unlock();
    const Status alive = ask_for_life(connections_);
    if (!alive) failed(alive.error().detail().substr(sizeof("mongodb: ") - 1));
    if (alive && Monotonic::now() - stats_at >= kStatsInterval) {
      stats_at = Monotonic::now();
      added_ = 0;  // before the question: what is added meanwhile may count twice, until the next time
      const auto size = ask_for_size(connections_);
      lock.lock();
      if (size) stats_ = *size;
    } else {
      lock.lock();
    }
  }
}

void ServerWatch::try_again(std::unique_lock<std::mutex>& lock) {
  if (wake_.wait_for(lock, pauses_.next(random_), [this] { return stopping_; })) return;
  lock.unlock();
  const Status back = ask_for_a_write(connections_);
  lock.lock();
  if (!back) {
    cause_ = back.error().detail().substr(sizeof("mongodb: ") - 1);
    return;
  }
  away_ = false;
  const std::string event = "mongodb: the server is back after " + seconds_text(Monotonic::now() - since_) + " s";
  lock.unlock();
  if (on_event_) on_event_(event);
  lock.lock();
}

}  // namespace jwtd::store
