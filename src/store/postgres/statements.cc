// store/postgres/statements.cc - SQL. Every name is qualified; "n" counts a transaction's tokens from 1.
#include "store/postgres/statements.h"

// The parts that several statements share; macros, because adjacent literals are joined by the compiler.
#define CURRENT_COLUMNS "t.xid, t.phone_number, t.token, t.iss, t.kid, t.iat, t.exp, t.recorded_at, t.created_at, t.issued, t.epoch"

// Behind CURRENT_COLUMNS: what happened to it, or only whether it takes no more tokens (events.h: 4 is revoked, 5 is consumed; quotes
// within a text of event_list.h have a backslash before them).
#define EVENTS "t.events"
#define CLOSED "(t.events LIKE '%\"t\":4}%' OR t.events LIKE '%\"t\":5}%')"

#define NEWEST_EPOCH "newest AS MATERIALIZED (SELECT max(e.epoch) AS epoch FROM jwtd.epochs e)"

// An epoch's bound is above every created_at in it, in steps, so that it is rarely written; retention asks for nothing else.
#define NOTE_BOUND                                                                                                   \
  "noted AS (UPDATE jwtd.epochs e SET began = coalesce(e.began, $9::timestamptz), "                                  \
  "bound = $9::timestamptz + $10::int8 * interval '1 microsecond' "                                                  \
  "WHERE e.epoch = (SELECT epoch FROM newest) AND (e.bound IS NULL OR e.bound < $9::timestamptz))"

// `events` and `name`: one more array, and what it is called.
#define GIVEN(events, name)                                                                                                       \
  "given AS MATERIALIZED (SELECT * FROM unnest($1::text[], $2::int8[], $3::timestamptz[], $4::timestamptz[], "        \
  "$5::timestamptz[], $6::text[], $7::text[], $8::text[], $11::timestamptz[], $12::int4[]" events ") "                \
  "AS g(xid, phone_number, iat, exp, recorded_at, iss, kid, token, created_at, issued" name "))"

#define STANDING "standing AS MATERIALIZED (SELECT " CURRENT_COLUMNS ", " CLOSED " FROM given g JOIN jwtd.transactions t ON t.xid = g.xid COLLATE \"C\")"

#define FRESH(events, value)                                                                                                       \
  "fresh AS (INSERT INTO jwtd.transactions (created_at, recorded_at, iat, exp, phone_number, epoch, issued, xid, iss, kid, token" events ") " \
  "SELECT g.created_at, g.recorded_at, g.iat, g.exp, g.phone_number, newest.epoch, g.issued, g.xid, g.iss, g.kid, g.token" value " " \
  "FROM newest, given g WHERE NOT EXISTS (SELECT FROM standing s WHERE s.xid = g.xid COLLATE \"C\") ORDER BY g.xid COLLATE \"C\" " \
  "ON CONFLICT DO NOTHING RETURNING xid, epoch)"

#define FRESH_OR_STANDING                                                                                             \
  "SELECT f.xid, NULL::int8, NULL::text, NULL::text, NULL::text, NULL::timestamptz, NULL::timestamptz, NULL::timestamptz, "           \
  "NULL::timestamptz, NULL::int4, f.epoch, false FROM fresh f UNION ALL SELECT * FROM standing"

