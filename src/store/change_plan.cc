// store/change_plan.cc - changes sorted by transaction, decided one after the other over a copy of what stands.
#include "store/change_plan.h"

#include <algorithm>

#include "store/decide.h"
#include "store/events.h"

namespace jwtd::store {
namespace {

ChangePlan::Name name_of_note(const Note& note) { return {note.kind, note.key}; }
ChangePlan::Name name_of_note(const NoteName& name) { return {name.kind, name.key}; }

bool is_there_as_it_is(const Transaction& transaction, const Event& event) {
  return std::find(transaction.events.begin(), transaction.events.end(), event) != transaction.events.end();
}

}  // namespace

ChangePlan::ChangePlan(std::span<Change* const> changes, std::chrono::seconds retention) : retention_(retention) {
  subjects_.reserve(changes.size());  // by_xid_ points into them
  for (Change* change : changes) subject_of(*change).items.push_back({change});
  unsettled_ = subjects_.size();
}

ChangePlan::Subject& ChangePlan::subject_of(const Change& change) {
  if (!change.xid) {
    if (!alone_) {
      alone_ = subjects_.size();
      subjects_.emplace_back().known = true;
    }
    return subjects_[*alone_];
  }
  const auto found = by_xid_.find(change.xid->view());
  if (found != by_xid_.end()) return subjects_[found->second];
  Subject& made = subjects_.emplace_back();
  made.xid = change.xid;
  by_xid_.emplace(made.xid->view(), subjects_.size() - 1);
  return made;
}

// -- what stands ----------------------------------------------------------------------------------------------------

std::vector<Xid> ChangePlan::unread() const {
  std::vector<Xid> xids;
  for (const Subject& subject : subjects_) {
    if (!subject.known && subject.first != subject.items.size()) xids.push_back(*subject.xid);
  }
  return xids;
}

ChangePlan::Subject* ChangePlan::find(std::string_view xid) {
  const auto found = by_xid_.find(xid);
  return found == by_xid_.end() ? nullptr : &subjects_[found->second];
}

void ChangePlan::stands(Transaction transaction) {
  if (Subject* const subject = find(transaction.current.xid.view()); subject && !subject->known) subject->standing = std::move(transaction);
}

void ChangePlan::is_damaged(std::string_view xid, std::optional<Transaction> shell) {
  Subject* const subject = find(xid);
  if (!subject || subject->known) return;
  subject->damaged = true;
  subject->standing = std::move(shell);
}

void ChangePlan::have_read() {
  for (Subject& subject : subjects_) subject.known = true;
}

// -- deciding -------------------------------------------------------------------------------------------------------

std::span<const ChangePlan::Write> ChangePlan::next() {
  writes_.clear();
  taken_.clear();
  asked_.clear();
  for (std::size_t index = 0; index < subjects_.size(); ++index) plan(index);
  return writes_;
}

// A note of the same name that goes with another transaction may not be written in the end: its turn is in another round. So is the turn of a note that asks
// for what this round writes or removes, and of what changes a note that was asked for: the driver looks before the round.
bool ChangePlan::is_free(const Change& change, std::size_t index, const Write& write) const {
  const auto untouched = [&](const Note& note) {
    if (note.where.empty()) return true;
    const Name name{note.where, note.key};
    return !taken_.contains(name) && !write.notes.contains(name);
  };
  const auto free = [&](const auto& one) {
    const auto found = taken_.find(name_of_note(one));
    return (found == taken_.end() || found->second == index) && !asked_.contains(name_of_note(one));
  };
  return std::all_of(change.put.begin(), change.put.end(), free) && std::all_of(change.remove.begin(), change.remove.end(), free) &&
         std::all_of(change.put.begin(), change.put.end(), untouched);
}

void ChangePlan::plan(std::size_t index) {
  Subject& subject = subjects_[index];
  if (subject.first == subject.items.size()) return;
  Write write{index, subject.standing ? &*subject.standing : nullptr, false, {}, {}};
  std::optional<Transaction> state = subject.standing;
  for (subject.planned = subject.first; subject.planned < subject.items.size(); ++subject.planned) {
    Item& item = subject.items[subject.planned];
    const Change& change = *item.change;
    if (!is_free(change, index, write)) break;
    if (!decide(item, subject, state, write)) continue;
    for (const NoteName& name : change.remove) write.notes[name_of_note(name)] = nullptr;
    for (const Note& note : notes_to_put(change)) {
      write.notes[name_of_note(note)] = &note;
      if (!note.where.empty()) asked_.emplace(note.where, note.key);
    }
  }
  if (!write.erase && write.events.empty()) write.before = nullptr;
  if (!write.before && write.notes.empty()) return settle(subject);
  for (const auto& [name, note] : write.notes) taken_.emplace(name, index);
  writes_.push_back(std::move(write));
}

// True: the change's notes are to be written.
bool ChangePlan::decide(Item& item, const Subject& subject, std::optional<Transaction>& state, Write& write) const {
  Change& change = *item.change;
  change.applied = Applied::kWritten;
  change.transaction.reset();
  const bool erasable = change.erase && change.of && state && state->current.phone == *change.of;
  if (subject.damaged && !erasable && !write.erase) {  // of one batch, what comes behind its erasure finds nothing
    change.applied = Applied::kDamaged;
  } else if (change.event) {
    if (!state || past_retention(state->created_at, retention_, change.event->at)) {
      change.applied = Applied::kAbsent;
      return false;
    }
    change.applied = append(*state, *change.event, change.decides);
    const bool was_ours = change.applied == Applied::kPresent && item.maybe && is_there_as_it_is(*state, *change.event);
    if (was_ours) change.applied = Applied::kWritten;
    else if (change.applied == Applied::kWritten) write.events.push_back(&*change.event);
    change.transaction = Transaction{state->created_at, state->issued, state->current, {}, state->events};
    return change.applied == Applied::kWritten && (!was_ours || item.notes_again);
  } else if (change.erase) {
    // Gone since it was to be erased, by whomever; one that was made anew since is another.
    const bool is_gone = item.maybe && (!state || state->created_at != item.erased);
    if (is_gone) return true;
    if (!state) change.applied = Applied::kAbsent;
    else write.erase = true;
    write.events.clear();
    state.reset();
  }
  return change.applied == Applied::kWritten;
}

// -- what became of it ----------------------------------------------------------------------------------------------

void ChangePlan::settle(Subject& subject) {
  if (subject.planned == subject.first) return;  // has to wait for its turn
  subject.first = subject.planned;
  if (subject.first == subject.items.size()) --unsettled_;
}

void ChangePlan::written(const Write& write) {
  Subject& subject = subjects_[write.subject];
  settle(subject);
  beaten(write);
}

void ChangePlan::beaten(const Write& write) {
  Subject& subject = subjects_[write.subject];
  if (!subject.xid) return;
  subject.known = subject.damaged = false;
  subject.standing.reset();
}

void ChangePlan::lost(const Write& write, bool with_notes) {
  Subject& subject = subjects_[write.subject];
  for (std::size_t i = subject.first; i < subject.planned; ++i) {
    Item& item = subject.items[i];
    if (item.change->applied != Applied::kWritten) continue;
    item.notes_again = item.notes_again || !with_notes;
    if (item.maybe) continue;
    item.maybe = true;
    if (write.before) item.erased = write.before->created_at;
  }
  beaten(write);
}

}  // namespace jwtd::store
