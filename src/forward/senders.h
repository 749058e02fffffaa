// forward/senders.h - several deliveries at the same time: a queue, and a few threads that empty it.
//
// Thread-safety: one thread calls; `send` and `may_begin` run on the threads within. Ownership: what these two refer to outlives this object.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "forward/outbox.h"

namespace jwtd::forward {

struct Outcome {
  enum class Kind {
    kUntried,
    kTaken,
    kRefused,  // for a reason that may lie with this one message
    kAway,     // for one that lies with the receiver: no connection, no answer, 429, 5xx
  };
  Kind kind = Kind::kUntried;
  std::string cause;                     // of the last two
  std::chrono::seconds retry_after{0};   // what the receiver asked for
};

struct Attempt {
  Delivery delivery;
  Outcome outcome;
  std::uint64_t number = 0;  // in the order in which they began
};

class Senders {
 public:
  using Send = std::function<Outcome(const Delivery&)>;
  using MayBegin = std::function<bool()>;

  Senders(std::size_t at_once, Send send);
  ~Senders();  // waits for what is on its way

  std::size_t free() const;          // threads that have nothing to do
  std::uint64_t begun() const;       // the number of the one that began last

  // Each is asked for just before it would begin. Call collect() before the next begin().
  void begin(std::vector<Delivery> deliveries, MayBegin may_begin);

  // Waits for what was begun last, until all of it is done, or `patience` after the last one went on its way, or until nothing moves for `window`; then
  // those that have not begun come back untried. What is on its way still stays so, and is in a later answer.
  std::vector<Attempt> collect(std::chrono::milliseconds patience, std::chrono::milliseconds window);
  // The end: waits for all; after `patience` calls `give_up`, which has to end what is still on its way.
  std::vector<Attempt> finish(std::chrono::milliseconds patience, const std::function<void()>& give_up);

 private:
  void work();
  std::vector<Attempt> ended();

  const std::size_t at_once_;
  const Send send_;

  mutable std::mutex mutex_;
  std::condition_variable queued_, moved_;
  // All guarded by mutex_.
  MayBegin may_begin_;
  std::deque<Delivery> queue_;
  std::vector<Attempt> ended_;
  std::uint64_t begun_ = 0, batch_ = 0, moves_ = 0;
  std::size_t busy_ = 0, pending_ = 0;  // on their way; of the last batch, and not done
  bool closing_ = false;

  std::vector<std::thread> threads_;
};

}  // namespace jwtd::forward
