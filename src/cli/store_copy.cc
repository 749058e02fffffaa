// cli/store_copy.cc - `jwtd store copy`: slice by slice, then counted and compared.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <ostream>
#include <random>
#include <thread>

#include "base/url.h"
#include "cli/copy_state.h"
#include "cli/progress.h"
#include "cli/store_place.h"
#include "store/decide.h"
#include "store/note_kinds.h"

namespace jwtd::cli {
namespace {

using namespace std::chrono_literals;
using nlohmann::ordered_json;
using store::Slice;
using store::Transaction;

constexpr std::size_t kSliceTransactions = 500;  // one durable write each; half a batch, so that the slowest store takes it within its timeout
constexpr std::size_t kNotesAtOnce = 200;        // a note has up to kMaxNoteBytes
constexpr auto kSaveEvery = 250ms;
constexpr auto kForEver = 0s;
constexpr std::size_t kShownNames = 20;

// Every element that was offered is in it with the same chance.
class Sample {
 public:
  explicit Sample(std::uint64_t size) : size_(size), random_(std::random_device()()) {}
  void offer(const Transaction& transaction) {
    ++offered_;
    if (kept_.size() < size_) {
      kept_.push_back(transaction);
    } else if (const auto at = std::uniform_int_distribution<std::uint64_t>(0, offered_ - 1)(random_); at < size_) {
      kept_[at] = transaction;
    }
  }
  const std::vector<Transaction>& kept() const { return kept_; }

 private:
  const std::uint64_t size_;
  std::uint64_t offered_ = 0;
  std::mt19937_64 random_;
  std::vector<Transaction> kept_;
};

// As far as find() shows earlier tokens.
bool same(const Transaction& a, const Transaction& b) {
  const std::size_t shown = std::min({a.earlier.size(), b.earlier.size(), kMaxEarlierTokens});
  if (std::min(a.earlier.size(), kMaxEarlierTokens) != shown || std::min(b.earlier.size(), kMaxEarlierTokens) != shown) return false;
  if (!std::equal(a.earlier.begin(), a.earlier.begin() + static_cast<std::ptrdiff_t>(shown), b.earlier.begin())) return false;
  return a.created_at == b.created_at && a.issued == b.issued && a.current == b.current && a.events == b.events;
}

class Copy {
 public:
  Copy(const StoreCopy& request, const Stores& stores, const Streams& streams) : request_(request), stores_(stores), streams_(streams), sample_(request.sample) {}

  int run(UnixMillis now) {
    const auto from = options_of(request_.from, "--from", kForEver, stores_, streams_.err);
    if (!from) return kExitUsage;
    auto to = options_of(request_.to, "--to", config::Store().retention, stores_, streams_.err);
    if (!to) return kExitUsage;
    if (request_.retention) to->retention = *request_.retention;
    if (from->url == to->url) return usage("--from and --to are the same store");
    file_ = request_.state_file.empty() ? default_state_file(request_) : request_.state_file;
    state_.from = without_password(from->url);
    state_.to = without_password(to->url);
    state_.now = now;
    const auto resumed = state_.load(file_);
    if (!resumed) return fail_with(resumed.error(), streams_.err);
    if (*resumed) streams_.err << "goes on after " << state_.seen << " transactions, by " << file_ << '\n';
    retention_ = to->retention;

    auto source_options = *from;
    source_options.make_missing = false;
    auto source = stores_.open(source_options);
    if (!source) return fail_with(source.error(), streams_.err);
    auto target = stores_.open(*to);
    if (!target) return fail_with(target.error(), streams_.err);
    if (auto copied = copy(**source, **target); !copied) return interrupted(copied.error());
    if (auto copied = copy_notes(**source, **target); !copied) return interrupted(copied.error());
    if (auto counted = count(**target); !counted) return interrupted(counted.error());
    if (auto compared = compare(**source, **target); !compared) return interrupted(compared.error());
    ::unlink(file_.c_str());
    return report();
  }

