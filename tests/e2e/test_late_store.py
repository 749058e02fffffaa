"""A node that starts while its database is away: it refuses, says why, and serves when the database is there."""

import re

import harness
from harness import PHONE, is_problem, make_certificate, wait_until
from test_mongodb import jwtd_over
from test_postgresql import database, migrate, name_of  # noqa: F401  pylint: disable=unused-import

BACK_SECONDS = 60


def named(make_server, name, url):
    return jwtd_over(lambda **options: make_server(name, **options), url)


def expect_refusals(server, reason="store_unavailable"):
    ready = server.admin_get("/readyz")
    assert ready.status == 503 and ready.json["checks"]["store"] == {"ok": False, "reason": reason}, ready
    assert all(check["ok"] for name, check in ready.json["checks"].items() if name != "store")
    refused = server.get(f"/v1/token/{PHONE}/too-early")
    assert is_problem(refused, 503, "store_unavailable") and int(refused.field("Retry-After")) > 0
    assert is_problem(server.admin_get("/v1/transactions/too-early", server.reader), 503, "store_unavailable")
    assert server.admin_get("/livez").status == 200


def expect_service(server):
    wait_until(lambda: server.admin_get("/readyz").status == 200, BACK_SECONDS, "a green /readyz without a restart")
    answer = server.get(f"/v1/token/{PHONE}/in-time")
    assert answer.status == 200
    assert server.admin_get("/v1/transactions/in-time", server.reader).json["token"] == answer.text
    assert 'jwtd_store_transactions{driver="' in server.admin_get("/metrics").text
    server.said("is open: service begins")


def test_before_postgresql(database, postgresql, make_server, tmp_path):  # noqa: F811
    migrate(database, tmp_path / "dev")
    postgresql.stop()
    with jwtd_over(make_server, database) as server:
        expect_refusals(server)
        postgresql.start()
        expect_service(server)
        assert postgresql.password not in server.log_text() and PHONE not in server.log_text()


def test_before_mongodb(mongodb, make_server):
    mongodb.stop()
    with jwtd_over(make_server, mongodb.url) as server:
        expect_refusals(server)
        mongodb.start()
        expect_service(server)


def test_tables_of_a_newer_jwtd_are_refused_with_words_until_they_are_put_right(database, postgresql, make_server, tmp_path):  # noqa: F811
    migrate(database, tmp_path / "dev")
    postgresql.psql("insert into jwtd.migrations (number) values (99)", database=name_of(database))
    server = jwtd_over(make_server, database)
    ended = harness.jwtd("serve", "--config", server.config)  # the server is there: no reason to wait
    assert ended.returncode == 1 and "run the newer jwtd" in ended.stderr
    postgresql.stop()
    with server:
        expect_refusals(server)
        postgresql.start()
        wait_until(lambda: server.admin_get("/readyz").json["checks"]["store"]["reason"] == "store_open_failed", BACK_SECONDS, "another reason")
        expect_refusals(server, "store_open_failed")
        server.said("run the newer jwtd")
        assert postgresql.psql("select max(number) from jwtd.migrations", database=name_of(database)) == "99"
        postgresql.psql("delete from jwtd.migrations where number = 99", database=name_of(database))
        expect_service(server)


def test_what_no_waiting_mends_ends_at_once_with_words(database, postgresql, make_server, tmp_path):  # noqa: F811
    wrong = re.sub(r":[0-9a-f]+@", ":wr0ngpa55@", database)
    distrusted = database + f"?sslmode=verify-full&sslrootcert={make_certificate(tmp_path)[0]}"
    for name, url, words in (("wrong", wrong, "password authentication failed"), ("absent", database + "_not", "does not exist"), ("tls", distrusted, "certificate")):
        ended = harness.jwtd("serve", "--config", named(make_server, name, url).config)
        assert ended.returncode == 1 and words in ended.stderr, ended
        assert "wr0ngpa55" not in ended.stderr and postgresql.password not in ended.stderr


def test_it_stops_while_it_waits(make_server):
    for name, url in (("one", "postgresql://jwtd:pa55word@127.0.0.1:1/jwtd"), ("two", "mongodb://jwtd:pa55word@127.0.0.1:1/jwt_db")):
        server = named(make_server, name, url).start()
        expect_refusals(server)
        assert server.stop() == 0
        assert "127.0.0.1:1" in server.log_text() or "port 1 failed" in server.log_text()
        assert "pa55word" not in server.log_text()
