// store/postgres/connection.h - one session with the server, where every wait has a deadline. The only file that knows libpq.
//
// Sessions are made alike: commits wait for the disk (synchronous_commit is on, or remote_apply where the database says so), read committed, nothing
// on the search path but pg_catalog, statements that end by themselves after the time-out should this process be gone, plans that use indexes.
//
// Thread-safety: none; whoever holds one is its only user. Ownership: closes its socket. No text made here holds a password or a row's values.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

struct pg_conn;
struct pg_result;

namespace jwtd::store::postgres {

using Deadline = Monotonic::time_point;

// Where to, as libpq takes it. Options in the URL that are not about this are libpq's own: sslmode, sslrootcert, several hosts...
struct Target {
  std::string url;       // postgresql:// or postgres://
  std::string password;  // in place of the URL's; empty: the URL's, or what libpq finds (PGPASSFILE)
  std::chrono::milliseconds timeout{1500};
};

// A statement that is prepared once a session. Parameters and results are binary.
struct Statement {
  const char* name;
  const char* sql;
};

struct Step {
  const Statement* statement;
  std::vector<std::string_view> parameters;  // values.h
};

// The rows of one statement.
class Rows {
 public:
  Rows() = default;
  explicit Rows(pg_result* result);
  std::size_t size() const;
  std::size_t affected() const;  // by INSERT, UPDATE, DELETE
  bool is_null(std::size_t row, int column) const;
  std::string_view value(std::size_t row, int column) const;  // until this object ends
  std::int32_t int4(std::size_t row, int column) const;
  std::int64_t int8(std::size_t row, int column) const;
  UnixMillis time(std::size_t row, int column) const;
  bool flag(std::size_t row, int column) const;

 private:
  std::shared_ptr<pg_result> result_;
};

// What became of one round trip.
struct Answer {
  enum class State : std::uint8_t {
    kDone,
    kRefused,  // the server said no: nothing of it happened, the session is as before
    kLost,     // no answer: what was sent may have happened or may yet; the session is of no use any more
  };
  State state = State::kDone;
  std::vector<Rows> rows;  // by step
  std::string sqlstate;    // of kRefused: five characters
  std::string why;

  bool ok() const { return state == State::kDone; }
  bool refused_with(std::string_view code) const { return state == State::kRefused && sqlstate == code; }
};

class Connection {
 public:
  // Whether `target` can be used at all, without connecting. Fails with kStoreOpenFailed.
  static Status check(const Target& target);

  // Fails with kStoreUnavailable, with the cause. May take longer than the deadline while names are looked up.
  static Result<std::unique_ptr<Connection>> open(const Target& target, Deadline deadline);
  // Whether what open() failed with is over when the server is back: nobody there, starting up, a standby. May ask, for a few seconds.
  static bool is_away(const Target& target, const Error& error);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Sends all steps at once and waits for all answers. The first that fails stops those behind it; an open transaction is rolled back then.
  Answer run(std::span<const Step> steps, Deadline deadline);
  // Text with any number of statements, no parameters; rows of the last one, as text. For schemas, not for serving.
  Answer run_text(const std::string& sql, Deadline deadline);
  Answer prepare(std::span<const Statement* const> statements, Deadline deadline);

  bool usable() const { return usable_; }
  void abandon() { usable_ = false; }  // nobody is to use it again
  // False when the other end has gone away since the last answer. Costs one system call.
  bool still_there();
  // What an operator should know about the server's settings; empty as a rule.
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  explicit Connection(pg_conn* connection) : connection_(connection) {}
  Status set_up(const Target& target, Deadline deadline);
  bool wait(bool for_writing, Deadline deadline);
  bool flush(Deadline deadline);
  pg_result* next_result(Deadline deadline, bool& late);
  Answer collect(std::size_t expected, bool pipelined, Deadline deadline);
  Answer lost(std::string why);
  void roll_back(Deadline deadline);
  std::string problem() const;

  pg_conn* connection_;
  bool usable_ = true;
  std::vector<std::string> secrets_;
  std::vector<std::string> warnings_;
};

}  // namespace jwtd::store::postgres
