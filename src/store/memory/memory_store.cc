// store/memory/memory_store.cc - a hash table by XID, and one by phone of positions in the order of their time.
#include "store/memory/memory_store.h"

#include <algorithm>
#include <deque>
#include <mutex>
#include <unordered_map>

#include "base/limits.h"
#include "store/cursor.h"
#include "store/decide.h"

namespace jwtd::store {
namespace {

constexpr std::size_t kSweepSlice = 1024;  // removals for which commits may have to wait: about 0.3 ms

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};

// Oldest first, so that the normal case is push_back.
bool before(const Position& a, const Position& b) { return a.created_at != b.created_at ? a.created_at < b.created_at : a.xid < b.xid; }

class MemoryStore final : public Store {
 public:
  explicit MemoryStore(const StoreOptions& options) : retention_(options.retention) {}

  Status commit(std::span<Entry* const> batch) override {
    const std::scoped_lock lock(mutex_);
    for (Entry* entry : batch) commit_one(*entry);
    return {};
  }

  Result<std::optional<Transaction>> find(const Xid& xid, UnixMillis now) override {
    const std::scoped_lock lock(mutex_);
    const auto found = by_xid_.find(xid.view());
    if (found == by_xid_.end() || past_retention(found->second.created_at, retention_, now)) return std::optional<Transaction>();
    Transaction copy = shallow(found->second);
    const auto& earlier = found->second.earlier;
    copy.earlier.assign(earlier.rbegin(), earlier.rbegin() + static_cast<std::ptrdiff_t>(std::min(earlier.size(), kMaxEarlierTokens)));
    return std::optional<Transaction>(std::move(copy));
  }

  Result<Page> find_by_phone(const Phone& phone, std::size_t limit, std::string_view cursor, UnixMillis now) override {
    const std::scoped_lock lock(mutex_);
    Page page;
    std::optional<Position> after;
    if (!cursor.empty()) {
      auto position = read_cursor(phone, cursor);
      if (!position) return position.error();
      after = *position;
    }
    const auto list = by_phone_.find(phone.packed());
    if (list == by_phone_.end()) return page;
    const auto end = after ? std::lower_bound(list->second.begin(), list->second.end(), *after, before) : list->second.end();
    for (auto it = std::make_reverse_iterator(end); it != list->second.rend(); ++it) {
      if (past_retention(it->created_at, retention_, now)) break;
      if (page.transactions.size() == limit) {
        const Transaction& last = page.transactions.back();
        page.next = write_cursor(phone, {last.created_at, last.current.xid});
        break;
      }
      page.transactions.push_back(shallow(by_xid_.find(it->xid.view())->second));
    }
    return page;
  }

  Status writable() override { return {}; }

  Status sweep(UnixMillis now) override {
    for (bool more = true; more;) {
      const std::scoped_lock lock(mutex_);
      more = false;
      for (std::size_t i = 0; i < kSweepSlice && !arrivals_.empty() && past_retention(arrivals_.front().created_at, retention_, now); ++i) {
        remove(arrivals_.front());
        arrivals_.pop_front();
        more = true;
      }
    }
    return {};
  }

  // In the order of XIDs. Each slice looks at all of the table: a store that lives in one process is not worth a sorted index.
  Result<Slice> scan(std::size_t limit, std::string_view cursor, UnixMillis now) override {
    std::string after;
    if (!cursor.empty()) {
      auto position = read_scan_cursor(cursor);
      if (!position) return position.error();
      after = *std::move(position);
    }
    const std::scoped_lock lock(mutex_);
    std::vector<std::string_view> xids;
    for (const auto& [xid, transaction] : by_xid_) {
      if (xid > after && !past_retention(transaction.created_at, retention_, now)) xids.push_back(xid);
    }
    const std::size_t count = std::min(limit, xids.size());
    std::partial_sort(xids.begin(), xids.begin() + static_cast<std::ptrdiff_t>(count), xids.end());
    Slice slice;
    for (std::size_t i = 0; i < count; ++i) {
      Transaction copy = by_xid_.find(xids[i])->second;
      std::reverse(copy.earlier.begin(), copy.earlier.end());
      slice.transactions.push_back(std::move(copy));
    }
    if (count < xids.size()) slice.next = write_scan_cursor(xids[count - 1]);
    return slice;
  }

