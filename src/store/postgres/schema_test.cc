// store/postgres/schema_test.cc - what is made in an empty database, and what is left alone in every other.
#include "store/postgres/schema.h"

#include <atomic>
#include <thread>

#include "store/postgres/place_for_tests.h"
#include "store/postgres/postgres_store.h"
#include "tests/contract/sample_records.h"

namespace jwtd::store {
namespace {

using postgres::database_url;
using postgres::options_for;
using postgres::Session;

class PostgresSchema : public testing::Test {
 protected:
  void SetUp() override {
    JWTD_NEEDS_SERVER("postgresql");
    postgres::empty_database();
  }
  static StoreOptions options(bool migrate) {
    StoreOptions out = options_for(database_url());
    out.migrate = migrate;
    return out;
  }
  static std::string refusal(bool migrate) {
    auto store = open_postgres_store(options(migrate));
    EXPECT_FALSE(store) << "was opened";
    if (store) return {};
    EXPECT_TRUE(store.error().is(kStoreOpenFailed));
    return store.error().detail();
  }
  static bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }
  Session session() { return Session(database_url()); }
};

TEST_F(PostgresSchema, AnEmptyDatabaseIsRefusedWithTheVerbThatHelps) { EXPECT_TRUE(has(refusal(false), "jwtd store migrate")); }

TEST_F(PostgresSchema, AnEmptyDatabaseIsMigratedOnRequestAndThenOpensWithout) {
  ASSERT_TRUE(open_postgres_store(options(true)));
  ASSERT_TRUE(open_postgres_store(options(false)));
  ASSERT_TRUE(open_postgres_store(options(true)));
  EXPECT_EQ(session().value("SELECT string_agg(number::text, ',') FROM jwtd.migrations"), "1,2");
}

TEST_F(PostgresSchema, AMigrationIsAnEvent) {
  StoreOptions with_events = options(true);
  std::vector<std::string> events;
  with_events.on_event = [&](std::string_view event) { events.emplace_back(event); };
  ASSERT_TRUE(open_postgres_store(with_events));
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0], "PostgreSQL: the tables went from version 0 to 2");
}

TEST_F(PostgresSchema, ProgramsThatMigrateAtTheSameTimeWaitForEachOther) {
  std::vector<std::thread> threads;
  std::atomic<int> opened{0};
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      const auto store = open_postgres_store(options(true));
      if (store) ++opened;
      EXPECT_TRUE(store) << store.error().message();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(opened, 4);
  EXPECT_EQ(session().value("SELECT count(*) FROM jwtd.migrations"), "2");
}

TEST_F(PostgresSchema, AnEmptySchemaThatTheAdministratorMadeIsUsed) {
  session().run("CREATE SCHEMA jwtd");
  EXPECT_TRUE(has(refusal(false), "jwtd store migrate"));
  EXPECT_TRUE(open_postgres_store(options(true)));
}

// As version 1 left it.
void go_back_to_version_1(Session session) {
  session.run("ALTER TABLE jwtd.transactions DROP COLUMN events; DROP TABLE jwtd.notes; DELETE FROM jwtd.migrations WHERE number = 2");
}

void commit(Store& store, const Record& record) {
  Entry entry{record, false, Outcome::kConflict, {}};
  Entry* batch[] = {&entry};
  ASSERT_TRUE(store.commit(batch));
}

TEST_F(PostgresSchema, AnOlderSchemaIsMigratedOnRequestWithAllThatIsInIt) {
  {
    const auto store = open_postgres_store(options(true));
    ASSERT_TRUE(store);
    commit(**store, make_record("a"));
    session().run("BEGIN;" + postgres::open_epoch_sql(2) + "COMMIT");
    commit(**store, make_record("b"));
  }
  go_back_to_version_1(session());
  const std::string words = refusal(false);
  EXPECT_TRUE(has(words, "of version 1, this jwtd wants version 2: run jwtd store migrate")) << words;
  const auto store = open_postgres_store(options(true));
  ASSERT_TRUE(store) << store.error().message();
  for (const char* xid : {"a", "b"}) {
    expect_same((*(*store)->find(*Xid::parse(xid), kNow))->current, make_record(xid));
    Change change{*Xid::parse(xid), Event{Event::Type::kRevoked, kNow, "revoked", ""}, false, {{"reference", xid, xid, 0}}, {}, Applied::kDamaged, {}};
    Change* batch[] = {&change};
    ASSERT_TRUE((*store)->apply(batch));
    EXPECT_EQ(change.applied, Applied::kWritten);
  }
  session().run("BEGIN;" + postgres::open_epoch_sql(3) + "COMMIT");
  commit(**store, make_record("c"));
}

