// forward/forwarder.h - takes what stands in the outbox to the operator's own URL, at least once, signed as Standard Webhooks has it.
//
// Fields: webhook-id (the same for every attempt: the receiver drops what it has seen), webhook-timestamp (of this attempt), webhook-signature
// ("v1," and HMAC-SHA256 over id.timestamp.body). Any 2xx is taken for "received", whatever its body. Everything else is tried again, with pauses
// that double up to an hour, for about a day (kForwardAttempts); then the note moves to `dead`, where it stays until it is replayed or
// kDeadLetterKept is over.
//
// kForwardAtOnce are on their way at a time, in no promised order. One that hangs keeps its thread and nothing else: the turn goes on without it, and
// a later one settles it. If all that was tried failed for a reason that lies with the receiver, the URL rests (rest.h): nothing is claimed or sent,
// so no message loses attempts to an outage but those that probe for its end.
//
// Several nodes over one database: what a node has recorded is its own to send, and the others leave it alone until kForwardGrace after it was due,
// so in calm nothing is sent twice. Who sends writes its name and the end of kForwardClaim into the note first, and sends what still has that name
// when it is read back. A node that dies leaves its notes to the others when that time is over; then two may send the same now and then.
//
// Thread-safety: start(), stop() and wake() from any thread; turn() is what the thread does, for tests. Ownership: what it refers to outlives it.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/limits.h"
#include "base/result.h"
#include "base/time.h"
#include "forward/outbox.h"
#include "forward/rest.h"
#include "forward/senders.h"
#include "jose/hmac.h"
#include "outgoing/client_pool.h"
#include "store/group_commit.h"
#include "store/store.h"

namespace jwtd::forward {

inline constexpr auto kForwardClaim = std::chrono::seconds(25);  // of one turn, which begins no delivery in the last two time-outs of it
inline constexpr auto kForwardWindow = kForwardClaim - 2 * kForwardTimeout;
inline constexpr auto kForwardLastPatience = std::chrono::seconds(3);  // of a stop, for what is on its way: well below kExitDeadline
inline constexpr auto kForwardGrace = std::chrono::seconds(10);  // a node that lives is at its own notes within a second

// The value of webhook-signature.
std::string webhook_signature(const jose::HmacKey& secret, std::string_view id, UnixSeconds at, std::string_view body);

struct ForwardStats {  // since the start; read at any time, from any thread
  std::atomic<std::uint64_t> delivered{0}, failed{0}, dead{0};
  std::atomic<std::int64_t> waiting{0};  // in the outbox, as of the last turn that saw all of it
  std::atomic<bool> resting{false};      // nothing is sent, or one that probes whether the URL is back
};

class Forwarder {
 public:
  struct Options {
    std::string url;
    std::string ca_file;  // PEM; empty: whom the system believes
    bool alone = false;   // no other process can have this store: what another name has claimed was claimed by one that is gone
    std::function<void(std::string_view event)> on_event;  // what the log should hear: no bodies, no URLs; may be empty
    UnixMillis (*clock)() = &wall_now;  // on several threads
    std::size_t at_once = kForwardAtOnce;
    std::chrono::milliseconds patience = kForwardPatience, window = kForwardWindow;
  };
  using Apply = std::function<Status(store::Change)>;  // durable when it returns; on the thread that calls turn()

  Forwarder(store::Store& store, jose::HmacKey secret, Options options);
  ~Forwarder();  // stops

  // The note for a report that this node has just recorded: outbox.h.
  store::Note note_for(const Xid& xid, const telesign::Report& report, UnixMillis now) const { return outbox_note(xid, report, now, node_); }

  // A thread that does a turn whenever it is woken, and every second. It writes through `commit`.
  void start(store::GroupCommit& commit);
  void stop();  // gives up what is still on its way after kForwardLastPatience: whoever comes next sends it again
  void wake();

  // Sends what is due, a bounded number; returns how many it took up.
  std::size_t turn(const Apply& apply);

  const ForwardStats& stats() const { return stats_; }
  const std::string& node() const { return node_; }  // this process's name: the owner of what it puts into the outbox

 private:
  std::size_t room(UnixMillis now) const;
  std::vector<Delivery> due(UnixMillis now, std::size_t most);
  bool is_due(const Delivery& delivery, UnixMillis now) const;
  bool claim(std::vector<Delivery>& deliveries, const Apply& apply, UnixMillis now);
  Outcome deliver(const Delivery& delivery);
  void finish(std::vector<Attempt> attempts, const Apply& apply);
  void settle(Delivery delivery, bool delivered, store::Change& change);
  void judge(const std::vector<Attempt>& attempts);
  void count(const Attempt& failed);
  void tell_failures(UnixMillis now, bool at_once);
  void tell(std::string_view event) const;
  bool stopping() const;

  store::Store& store_;
  const jose::HmacKey secret_;
  const Options options_;
  const std::string node_;  // random: names this process in what it claims
  outgoing::ClientPool clients_;
  std::minstd_rand random_;
  ForwardStats stats_;
  std::string scanned_;      // key where the next look at the outbox goes on
  std::int64_t counted_ = 0;
  bool more_ = false;        // the last turn took up as many as it could
  std::set<std::string> on_their_way_;  // keys of what the senders have
  Rest rest_;
  std::uint64_t judged_ = 0;  // attempts up to this number say nothing new about the receiver

  std::uint64_t untold_ = 0;  // failures since the last line of the log about them
  std::string last_failure_;
  UnixMillis told_at_ = 0;

  mutable std::mutex mutex_;
  std::condition_variable woken_;
  bool stopping_ = false, due_now_ = false;  // guarded by mutex_
  std::thread thread_;
  Senders senders_;  // the last: its threads use the rest
};

}  // namespace jwtd::forward
