// store/postgres/connection.cc - libpq without its blocking calls: send, poll, read, and give up at the deadline.
#include "store/postgres/connection.h"

#include <libpq-fe.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "store/postgres/values.h"
#include "store/store.h"

namespace jwtd::store::postgres {
namespace {

constexpr std::size_t kMaxWhy = 500;  // characters of a server's words in a log line
constexpr const char* kPingTimeout = "2";  // seconds; libpq knows no less

// $1: milliseconds, as text. The planner is told what our statements look like anyway: one row by an index, whatever it thinks of an empty table.
constexpr const char* kSetUp = R"(
SELECT pg_catalog.current_setting('fsync'), pg_catalog.current_setting('full_page_writes'), pg_catalog.pg_is_in_recovery(),
  pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', false),
  pg_catalog.set_config('synchronous_commit',
    CASE pg_catalog.current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false),
  pg_catalog.set_config('default_transaction_isolation', 'read committed', false),
  pg_catalog.set_config('statement_timeout', $1, false),
  pg_catalog.set_config('idle_in_transaction_session_timeout', $1, false),
  pg_catalog.set_config('timezone', 'UTC', false),
  pg_catalog.set_config('client_min_messages', 'warning', false),
  pg_catalog.set_config('plan_cache_mode', 'force_generic_plan', false),
  pg_catalog.set_config('enable_seqscan', 'off', false),
  pg_catalog.set_config('jit', 'off', false))";

void ignore_notice(void*, const PGresult*) {}

std::string one_line(std::string_view text, const std::vector<std::string>& secrets) {
  std::string out(text.substr(0, text.find_last_not_of(" \r\n\t") + 1));
  for (const std::string& secret : secrets) {
    for (std::size_t at = 0; (at = out.find(secret, at)) != std::string::npos; at += 3) out.replace(at, secret.size(), "***");
  }
  std::replace_if(out.begin(), out.end(), [](unsigned char c) { return c < ' '; }, ' ');
  if (out.size() > kMaxWhy) out.resize(kMaxWhy);
  return out;
}

// DETAIL and HINT are left out: they hold the values of rows.
std::string words_of(const PGresult* result, const std::vector<std::string>& secrets) {
  const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const char* primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  std::string words = one_line(primary ? primary : PQresultErrorMessage(result), secrets);
  return state ? words + " (" + state + ")" : words;
}

int milliseconds_until(Deadline deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Monotonic::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 1 << 30));
}

std::vector<std::string> secrets_of(const Target& target, PQconninfoOption* parsed) {
  std::vector<std::string> secrets;
  if (!target.password.empty()) secrets.push_back(target.password);
  for (PQconninfoOption* option = parsed; option && option->keyword; ++option) {
    const std::string_view keyword = option->keyword;
    if ((keyword == "password" || keyword == "sslpassword") && option->val && *option->val) secrets.emplace_back(option->val);
  }
  return secrets;
}

// What PQconnectStartParams() and its like take; points into `target`.
struct Parameters {
  std::string timeout;
  // What stands before the URL it may change; what stands behind it holds.
  std::vector<const char*> keywords = {"target_session_attrs", "tcp_user_timeout", "fallback_application_name", "dbname", "client_encoding"};
  std::vector<const char*> values;

  explicit Parameters(const Target& target)
      : timeout(std::to_string(target.timeout.count())), values{"read-write", timeout.c_str(), "jwtd", target.url.c_str(), "UTF8"} {
    if (!target.password.empty()) add("password", target.password.c_str());
  }
  void add(const char* keyword, const char* value) {
    keywords.push_back(keyword);
    values.push_back(value);
  }
};

struct Parsed {
  PQconninfoOption* options = nullptr;
  explicit Parsed(const std::string& url) {
    char* words = nullptr;  // may quote the password, so nobody sees them
    options = PQconninfoParse(url.c_str(), &words);
    PQfreemem(words);
  }
  ~Parsed() { PQconninfoFree(options); }
  Parsed(const Parsed&) = delete;
  Parsed& operator=(const Parsed&) = delete;
};

}  // namespace

// -- rows -----------------------------------------------------------------------------------------------------------

Rows::Rows(pg_result* result) : result_(result, PQclear) {}
std::size_t Rows::size() const { return result_ ? static_cast<std::size_t>(PQntuples(result_.get())) : 0; }
std::size_t Rows::affected() const { return result_ ? std::strtoull(PQcmdTuples(result_.get()), nullptr, 10) : 0; }
bool Rows::is_null(std::size_t row, int column) const { return PQgetisnull(result_.get(), static_cast<int>(row), column) != 0; }
std::string_view Rows::value(std::size_t row, int column) const {
  const int r = static_cast<int>(row);
  return {PQgetvalue(result_.get(), r, column), static_cast<std::size_t>(PQgetlength(result_.get(), r, column))};
}
std::int32_t Rows::int4(std::size_t row, int column) const { return read_int4(value(row, column)); }
std::int64_t Rows::int8(std::size_t row, int column) const { return read_int8(value(row, column)); }
UnixMillis Rows::time(std::size_t row, int column) const { return from_micros(int8(row, column)); }
bool Rows::flag(std::size_t row, int column) const { return value(row, column) != std::string_view("\0", 1); }

