// forward/forwarder.cc - claim, send, settle: two durable writes a turn, however many go out.
#include "forward/forwarder.h"

#include <algorithm>

#include "base/limits.h"
#include "base/pauses.h"
#include "base/secret.h"
#include "base/thread_name.h"
#include "forward/blocking_lane.h"
#include "telesign/signature.h"

namespace jwtd::forward {
namespace {

std::string random_name() {
  std::string out;
  for (const unsigned char octet : random_octets(8)) {
    out.push_back("0123456789abcdef"[octet >> 4]);
    out.push_back("0123456789abcdef"[octet & 15]);
  }
  return out;
}

// A phone number may be erased while its callbacks are on their way: what was removed is not put back.
store::Note still_waiting(const Delivery& delivery) {
  store::Note note = note_of(delivery, store::kOutboxNote);
  note.where = store::kOutboxNote;
  return note;
}

template <class D>
UnixMillis millis(D duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

UnixMillis pause_after(unsigned attempts, std::minstd_rand& random) {
  Monotonic::duration whole = kForwardFirstPause;
  for (unsigned i = 1; i < attempts && whole < kForwardLongestPause; ++i) whole *= 2;
  return millis(Pauses(std::min<Monotonic::duration>(whole, kForwardLongestPause), kForwardLongestPause).next(random));
}

}  // namespace

std::string webhook_signature(const jose::HmacKey& secret, std::string_view id, UnixSeconds at, std::string_view body) {
  std::string text(id);
  text.append(".").append(std::to_string(at)).append(".").append(body);
  return "v1," + telesign::signature_of(text, secret);
}

Forwarder::Forwarder(store::Store& store, jose::HmacKey secret, Options options)
    : store_(store), secret_(std::move(secret)), options_(std::move(options)), node_(random_name()), clients_({options_.ca_file}), random_(std::random_device{}()),
      senders_(options_.at_once, [this](const Delivery& delivery) { return deliver(delivery); }) {}

Forwarder::~Forwarder() { stop(); }

void Forwarder::start(store::GroupCommit& commit) {
  thread_ = std::thread([this, &commit] {
    name_this_thread("forwarder");
    BlockingLane lane(commit);
    const Apply apply = [&lane](store::Change change) -> Status {
      const Result<store::Change> applied = lane.apply(std::move(change));
      return applied ? Status() : Status(applied.error());
    };
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      due_now_ = false;
      lock.unlock();
      turn(apply);
      lock.lock();
      // A rest ends by its time alone.
      if (!more_) woken_.wait_for(lock, kForwardInterval, [this] { return stopping_ || (due_now_ && !stats_.resting); });
    }
    lock.unlock();
    finish(senders_.finish(kForwardLastPatience, [this] { clients_.cancel(); }), apply);
    tell_failures(options_.clock(), true);
  });
}

void Forwarder::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  woken_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Forwarder::wake() {
  {
    const std::lock_guard lock(mutex_);
    due_now_ = true;
  }
  woken_.notify_one();
}

bool Forwarder::stopping() const {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

void Forwarder::tell(std::string_view event) const {
  if (options_.on_event) options_.on_event(event);
}

// How many may be taken up now.
std::size_t Forwarder::room(UnixMillis now) const {
  const std::size_t free = senders_.free();
  switch (rest_.state(now)) {
    case Rest::State::kResting: return 0;
    case Rest::State::kProbe: return free == options_.at_once ? 1 : 0;
    case Rest::State::kNone: break;
  }
  return free * kForwardEach;
}

// The outbox is looked through in order, a bounded part a turn, so that many that wait for their next attempt do not hide those that are due. While
// none may be sent those that wait are counted all the same.
std::vector<Delivery> Forwarder::due(UnixMillis now, std::size_t most) {
  std::vector<Delivery> out;
  const auto full = [&] { return most > 0 && out.size() == most; };
  for (std::size_t seen = 0; seen < kForwardScan && !full();) {
    const auto notes = store_.notes(store::kOutboxNote, scanned_, kMaxPageRecords, now);
    if (!notes) {
      tell("the outbox cannot be read: " + notes.error().message());
      return out;
    }
    for (const store::Note& note : *notes) {
      if (full()) return out;
      scanned_ = note.key;
      ++seen;
      ++counted_;
      if (most == 0) continue;
      std::optional<Delivery> delivery = delivery_of(note);
      if (!delivery) tell("a note in the outbox cannot be read");
      else if (is_due(*delivery, now)) out.push_back(*std::move(delivery));
    }
    if (notes->size() < kMaxPageRecords) {  // that was the end: from the beginning next time
      stats_.waiting = std::exchange(counted_, 0);
      scanned_.clear();
      break;
    }
  }
  return out;
}

bool Forwarder::is_due(const Delivery& delivery, UnixMillis now) const {
  if (on_their_way_.contains(delivery.key)) return false;
  if (delivery.owner.empty() || delivery.owner == node_) return delivery.next_at <= now;
  return options_.alone || delivery.next_at + millis(kForwardGrace) <= now;
}

// Leaves in `deliveries` those that are this node's. False: the store did not take the claim.
bool Forwarder::claim(std::vector<Delivery>& deliveries, const Apply& apply, UnixMillis now) {
  store::Change change;
  for (Delivery& delivery : deliveries) {
    delivery.owner = node_;
    delivery.next_at = now + millis(kForwardClaim);
    change.put.push_back(still_waiting(delivery));
  }
  if (!apply(std::move(change))) return false;
  std::erase_if(deliveries, [&](const Delivery& delivery) {
    const auto value = store_.note({std::string(store::kOutboxNote), delivery.key}, now);
    if (!value || !*value) return true;
    const auto stands = delivery_of({.kind = std::string(store::kOutboxNote), .key = delivery.key, .value = **value});
    return !stands || stands->owner != node_;
  });
  return true;
}

Outcome Forwarder::deliver(const Delivery& delivery) {
  using Kind = Outcome::Kind;
  const UnixSeconds at = options_.clock() / 1000;
  outgoing::Request request{.url = options_.url, .method = "POST", .body = delivery.body, .timeout = kForwardTimeout, .status_alone = true};
  request.fields = {"Content-Type: application/json", "webhook-id: " + delivery.id, "webhook-timestamp: " + std::to_string(at),
                    "webhook-signature: " + webhook_signature(secret_, delivery.id, at, delivery.body)};
  const Result<outgoing::Answer> answer = clients_.send(request);
  if (!answer) return {answer.error().is(outgoing::kRequestCancelled) ? Kind::kUntried : Kind::kAway, answer.error().message()};
  const int status = answer->status;
  const Kind kind = status >= 200 && status < 300 ? Kind::kTaken : status == 429 || status >= 500 ? Kind::kAway : Kind::kRefused;
  return {kind, "HTTP status " + std::to_string(status), answer->retry_after};
}

void Forwarder::settle(Delivery delivery, bool delivered, store::Change& change) {
  ++delivery.attempts;
  if (delivered) {
    ++stats_.delivered;
    change.remove.push_back({std::string(store::kOutboxNote), delivery.key});
    return;
  }
  ++stats_.failed;
  const UnixMillis now = options_.clock();
  if (delivery.attempts < kForwardAttempts) {
    delivery.next_at = now + pause_after(delivery.attempts, random_);
    if (options_.alone) delivery.owner.clear();  // or the next process would take it for a claim of one that is gone
    change.put.push_back(still_waiting(delivery));
    return;
  }
  ++stats_.dead;
  delivery.owner.clear();
  tell("a callback was given up: " + delivery.id);
  change.remove.push_back({std::string(store::kOutboxNote), delivery.key});
  store::Note dead = note_of(delivery, store::kDeadNote);
  dead.where = store::kOutboxNote;
  dead.expires_at = now + millis(kDeadLetterKept);
  change.put.push_back(std::move(dead));
}

// What the attempts say of the receiver as a whole. Those that began before it was last judged say what is known already: ones that hung, most of all.
void Forwarder::judge(const std::vector<Attempt>& attempts) {
  std::uint64_t well = 0, away = 0;
  std::chrono::seconds asked{0};
  for (const Attempt& attempt : attempts) {
    if (attempt.outcome.kind == Outcome::Kind::kUntried || attempt.number <= judged_) continue;
    if (attempt.outcome.kind != Outcome::Kind::kAway) {
      well = std::max(well, attempt.number);
      continue;
    }
    ++away;
    asked = std::max(asked, attempt.outcome.retry_after);
  }
  if (well > 0) {
    judged_ = well;
    rest_.end();
    if (stats_.resting.exchange(false)) tell("the receiver answers again");
  } else if (away > 0) {
    judged_ = senders_.begun();
    rest_.begin(options_.clock(), asked, random_);
    stats_.resting = true;
  }
}

void Forwarder::count(const Attempt& failed) {
  ++untold_;
  last_failure_ = failed.outcome.cause + ", " + failed.delivery.id + ", attempt " + std::to_string(failed.delivery.attempts + 1);
}

// One line for all of a while: a receiver that is away must not fill the log.
void Forwarder::tell_failures(UnixMillis now, bool at_once) {
  const UnixMillis since = now - told_at_;
  if (untold_ == 0 || (!at_once && since >= 0 && since < millis(kForwardTellInterval))) return;
  tell(std::to_string(untold_) + (untold_ == 1 ? " attempt was not taken: " : " attempts were not taken, the last: ") + last_failure_ +
       (stats_.resting ? "; the receiver is left alone for a while" : ""));
  untold_ = 0;
  told_at_ = now;
}

// One durable write for all that has ended.
void Forwarder::finish(std::vector<Attempt> attempts, const Apply& apply) {
  if (attempts.empty()) return;
  judge(attempts);
  const bool stopping = this->stopping();
  store::Change change;
  for (Attempt& attempt : attempts) {
    on_their_way_.erase(attempt.delivery.key);
    if (attempt.outcome.kind != Outcome::Kind::kUntried) {
      const bool taken = attempt.outcome.kind == Outcome::Kind::kTaken;
      if (!taken) count(attempt);
      settle(std::move(attempt.delivery), taken, change);
      continue;
    }
    if (stopping) attempt.delivery.owner.clear();  // the rest is free for others
    attempt.delivery.next_at = options_.clock();
    change.put.push_back(still_waiting(attempt.delivery));
  }
  // If this is refused, what was sent will be sent again: at least once.
  if (!apply(std::move(change))) tell("the outbox cannot be written");
}

std::size_t Forwarder::turn(const Apply& apply) {
  const UnixMillis now = options_.clock();
  const std::size_t most = room(now);
  stats_.resting = rest_.state(now) != Rest::State::kNone;
  std::vector<Delivery> deliveries = due(now, most);
  if (!deliveries.empty() && !claim(deliveries, apply, now)) deliveries.clear();
  const std::size_t taken_up = deliveries.size();
  more_ = taken_up > 0 && taken_up == most;
  for (const Delivery& delivery : deliveries) on_their_way_.insert(delivery.key);
  // What began before the claim is over ends before others may begin.
  senders_.begin(std::move(deliveries), [this, now] { return !stopping() && options_.clock() - now <= options_.window.count(); });
  finish(senders_.collect(options_.patience, options_.window), apply);
  tell_failures(options_.clock(), false);
  return taken_up;
}

}  // namespace jwtd::forward