  Result<Adopted> adopt(std::span<const Transaction> transactions) override {
    const std::scoped_lock lock(mutex_);
    Adopted adopted;
    for (const Transaction& transaction : transactions) {
      const Record& current = transaction.current;
      const auto found = by_xid_.find(current.xid.view());
      if (found != by_xid_.end()) {
        if (!past_retention(found->second.created_at, retention_, current.recorded_at)) {
          ++(found->second.current.token == current.token ? adopted.present : adopted.different);
          continue;
        }
        remove({found->second.created_at, current.xid});
      }
      Transaction copy = transaction;
      std::reverse(copy.earlier.begin(), copy.earlier.end());
      place(std::move(copy));
      ++adopted.written;
    }
    return adopted;
  }

  Stats stats() override {
    const std::scoped_lock lock(mutex_);
    return {by_xid_.size(), 0};
  }

  std::string_view driver() const override { return "memory"; }

 private:
  void commit_one(Entry& entry) {
    entry.standing.reset();
    const Record& proposed = entry.proposed;
    const auto found = by_xid_.find(proposed.xid.view());
    if (found == by_xid_.end()) return insert(entry);
    Transaction& transaction = found->second;
    if (past_retention(transaction.created_at, retention_, proposed.recorded_at)) {
      remove({transaction.created_at, proposed.xid});
      return insert(entry);
    }
    entry.outcome = decide(transaction.current, proposed);
    if (entry.outcome == Outcome::kReused) entry.standing = transaction.current;
    if (entry.outcome != Outcome::kReissued) return;
    transaction.earlier.push_back(std::move(transaction.current));
    transaction.current = proposed;
    ++transaction.issued;
  }

  void insert(Entry& entry) {
    entry.outcome = Outcome::kInserted;
    place({entry.proposed.recorded_at, 1, entry.proposed, {}});
  }

  // What is older than its neighbours in `arrivals_` is removed with them, a little late; readers never see it.
  void place(Transaction transaction) {
    const Position position{transaction.created_at, transaction.current.xid};
    auto& list = by_phone_[transaction.current.phone.packed()];
    list.insert(list.empty() || before(list.back(), position) ? list.end() : std::lower_bound(list.begin(), list.end(), position, before),
                position);
    by_xid_.emplace(position.xid.text(), std::move(transaction));
    arrivals_.push_back(position);
  }

  // Leaves `arrivals_` alone; an arrival whose transaction has gone or was made anew since means nothing.
  void remove(const Position& position) {
    const auto found = by_xid_.find(position.xid.view());
    if (found == by_xid_.end() || found->second.created_at != position.created_at) return;
    const auto list = by_phone_.find(found->second.current.phone.packed());
    list->second.erase(std::lower_bound(list->second.begin(), list->second.end(), position, before));
    if (list->second.empty()) by_phone_.erase(list);
    by_xid_.erase(found);
  }

  static Transaction shallow(const Transaction& transaction) {
    return {transaction.created_at, transaction.issued, transaction.current, {}};
  }

  const std::chrono::seconds retention_;
  std::mutex mutex_;
  std::unordered_map<std::string, Transaction, TextHash, std::equal_to<>> by_xid_;  // `earlier` oldest first, unlike what goes out
  std::unordered_map<std::uint64_t, std::vector<Position>> by_phone_;
  std::deque<Position> arrivals_;
};

}  // namespace

std::unique_ptr<Store> open_memory_store(const StoreOptions& options) { return std::make_unique<MemoryStore>(options); }

}  // namespace jwtd::store