// -- beginning and end ----------------------------------------------------------------------------------------------

Status Connection::check(const Target& target) {
  // A password that holds one of these as it is would be taken apart, and its parts for a host or a port, which errors name.
  const std::string_view url = target.url;
  const std::size_t scheme = url.find("://"), at = url.rfind('@');
  if (scheme != std::string_view::npos && at != std::string_view::npos && url.substr(0, at).find_first_of("@/?#", scheme + 3) != std::string_view::npos) {
    return Error(kStoreOpenFailed, "an @, /, ? or # in a user's name, a password or an option has to be percent-encoded (%40, %2F, %3F, %23)");
  }
  const Parsed parsed(target.url);
  if (parsed.options) return {};
  return Error(kStoreOpenFailed, "the URL is not of the form postgresql://user@host:port/database?option=value with options that libpq knows");
}

Result<std::unique_ptr<Connection>> Connection::open(const Target& target, Deadline deadline) {
  const Parsed parsed(target.url);
  Parameters parameters(target);
  parameters.add(nullptr, nullptr);
  std::unique_ptr<Connection> made(new Connection(PQconnectStartParams(parameters.keywords.data(), parameters.values.data(), 1)));
  PGconn* const connection = made->connection_;
  made->secrets_ = secrets_of(target, parsed.options);
  if (!connection) return Error(kStoreUnavailable, "no memory for a connection");
  PQsetNoticeReceiver(connection, ignore_notice, nullptr);
  for (PostgresPollingStatusType step = PGRES_POLLING_WRITING; step != PGRES_POLLING_OK; step = PQconnectPoll(connection)) {
    if (PQstatus(connection) == CONNECTION_BAD || step == PGRES_POLLING_FAILED) return Error(kStoreUnavailable, made->problem());
    if (!made->wait(step == PGRES_POLLING_WRITING, deadline)) return Error(kStoreUnavailable, "the server did not take the connection in time");
  }
  PQsetnonblocking(connection, 1);
  if (Status status = made->set_up(target, deadline); !status) return status.error();
  return made;
}

bool Connection::is_away(const Target& target, const Error& error) {
  const auto says = [&](std::string_view words) { return error.detail().find(words) != std::string::npos; };  // libpq's own are never translated here
  if (says("certificate")) return false;
  if (says("session is read-only") || says("hot standby mode")) return true;  // somebody is about to be promoted
  Parameters parameters(target);
  parameters.add("connect_timeout", kPingTimeout);
  parameters.add(nullptr, nullptr);
  const PGPing ping = PQpingParams(parameters.keywords.data(), parameters.values.data(), 1);
  return ping == PQPING_REJECT || ping == PQPING_NO_RESPONSE;
}

Status Connection::set_up(const Target& target, Deadline deadline) {
  const std::string timeout = std::to_string(target.timeout.count());
  const char* const parameters[] = {timeout.c_str()};
  if (!PQsendQueryParams(connection_, kSetUp, 1, nullptr, parameters, nullptr, nullptr, 0)) return Error(kStoreUnavailable, problem());
  const Answer answer = collect(1, false, deadline);
  if (!answer.ok()) return Error(kStoreUnavailable, answer.why);
  const Rows& row = answer.rows.at(0);
  if (row.value(0, 0) != "on") warnings_.emplace_back("the server runs with fsync = off: a power cut loses tokens that were answered");
  if (row.value(0, 1) != "on") warnings_.emplace_back("the server runs with full_page_writes = off: a power cut may damage its tables");
  return {};
}

Connection::~Connection() {
  // PQfinish() says goodbye; on a dead link nobody hears it.
  if (connection_ && !usable_ && PQsocket(connection_) >= 0) ::shutdown(PQsocket(connection_), SHUT_RDWR);
  PQfinish(connection_);
}

// -- waiting --------------------------------------------------------------------------------------------------------

// False: the deadline passed. True as well when poll() itself fails: libpq finds out what is wrong with the socket.
bool Connection::wait(bool for_writing, Deadline deadline) {
  pollfd one{PQsocket(connection_), static_cast<short>(for_writing ? POLLOUT | POLLIN : POLLIN), 0};
  while (true) {
    const int ready = ::poll(&one, 1, milliseconds_until(deadline));
    if (ready < 0 && errno == EINTR) continue;
    return ready != 0;
  }
}

