// store/late_store.cc - try, tell, pass on.
#include "store/late_store.h"

#include <random>

#include "base/pauses.h"
#include "base/thread_name.h"

namespace jwtd::store {

LateStore::LateStore(Options options, Error cause)
    : options_(std::move(options)), cause_(std::move(cause)), thread_([this] { name_this_thread("store_opener"), run(); }) {}

LateStore::~LateStore() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void LateStore::run() {
  tell("cannot be opened yet: " + cause_.detail());
  std::minstd_rand random(std::random_device{}());
  Pauses pauses(options_.first_pause, options_.longest_pause);
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, pauses.next(random), [this] { return stopping_; })) {
    lock.unlock();
    auto opened = options_.open();
    if (opened) {
      opened_ = *std::move(opened);
      store_.store(opened_.get(), std::memory_order_release);
      tell("is open: service begins");
      return;
    }
    const bool news = opened.error().detail() != cause_.detail();  // written by this thread alone
    lock.lock();
    cause_ = std::move(opened).error();
    if (!news) continue;
    const std::string event = "cannot be opened yet: " + cause_.detail();
    lock.unlock();  // told when whoever asks hears it too
    tell(event);
    lock.lock();
  }
}

void LateStore::tell(const std::string& event) const {
  if (options_.on_event) options_.on_event("the store " + event);
}

Error LateStore::refusal() const {
  const std::lock_guard lock(mutex_);
  return Error(kStoreUnavailable, "not open yet: " + cause_.detail());
}

Status LateStore::writable() {
  if (Store* store = store_.load(std::memory_order_acquire)) return store->writable();
  const std::lock_guard lock(mutex_);
  return cause_;
}

Stats LateStore::stats() {
  Store* store = store_.load(std::memory_order_acquire);
  return store ? store->stats() : Stats();
}

std::optional<Result<std::optional<std::string>>> LateStore::note_at_once(const NoteName& name, UnixMillis now) {
  Store* store = store_.load(std::memory_order_acquire);
  return store ? store->note_at_once(name, now) : std::nullopt;
}

std::optional<Result<std::optional<Transaction>>> LateStore::find_at_once(const Xid& xid, UnixMillis now) {
  Store* store = store_.load(std::memory_order_acquire);
  return store ? store->find_at_once(xid, now) : std::nullopt;
}

// -- what is refused or passed on -----------------------------------------------------------------------------------

#define JWTD_PASS_ON(call)                                                        \
  if (Store* store = store_.load(std::memory_order_acquire)) return store->call; \
  return refusal()

Status LateStore::commit(std::span<Entry* const> batch) { JWTD_PASS_ON(commit(batch)); }
Status LateStore::apply(std::span<Change* const> changes) { JWTD_PASS_ON(apply(changes)); }
Result<std::optional<std::string>> LateStore::note(const NoteName& name, UnixMillis now) { JWTD_PASS_ON(note(name, now)); }
Result<std::vector<Note>> LateStore::notes(std::string_view kind, std::string_view after, std::size_t limit, UnixMillis now) {
  JWTD_PASS_ON(notes(kind, after, limit, now));
}
Result<std::optional<Transaction>> LateStore::find(const Xid& xid, UnixMillis now) { JWTD_PASS_ON(find(xid, now)); }
Result<Page> LateStore::find_by_phone(const Phone& phone, std::size_t limit, std::string_view cursor, UnixMillis now) {
  JWTD_PASS_ON(find_by_phone(phone, limit, cursor, now));
}
void LateStore::recover() {
  if (Store* store = store_.load(std::memory_order_acquire)) store->recover();
}

Status LateStore::sweep(UnixMillis now) { JWTD_PASS_ON(sweep(now)); }
Result<Slice> LateStore::scan(std::size_t limit, std::string_view cursor, UnixMillis now) { JWTD_PASS_ON(scan(limit, cursor, now)); }
Result<Adopted> LateStore::adopt(std::span<const Transaction> transactions) { JWTD_PASS_ON(adopt(transactions)); }

#undef JWTD_PASS_ON

}  // namespace jwtd::store