 private:
  int usage(const char* what) {
    streams_.err << "jwtd: " << what << '\n';
    return kExitUsage;
  }

  int interrupted(const Error& error) {
    const int code = fail_with(error, streams_.err);
    streams_.err << "The same command goes on from here, by " << file_ << '\n';
    return code;
  }

  Status copy(store::Store& from, store::Store& to) {
    Progress progress(streams_, "copied", from.stats().transactions);
    const auto began = Monotonic::now();
    auto saved = began;
    std::uint64_t seen_now = 0;
    if (auto written = state_.save(file_); !written) return written;
    while (!state_.scanned) {
      auto slice = from.scan(kSliceTransactions, state_.cursor, state_.now);
      if (!slice) return slice.error();
      std::vector<Transaction> batch;
      for (Transaction& transaction : slice->transactions) {
        if (store::past_retention(transaction.created_at, retention_, state_.now)) {
          ++state_.expired;
        } else {
          batch.push_back(std::move(transaction));
        }
      }
      const auto adopted = to.adopt(batch);
      if (!adopted) return adopted.error();
      for (const Transaction& transaction : batch) sample_.offer(transaction);
      state_.seen += slice->transactions.size();
      state_.written += adopted->written;
      state_.present += adopted->present;
      state_.different += adopted->different;
      for (Slice::Damage& damage : slice->damaged) {
        ++state_.damaged_count;
        if (state_.damaged.size() < kMaxNamed) state_.damaged.push_back(std::move(damage));
      }
      state_.cursor = slice->next;
      state_.scanned = slice->next.empty();
      seen_now += slice->transactions.size();
      if (const auto at = Monotonic::now(); state_.scanned || at - saved > kSaveEvery) {
        saved = at;
        if (auto written = state_.save(file_); !written) return written;
      }
      progress.show(state_.seen);
      if (request_.rate > 0) std::this_thread::sleep_until(began + std::chrono::microseconds(seen_now * 1'000'000 / request_.rate));
    }
    return {};
  }

  // Behind the transactions, all of them each time: there are few, and to put one twice changes nothing. What the target has under the same name
  // is its own and stays.
  Status copy_notes(store::Store& from, store::Store& to) {
    for (const std::string_view kind : store::kNoteKinds) {
      std::string after;
      while (true) {
        auto notes = from.notes(kind, after, kNotesAtOnce, state_.now);
        if (!notes) return notes.error();
        if (notes->empty()) break;
        after = notes->back().key;
        if (auto put = put_missing(to, *std::move(notes)); !put) return put;
      }
    }
    return {};
  }

  Status put_missing(store::Store& to, std::vector<store::Note> notes) {
    store::Change change;
    for (store::Note& note : notes) {
      ++notes_;
      const auto there = to.note({note.kind, note.key}, state_.now);
      if (!there) return there.error();
      if (!*there) change.put.push_back(std::move(note));
      else if (**there != note.value) ++different_notes_;
    }
    if (change.put.empty()) return {};
    notes_written_ += change.put.size();
    store::Change* const batch[] = {&change};
    return to.apply(batch);
  }

  Status count(store::Store& to) {
    Progress progress(streams_, "counted", state_.seen);
    std::string cursor;
    do {
      auto slice = to.scan(kSliceTransactions, cursor, state_.now);
      if (!slice) return slice.error();
      found_ += slice->transactions.size();
      target_damaged_ += slice->damaged.size();
      for (const Transaction& transaction : slice->transactions) back_.offer(transaction);
      cursor = std::move(slice->next);
      progress.show(found_);
    } while (!cursor.empty());
    return {};
  }

  // What went through this run's hands is looked up in the target, and what the target showed, in the source.
  Status compare(store::Store& from, store::Store& to) {
    const auto all_alike = [&](const std::vector<Transaction>& kept, store::Store& other, bool must_be_there) -> Status {
      for (const Transaction& transaction : kept) {
        const auto found = other.find(transaction.current.xid, state_.now);
        if (!found && !found.error().is(store::kStoreDamaged)) return found.error();
        if (found && !*found && !must_be_there) continue;  // the target's own
        ++compared_;
        if (!found || !*found || !same(**found, transaction)) wrong_.push_back(masked(transaction.current.xid.text()));
      }
      return {};
    };
    if (auto done = all_alike(sample_.kept(), to, true); !done) return done;
    return all_alike(back_.kept(), from, false);
  }