// Reads too, so that both ends may be full of each other's octets.
bool Connection::flush(Deadline deadline) {
  while (true) {
    const int left = PQflush(connection_);
    if (left == 0) return true;
    if (left < 0 || !wait(true, deadline) || !PQconsumeInput(connection_)) return false;
  }
}

PGresult* Connection::next_result(Deadline deadline, bool& late) {
  while (PQisBusy(connection_)) {
    if (!wait(false, deadline)) {
      late = true;
      return nullptr;
    }
    if (!PQconsumeInput(connection_)) break;  // PQgetResult() has the words
  }
  return PQgetResult(connection_);
}

bool Connection::still_there() {
  if (!usable_) return false;
  pollfd one{PQsocket(connection_), POLLIN, 0};
  if (::poll(&one, 1, 0) == 0) return true;
  // A farewell, a broken link, or a notice.
  PQconsumeInput(connection_);
  usable_ = PQstatus(connection_) == CONNECTION_OK;
  return usable_;
}

std::string Connection::problem() const { return one_line(PQerrorMessage(connection_), secrets_); }

Answer Connection::lost(std::string why) {
  usable_ = false;
  Answer answer;
  answer.state = Answer::State::kLost;
  answer.why = std::move(why);
  return answer;
}

// -- a round trip ---------------------------------------------------------------------------------------------------

Answer Connection::run(std::span<const Step> steps, Deadline deadline) {
  if (!usable_) return lost("the connection is closed");
  if (!PQenterPipelineMode(connection_)) return lost(problem());
  std::vector<const char*> values;
  std::vector<int> sizes, formats;
  for (const Step& step : steps) {
    const std::size_t count = step.parameters.size();
    values.clear();
    sizes.clear();
    for (const std::string_view parameter : step.parameters) {
      values.push_back(parameter.data());
      sizes.push_back(static_cast<int>(parameter.size()));
    }
    formats.assign(count, 1);
    if (!PQsendQueryPrepared(connection_, step.statement->name, static_cast<int>(count), values.data(), sizes.data(), formats.data(), 1)) {
      return lost(problem());
    }
  }
  if (!PQpipelineSync(connection_)) return lost(problem());
  return collect(steps.size(), true, deadline);
}

Answer Connection::prepare(std::span<const Statement* const> statements, Deadline deadline) {
  if (!usable_) return lost("the connection is closed");
  if (!PQenterPipelineMode(connection_)) return lost(problem());
  for (const Statement* statement : statements) {
    if (!PQsendPrepare(connection_, statement->name, statement->sql, 0, nullptr)) return lost(problem());
  }
  if (!PQpipelineSync(connection_)) return lost(problem());
  return collect(statements.size(), true, deadline);
}

Answer Connection::run_text(const std::string& sql, Deadline deadline) {
  if (!usable_) return lost("the connection is closed");
  if (!PQsendQuery(connection_, sql.c_str())) return lost(problem());
  return collect(1, false, deadline);
}

Answer Connection::collect(std::size_t expected, bool pipelined, Deadline deadline) {
  Answer answer;
  answer.rows.reserve(expected);
  flush(deadline);  // what is wrong shows below
  while (true) {
    bool late = false;
    PGresult* const result = next_result(deadline, late);
    if (late) return lost("the server did not answer in time");
    if (!result) {
      if (PQstatus(connection_) == CONNECTION_BAD) return lost(answer.why.empty() ? problem() : answer.why);
      if (!pipelined) break;
      continue;  // between two statements
    }
    const ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
      answer.rows.emplace_back(result);
      continue;
    }
    if (status == PGRES_FATAL_ERROR && answer.state == Answer::State::kDone) {
      const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
      answer.state = Answer::State::kRefused;
      answer.sqlstate = state ? state : "";
      answer.why = words_of(result, secrets_);
    }
    PQclear(result);
    if (status == PGRES_PIPELINE_SYNC) break;
    if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH) return lost("the server began to copy");
  }
  if (PQstatus(connection_) == CONNECTION_BAD) return lost(answer.why.empty() ? problem() : answer.why);
  if (pipelined && !PQexitPipelineMode(connection_)) return lost(problem());
  if (answer.state == Answer::State::kRefused) {
    if (answer.sqlstate.empty()) return lost(answer.why);
    roll_back(deadline);
  } else if (PQtransactionStatus(connection_) != PQTRANS_IDLE && pipelined) {
    return lost("a transaction was left open");
  }
  return answer;
}

void Connection::roll_back(Deadline deadline) {
  if (PQtransactionStatus(connection_) == PQTRANS_IDLE) return;
  if (!PQsendQuery(connection_, "ROLLBACK") || !flush(deadline)) {
    usable_ = false;
    return;
  }
  bool late = false;
  while (PGresult* const result = next_result(deadline, late)) PQclear(result);
  usable_ = !late && PQstatus(connection_) == CONNECTION_OK && PQtransactionStatus(connection_) == PQTRANS_IDLE;
}

}  // namespace jwtd::store::postgres
