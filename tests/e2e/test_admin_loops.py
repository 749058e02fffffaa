"""An admin listener with several loops: who is connected to whichever sees one service."""

import concurrent.futures
import http.client
import os
import pathlib

import faults
import pytest
from harness import PHONE, ask_again, wait_until
from provider import StubProvider

LOOPS = 3
CONNECTIONS = 48  # the kernel spreads them; that one of three loops gets none has a chance of 1 in 10^8


class Crowd:
    """Open connections, and for each the loop that it belongs to: request ids begin with a word of their loop's own."""

    def __init__(self, server, key):
        self.fields = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self.connections = [http.client.HTTPConnection(*server.admin, timeout=60) for _ in range(CONNECTIONS)]
        self.loops = [ask_again(one, "GET", "/livez").field("X-Request-Id").split("-")[0] for one in self.connections]
        self.pool = concurrent.futures.ThreadPoolExecutor(CONNECTIONS)

    def close(self):
        self.pool.shutdown()
        for one in self.connections:
            one.close()

    def ask_one_each(self, method, path, body=None):
        """The answer of each loop, by one connection after the other."""
        return [ask_again(self.connections[self.loops.index(loop)], method, path, self.fields, body) for loop in sorted(set(self.loops))]

    def ask_all(self, method, path, body=None):
        """The answers to all connections, asked at the same time."""
        return list(self.pool.map(lambda one: ask_again(one, method, path, self.fields, body), self.connections))


@pytest.fixture
def wide(make_server, tmp_path):
    """A server with LOOPS admin loops, and the stub as its provider."""
    stub = StubProvider(tmp_path)
    server = make_server(settings={"listen.admin_threads": LOOPS, "telesign.url": stub.url, "telesign.cache": "60s"}).durable
    key = server.add_caller("backend", "read,read:pii,verify,verify:explain,revoke,callbacks,admin")
    server.start()
    server.crowd = Crowd(server, key)
    yield server
    server.crowd.close()
    server.stop()
    stub.close()


def threads_named_loop(server):
    folder = pathlib.Path(f"/proc/{server.process.pid}/task")
    return sum((thread / "comm").read_text().strip() == "loop" for thread in folder.iterdir())


def mint(server, xid):
    answer = server.get(f"/v1/token/{PHONE}/{xid}")
    assert answer.status == 200
    return answer.text


@pytest.mark.parametrize("settings, loops", [({}, 2 * (max(2, os.cpu_count()) - 1)), ({"listen.threads": 2, "listen.admin_threads": 5}, 7)])
def test_how_many_loops_there_are(make_server, settings, loops):
    server = make_server(settings={"listen.admin_threads": None} | settings)
    server.start()
    assert threads_named_loop(server) == loops
    assert server.stop() == 0


def test_connections_spread_over_the_loops(wide):
    assert len(set(wide.crowd.loops)) == LOOPS


def test_every_loop_verifies_and_sees_what_others_did(wide):
    token = mint(wide, "seen")
    body = f'{{"token":"{token}"}}'
    answers = wide.crowd.ask_one_each("POST", "/v1/verify", body)
    assert [answer.json["valid"] for answer in answers] == [True] * LOOPS
    events = [event["type"] for event in wide.admin_get("/v1/transactions/seen", wide.caller_keys["backend"]).json["events"]]
    assert events == ["issued", "verified"], "once for the caller, not once a loop"
    assert wide.crowd.ask_one_each("POST", "/v1/revocations", '{"xid":"seen"}')[0].status == 200
    for answer in wide.crowd.ask_one_each("POST", "/v1/verify", body):
        assert not answer.json["valid"] and answer.json["reason"] == "The token was revoked"


def test_one_of_many_consumers_wins_whatever_their_loops(wide):
    for n in range(10):
        mint(wide, f"used-{n}")
        statuses = [answer.status for answer in wide.crowd.ask_all("POST", f"/v1/transactions/used-{n}/consume", "")]
        assert sorted(statuses) == [200] + [409] * (CONNECTIONS - 1)


def test_the_provider_is_asked_once_for_all_loops(wide):
    mint(wide, "polled")
    answers = wide.crowd.ask_all("GET", "/v1/transactions/polled/status?refresh=1")
    assert {answer.status for answer in answers} == {200}
    assert {answer.json["status"]["description"] for answer in answers} == {"1"}, "the stub says how often it was asked for this XID"
    assert faults.metric(wide, "jwtd_provider_requests_total") == 1


def test_metrics_add_up_over_the_loops(wide):
    mint(wide, "counted")
    for answer in wide.crowd.ask_all("GET", "/v1/transactions/counted"):
        assert answer.status == 200
    name = 'jwtd_http_requests_total{listener="admin",route="/v1/transactions/{xid}",status="200"}'
    wait_until(lambda: faults.metric(wide, name) == CONNECTIONS, 30, "the last ones are counted, which comes behind their answers")
    assert {answer.status for answer in wide.crowd.ask_one_each("GET", "/readyz")} == {200}


def test_connections_beyond_the_bound_wait(make_server):
    server = make_server(settings={"listen.admin_threads": LOOPS, "listen.admin_max_connections": 5})
    server.start()
    kept = [http.client.HTTPConnection(*server.admin, timeout=60) for _ in range(40)]
    for one in kept:
        one.connect()

    def ask_and_go(connection):
        answer = ask_again(connection, "GET", "/metrics")
        connection.close()
        return faults.metric_in(answer.text, 'jwtd_connections_open{listener="admin"}')

    with concurrent.futures.ThreadPoolExecutor(len(kept)) as pool:
        open_at_once = list(pool.map(ask_and_go, kept))
    assert max(open_at_once) <= 5 + LOOPS, "each loop has asked the kernel for one before the bound was reached"
    assert server.stop() == 0
