"""Requests meant to confuse, from collections of others (JWTD_VECTORS): each gets one answer of the right class or none, and the next
request on a new connection is served as if nothing had been."""

import base64
import json
import random
import re
import socket
import struct
import threading
import time

import pytest

import wire
from harness import PHONE, VECTORS, ask_again, wait_until

PROBE = b"GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n"
FRAMING_REFUSALS = {400, 501}


def cases(*patterns, but=()):
    found = [json.loads(line) for pattern in patterns for file in sorted(VECTORS.glob(pattern)) for line in file.read_text().splitlines() if line]
    if not found:
        return [pytest.param(None, marks=pytest.mark.skip(reason=f"JWTD_VECTORS has no {patterns[0]}"))]
    return [pytest.param(case, id=case["id"].split("/", 1)[-1]) for case in found if case["id"] not in but]


def octets_of(case):
    return base64.b64decode(case["bytes_b64"]) if case.get("bytes_b64") else None


def numbers(text):
    return {int(n) for n in re.findall(r"(?<![\w.])[1-5]\d\d(?![\w.])", text)}


@pytest.fixture(autouse=True)
def lives_on(server):
    yield
    assert server.alive()
    assert server.get(f"/v1/token/{PHONE}").status == 200


# -- our own list ---------------------------------------------------------------------------------------------------

# Where the words of `expect` name more or less than the statuses that may come.
JWTD_STATUSES = {
    "HJ-PATH-21": {200, 400},
    "HJ-PATH-22": {200, 400},
    "HJ-PATH-32": {400},  # "or byte-exact store": our XIDs are ASCII
    "HJ-PATH-40": {200, 400, 421},  # "or served as absolute host"
    "HJ-HEAD-21": {200},  # "never 304"
    "HJ-LIMIT-06": {400, 404, 405, 501},  # its path is unknown here, which is as good a reason as the method
}
# Cases that are more than some octets on one connection, and the tests that stand for them.
JWTD_ELSEWHERE = {
    "HJ-CONN-02": "test_a_bad_request_between_good_ones_ends_the_connection",
    "HJ-CONN-04": "test_slow_clients_are_cut_and_others_do_not_wait",
    "HJ-CONN-05": "test_slow_clients_are_cut_and_others_do_not_wait",
    "HJ-CONN-06": "test_a_peer_that_never_reads_is_cut",
    "HJ-CONN-07": "test_many_silent_connections_do_not_stop_the_accepting",
    "HJ-CONN-08": "test_slow_clients_are_cut_and_others_do_not_wait",
    "HJ-CONN-09": "test_plain_http_on_the_tls_port_gets_no_token",  # test_tls.py
    "HJ-CONN-10": "test_renegotiation_is_refused",  # test_tls.py
    "HJ-CONN-13": "test_a_reset_right_after_the_request_harms_nobody",
    "HJ-CONN-14": "test_two_mebibytes_of_random_octets",
    "HJ-HEAD-17": "test_forwarded_addresses_do_not_count_from_just_anybody",  # test_limits.py
    "HJ-LIMIT-07": "test_a_head_without_end_is_refused_early",
}


@pytest.mark.parametrize("case", cases("http_jwtd/*.jsonl", but=JWTD_ELSEWHERE))
def test_own_list(server, case):
    octets = octets_of(case)
    assert octets is not None, "a case to build: it needs a test of its own"
    expect = case["expect"]
    wanted = JWTD_STATUSES.get(case["id"]) or numbers(expect)
    may_be_silent = "close" in re.split(r"[/ (,]", expect)[0] or "/close" in expect or "or close" in expect
    requests = 100 if case["id"] == "HJ-CONN-01" else 1
    outcome = wire.exchange(server.raw(), octets)
    assert outcome.leftover == b"" and len(outcome.replies) <= requests, outcome
    if not outcome.replies:
        assert may_be_silent, f"{expect}, but no answer"
        return
    assert set(outcome.statuses) <= wanted, f"{expect}: {outcome}"
    assert requests == 1 or len(outcome.replies) == requests
    for reply in outcome.replies:
        assert "x-evil" not in reply.fields
        assert reply.status != 200 or "/v1/token" not in octets.decode("latin-1") or reply.fields["cache-control"] == ["no-store"]
        if reply.status >= 400 and reply.fields.get("connection") == ["close"]:
            assert outcome.closed or outcome.replies[-1] is reply


def test_a_bad_request_between_good_ones_ends_the_connection(server):
    good = f"GET /v1/token/{PHONE} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    outcome = wire.exchange(server.raw(), good + b"BAD\r\n\r\n" + good, must_close=True)
    assert outcome.statuses == [200, 400] and outcome.closed and outcome.replies[1].fields["connection"] == ["close"]


