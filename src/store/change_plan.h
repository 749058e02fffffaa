// store/change_plan.h - one batch of changes, for drivers that read what stands, decide by it, and write on the condition that it still stands so.
//
//   while (!plan.settled()) {
//     for each of plan.unread(): look, and plan.stands() or plan.is_damaged(); who is not there needs no word; then plan.have_read();
//     for each of plan.next(): write it, then plan.written(), plan.beaten() or plan.lost();
//   }
//
// The condition is that the transaction has the created_at and the number of events that it was read with: events only become more, so whoever
// wrote in between shows. A write that was lost is looked for in what is read afterwards: an event that is there octet for octet as it was proposed
// is taken for this change's own (who must know that he was first puts something random into the body), so that no winner is told that he lost.
// Thread-safety: none. Ownership: the changes outlive it.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "store/store.h"

namespace jwtd::store {

class ChangePlan {
 public:
  using Name = std::pair<std::string_view, std::string_view>;  // of a note: kind, key
  using Notes = std::map<Name, const Note*>;                   // nullptr: to be removed

  // What one transaction gets in this round, with its notes; or notes alone.
  struct Write {
    std::size_t subject = 0;
    const Transaction* before = nullptr;  // as it was read; nullptr: notes alone
    bool erase = false;                   // `before` goes, and `events` is empty
    std::vector<const Event*> events;     // to add, in this order
    Notes notes;                          // no name is in two writes of one round; what Note::where asks for is in none that comes before it

    const Xid& xid() const { return before->current.xid; }
  };

  ChangePlan(std::span<Change* const> changes, std::chrono::seconds retention);

  bool settled() const { return unsettled_ == 0; }

  std::vector<Xid> unread() const;
  void stands(Transaction transaction);
  // `shell`: what can be said of it all the same, its phone and created_at; it can be erased by whoever names that phone (Change::of).
  void is_damaged(std::string_view xid, std::optional<Transaction> shell = std::nullopt);
  void have_read();

  // Decides; points into this object and the changes until the next call. Empty while not settled: call again.
  std::span<const Write> next();
  void written(const Write& write);
  void beaten(const Write& write);  // nothing of it was written: what it was based on stands no more
  // It may be there. `with_notes`: its notes then are, too; otherwise they are written again.
  void lost(const Write& write, bool with_notes = true);

 private:
  struct Item {
    Change* change;
    bool maybe = false;         // lost before
    bool notes_again = false;   // even if it turns out to be there
    UnixMillis erased = 0;      // created_at of what was to be erased then
  };
  struct Subject {
    std::vector<Item> items;
    std::optional<Xid> xid;
    std::size_t first = 0, planned = 0;  // items before `first` are settled, those before `planned` will be with the write under way
    bool known = false, damaged = false;
    std::optional<Transaction> standing;
  };

  Subject& subject_of(const Change& change);
  Subject* find(std::string_view xid);
  void plan(std::size_t index);
  bool is_free(const Change& change, std::size_t index, const Write& write) const;
  bool decide(Item& item, const Subject& subject, std::optional<Transaction>& state, Write& write) const;
  void settle(Subject& subject);

  const std::chrono::seconds retention_;
  std::vector<Subject> subjects_;
  std::map<std::string_view, std::size_t> by_xid_;
  std::optional<std::size_t> alone_;      // the subject of notes without a transaction
  std::size_t unsettled_ = 0;             // subjects
  std::vector<Write> writes_;
  std::map<Name, std::size_t> taken_;     // names of this round's notes, and whose they are
  std::set<Name> asked_;                  // what Note::where of this round's notes names
};

}  // namespace jwtd::store
