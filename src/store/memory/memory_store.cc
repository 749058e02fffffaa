// store/memory/memory_store.cc - a table by XID, and one by phone of positions in the order of their time.
#include "store/memory/memory_store.h"

#include <algorithm>
#include <deque>
#include <map>
#include <mutex>
#include <set>

#include "base/limits.h"
#include "store/cursor.h"
#include "store/decide.h"
#include "store/events.h"
#include "store/memory/growing_table.h"

namespace jwtd::store {
namespace {

constexpr std::size_t kSweepSlice = 1024;  // removals for which commits may have to wait: about 0.3 ms

struct TextHash {
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};

struct PhoneHash {
  std::size_t operator()(std::uint64_t phone) const { return phone * 0x9e37'79b9'7f4a'7c15 >> 20; }
};

struct OldestFirst {
  bool operator()(const Position& a, const Position& b) const {
    return a.created_at != b.created_at ? a.created_at < b.created_at : a.xid < b.xid;
  }
};

class MemoryStore final : public Store {
 public:
  explicit MemoryStore(const StoreOptions& options) : retention_(options.retention) {}

  Status commit(std::span<Entry* const> batch) override {
    const std::scoped_lock lock(mutex_);
    for (Entry* entry : batch) commit_one(*entry);
    return {};
  }

  Status apply(std::span<Change* const> changes) override {
    const std::scoped_lock lock(mutex_);
    for (Change* change : changes) apply_one(*change);
    return {};
  }

  Result<std::optional<std::string>> note(const NoteName& name, UnixMillis now) override {
    const std::scoped_lock lock(mutex_);
    return look_up(name, now);
  }

  Result<std::vector<Note>> notes(std::string_view kind, std::string_view after, std::size_t limit, UnixMillis now) override {
    const std::scoped_lock lock(mutex_);
    std::vector<Note> found;
    for (auto it = notes_.upper_bound({std::string(kind), std::string(after)}); it != notes_.end() && it->first.first == kind && found.size() < limit; ++it) {
      if (!is_over(it->second, now)) found.push_back(it->second);
    }
    return found;
  }

  Result<std::optional<Transaction>> find(const Xid& xid, UnixMillis now) override {
    const std::scoped_lock lock(mutex_);
    return look_up(xid, now);
  }

  std::optional<Result<std::optional<Transaction>>> find_at_once(const Xid& xid, UnixMillis now) override {
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock) return std::nullopt;
    return Result<std::optional<Transaction>>(look_up(xid, now));
  }