@pytest.mark.parametrize("octets", [b"GET /ping HTTP/1.1\r\n\r\n", b"GET /ping HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", b"GET /ping HTTP/1.1\nHost: a\n\n",
                                    b"POST /v1/tokens HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                                    b"GET /ping HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n"])
def test_framing_errors_are_400_and_close_with_nothing_read_behind(server, octets):
    outcome = wire.exchange(server.raw(), octets + PROBE, must_close=True)
    assert outcome.statuses == [400] and outcome.closed
    problem = json.loads(outcome.replies[0].body)
    assert problem["status"] == 400 and problem["request_id"] == outcome.replies[0].fields["x-request-id"][0]


# -- Http11Probe ----------------------------------------------------------------------------------------------------

BUILT = {  # by code in the original; here from its description
    "MAL-BINARY-GARBAGE": lambda: random.Random(42).randbytes(256),
    "MAL-LONG-URL": lambda: b"GET /" + b"A" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "MAL-LONG-HEADER-VALUE": lambda: b"GET /ping HTTP/1.1\r\nHost: localhost\r\nX-Big: " + b"B" * 100_000 + b"\r\n\r\n",
    "MAL-MANY-HEADERS": lambda: b"GET /ping HTTP/1.1\r\nHost: localhost\r\n" + b"".join(b"X-H-%d: value\r\n" % n for n in range(10_000)) + b"\r\n",
    "MAL-LONG-HEADER-NAME": lambda: b"GET /ping HTTP/1.1\r\nHost: localhost\r\n" + b"A" * 100_000 + b": val\r\n\r\n",
    "MAL-LONG-METHOD": lambda: b"A" * 100_000 + b" /ping HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "MAL-EMPTY-REQUEST": lambda: b"",
    "MAL-RANGE-OVERLAPPING": lambda: b"GET /ping HTTP/1.1\r\nHost: localhost\r\nRange: bytes=" + b",".join([b"0-"] * 1000) + b"\r\n\r\n",
}


def built(case):
    name = case["id"].split("/")[1]
    if name in BUILT:
        return BUILT[name]()
    text = case["doc_blocks"][0].replace("\\r\\n\n", "\r\n")
    return re.sub(r"\\x([0-9A-Fa-f]{2})", lambda m: chr(int(m.group(1), 16)), text).encode("latin-1")


def probe_expectation(text, method):
    """(statuses, may be silent, must close) out of words like `400 or close`, `2xx + close`, `!101`."""
    statuses = numbers(text.replace("!101", ""))
    if "101" in text or "non-1xx" in text:
        return set(range(200, 600)), True, False
    if "2xx" in text or "IMF-fixdate" in text or 200 in statuses:
        statuses |= {200, 204} if method in (b"GET", b"HEAD", b"OPTIONS") else {404, 405}
    if 400 in statuses:  # of another class of refusal, but a refusal
        statuses |= {414, 431, 501}
    return statuses, "close" in text and "+ close" not in text or "timeout" in text, text == "2xx + close"


@pytest.mark.parametrize("case", cases("http11probe/*.jsonl"))
def test_http11probe(server, case):
    octets = octets_of(case)
    octets = built(case) if octets is None else octets
    octets = octets.replace(b" / HTTP", b" /ping HTTP").replace(b"//localhost/ HTTP", b"//localhost/ping HTTP")  # their servers answer at /
    method = octets.split(b" ", 1)[0]
    statuses, silent, must_close = probe_expectation(case["expected_text"], method)
    outcome = wire.exchange(server.raw(), octets, must_close=must_close, head=method == b"HEAD")
    assert len(outcome.replies) <= 1 and outcome.leftover == b"", outcome
    if outcome.replies:
        refused = silent and outcome.statuses[0] in (400, 413, 431, 501, 505)  # where silence will do, a plain refusal does
        assert outcome.statuses[0] in statuses or refused, f"{case['expected_text']}: {outcome}"
    else:
        assert silent, f"{case['expected_text']}, but no answer"
    if must_close:
        assert outcome.closed
    if case["id"].endswith("405-ALLOW"):
        assert outcome.replies[0].fields["allow"]
    if "DATE" in case["id"]:
        assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", outcome.replies[0].fields["date"][0])
    if case["id"].endswith("NO-CL-IN-204"):
        assert outcome.statuses == [204] and "content-length" not in outcome.replies[0].fields


# -- Transfer-Encoding and Content-Length in disguise ---------------------------------------------------------------


def disguised(case, request_line):
    header = base64.b64decode(case["header_b64"])
    body = b"hello" if header.lower().startswith(b"content-length") else b"0\r\n\r\n"
    return request_line + b" HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" + header + b"\r\n\r\n" + body + PROBE


@pytest.mark.parametrize("request_line", [b"POST /v1/tokens", b"GET /ping"], ids=["POST", "GET"])
@pytest.mark.parametrize("case", cases("te_cl/*.jsonl"))
def test_disguised_lengths_never_split_a_request(server, case, request_line):
    refusal_only = case["expect"].startswith("400")
    outcome = wire.exchange(server.raw(), disguised(case, request_line), must_close=refusal_only)
    assert outcome.leftover == b""
    if len(outcome.replies) == 1:
        assert outcome.statuses[0] in FRAMING_REFUSALS and outcome.closed, outcome
    else:  # understood: then the body was taken whole, and the request behind it has its own answer
        assert not refusal_only and len(outcome.replies) == 2 and outcome.statuses[1] == 200, outcome


# -- llhttp's cases -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", cases("llhttp/invalid.jsonl", "llhttp/lenient-version.jsonl"))
def test_what_llhttp_calls_invalid_is_never_served(server, case):
    octets = octets_of(case).replace(b" / HTTP", b" /ping HTTP")
    outcome = wire.exchange(server.raw(), octets)
    assert len(outcome.replies) <= 1 and all(400 <= status < 600 for status in outcome.statuses), outcome


@pytest.mark.parametrize("case", cases("llhttp/[cmpsu]*.jsonl"))
def test_llhttps_other_cases_get_an_answer_a_request_at_most(server, case):
    octets = octets_of(case)
    outcome = wire.exchange(server.raw(), octets, head=octets.startswith(b"HEAD "))
    assert len(outcome.replies) <= case["messages_complete"] + 1 and outcome.leftover == b"", outcome
    assert 500 not in outcome.statuses


# -- bounds in bytes and time ---------------------------------------------------------------------------------------


def resident_kib(server):
    with open(f"/proc/{server.process.pid}/status", encoding="ascii") as status:
        return int(next(line for line in status if line.startswith("VmRSS")).split()[1])


@pytest.mark.parametrize("start,status", [(b"GET /ping HTTP/1.1\r\nHost: localhost\r\nX: ", 431), (b"GET /", 414), (b"A", 400)],
                         ids=["field", "target", "method"])
def test_a_head_without_end_is_refused_early(server, start, status):
    before = resident_kib(server)
    connection = server.raw()
    connection.settimeout(wire.PATIENCE)
    sent = 0
    try:
        connection.sendall(start)
        while sent < 100 * 1024 * 1024:
            connection.sendall(b"a" * 65536)
            sent += 65536
    except (BrokenPipeError, ConnectionResetError, TimeoutError):
        pass
    assert sent < 32 * 1024 * 1024, "it went on reading"
    assert resident_kib(server) - before < 1024
    connection.close()
    outcome = wire.exchange(server.raw(), start + b"a" * 20_000, must_close=True)
    assert outcome.closed and outcome.statuses and outcome.statuses[0] in {status, 400, 431}, outcome


def test_two_mebibytes_of_random_octets(server):
    outcome = wire.exchange(server.raw(), random.Random(7).randbytes(2 * 1024 * 1024), must_close=True)
    assert outcome.closed and len(outcome.replies) <= 1 and all(400 <= status < 600 for status in outcome.statuses)


def test_a_reset_right_after_the_request_harms_nobody(server):
    for _ in range(200):
        connection = server.raw()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.sendall(f"GET /v1/token/{PHONE} HTTP/1.1\r\nHost: a\r\n\r\n".encode() * 3)
        connection.close()


def test_pipelined_requests_are_answered_in_order(server):
    xids = [f"pipelined-{n}" for n in range(300)]
    octets = b"".join(f"GET /v1/token/{PHONE}/{xid} HTTP/1.1\r\nHost: a\r\n\r\n".encode() for xid in xids)
    outcome = wire.exchange(server.raw(), octets)
    assert [reply.fields["x-transaction-id"][0] for reply in outcome.replies] == xids


def test_a_request_in_single_octets_is_one_request(server):
    connection = server.raw()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for octet in PROBE:
        connection.sendall(bytes([octet]))
    outcome = wire.exchange(connection, b"")
    assert outcome.statuses == [200]


def test_a_head_answer_has_no_body_so_the_next_one_is_in_sync(server):
    outcome = wire.exchange(server.raw(), PROBE.replace(b"GET", b"HEAD") + PROBE, head=True)
    assert outcome.statuses == [200, 200] and outcome.leftover == b""


def test_expect_100_continue_gets_its_go_ahead(server):
    body = f'{{"phone_number":"{PHONE}"}}'.encode()
    connection = server.raw()
    connection.sendall(b"POST /v1/tokens HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body))
    assert connection.recv(4096).startswith(b"HTTP/1.1 100 ")
    assert wire.exchange(connection, body).statuses == [201]


def test_too_many_connections_wait_and_existing_ones_live(make_server):
    with make_server(settings={"listen.max_connections": 8, "listen.threads": 1}) as small:
        kept = small.connection()
        assert ask_again(kept, "GET", "/ping").status == 200
        crowd = [small.raw() for _ in range(30)]
        for _ in range(20):
            assert ask_again(kept, "GET", "/ping").status == 200
        for one in crowd:
            one.close()
        assert small.get("/ping").status == 200
        kept.close()


class Slow(threading.Thread):
    """Connections that send one piece a second and count how long the server bears it."""

    def __init__(self, server, count, start, piece):
        super().__init__()
        self.began = time.monotonic()  # before the server counts
        self.sockets = [server.raw() for _ in range(count)]
        self.start_octets, self.piece = start, piece
        self.ended = {}

    def run(self):
        for one in self.sockets:
            one.setblocking(False)
            one.send(self.start_octets)
        while len(self.ended) < len(self.sockets) and time.monotonic() - self.began < 60:
            for number, one in enumerate(self.sockets):
                if number not in self.ended and self.is_over(one):
                    self.ended[number] = time.monotonic() - self.began
            time.sleep(1)

    def is_over(self, one):
        try:
            while octets := one.recv(4096):
                self.last = octets
            return True
        except BlockingIOError:
            pass
        except ConnectionError:
            return True
        try:
            one.send(self.piece)
        except BlockingIOError:
            pass
        except ConnectionError:
            return True
        return False


def test_slow_clients_are_cut_and_others_do_not_wait(make_server):
    with make_server("plain") as server, make_server("tls", tls=True) as secure:
        head = Slow(server, 100, b"GET /ping HTTP/1.1\r\nHost: a\r\nX-A: ", b"a")
        body = Slow(server, 100, b"POST /v1/tokens HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n", b" ")
        handshake = Slow(secure, 100, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\0")
        slow = [head, body, handshake]
        for one in slow:
            one.start()
        times = []
        while any(one.is_alive() for one in slow):
            start = time.monotonic()
            assert server.get("/ping").status == 200 and secure.get("/ping").status == 200
            times.append(time.monotonic() - start)
            time.sleep(0.02)
        for one in slow:
            assert len(one.ended) == 100, f"{100 - len(one.ended)} connections still open"
            assert 8 < min(one.ended.values()) and max(one.ended.values()) < 45  # base/limits.h: 10 s; a piece a second would hold them for 100
        assert b" 408 " in head.last and b" 408 " in body.last
        # If others had to wait it would be for seconds, and all of them. A busy machine may hold up a few.
        assert sorted(times)[int(len(times) * 0.9)] < 1
        for one in (sock for each in slow for sock in each.sockets):
            one.close()


def test_a_peer_that_never_reads_is_cut(make_server):
    with make_server() as server:
        deaf = server.raw()
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.setblocking(False)
        began = time.monotonic()

        def cut():
            try:
                deaf.send(PROBE * 1000)
            except BlockingIOError:
                pass
            except ConnectionError:
                return True
            # Where every buffer is full nothing tells us; then its own end of the connection does.
            return time.monotonic() - began > 1 and open_sockets(server) == 0

        wait_until(cut, 60, "the write timeout and its linger time cut the connection")
        assert time.monotonic() - began > 8
        deaf.close()


def open_sockets(server):
    port = "%04X" % server.public[1]
    with open("/proc/net/tcp", encoding="ascii") as table:
        rows = [line.split() for line in table][1:]
    return sum(1 for row in rows if row[1].endswith(":" + port) and row[3] == "01")


def test_many_silent_connections_do_not_stop_the_accepting(server):
    silent = []
    try:
        for _ in range(800):
            silent.append(server.raw())
        for _ in range(20):
            assert server.get("/ping").status == 200
    finally:
        for one in silent:
            one.close()


def test_no_request_makes_a_line_that_is_not_json(server):
    for line in server.log_text().split("\n")[:-1]:  # the last may be on its way
        json.loads(line)
