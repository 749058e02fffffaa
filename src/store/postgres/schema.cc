// store/postgres/schema.cc - the migrations, and the checks before anything is touched.
#include "store/postgres/schema.h"

#include <chrono>
#include <optional>

#include "store/store.h"

namespace jwtd::store::postgres {
namespace {

constexpr auto kMigrationTimeout = std::chrono::minutes(10);  // of each step; later migrations may have to go over all there is
constexpr const char* kLock = "7671728464880694372";         // pg_advisory_xact_lock() of whoever migrates: "jwtd" twice, as octets

// Widest columns first, so that no octet is lost to alignment. Texts compare as octets, as everywhere in jwtd.
constexpr const char* kMigration1 = R"(
CREATE TABLE jwtd.migrations (
  number int4 PRIMARY KEY,
  applied_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE jwtd.migrations IS 'Made and read by jwtd: which of its changes to this schema were applied.';

CREATE TABLE jwtd.epochs (
  epoch int4 PRIMARY KEY,
  began timestamptz,
  bound timestamptz
);
COMMENT ON TABLE jwtd.epochs IS 'One row for each partition of the other tables; new transactions go to the highest.';
COMMENT ON COLUMN jwtd.epochs.began IS 'created_at of one of its first transactions; null: none yet.';
COMMENT ON COLUMN jwtd.epochs.bound IS 'No created_at in it is later. Past retention, the partition is dropped.';

CREATE TABLE jwtd.transactions (
  created_at timestamptz NOT NULL,
  recorded_at timestamptz NOT NULL,
  iat timestamptz NOT NULL,
  exp timestamptz NOT NULL,
  phone_number int8 NOT NULL,
  epoch int4 NOT NULL,
  issued int4 NOT NULL,
  xid text COLLATE "C" NOT NULL,
  iss text COLLATE "C" NOT NULL,
  kid text COLLATE "C" NOT NULL,
  token text COLLATE "C" NOT NULL
) PARTITION BY LIST (epoch);
CREATE INDEX ON jwtd.transactions (phone_number, created_at);
COMMENT ON TABLE jwtd.transactions IS 'What jwtd has issued: one row for each transaction, with its current token.';
COMMENT ON COLUMN jwtd.transactions.created_at IS 'When its first token was recorded; decides its retention.';
COMMENT ON COLUMN jwtd.transactions.recorded_at IS 'When its current token was recorded.';
COMMENT ON COLUMN jwtd.transactions.issued IS 'Tokens minted under this xid, the current one included.';

CREATE TABLE jwtd.earlier_tokens (
  recorded_at timestamptz NOT NULL,
  iat timestamptz NOT NULL,
  exp timestamptz NOT NULL,
  epoch int4 NOT NULL,
  number int4 NOT NULL,
  xid text COLLATE "C" NOT NULL,
  iss text COLLATE "C" NOT NULL,
  kid text COLLATE "C" NOT NULL,
  token text COLLATE "C" NOT NULL
) PARTITION BY LIST (epoch);
COMMENT ON TABLE jwtd.earlier_tokens IS 'Tokens that were current before; number counts from 1 within a transaction.';
)";

// An empty text is one octet of a row, most often of what alignment leaves; a null would be eight (0006-postgresql.md). Whoever waits for the lock holds up everybody behind it, so not for long.
constexpr const char* kMigration2 = R"(
SET LOCAL lock_timeout = '3s';
ALTER TABLE jwtd.transactions ADD COLUMN events text COLLATE "C" NOT NULL DEFAULT '';
COMMENT ON COLUMN jwtd.transactions.events IS 'What happened to it, in the order of writing, JSON objects with commas between: {"at": UNIX ms, "b": details, "k": key, "t": type}. Append only.';

CREATE TABLE jwtd.notes (
  expires_at timestamptz NOT NULL,
  kind text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  value text COLLATE "C" NOT NULL,
  PRIMARY KEY (kind, key)
);
CREATE INDEX ON jwtd.notes (expires_at);
COMMENT ON TABLE jwtd.notes IS 'Small things beside the transactions: reference ids, callbacks that nobody could place, what is to be forwarded.';
COMMENT ON COLUMN jwtd.notes.expires_at IS 'From then on it counts as absent; infinity: it stays.';
)";

Error failed(std::string why) { return Error(kStoreOpenFailed, std::move(why)); }

struct Found {
  bool schema = false;
  std::string tables;          // names in it; empty: none
  std::optional<int> version;  // of jwtd.migrations
};

Result<Found> look(Connection& connection, Deadline deadline) {
  const Answer answer = connection.run_text(R"(
    SELECT count(*) FROM pg_catalog.pg_namespace WHERE nspname = 'jwtd' UNION ALL
    SELECT count(*) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = 'jwtd' AND c.relname = 'migrations' AND c.relkind = 'r';
    SELECT coalesce(string_agg(c.relname, ', ' ORDER BY c.relname), '') FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = 'jwtd' AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition)", deadline);
  if (!answer.ok()) return failed(answer.why);
  Found found;
  found.schema = answer.rows.at(0).value(0, 0) == "1";
  found.tables = answer.rows.at(1).value(0, 0);
  if (answer.rows.at(0).value(1, 0) != "1") return found;
  const Answer version = connection.run_text("SELECT coalesce(max(number), 0) FROM jwtd.migrations", deadline);
  if (version.state == Answer::State::kLost) return failed(version.why);
  if (!version.ok()) return failed("jwtd.migrations is not a table that jwtd made, or may not be read: " + version.why + "; nothing was changed");
  found.version = static_cast<int>(std::strtol(std::string(version.rows.at(0).value(0, 0)).c_str(), nullptr, 10));
  return found;
}

Status judge(const Found& found) {
  if (!found.version && !found.tables.empty()) {
    return failed("the database has a schema \"jwtd\" with tables that jwtd did not make (" + found.tables + "); nothing was changed. Give jwtd a database of its own");
  }
  if (found.version && *found.version > kSchemaVersion) {
    return failed("the tables are of version " + std::to_string(*found.version) + ", and this jwtd knows versions up to " + std::to_string(kSchemaVersion) +
                  ": run the newer jwtd that made them");
  }
  return {};
}

Status apply(Connection& connection, const std::function<void(std::string_view)>& on_event) {
  const auto in_time = [] { return Monotonic::now() + kMigrationTimeout; };
  const std::string begin = "BEGIN; SET LOCAL statement_timeout = " + std::to_string(std::chrono::milliseconds(kMigrationTimeout).count()) +
                            "; SET LOCAL idle_in_transaction_session_timeout = 0; SELECT pg_catalog.pg_advisory_xact_lock(" + kLock + ")";
  if (const Answer answer = connection.run_text(begin, in_time()); !answer.ok()) return failed(answer.why);
  // Somebody else may have been first.
  const Result<Found> found = look(connection, in_time());
  if (!found) return found.error();
  if (Status status = judge(*found); !status) {
    connection.run_text("ROLLBACK", in_time());
    return status;
  }
  const int version = found->version.value_or(0);
  std::string sql = found->schema ? "" : "CREATE SCHEMA jwtd;";
  if (version < 1) sql += std::string(kMigration1) + open_epoch_sql(1) + "INSERT INTO jwtd.migrations (number) VALUES (1);";
  if (version < 2) sql += std::string(kMigration2) + "INSERT INTO jwtd.migrations (number) VALUES (2);";
  const Answer answer = connection.run_text(sql + "COMMIT", in_time());
  if (!answer.ok()) return failed("the tables could not be made, and nothing was changed: " + answer.why);
  if (on_event && version < kSchemaVersion) {
    on_event("PostgreSQL: the tables went from version " + std::to_string(version) + " to " + std::to_string(kSchemaVersion));
  }
  return {};
}

}  // namespace