  std::optional<Result<std::optional<std::string>>> note_at_once(const NoteName& name, UnixMillis now) override {
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock) return std::nullopt;
    return Result<std::optional<std::string>>(look_up(name, now));
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
    const Positions* list = by_phone_.find(phone.packed());
    if (!list) return page;
    const auto end = after ? list->lower_bound(*after) : list->end();
    for (auto it = std::make_reverse_iterator(end); it != list->rend(); ++it) {
      if (past_retention(it->created_at, retention_, now)) break;
      if (page.transactions.size() == limit) {
        const Transaction& last = page.transactions.back();
        page.next = write_cursor(phone, {last.created_at, last.current.xid});
        break;
      }
      page.transactions.push_back(shallow(*by_xid_.find(it->xid.view())));
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
    const std::scoped_lock lock(mutex_);
    std::erase_if(notes_, [now](const auto& item) { return is_over(item.second, now); });
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
    by_xid_.for_each([&](const std::string& xid, const Transaction& transaction) {
      if (xid > after && !past_retention(transaction.created_at, retention_, now)) xids.push_back(xid);
    });
    const std::size_t count = std::min(limit, xids.size());
    std::partial_sort(xids.begin(), xids.begin() + static_cast<std::ptrdiff_t>(count), xids.end());
    Slice slice;
    for (std::size_t i = 0; i < count; ++i) {
      Transaction copy = *by_xid_.find(xids[i]);
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
      if (const Transaction* const found = by_xid_.find(current.xid.view())) {
        if (!past_retention(found->created_at, retention_, current.recorded_at)) {
          ++(found->current.token == current.token ? adopted.present : adopted.different);
          continue;
        }
        remove({found->created_at, current.xid});
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
  using Positions = std::set<Position, OldestFirst>;

  // Under the lock, as all below.
  std::optional<Transaction> look_up(const Xid& xid, UnixMillis now) {
    const Transaction* found = by_xid_.find(xid.view());
    if (!found || past_retention(found->created_at, retention_, now)) return std::nullopt;
    Transaction copy = shallow(*found);
    const auto& earlier = found->earlier;
    copy.earlier.assign(earlier.rbegin(), earlier.rbegin() + static_cast<std::ptrdiff_t>(std::min(earlier.size(), kMaxEarlierTokens)));
    return copy;
  }

  std::optional<std::string> look_up(const NoteName& name, UnixMillis now) const {
    const auto found = notes_.find({name.kind, name.key});
    if (found == notes_.end() || is_over(found->second, now)) return std::nullopt;
    return found->second.value;
  }

  void commit_one(Entry& entry) {
    entry.standing.reset();
    const Record& proposed = entry.proposed;
    Transaction* found = by_xid_.find(proposed.xid.view());
    if (!found) return insert(entry);
    Transaction& transaction = *found;
    entry.outcome = decide({transaction.current, transaction.created_at, is_closed(transaction.events)}, proposed, retention_);
    if (entry.outcome == Outcome::kInserted) {
      remove({transaction.created_at, proposed.xid});
      return insert(entry);
    }
    if (entry.outcome == Outcome::kReused) entry.standing = transaction.current;
    if (entry.outcome != Outcome::kReissued) return;
    transaction.earlier.push_back(std::move(transaction.current));
    transaction.current = proposed;
    ++transaction.issued;
  }

  static bool is_over(const Note& note, UnixMillis now) { return note.expires_at != 0 && note.expires_at <= now; }

  void apply_one(Change& change) {
    change.applied = Applied::kWritten;
    change.transaction.reset();
    Transaction* const found = change.xid ? by_xid_.find(change.xid->view()) : nullptr;
    if (change.event) {
      if (!found || past_retention(found->created_at, retention_, change.event->at)) {
        change.applied = Applied::kAbsent;
      } else {
        change.applied = append(*found, *change.event, change.decides);
        change.transaction = shallow(*found);
      }
    } else if (change.erase) {
      if (found) remove({found->created_at, *change.xid});
      else change.applied = Applied::kAbsent;
    }
    if (change.applied != Applied::kWritten) return;
    std::vector<const Note*> puts;
    for (const Note& note : notes_to_put(change)) {
      if (note.where.empty() || notes_.contains({note.where, note.key})) puts.push_back(&note);
    }
    for (const NoteName& name : change.remove) notes_.erase({name.kind, name.key});
    for (const Note* const note : puts) {
      Note& kept = notes_[{note->kind, note->key}] = *note;
      kept.where.clear();
    }
  }

  void insert(Entry& entry) {
    entry.outcome = Outcome::kInserted;
    place({entry.proposed.recorded_at, 1, entry.proposed, {}, {}});
  }

  // What is older than its neighbours in `arrivals_` is removed with them, a little late; readers never see it.
  void place(Transaction transaction) {
    const Position position{transaction.created_at, transaction.current.xid};
    const std::uint64_t phone = transaction.current.phone.packed();
    if (Positions* const list = by_phone_.find(phone)) {
      list->insert(list->end(), position);
    } else {
      by_phone_.insert(phone, {position});
    }
    by_xid_.insert(position.xid.text(), std::move(transaction));
    arrivals_.push_back(position);
  }

  // Leaves `arrivals_` alone; an arrival whose transaction has gone or was made anew since means nothing.
  void remove(const Position& position) {
    const Transaction* found = by_xid_.find(position.xid.view());
    if (!found || found->created_at != position.created_at) return;
    const std::uint64_t phone = found->current.phone.packed();
    Positions* list = by_phone_.find(phone);
    list->erase(position);
    if (list->empty()) by_phone_.erase(phone);
    by_xid_.erase(position.xid.view());
  }

  static Transaction shallow(const Transaction& transaction) {
    return {transaction.created_at, transaction.issued, transaction.current, {}, transaction.events};
  }

  const std::chrono::seconds retention_;
  std::mutex mutex_;
  GrowingTable<std::string, Transaction, TextHash> by_xid_;  // `earlier` oldest first, unlike what goes out
  GrowingTable<std::uint64_t, Positions, PhoneHash> by_phone_;
  std::deque<Position> arrivals_;
  std::map<std::pair<std::string, std::string>, Note> notes_;  // by kind and key
};

}  // namespace

std::unique_ptr<Store> open_memory_store(const StoreOptions& options) { return std::make_unique<MemoryStore>(options); }

}  // namespace jwtd::store
