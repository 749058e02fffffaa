// store/postgres/retention.cc - each change in a transaction of its own, with short waits for locks.
#include "store/postgres/retention.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <vector>

#include "store/decide.h"
#include "store/postgres/schema.h"
#include "store/postgres/statements.h"
#include "store/postgres/values.h"
#include "store/store.h"

namespace jwtd::store::postgres {
namespace {

constexpr int kEpochsPerRetention = 4;   // a look-up by XID asks each epoch; more of them would free space sooner
constexpr std::size_t kMaxEpochs = 16;   // with a clock that jumps about, they would only become many small ones
constexpr std::size_t kNotesSwept = 1000;     // in one removal: below 20 ms
constexpr int kPagesLookedAt = 256;      // 2 MiB: a few thousand rows
// Whoever waits for such a lock holds up everybody behind it, commits too.
constexpr const char* kShortLocks = "BEGIN; SET LOCAL lock_timeout = '300ms';";

struct Epoch {
  int number;
  std::optional<UnixMillis> began, bound;
};

Status failed(const Answer& answer) { return Error(kStoreUnavailable, answer.why); }

std::uint64_t number_in(std::string_view text) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// Commits that hold the epochs end first; those that come meanwhile wait, some ten milliseconds, and then see the new one.
Status open_epoch(Connection& connection, int number, Deadline deadline) {
  const Answer locked =
      connection.run_text(std::string(kShortLocks) + "LOCK TABLE jwtd.epochs IN EXCLUSIVE MODE; SELECT max(epoch) FROM jwtd.epochs", deadline);
  if (!locked.ok()) return failed(locked);
  const bool is_next = locked.rows.back().value(0, 0) == std::to_string(number - 1);
  const Answer made = connection.run_text(is_next ? open_epoch_sql(number) + "COMMIT" : "ROLLBACK", deadline);
  return made.ok() ? Status() : failed(made);
}

Status drop_epoch(Connection& connection, int number, Deadline deadline) {
  const Answer answer = connection.run_text(std::string(kShortLocks) + drop_epoch_sql(number) + "COMMIT", deadline);
  return answer.ok() ? Status() : failed(answer);
}

}  // namespace

Status sweep_epochs(Connection& connection, std::chrono::seconds retention, UnixMillis now, std::chrono::milliseconds timeout) {
  if (retention.count() == 0) return {};
  const auto in_time = [&] { return Monotonic::now() + timeout; };
  const Step step{&kEpochs, {}};
  const Answer answer = connection.run({&step, 1}, in_time());
  if (!answer.ok()) return failed(answer);
  const Rows& rows = answer.rows.at(0);
  std::vector<Epoch> epochs;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const auto time = [&](int column) { return rows.is_null(row, column) ? std::nullopt : std::optional(rows.time(row, column)); };
    epochs.push_back({rows.int4(row, kEpochNumber), time(kEpochBegan), time(kEpochBound)});
  }
  if (epochs.empty()) return Error(kStoreUnavailable, "jwtd.epochs is empty");
  const Epoch newest = epochs.back();
  epochs.pop_back();
  const UnixMillis span = std::chrono::milliseconds(retention).count() / kEpochsPerRetention;
  if (newest.began && now - *newest.began >= span && epochs.size() + 1 < kMaxEpochs) {
    if (Status status = open_epoch(connection, newest.number + 1, in_time()); !status) return status;
    epochs.push_back(newest);
  }
  for (const Epoch& epoch : epochs) {
    if (epoch.bound && !past_retention(*epoch.bound, retention, now)) continue;
    if (Status status = drop_epoch(connection, epoch.number, in_time()); !status) return status;
  }
  return {};
}

Status sweep_notes(Connection& connection, UnixMillis now, std::chrono::milliseconds timeout) {
  const std::string time = int8_value(to_micros(std::clamp(now, kFirstMillis, kLastMillis))), most = int8_value(static_cast<std::int64_t>(kNotesSwept));
  for (bool more = true; more;) {
    const Step step{&kSweepNotes, {time, most}};
    const Answer answer = connection.run({&step, 1}, Monotonic::now() + timeout);
    if (!answer.ok()) return failed(answer);
    more = answer.rows.at(0).affected() == kNotesSwept;
  }
  return {};
}