// Whoever waits for the table's lock holds up everybody else.
TEST_F(PostgresSchema, AMigrationDoesNotWaitLongForAReader) {
  ASSERT_TRUE(open_postgres_store(options(true)));
  go_back_to_version_1(session());
  Session reader = session();
  reader.run("BEGIN; SELECT count(*) FROM jwtd.transactions");
  EXPECT_TRUE(has(refusal(true), "nothing was changed"));
  reader.run("COMMIT");
  EXPECT_TRUE(open_postgres_store(options(true)));
}

TEST_F(PostgresSchema, ANewerSchemaIsRefusedAlsoToMigrate) {
  ASSERT_TRUE(open_postgres_store(options(true)));
  session().run("INSERT INTO jwtd.migrations (number) VALUES (99)");
  for (const bool migrate : {false, true}) {
    const std::string words = refusal(migrate);
    EXPECT_TRUE(has(words, "version 99") && has(words, "up to 2")) << words;
  }
}

TEST_F(PostgresSchema, TablesOfOthersAreNamedAndLeftAlone) {
  session().run("CREATE SCHEMA jwtd; CREATE TABLE jwtd.transactions (note text); INSERT INTO jwtd.transactions VALUES ('mine')");
  for (const bool migrate : {false, true}) {
    const std::string words = refusal(migrate);
    EXPECT_TRUE(has(words, "(transactions)") && has(words, "nothing was changed")) << words;
  }
  EXPECT_EQ(session().value("SELECT note FROM jwtd.transactions"), "mine");
  EXPECT_EQ(session().value("SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'jwtd' AND relkind = 'r'"), "1");
}

TEST_F(PostgresSchema, AMigrationsTableOfOthersIsNamedAndLeftAlone) {
  session().run("CREATE SCHEMA jwtd; CREATE TABLE jwtd.migrations (id text)");
  for (const bool migrate : {false, true}) EXPECT_TRUE(has(refusal(migrate), "jwtd.migrations"));
}

TEST_F(PostgresSchema, ATableThatWasAlteredIsNamed) {
  ASSERT_TRUE(open_postgres_store(options(true)));
  session().run("ALTER TABLE jwtd.transactions DROP COLUMN kid");
  EXPECT_TRUE(has(refusal(true), "kid"));
}

TEST_F(PostgresSchema, ATableThatWasLostIsNamed) {
  ASSERT_TRUE(open_postgres_store(options(true)));
  session().run("DROP TABLE jwtd.earlier_tokens");
  EXPECT_TRUE(has(refusal(true), "earlier_tokens"));
}

TEST_F(PostgresSchema, AMigrationThatFailsLeavesNothingBehind) {
  // An event trigger would need a superuser; a function of the name of an index does not. So: a table in the way that only the migration meets.
  session().run("CREATE SCHEMA jwtd; CREATE SEQUENCE jwtd.epochs");
  EXPECT_TRUE(has(refusal(true), "nothing was changed"));
  EXPECT_EQ(session().value("SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'jwtd'"), "1");
}

