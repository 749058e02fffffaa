// store/apply_all.cc - one coroutine a change; the last one to end resumes whoever waits.
#include "store/apply_all.h"

#include <coroutine>
#include <cstddef>
#include <utility>

namespace jwtd::store {
namespace {

// Awaited once; ends with the last of its changes.
class Together {
 public:
  Together(Lane& lane, std::vector<Change>& changes) : lane_(lane), open_(changes.size()) {
    for (Change& change : changes) run(*this, change);
  }

  bool await_ready() const { return open_ == 0; }
  void await_suspend(std::coroutine_handle<> waiter) { waiter_ = waiter; }
  Status await_resume() { return std::move(failed_); }

 private:
  static Detached run(Together& all, Change& change) {
    Result<Change> applied = co_await all.lane_.apply(std::move(change));
    if (applied) {
      change = *std::move(applied);
    } else {
      all.failed_ = applied.error();
    }
    if (--all.open_ == 0 && all.waiter_) all.waiter_.resume();
  }

  Lane& lane_;
  std::size_t open_;
  Status failed_;
  std::coroutine_handle<> waiter_;
};

}  // namespace

Task<Result<std::vector<Change>>> apply_all(Lane& lane, std::vector<Change> changes) {
  Together all(lane, changes);
  Status done = co_await all;
  if (!done) co_return std::move(done).error();
  co_return std::move(changes);
}

}  // namespace jwtd::store
