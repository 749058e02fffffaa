// store/late_store.h - a store whose server was away at the start: refuses everything until it can be opened, and then passes everything on.
//
// A thread tries again, pausing up to two seconds. A server that is there and cannot be used (tables of a newer jwtd, no rights) is asked too:
// whoever mends that needs no restart. on_event hears each new cause once, and when service begins.
//
// Thread-safety: as store.h. Cost once it is open: one atomic load a call.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/time.h"
#include "store/store.h"

namespace jwtd::store {

class LateStore final : public Store {
 public:
  struct Options {
    std::function<Result<std::unique_ptr<Store>>()> open;  // may block; called by this object's thread alone
    std::string_view driver;          // of what it will open; static storage
    std::size_t commits_at_once = 1;  // the same
    std::function<void(std::string_view event)> on_event;  // as StoreOptions
    Monotonic::duration first_pause = std::chrono::milliseconds(100);
    Monotonic::duration longest_pause = std::chrono::seconds(2);
  };

  // `cause`: why it could not be opened at the start.
  LateStore(Options options, Error cause);
  ~LateStore() override;  // waits for an attempt that is under way

  Status commit(std::span<Entry* const> batch) override;
  Status apply(std::span<Change* const> changes) override;
  Result<std::optional<std::string>> note(const NoteName& name, UnixMillis now) override;
  std::optional<Result<std::optional<std::string>>> note_at_once(const NoteName& name, UnixMillis now) override;
  Result<std::vector<Note>> notes(std::string_view kind, std::string_view after, std::size_t limit, UnixMillis now) override;
  std::size_t commits_at_once() const override { return options_.commits_at_once; }
  bool shares_out_batches() const override { return true; }  // what is opened late is a database
  Result<std::optional<Transaction>> find(const Xid& xid, UnixMillis now) override;
  std::optional<Result<std::optional<Transaction>>> find_at_once(const Xid& xid, UnixMillis now) override;
  Result<Page> find_by_phone(const Phone& phone, std::size_t limit, std::string_view cursor, UnixMillis now) override;
  Status writable() override;  // before it is open: with the cause's own code
  void recover() override;
  Status sweep(UnixMillis now) override;
  Result<Slice> scan(std::size_t limit, std::string_view cursor, UnixMillis now) override;
  Result<Adopted> adopt(std::span<const Transaction> transactions) override;
  Stats stats() override;
  std::string_view driver() const override { return options_.driver; }

 private:
  void run();
  void tell(const std::string& event) const;
  Error refusal() const;

  const Options options_;
  mutable std::mutex mutex_;
  Error cause_;  // guarded by mutex_
  bool stopping_ = false;
  std::condition_variable wake_;
  std::unique_ptr<Store> opened_;
  std::atomic<Store*> store_{nullptr};
  std::thread thread_;  // last: uses all of it
};

}  // namespace jwtd::store
