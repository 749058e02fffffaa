"""jwtd over a MongoDB-protocol server: beside the tutorial's own service, through an outage, with credentials and TLS."""

import json
import os
import threading
import time

import pytest

import harness
from harness import PHONE, is_problem, make_certificate, wait_until
from test_callbacks import load_and_kill

import mongodb as servers_mongodb
import server as servers

BACK_SECONDS = 60

FIND_ALL = """
import json, pymongo, sys
tokens = pymongo.MongoClient(sys.argv[1]).get_default_database().tokens
print(json.dumps([{k: str(v) for k, v in one.items()} for one in tokens.find({"xid": {"$in": sys.argv[2:]}})]))
"""

# What the tutorial's service does with a token.
TUTORIAL_INSERT = """
import pymongo, sys
client = pymongo.MongoClient(sys.argv[1])
client["jwt_db"]["tokens"].insert_one({"xid": sys.argv[2], "phone_number": sys.argv[3], "token": sys.argv[4]})
"""


def jwtd_over(make_server, url, **settings):
    server = make_server(settings={"store.url": url, "store.timeout": "1s", **{name.replace("__", "."): value for name, value in settings.items()}})
    server.reader = server.add_caller("reader", "read,read:pii")
    return server


def rows_of(database, *xids):
    return json.loads(database.run(FIND_ALL, *xids))


def look_up(server, xid):
    answer = server.admin_get(f"/v1/transactions/{xid}", server.reader)
    return answer.json if answer.status == 200 else answer.status


def test_pymongo_finds_the_tutorials_fields_in_what_jwtd_wrote(mongodb, make_server):
    with jwtd_over(make_server, mongodb.url) as server:
        answer = server.get(f"/v1/token/{PHONE}/seen-by-pymongo")
        made = server.get(f"/v1/token/{PHONE}")
        assert answer.status == made.status == 200
        [row] = rows_of(mongodb, "seen-by-pymongo")
        assert (row["xid"], row["phone_number"], row["token"]) == ("seen-by-pymongo", PHONE, answer.text)
        assert list(row)[:4] == ["_id", "xid", "phone_number", "token"] and row["_id"] == row["xid"]
        [row] = rows_of(mongodb, made.field("X-Transaction-Id"))
        assert row["token"] == made.text
        assert look_up(server, "seen-by-pymongo")["token"] == answer.text


def test_the_tutorials_service_and_jwtd_share_a_collection(mongodb, make_server):
    mongodb.run(TUTORIAL_INSERT, "from-the-tutorial", PHONE, "its.first.token")
    with jwtd_over(make_server, mongodb.url) as server:
        time.sleep(1.1)  # ObjectIds of two processes have no order within a second
        mongodb.run(TUTORIAL_INSERT, "from-the-tutorial", PHONE, "its.second.token")
        found = look_up(server, "from-the-tutorial")
        assert found["token"] == "its.second.token"
        listed = server.admin_get(f"/v1/transactions?phone_number={PHONE}", server.reader).json
        assert "from-the-tutorial" in json.dumps(listed)
        # Its XID goes to no other phone, and to its own it goes on.
        assert is_problem(server.get("/v1/token/15555550000/from-the-tutorial"), 409, "xid_taken")
        answer = server.get(f"/v1/token/{PHONE}/from-the-tutorial")
        assert answer.status == 200
        rows = rows_of(mongodb, "from-the-tutorial")
        assert [row["token"] for row in rows if row["_id"] != row["xid"]] == ["its.first.token", "its.second.token"]
        assert [row["token"] for row in rows if row["_id"] == row["xid"]] == [answer.text]
        # And jwtd's collection goes on taking its inserts.
        mongodb.run(TUTORIAL_INSERT, "later", PHONE, "its.third.token")
        assert look_up(server, "later")["token"] == "its.third.token"