// Names are looked up in the schema jwtd, whatever the role's search path would find.
TEST_F(PostgresSchema, ThingsOfTheSameNameOnTheSearchPathChangeNothing) {
  session().run("DROP SCHEMA IF EXISTS trap CASCADE; CREATE SCHEMA trap; CREATE TABLE trap.transactions (a int);"
                "CREATE FUNCTION trap.max(int4) RETURNS int4 LANGUAGE sql AS 'SELECT 42'");
  StoreOptions with_path = options(true);
  with_path.url += "?options=-csearch_path%3Dtrap,pg_catalog";
  const auto store = open_postgres_store(with_path);
  ASSERT_TRUE(store) << store.error().message();
  Entry entry{make_record("a"), false, Outcome::kConflict, {}};
  Entry* batch[] = {&entry};
  EXPECT_TRUE((*store)->commit(batch));
  EXPECT_EQ(entry.outcome, Outcome::kInserted);
  session().run("DROP SCHEMA trap CASCADE");
}

// A session that would otherwise answer before the disk has it.
TEST_F(PostgresSchema, CommitsWaitForTheDiskWhateverTheUrlSays) {
  for (const auto& [wanted, is] : {std::pair("off", "on"), std::pair("local", "on"), std::pair("remote_apply", "remote_apply")}) {
    auto connection = postgres::Connection::open({database_url() + "?options=-csynchronous_commit%3D" + wanted, "", std::chrono::seconds(10)},
                                                 Monotonic::now() + std::chrono::seconds(10));
    ASSERT_TRUE(connection) << connection.error().message();
    const auto answer = (*connection)->run_text("SHOW synchronous_commit", Monotonic::now() + std::chrono::seconds(10));
    EXPECT_EQ(answer.rows.at(0).value(0, 0), is);
  }
}

// -- passwords ------------------------------------------------------------------------------------------------------

TEST_F(PostgresSchema, NoErrorTextHoldsAPassword) {
  const std::string url = database_url();
  const std::string here = url.substr(url.rfind('@') + 1);  // host:port/database
  const std::string host = here.substr(0, here.find(':'));
  constexpr std::string_view kSecret = "hunter2zq";
  const std::vector<std::string> urls = {"postgresql://jwtd:hunter2zq@" + here,        "postgresql://jwtd:hunter2zq@" + host + ":1/x",
                                         "postgresql://jwtd:hunter2zq%zz@" + here,     "postgresql://jwtd:hunter2zq?a@" + here,
                                         "postgresql://jwtd:p@hunter2zq/x@" + here,    "postgresql://jwtd:hunter2zq@" + here + "?nonsense=1",
                                         "postgresql://jwtd@" + here + "?password=hunter2zq", "postgresql://jwtd:hunter2zq@[::1/x"};
  for (const std::string& wrong : urls) {
    StoreOptions options = options_for(wrong);
    const auto store = open_postgres_store(options);
    ASSERT_FALSE(store) << wrong;
    EXPECT_EQ(store.error().message().find(kSecret), std::string::npos) << store.error().message();
  }
  StoreOptions options = options_for("postgresql://jwtd@" + here);
  options.password = kSecret;
  const auto store = open_postgres_store(options);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().message().find(kSecret), std::string::npos) << store.error().message();
  EXPECT_NE(store.error().message().find("password authentication failed"), std::string::npos) << store.error().message();
}

TEST_F(PostgresSchema, ThePasswordOfTheOptionsTakesThePlaceOfTheUrls) {
  const std::string url = database_url();
  const std::size_t colon = url.find(':', url.find("//")), at = url.rfind('@');
  StoreOptions options = options_for(url.substr(0, colon + 1) + "wrong" + url.substr(at));
  options.password = url.substr(colon + 1, at - colon - 1);
  EXPECT_TRUE(open_postgres_store(options));
}

// The test server's certificate is made out to "localhost" and nothing vouches for it.
TEST_F(PostgresSchema, OptionsOfTlsReachLibpq) {
  StoreOptions options = options_for(database_url() + "?sslmode=require");
  EXPECT_TRUE(open_postgres_store(options));
  options.url = database_url() + "?sslmode=verify-full&sslrootcert=/nonexistent";
  const auto store = open_postgres_store(options);
  ASSERT_FALSE(store);
  EXPECT_TRUE(has(store.error().detail(), "/nonexistent")) << store.error().detail();
}

}  // namespace
}  // namespace jwtd::store
