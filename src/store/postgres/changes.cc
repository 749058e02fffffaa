// store/postgres/changes.cc - read, decide, write under the condition, again.
#include "store/postgres/changes.h"

#include <algorithm>

#include "store/postgres/event_list.h"
#include "store/postgres/rows.h"
#include "store/postgres/statements.h"

namespace jwtd::store::postgres {
namespace {

// The server rolled back, and trying again may help.
constexpr std::string_view kDeadlock = "40P01";
constexpr std::string_view kSerialization = "40001";

// Of a row that cannot be read: what it takes to erase it.
std::optional<Transaction> shell_of(const Rows& rows, std::size_t row) {
  const auto xid = Xid::parse(rows.value(row, kXid));
  const auto phone = Phone::unpack(static_cast<std::uint64_t>(rows.int8(row, kPhoneNumber)));
  if (!xid || !phone) return std::nullopt;
  return Transaction{rows.time(row, kCreatedAt), 1, Record{*xid, *phone, {}, {}, {}}, {}, {}};
}

}  // namespace

std::int64_t note_expiry(UnixMillis expires_at) { return expires_at == 0 ? kNever : to_micros(std::clamp(expires_at, kFirstMillis, kLastMillis)); }
UnixMillis read_note_expiry(std::int64_t micros) { return micros == kNever ? 0 : from_micros(micros); }

void Changes::clear() {
  for (Array* array : {&xids_, &epoch_numbers_, &created_, &sizes_, &events_, &erased_xids_, &erased_epochs_, &put_owners_, &put_kinds_, &put_keys_, &put_values_,
                       &put_wheres_, &put_expiries_, &removed_owners_, &removed_kinds_, &removed_keys_, &held_kinds_, &held_keys_}) {
    array->clear();
  }
  asks_ = false;
}

void Changes::prepare(const ChangePlan::Write& write) {
  std::string_view owner;
  if (write.before) {
    owner = write.xid().view();
    const auto [epoch, octets] = places_.find(owner)->second;
    xids_.add_ascii(owner);
    epoch_numbers_.add_int4(epoch);
    created_.add_time(write.before->created_at);
    sizes_.add_int4(octets);
    events_.add_ascii(write.erase ? std::string() : write_event_list(write.events));
    if (write.erase) {
      erased_xids_.add_ascii(owner);
      erased_epochs_.add_int4(epoch);
    }
  }
  for (const auto& [name, note] : write.notes) {
    const auto& [kind, key] = name;
    held_kinds_.add_text(kind);
    held_keys_.add_text(key);
    (note ? put_owners_ : removed_owners_).add_ascii(owner);
    (note ? put_kinds_ : removed_kinds_).add_text(kind);
    (note ? put_keys_ : removed_keys_).add_text(key);
    if (!note) continue;
    put_values_.add_text(note->value);
    put_wheres_.add_text(note->where);
    if (!note->where.empty()) {
      asks_ = true;
      held_kinds_.add_text(note->where);
      held_keys_.add_text(key);
    }
    put_expiries_.add_int8(note_expiry(note->expires_at));
  }
}

std::span<const Step> Changes::next_steps() {
  clear();
  steps_.clear();
  const std::vector<Xid> unread = plan_.unread();
  reading_ = !unread.empty();
  if (reading_) {
    for (const Xid& xid : unread) xids_.add_ascii(xid.view());
    steps_.push_back({&kUnder, {xids_.octets()}});
    return steps_;
  }
  writes_ = plan_.next();
  if (writes_.empty()) return steps_;
  for (const ChangePlan::Write& write : writes_) prepare(write);
  steps_.push_back({&kBegin, {}});
  if (asks_ || (held_kinds_.size() > 1 && removed_kinds_.size() > 0)) steps_.push_back({&kHoldNotes, {held_kinds_.octets(), held_keys_.octets()}});
  at_change_ = steps_.size();
  steps_.push_back({&kChange, {xids_.octets(), epoch_numbers_.octets(), created_.octets(), sizes_.octets(), events_.octets(), put_owners_.octets(),
                               put_kinds_.octets(), put_keys_.octets(), put_values_.octets(), removed_owners_.octets(), removed_kinds_.octets(),
                               removed_keys_.octets(), put_expiries_.octets(), put_wheres_.octets()}});
  if (erased_xids_.size() > 0) steps_.push_back({&kForgetEarlier, {erased_xids_.octets(), erased_epochs_.octets()}});
  steps_.push_back({&kCommit, {}});
  return steps_;
}

Status Changes::take(const Answer& answer) {
  switch (answer.state) {
    case Answer::State::kDone:
      if (reading_) {
        read(answer.rows.at(0));
        return {};
      }
      break;
    case Answer::State::kRefused:
      if (reading_ || (!answer.refused_with(kDeadlock) && !answer.refused_with(kSerialization))) return Error(kStoreUnavailable, answer.why);
      for (const ChangePlan::Write& write : writes_) plan_.beaten(write);
      return {};
    case Answer::State::kLost:
      if (reading_) return {};
      for (const ChangePlan::Write& write : writes_) plan_.lost(write);
      return {};
  }
  const Rows& rows = answer.rows.at(at_change_);
  std::vector<std::string_view> done;
  for (std::size_t row = 0; row < rows.size(); ++row) done.push_back(rows.value(row, kXid));
  std::sort(done.begin(), done.end());
  for (const ChangePlan::Write& write : writes_) {
    const bool was_written = !write.before || std::binary_search(done.begin(), done.end(), write.xid().view());
    was_written ? plan_.written(write) : plan_.beaten(write);
  }
  return {};
}

void Changes::read(const Rows& rows) {
  for (std::size_t row = 0; row < rows.size(); ++row) {
    std::int32_t epoch = 0;
    Result<Transaction> transaction = read_transaction(rows, row, &epoch);
    if (!transaction) {
      const std::string_view xid = rows.value(row, kXid);
      std::optional<Transaction> shell = shell_of(rows, row);
      if (shell) places_[std::string(xid)] = {rows.int4(row, kEpoch), static_cast<std::int32_t>(rows.value(row, kEvents).size())};
      plan_.is_damaged(xid, std::move(shell));
      continue;
    }
    places_[transaction->current.xid.text()] = {epoch, static_cast<std::int32_t>(rows.value(row, kEvents).size())};
    plan_.stands(*std::move(transaction));
  }
  plan_.have_read();
}

}  // namespace jwtd::store::postgres
