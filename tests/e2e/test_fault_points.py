"""Deaths at chosen calls, calls that fail at random, and calls that never come back."""

import concurrent.futures
import itertools
import random
import socket
import time

import pytest

import faults
import harness
from harness import PHONE, is_problem, wait_until
from test_crash import look_up


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    return faults.build("faulty_calls", tmp_path_factory.mktemp("shim"))


@pytest.fixture
def on_bad_kernel(make_server, shim):
    """A durable server whose calls below its store's folder are watched; `environment` as faulty_calls.c has it."""
    number = itertools.count()

    def make(**environment):
        server = make_server(f"server-{next(number)}").durable
        server.fault = server.folder / "fault"
        server.calls = server.folder / "calls"
        server.key_of_auditor = server.add_caller("auditor", "read,read:pii")
        server.env = {"LD_PRELOAD": str(shim), "SHIM_FAULT_FOLDER": str(server.folder / "db"), "SHIM_FAULT": str(server.fault),
                      "SHIM_FAULT_COUNT": str(server.folder / "count"), **environment}
        return server

    return make


def live(server, lives, kill_at):
    """So many lives of a server, the last of which may end before its Nth call; what was answered with 200."""
    acknowledged = []
    for life in range(1, lives + 1):
        server.env["SHIM_KILL_AT"] = str(kill_at if life == lives else 0)
        server.env["SHIM_CALLS"] = str(server.calls if life == lives else "")
        if faults.start_or_die(server):
            got, refused = faults.ask_for_tokens(server, 12, f"life-{life}-")
            assert refused == []
            acknowledged += got
            server.process.terminate()
            server.process.wait(harness.STOP_SECONDS)
    return acknowledged


@pytest.mark.parametrize("lives", [1, 2], ids=["first start", "second start"])
def test_a_kill_at_any_call_loses_nothing_and_leaves_nothing_half_made(on_bad_kernel, lives):
    whole = on_bad_kernel()
    assert len(live(whole, lives, 0)) == 12 * lives
    calls = whole.calls.stat().st_size
    points = faults.spread(faults.rounds(10), calls)
    died = 0
    for at in points:
        server = on_bad_kernel()
        acknowledged = live(server, lives, at)
        died += server.process.returncode == -9
        server.env = {}
        server.start()
        assert look_up(server, server.key_of_auditor, acknowledged) == [], f"killed at call {at}"
        assert len(faults.ask_for_tokens(server, 2)[0]) == 2, f"killed at call {at}"
        server.kill()
    print(f"NOTE killed at {died} of about {calls} calls, {'first start' if lives == 1 else 'second start'}: nothing lost")
    assert died > len(points) / 2


def test_writes_that_are_interrupted_or_done_by_half_are_finished(on_bad_kernel):
    server = on_bad_kernel()
    server.fault.write_text("random 1 300 MILD")
    server.start()
    got, refused = faults.ask_for_tokens(server, 300)
    assert refused == [] and len(got) == 300
    assert (server.folder / "count").stat().st_size > 30
    server.kill()
    server.env = {}
    server.start()
    assert look_up(server, server.key_of_auditor, got) == []


def test_writes_that_fail_at_random_lose_nothing_that_was_answered(on_bad_kernel):
    seed = random.SystemRandom().randrange(1, 2**31)
    print(f"NOTE random write faults: seed {seed}")
    for number in range(faults.rounds(4)):
        server = on_bad_kernel()
        server.start()
        got, refused = faults.ask_for_tokens(server, 20, "well-")
        assert refused == []
        server.fault.write_text(f"random {seed + number} 50 EVERYTHING")
        more, refused = faults.ask_for_tokens(server, 200, "ill-")
        assert {answer.status for answer in refused} <= {503}
        assert server.alive() and server.get("/ping").status == 200
        server.kill()
        server.env = {}
        server.start()
        assert look_up(server, server.key_of_auditor, got + more) == []
        assert len(faults.ask_for_tokens(server, 2)[0]) == 2
        server.kill()


def test_a_look_up_that_hangs_is_503_and_seen_in_the_metrics(on_bad_kernel):
    server = on_bad_kernel()
    server.start()
    faults.ask_for_tokens(server, 100, "hang-")
    server.stop()
    server.start()  # what the log held is in table files now, and none of them in the cache
    server.fault.write_text("hang-reads")

    def look_up_one(n):
        return server.admin_get(f"/v1/transactions/hang-{n}", server.key_of_auditor)

    start = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        for answer in pool.map(look_up_one, range(1, 25, 2)):
            is_problem(answer, 503, "read_timeout")
    # One after the other, two at a time, they would take six times base/limits.h's kReadDeadline.
    assert time.monotonic() - start < 20
    assert faults.metric(server, "jwtd_store_reads_hanging") == 2
    server.fault.unlink()
    wait_until(lambda: faults.metric(server, "jwtd_store_reads_hanging") == 0, 30, "the threads back")
    assert look_up_one(99).status == 200


def test_a_store_that_hangs_does_not_hold_up_the_end(on_bad_kernel):
    server = on_bad_kernel()
    server.start()
    faults.ask_for_tokens(server, 10, "hang-")
    server.stop()
    server.start()
    server.fault.write_text("hang-reads")
    request = f"GET /v1/transactions/hang-1 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {server.key_of_auditor}\r\n\r\n".encode()
    with socket.create_connection(server.admin) as given_up, socket.create_connection(server.admin) as waiting:
        given_up.sendall(request)
        wait_until(lambda: faults.metric(server, "jwtd_store_reads_hanging") == 1, 30, "a read that hangs")
        waiting.sendall(request)
        start = time.monotonic()
        assert server.stop() == 1
    assert time.monotonic() - start < 30, "app/server.cc says 9.5 s"
    assert server.events("stop_gave_up")


def test_a_disk_that_hangs_holds_up_neither_a_scrape_nor_the_health_routes(on_bad_kernel):
    server = on_bad_kernel()
    server.start()
    faults.ask_for_tokens(server, 1, "hang-")
    server.fault.write_text("hang-lists")
    hanging = server.folder / "count"

    def scrape():
        assert "jwtd_store_bytes{" in server.admin_get("/metrics").text
        assert server.admin_get("/readyz").status == server.admin_get("/livez").status == 200
        return hanging.exists()

    wait_until(scrape, 30, "the thread that asks for the store's size, every 10 s")
    scrape()
    server.fault.unlink()


def test_the_size_in_the_metrics_follows_the_store(on_bad_kernel):
    server = on_bad_kernel()
    server.start()
    acknowledged, _ = faults.ask_for_tokens(server, 7, "size-")
    wait_until(lambda: f'jwtd_store_transactions{{driver="rocksdb"}} {len(acknowledged)}\n' in server.admin_get("/metrics").text, 30, "seven transactions")