  int report() {
    const bool complete = found_ >= state_.seen - state_.expired;
    const bool ok = complete && state_.different == 0 && different_notes_ == 0 && state_.damaged_count == 0 && target_damaged_ == 0 && wrong_.empty();
    if (request_.json) {
      ordered_json damaged = ordered_json::array();
      for (const auto& one : state_.damaged) damaged.push_back({{"where", masked(one.where)}, {"what", one.what}});
      streams_.out << ordered_json{{"ok", ok}, {"transactions", state_.seen}, {"written", state_.written}, {"present", state_.present},
                                   {"different", state_.different}, {"expired", state_.expired}, {"damaged", damaged}, {"found", found_},
                                   {"compared", compared_}, {"wrong", wrong_}, {"notes", notes_}, {"notes_written", notes_written_},
                                   {"notes_different", different_notes_}}.dump(-1, ' ', true, ordered_json::error_handler_t::replace) << '\n';
    } else {
      streams_.out << "transactions  " << state_.seen << '\n' << "written       " << state_.written << '\n';
      const auto line = [&](const char* name, std::uint64_t number, const char* meaning) {
        if (number > 0) streams_.out << name << number << ", " << meaning << '\n';
      };
      line("present       ", state_.present, "which were there already");
      line("expired       ", state_.expired, "past the target's retention, left behind");
      line("different     ", state_.different, "whose XID stands in the target with something else, which was left alone");
      line("damaged       ", state_.damaged_count, "which cannot be read in the source");
      streams_.out << "found         " << found_ << " in the target\ncompared      " << compared_ << " of them, in every field\n";
      line("notes         ", notes_, "of callbacks, revoked keys and erasures");
      line("other notes   ", different_notes_, "whose name stands in the target with something else, which was left alone");
    }
    std::size_t shown = 0;
    for (const auto& one : state_.damaged) {
      if (shown++ < kShownNames) streams_.err << "damaged: " << masked(one.where) << ": " << one.what << '\n';
    }
    for (const auto& xid : wrong_) {
      if (shown++ < 2 * kShownNames) streams_.err << "not the same in both: " << xid << '\n';
    }
    if (!complete) streams_.err << "jwtd: the target holds " << found_ << " of " << state_.seen - state_.expired << " transactions\n";
    if (target_damaged_ > 0) streams_.err << "jwtd: the target is damaged; jwtd store check says where\n";
    if (!ok) streams_.err << "jwtd: the copy is not the same as its source\n";
    streams_.out.flush();
    return ok ? kExitOk : kExitFailed;
  }

  const StoreCopy& request_;
  const Stores& stores_;
  const Streams& streams_;
  std::string file_;
  CopyState state_;
  std::chrono::seconds retention_{0};
  Sample sample_, back_{request_.sample};
  std::uint64_t found_ = 0, target_damaged_ = 0, compared_ = 0;
  std::uint64_t notes_ = 0, notes_written_ = 0, different_notes_ = 0;
  std::vector<std::string> wrong_;
};

}  // namespace

std::string default_state_file(const StoreCopy& request) {
  std::uint32_t sum = 0x811c9dc5;  // FNV-1a: two copies in one folder need two names
  for (const char octet : without_password(request.from.where) + '\n' + without_password(request.to.where)) sum = (sum ^ static_cast<unsigned char>(octet)) * 0x01000193;
  char name[32];
  std::snprintf(name, sizeof name, "jwtd-copy.%08x.json", sum);
  return name;
}

int store_copy(const StoreCopy& request, const Stores& stores, const Streams& streams, UnixMillis now) { return Copy(request, stores, streams).run(now); }

}  // namespace jwtd::cli