std::int64_t first_kept(std::chrono::seconds retention, UnixMillis now) {
  return retention.count() == 0 ? kAlways : to_micros(std::clamp(now - std::chrono::milliseconds(retention).count(), kFirstMillis, kLastMillis));
}

Result<std::optional<RecordTimes>> look_at_times(Connection& connection, std::chrono::milliseconds timeout) {
  const Deadline deadline = Monotonic::now() + timeout;
  const Answer listed = connection.run_text(R"(
    SELECT i.inhrelid::regclass::text, pg_relation_size(i.inhrelid) / 8192 FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'jwtd.transactions'::regclass AND c.relkind = 'r')", deadline);
  if (!listed.ok()) return Error(kStoreUnavailable, listed.why);
  const Rows& tables = listed.rows.at(0);
  std::string ends;
  for (std::size_t row = 0; row < tables.size(); ++row) {
    const std::string part = "SELECT created_at FROM " + std::string(tables.value(row, 0)) + " WHERE ctid ";
    const std::uint64_t pages = number_in(tables.value(row, 1));
    const std::string last = std::to_string(pages - std::min<std::uint64_t>(pages, kPagesLookedAt));
    ends += (ends.empty() ? "" : " UNION ALL ") + part + "< '(" + std::to_string(kPagesLookedAt) + ",0)' UNION ALL " + part + ">= '(" + last + ",0)'";
  }
  if (ends.empty()) return std::optional<RecordTimes>();
  const Answer found = connection.run_text("SELECT (extract(epoch FROM min(created_at)) * 1000)::int8, (extract(epoch FROM max(created_at)) * 1000)::int8 FROM (" + ends + ") ends",
                                           deadline);
  if (!found.ok()) return Error(kStoreUnavailable, found.why);
  const Rows& row = found.rows.at(0);
  if (row.size() == 0 || row.is_null(0, 0)) return std::optional<RecordTimes>();
  const auto time = [&](int column) { return static_cast<UnixMillis>(std::strtoll(std::string(row.value(0, column)).c_str(), nullptr, 10)); };
  return std::optional(RecordTimes{time(0), time(1)});
}

Result<Size> estimate(Connection& connection, std::chrono::milliseconds timeout) {
  const Deadline deadline = Monotonic::now() + timeout;
  const Answer listed = connection.run_text(R"(
    SELECT i.inhrelid::regclass::text, i.inhparent = 'jwtd.transactions'::regclass, pg_total_relation_size(i.inhrelid), pg_relation_size(i.inhrelid) / 8192
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent IN ('jwtd.transactions'::regclass, 'jwtd.earlier_tokens'::regclass) AND c.relkind = 'r')", deadline);
  if (!listed.ok()) return Error(kStoreUnavailable, listed.why);
  const Rows& tables = listed.rows.at(0);
  Size size;
  std::string sql;
  std::vector<std::uint64_t> pages;
  for (std::size_t row = 0; row < tables.size(); ++row) {
    size.octets += number_in(tables.value(row, 2));
    const std::uint64_t its_pages = number_in(tables.value(row, 3));
    if (tables.value(row, 1) != "t" || its_pages == 0) continue;
    pages.push_back(its_pages);
    sql += (sql.empty() ? "" : " UNION ALL ") + ("SELECT count(*) FROM " + std::string(tables.value(row, 0)) + " WHERE ctid < '(" +
                                                  std::to_string(kPagesLookedAt) + ",0)'");
  }
  if (sql.empty()) return size;
  const Answer counted = connection.run_text(sql, deadline);
  if (!counted.ok()) return Error(kStoreUnavailable, counted.why);
  for (std::size_t row = 0; row < counted.rows.at(0).size() && row < pages.size(); ++row) {
    const double looked_at = static_cast<double>(std::min<std::uint64_t>(pages[row], kPagesLookedAt));
    size.transactions += static_cast<std::uint64_t>(static_cast<double>(number_in(counted.rows[0].value(row, 0))) * static_cast<double>(pages[row]) / looked_at);
  }
  return size;
}

}  // namespace jwtd::store::postgres
