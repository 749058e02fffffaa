"""jwtd over a real PostgreSQL: minting and looking up, the database killed and started again, what psql sees, two nodes on one database."""

import concurrent.futures
import re
import subprocess
import threading

import harness
import pytest
from harness import PHONE, is_problem, jwtd, wait_until
from test_callbacks import load_and_kill

ROOT = harness.ROOT


@pytest.fixture
def database(postgresql):
    """The URL of a new, empty database; the server runs when a test begins."""
    if not postgresql.running():
        postgresql.start()
    database.count = getattr(database, "count", 0) + 1
    return postgresql.make_database(f"test_{database.count}")


def without_its_password(url):
    return re.sub(r":[0-9a-f]+@", "@", url)


def migrate(url, folder):
    """What `jwtd dev` does at its start; jwtd store migrate is tested where it is made. The password comes as libpq takes it: dev refuses it in a flag."""
    environment = {**harness.clean_environment(), "PGPASSWORD": re.search(r":([0-9a-f]+)@", url)[1]}
    dev = subprocess.Popen([harness.BINARY, "dev", "--data", str(folder), "--port", "0", "--admin-port", "0", "--store", without_its_password(url)],
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
    shown = ""
    while "Ctrl-C" not in shown:
        line = dev.stdout.readline()
        assert line, shown
        shown += line
    dev.terminate()
    assert dev.wait(60) == 0
    return shown


@pytest.fixture
def node(make_server, database, tmp_path):
    """Makes nodes over one migrated database, with the URL in a file."""
    migrate(database, tmp_path / "dev")
    url_file = tmp_path / "store_url"
    url_file.write_text(database + "\n")
    url_file.chmod(0o600)

    def make(name, **settings):
        made = make_server(name, settings={"store.url": None, "store.url_file": url_file, **settings})
        made.reader = made.add_caller("reader", "read,read:pii")
        return made.start()

    make.database = database
    return make


def name_of(url):
    return url.rsplit("/", 1)[1]


def reads(server, xid):
    return server.admin_get(f"/v1/transactions/{xid}", key=server.reader)


def test_a_token_is_on_record_in_the_database(node, postgresql):
    server = node("one")
    minted = server.get(f"/v1/token/{PHONE}/first")
    assert minted.status == 200
    found = reads(server, "first")
    assert found.status == 200 and minted.text in found.text
    assert server.get(f"/v1/token/{PHONE}/first").text == minted.text
    is_problem(server.get("/v1/token/15550000000/first"), 409, "xid_taken")
    row = postgresql.psql("SELECT xid, phone_number, token, issued FROM jwtd.transactions", database=name_of(node.database))
    assert row == f"first|{PHONE}|{minted.text}|1"


def test_two_nodes_agree_on_one_record(node):
    servers = [node("one"), node("two")]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for i in range(25):
            start = threading.Barrier(4)

            def mint(server, phone, xid=f"both-{i}", start=start):
                start.wait(60)
                return server.get(f"/v1/token/{phone}/{xid}")

            same = [pool.submit(mint, servers[k % 2], PHONE) for k in range(4)]
            answers = [future.result() for future in same]
            assert {answer.status for answer in answers} == {200}
            assert len({answer.text for answer in answers}) == 1
            start.reset()
            phones = [pool.submit(mint, servers[k % 2], f"1555000000{k}", f"one-{i}") for k in range(4)]
            statuses = sorted(future.result().status for future in phones)
            assert statuses == [200, 409, 409, 409]


def test_a_database_that_is_killed_costs_503_and_comes_back_by_itself(node, postgresql):
    server = node("one")
    before = {f"x{i}": server.get(f"/v1/token/{PHONE}/x{i}").text for i in range(20)}
    assert server.admin_get("/readyz").status == 200

    postgresql.kill()
    refused = server.get(f"/v1/token/{PHONE}/while-away")
    is_problem(refused, 503, "store_unavailable")
    assert int(refused.field("Retry-After")) > 0
    ready = wait_until(lambda: (answer := server.admin_get("/readyz")).status == 503 and answer, 30, "/readyz to turn red")
    assert ready.json["checks"]["store"] == {"ok": False, "reason": "store_unavailable"}
    assert all(check["ok"] for name, check in ready.json["checks"].items() if name != "store")

    postgresql.start()
    wait_until(lambda: server.admin_get("/readyz").status == 200, 60, "/readyz to turn green without a request")
    assert server.get(f"/v1/token/{PHONE}/afterwards").status == 200
    for xid, token in before.items():
        assert token in reads(server, xid).text
    assert postgresql.password not in server.said("PostgreSQL is away", "PostgreSQL is back")


def test_every_token_that_was_answered_outlives_the_database(node, postgresql):
    """kill -9 of the database under load, three times; every 200 is on record afterwards, and no XID stands twice."""
    server = node("one")
    answered, odd, over, lock = {}, [], threading.Event(), threading.Lock()

    def client(number):
        i = 0
        while not over.is_set():
            i += 1
            xid = f"c{number}-{i}"
            try:
                answer = server.get(f"/v1/token/{PHONE}/{xid}")
            except OSError:
                continue
            with lock:
                if answer.status == 200:
                    answered[xid] = answer.text
                elif answer.status != 503:
                    odd.append(answer)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(3):
            count = len(answered)
            wait_until(lambda count=count: len(answered) > count + 100, 60, "tokens to flow")
            postgresql.kill()
            postgresql.start()
        count = len(answered)
        wait_until(lambda: len(answered) > count + 100, 60, "tokens to flow again")
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert odd == []
    rows = postgresql.psql("SELECT xid || ' ' || token FROM jwtd.transactions", database=name_of(node.database)).splitlines()
    stored = dict(row.split() for row in rows)
    assert len(stored) == len(rows), "an XID stands twice"
    lost = [xid for xid, token in answered.items() if stored.get(xid) != token]
    assert not lost, f"{len(lost)} of {len(answered)}"
    print(f"NOTE {len(answered)} tokens were answered while PostgreSQL was killed three times; all are on record")


def test_without_tables_serve_says_which_verb_helps(make_server, database, postgresql):
    server = make_server("one", settings={"store.url": database})
    ended = jwtd("serve", "--config", server.config)
    assert ended.returncode == 1
    assert "jwtd store migrate" in ended.stderr and postgresql.password not in ended.stderr + ended.stdout


def test_dev_migrates_by_itself_and_hides_the_password(database, tmp_path, postgresql):
    for _ in range(2):
        shown = migrate(database, tmp_path / "dev")
        assert postgresql.password not in shown and f"store    {without_its_password(database)}" in shown
    refused = jwtd("dev", "--data", tmp_path / "dev", "--port", 0, "--admin-port", 0, "--store", database)
    assert refused.returncode == 2 and postgresql.password not in refused.stdout + refused.stderr
    assert postgresql.psql("SELECT count(*) FROM jwtd.migrations", database=name_of(database)) == "2"  # one a version of the schema


def test_the_password_may_stand_in_a_file(make_server, database, tmp_path, postgresql):
    migrate(database, tmp_path / "dev")
    password_file = tmp_path / "password"
    password_file.write_text(postgresql.password + "\n")
    password_file.chmod(0o600)
    server = make_server("one", settings={"store.url": without_its_password(database), "store.password_file": password_file}).start()
    assert server.get(f"/v1/token/{PHONE}").status == 200
    command_line = (harness.pathlib.Path("/proc") / str(server.process.pid) / "cmdline").read_bytes().decode()
    assert postgresql.password not in command_line


def test_the_documented_queries_work(node, postgresql):
    """Every SQL block of docs/OPERATING.md that reads, as it stands there."""
    server = node("one")
    server.get(f"/v1/token/{PHONE}/my-first-transaction")
    text = (ROOT / "docs" / "OPERATING.md").read_text()
    section = text[text.index("## PostgreSQL"):]
    queries = [query.strip() for block in re.findall(r"```sql\n(.*?)```", section, re.DOTALL) for query in block.split(";") if query.strip()]
    reading = [query for query in queries if query.lower().startswith("select")]
    assert len(reading) >= 4
    for query in reading:
        postgresql.psql(query, database=name_of(node.database))
    assert "my-first-transaction" in postgresql.psql(reading[0], database=name_of(node.database))


def test_the_server_has_nothing_to_complain_about(node, postgresql):
    """Minting, retrying, reissuing and sweeping leave no error in the server's log, and its role is a plain one."""
    start = len(postgresql.log.read_text(errors="replace"))
    server = node("one")
    for i in range(20):
        server.get(f"/v1/token/{PHONE}/x{i % 7}")
        server.get("/v1/token/15550000000/x1")
        server.get(f"/v1/token/{PHONE}")
    reads(server, "x1")
    server.admin_get(f"/v1/transactions?phone_number={PHONE}", key=server.reader)
    server.stop()
    log = postgresql.log.read_text(errors="replace")[start:]
    complaints = [line for line in log.splitlines() if re.search(r"\b(ERROR|FATAL|WARNING|PANIC)\b", line)]
    assert complaints == []
    assert postgresql.psql("SELECT rolsuper FROM pg_roles WHERE rolname = 'jwtd'") == "f"


def test_every_answered_callback_survives_kill_9_of_service_and_database(node, postgresql):
    load_and_kill(node("one"), postgresql)