namespace jwtd::store::postgres {

const Statement kBegin{"begin", "BEGIN"};
const Statement kCommit{"commit", "COMMIT"};
const Statement kHoldEpochs{"hold_epochs", "LOCK TABLE jwtd.epochs IN ROW SHARE MODE"};

const Statement kInsertNew{"insert_new",
    "WITH " NEWEST_EPOCH ", " NOTE_BOUND " "
    "INSERT INTO jwtd.transactions (created_at, recorded_at, iat, exp, phone_number, epoch, issued, xid, iss, kid, token) "
    "SELECT g.recorded_at, g.recorded_at, g.iat, g.exp, g.phone_number, newest.epoch, 1, g.xid, g.iss, g.kid, g.token "
    "FROM newest, unnest($1::text[], $2::int8[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[], $6::text[], $7::text[], $8::text[]) "
    "AS g(xid, phone_number, iat, exp, recorded_at, iss, kid, token)"};

const Statement kInsertAbsent{"insert_absent", "WITH " NEWEST_EPOCH ", " NOTE_BOUND ", " GIVEN("", "") ", " STANDING ", " FRESH("", "") " " FRESH_OR_STANDING};

const Statement kAdopt{"adopt",
    "WITH " NEWEST_EPOCH ", " NOTE_BOUND ", " GIVEN(", $21::text[]", ", events") ", " STANDING ", "
    FRESH(", events", ", g.events") ", "
    "kept AS (INSERT INTO jwtd.earlier_tokens (recorded_at, iat, exp, epoch, number, xid, iss, kid, token) "
    "SELECT e.recorded_at, e.iat, e.exp, f.epoch, e.number, e.xid, e.iss, e.kid, e.token "
    "FROM unnest($13::text[], $14::int4[], $15::timestamptz[], $16::timestamptz[], $17::timestamptz[], $18::text[], $19::text[], $20::text[]) "
    "AS e(xid, number, iat, exp, recorded_at, iss, kid, token) JOIN fresh f ON f.xid = e.xid COLLATE \"C\") " FRESH_OR_STANDING};

const Statement kReissue{"reissue",
    "WITH want AS MATERIALIZED (SELECT * FROM unnest($1::text[], $2::int4[], $3::int4[], $4::timestamptz[], $5::timestamptz[], $6::timestamptz[], "
    "$7::timestamptz[], $8::text[], $9::text[], $10::text[]) AS w(xid, epoch, issued, created_at, iat, exp, recorded_at, iss, kid, token)), "
    // The lock comes first: a row that another node has changed meanwhile is looked at again, and no longer matches.
    "former AS MATERIALIZED (SELECT t.* FROM want w JOIN jwtd.transactions t ON t.epoch = w.epoch AND t.xid = w.xid COLLATE \"C\" "
    "WHERE t.issued = w.issued AND t.created_at = w.created_at AND NOT " CLOSED " ORDER BY t.xid FOR UPDATE OF t), "
    "kept AS (INSERT INTO jwtd.earlier_tokens (recorded_at, iat, exp, epoch, number, xid, iss, kid, token) "
    "SELECT f.recorded_at, f.iat, f.exp, f.epoch, f.issued, f.xid, f.iss, f.kid, f.token FROM former f) "
    "UPDATE jwtd.transactions t SET issued = w.issued + 1, iat = w.iat, exp = w.exp, recorded_at = w.recorded_at, iss = w.iss, kid = w.kid, "
    "token = w.token FROM want w JOIN former f ON f.xid = w.xid COLLATE \"C\" WHERE t.epoch = f.epoch AND t.xid = f.xid RETURNING t.xid"};

const Statement kForget{"forget",
    "DELETE FROM jwtd.transactions t USING unnest($1::text[], $2::int4[], $3::timestamptz[]) AS w(xid, epoch, created_at) "
    "WHERE t.epoch = w.epoch AND t.xid = w.xid COLLATE \"C\" AND t.created_at = w.created_at"};

const Statement kForgetEarlier{"forget_earlier",
    "DELETE FROM jwtd.earlier_tokens t USING unnest($1::text[], $2::int4[]) AS w(xid, epoch) WHERE t.epoch = w.epoch AND t.xid = w.xid COLLATE \"C\" "
    "AND NOT EXISTS (SELECT FROM jwtd.transactions s WHERE s.epoch = w.epoch AND s.xid = w.xid COLLATE \"C\")"};

const Statement kUnder{"under",
    "SELECT " CURRENT_COLUMNS ", " EVENTS " FROM unnest($1::text[]) AS g(xid) JOIN jwtd.transactions t ON t.xid = g.xid COLLATE \"C\""};

const Statement kHoldNotes{"hold_notes",
    "SELECT FROM unnest($1::text[], $2::text[]) AS g(kind, key) JOIN jwtd.notes n ON n.kind = g.kind COLLATE \"C\" AND n.key = g.key COLLATE \"C\" "
    "ORDER BY n.kind, n.key FOR UPDATE OF n"};

#define GOES_WITH_IT(row) "(" row ".owner = '' OR EXISTS (SELECT FROM done d WHERE d.xid = " row ".owner COLLATE \"C\"))"

const Statement kChange{"change",
    "WITH want AS MATERIALIZED (SELECT * FROM unnest($1::text[], $2::int4[], $3::timestamptz[], $4::int4[], $5::text[]) "
    "AS w(xid, epoch, created_at, size, events)), "
    // As in kReissue: the lock first, then another look at what another node has changed meanwhile.
    "former AS MATERIALIZED (SELECT t.xid, t.epoch, w.events FROM want w JOIN jwtd.transactions t ON t.epoch = w.epoch AND t.xid = w.xid COLLATE \"C\" "
    "WHERE t.created_at = w.created_at AND octet_length(t.events) = w.size ORDER BY t.xid FOR UPDATE OF t), "
    "added AS (UPDATE jwtd.transactions t SET events = t.events || CASE WHEN t.events = '' THEN '' ELSE ',' END || f.events FROM former f "
    "WHERE f.events <> '' AND t.epoch = f.epoch AND t.xid = f.xid RETURNING t.xid), "
    "erased AS (DELETE FROM jwtd.transactions t USING former f WHERE f.events = '' AND t.epoch = f.epoch AND t.xid = f.xid RETURNING t.xid), "
    "done AS (SELECT xid FROM added UNION ALL SELECT xid FROM erased), "
    "removed AS (DELETE FROM jwtd.notes n USING unnest($10::text[], $11::text[], $12::text[]) AS r(owner, kind, key) "
    "WHERE n.kind = r.kind COLLATE \"C\" AND n.key = r.key COLLATE \"C\" AND " GOES_WITH_IT("r") "), "
    "put AS (INSERT INTO jwtd.notes (expires_at, kind, key, value) SELECT p.expires_at, p.kind, p.key, p.value "
    "FROM unnest($6::text[], $7::text[], $8::text[], $9::text[], $13::timestamptz[], $14::text[]) AS p(owner, kind, key, value, expires_at, asks) "
    "WHERE " GOES_WITH_IT("p") " AND (p.asks = '' OR EXISTS (SELECT FROM jwtd.notes s WHERE s.kind = p.asks COLLATE \"C\" AND s.key = p.key COLLATE \"C\")) ORDER BY p.kind COLLATE \"C\", p.key COLLATE \"C\" "
    "ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at) "
    "SELECT xid FROM done"};

const Statement kNote{"note", "SELECT n.value FROM jwtd.notes n WHERE n.kind = $1::text COLLATE \"C\" AND n.key = $2::text COLLATE \"C\" AND n.expires_at > $3::timestamptz"};

const Statement kNotes{"notes",
    "SELECT n.key, n.value, n.expires_at FROM jwtd.notes n WHERE n.kind = $1::text COLLATE \"C\" AND n.key > $2::text COLLATE \"C\" "
    "AND n.expires_at > $3::timestamptz ORDER BY n.key LIMIT $4::int8"};

// Those that another node is about to remove are left to it.
const Statement kSweepNotes{"sweep_notes",
    "DELETE FROM jwtd.notes n USING (SELECT o.kind, o.key FROM jwtd.notes o WHERE o.expires_at <= $1::timestamptz ORDER BY o.expires_at LIMIT $2::int8 "
    "FOR UPDATE SKIP LOCKED) AS over WHERE n.kind = over.kind AND n.key = over.key"};

const Statement kFind{"find", "SELECT " CURRENT_COLUMNS ", " EVENTS " FROM jwtd.transactions t WHERE t.xid = $1::text COLLATE \"C\" ORDER BY t.epoch DESC LIMIT 1"};

const Statement kEarlier{"earlier",
    "SELECT t.xid, t.number, t.token, t.iss, t.kid, t.iat, t.exp, t.recorded_at FROM jwtd.earlier_tokens t "
    "WHERE t.epoch = $1::int4 AND t.xid = ANY ($2::text[] COLLATE \"C\") AND t.number < $3::int4 ORDER BY t.xid, t.number DESC LIMIT $4::int8"};

const Statement kFindByPhone{"find_by_phone",
    "SELECT " CURRENT_COLUMNS ", " EVENTS " FROM jwtd.transactions t WHERE t.phone_number = $1::int8 AND t.created_at <= $2::timestamptz "
    "AND (t.created_at < $2::timestamptz OR t.xid < $3::text COLLATE \"C\") AND t.created_at >= $4::timestamptz "
    "ORDER BY t.created_at DESC, t.xid DESC LIMIT $5::int8"};

const Statement kScan{"scan",
    "SELECT " CURRENT_COLUMNS ", " EVENTS " FROM jwtd.transactions t WHERE t.epoch = $1::int4 AND t.xid > $2::text COLLATE \"C\" AND t.created_at >= $3::timestamptz "
    "ORDER BY t.xid LIMIT $4::int8"};

const Statement kEpochs{"epochs", "SELECT e.epoch, e.began, e.bound FROM jwtd.epochs e ORDER BY e.epoch"};

const Statement kPing{"ping", "SELECT 1 WHERE NOT pg_is_in_recovery() AND current_setting('transaction_read_only') = 'off'"};

const std::array<const Statement*, 21>& all_statements() {
  static constexpr std::array<const Statement*, 21> kAll{&kBegin, &kCommit, &kHoldEpochs, &kInsertNew, &kInsertAbsent, &kAdopt, &kReissue, &kForget,
                                                         &kForgetEarlier, &kFind, &kEarlier, &kFindByPhone, &kScan, &kEpochs, &kPing,
                                                         &kUnder, &kHoldNotes, &kChange, &kNote, &kNotes, &kSweepNotes};
  return kAll;
}

}  // namespace jwtd::store::postgres