def test_two_nodes_agree(mongodb, make_server):
    with jwtd_over(make_server, mongodb.url) as one, jwtd_over(lambda **options: make_server("other", **options), mongodb.url) as other:
        for i in range(20):
            answers = {}

            def ask(name, server, phone, xid=f"both-{i}", answers=answers):
                answers[name] = server.get(f"/v1/token/{phone}/{xid}")

            phones = (PHONE, PHONE) if i % 2 else (PHONE, "15555550000")
            threads = [threading.Thread(target=ask, args=(name, server, phone)) for name, server, phone in zip("ab", (one, other), phones)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            statuses = sorted(answer.status for answer in answers.values())
            assert statuses == ([200, 200] if i % 2 else [200, 409]), answers
            if i % 2:
                assert answers["a"].text == answers["b"].text
            assert len(rows_of(mongodb, f"both-{i}")) == 1


def test_while_the_server_is_away_minting_answers_503_and_then_goes_on(mongodb, make_server):
    with jwtd_over(make_server, mongodb.url) as server:
        confirmed = {}
        stop = threading.Event()

        def mint(worker):
            connection = server.connection()
            for i in range(100_000):
                if stop.is_set():
                    return
                xid = f"w{worker}-{i}"
                answer = harness.ask_again(connection, "GET", f"/v1/token/{PHONE}/{xid}")
                if answer.status == 200:
                    confirmed[xid] = answer.text

        workers = [threading.Thread(target=mint, args=(worker,)) for worker in range(8)]
        for worker in workers:
            worker.start()
        wait_until(lambda: len(confirmed) > 100, 60, "a hundred tokens")
        mongodb.kill()
        began = time.monotonic()
        refused = server.get(f"/v1/token/{PHONE}/while-away")
        assert is_problem(refused, 503, refused.json["code"]) and refused.field("Retry-After"), refused
        assert time.monotonic() - began < 20, "libmongoc's own patience is 30 s"
        stop.set()
        for worker in workers:
            worker.join()
        red = wait_until(lambda: (lambda a: a if a.status == 503 else None)(server.admin_get("/readyz")), BACK_SECONDS, "a red /readyz")
        assert red.json["checks"]["store"] == {"ok": False, "reason": "store_unavailable"}
        times = []
        for n in range(20):
            began = time.monotonic()
            assert server.get(f"/v1/token/{PHONE}/quickly-refused-{n}").status == 503
            times.append(time.monotonic() - began)
        assert sorted(times)[len(times) // 2] < 1, "each waited for the server"

        mongodb.start()
        wait_until(lambda: server.admin_get("/readyz").status == 200, BACK_SECONDS, "a green /readyz")
        assert server.get(f"/v1/token/{PHONE}/after").status == 200
        xids = list(confirmed)
        found = {row["xid"]: row["token"] for start in range(0, len(xids), 500) for row in rows_of(mongodb, *xids[start:start + 500])}
        assert found == confirmed
        assert look_up(server, xids[0])["token"] == confirmed[xids[0]]
        assert PHONE not in server.said("the server is away", "the server is back after")
    print(f"NOTE test_mongodb: {len(confirmed)} tokens confirmed before kill -9, all there")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """A server that asks for SCRAM over TLS."""
    folder = tmp_path_factory.mktemp("guarded")
    certificate, key = make_certificate(folder)
    try:
        running = servers_mongodb.start_guarded(folder, certificate, key)
    except servers.Unavailable as why:
        (pytest.fail if os.environ.get("JWTD_REQUIRE_ALL") == "1" else pytest.skip)(f"no guarded mongodb: {why}")
    with running:
        yield running


def test_password_from_a_file_scram_and_tls(guarded, make_server, tmp_path):
    password = tmp_path / "password"
    password.write_text(guarded.password + "\n")
    password.chmod(0o600)
    server = jwtd_over(make_server, guarded.url_without_password, store__password_file=password)
    with server:
        answer = server.get(f"/v1/token/{PHONE}/guarded")
        assert answer.status == 200
        assert look_up(server, "guarded")["token"] == answer.text
        command_line = (harness.pathlib.Path("/proc") / str(server.process.pid) / "cmdline").read_bytes()
        assert guarded.password.encode() not in command_line
    assert guarded.password not in server.log_text()


def test_a_wrong_password_is_said_and_not_shown(guarded, make_server, tmp_path):
    password = tmp_path / "password"
    password.write_text("wr0ngpa55\n")
    password.chmod(0o600)
    server = jwtd_over(make_server, guarded.url_without_password, store__password_file=password)
    done = harness.jwtd("serve", "--config", server.config)
    assert done.returncode == 1
    assert "uthentication" in done.stderr and "wr0ngpa55" not in done.stderr + done.stdout


def test_a_certificate_that_is_not_trusted_is_refused(guarded, make_server, tmp_path):
    other, _ = make_certificate(tmp_path, "other")
    url = guarded.url.replace(str(guarded.certificate), str(other))
    assert url != guarded.url
    server = jwtd_over(make_server, url)
    done = harness.jwtd("serve", "--config", server.config)
    assert done.returncode == 1 and guarded.password not in done.stderr + done.stdout


def test_check_config_shows_no_password(make_server):
    server = jwtd_over(make_server, "mongodb://someone:pa55word@127.0.0.1/jwt_db")
    shown = harness.jwtd("check-config", server.config)
    assert "pa55word" not in shown.stdout + shown.stderr


def test_every_answered_callback_survives_kill_9_of_service_and_database(make_server, mongodb):
    with jwtd_over(make_server, mongodb.url) as server:
        load_and_kill(server, mongodb)