Status ready_schema(Connection& connection, bool migrate, const std::function<void(std::string_view)>& on_event) {
  const Result<Found> found = look(connection, Monotonic::now() + kMigrationTimeout);
  if (!found) return found.error();
  if (Status status = judge(*found); !status) return status;
  if (found->version == kSchemaVersion) return {};
  if (migrate) return apply(connection, on_event);
  if (!found->version) return failed("the database has no tables of jwtd yet: run jwtd store migrate");
  return failed("the tables are of version " + std::to_string(*found->version) + ", this jwtd wants version " + std::to_string(kSchemaVersion) +
                ": run jwtd store migrate");
}

// Attached, not made as partitions: that would keep everybody out of the parent table.
std::string open_epoch_sql(int epoch) {
  const std::string number = std::to_string(epoch);
  return "CREATE TABLE jwtd.transactions_" + number + " (LIKE jwtd.transactions INCLUDING ALL, PRIMARY KEY (xid));"
         "CREATE TABLE jwtd.earlier_tokens_" + number + " (LIKE jwtd.earlier_tokens INCLUDING ALL, PRIMARY KEY (xid, number));"
         "ALTER TABLE jwtd.transactions ATTACH PARTITION jwtd.transactions_" + number + " FOR VALUES IN (" + number + ");"
         "ALTER TABLE jwtd.earlier_tokens ATTACH PARTITION jwtd.earlier_tokens_" + number + " FOR VALUES IN (" + number + ");"
         "INSERT INTO jwtd.epochs (epoch) VALUES (" + number + ");";
}

std::string drop_epoch_sql(int epoch) {
  const std::string number = std::to_string(epoch);
  return "DROP TABLE IF EXISTS jwtd.transactions_" + number + ", jwtd.earlier_tokens_" + number + ";"
         "DELETE FROM jwtd.epochs WHERE epoch = " + number + ";";
}

}  // namespace jwtd::store::postgres
