"""A disk that fails or stalls: nothing is answered that is not on record."""

import concurrent.futures
import time

import pytest

import faults
from harness import PHONE, is_problem, wait_until


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    return faults.build("faulty_sync", tmp_path_factory.mktemp("shim"))


@pytest.fixture
def on_bad_disk(make_server, shim, tmp_path):
    """A durable server whose syncs do what the file `server.fault` says."""

    def make(**options):
        server = make_server(env={"LD_PRELOAD": str(shim), "SHIM_FAULT": str(tmp_path / "fault"), "SHIM_FAULT_COUNT": str(tmp_path / "count")}, **options).durable
        server.fault = tmp_path / "fault"
        server.failed_syncs = lambda: len((tmp_path / "count").read_text()) if (tmp_path / "count").exists() else 0
        return server

    return make


def test_an_answer_waits_for_its_sync(on_bad_disk):
    server = on_bad_disk().start()
    server.fault.write_text("slow 400")
    start = time.monotonic()
    assert server.get(f"/v1/token/{PHONE}").status == 200
    assert time.monotonic() - start >= 0.4


def test_a_failed_sync_means_no_200_ever_again_until_a_restart(on_bad_disk):
    server = on_bad_disk()
    key = server.add_caller("auditor", "read,read:pii")
    server.start()
    before = server.get(f"/v1/token/{PHONE}/before").text
    server.fault.write_text("fail")
    is_problem(server.get(f"/v1/token/{PHONE}/during"), 503, "store_unavailable")
    tries = server.failed_syncs()
    assert tries == 1
    server.fault.unlink()  # the disk seems well again, but what it lost is not known
    for n in range(5):
        refused = server.get(f"/v1/token/{PHONE}/after-{n}")
        is_problem(refused, 503, "store_unavailable")
        assert int(refused.field("Retry-After")) >= 1
    ready = server.admin_get("/readyz")
    assert ready.status == 503 and ready.json["checks"]["store"]["ok"] is False
    assert server.admin_get("/livez").status == 200
    said = wait_until(lambda: [line for line in server.lines() if line["level"] == "error"], 30, "a clear line")
    assert PHONE not in str(said)
    server.stop()
    server.start()
    assert server.admin_get("/v1/transactions/before", key).json["token"] == before
    assert server.get(f"/v1/token/{PHONE}/after").status == 200
    assert server.admin_get("/readyz").status == 200


def test_a_failed_sync_under_load_answers_nobody_with_200(on_bad_disk):
    server = on_bad_disk().start()
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert {answer.status for answer in pool.map(lambda _: server.get(f"/v1/token/{PHONE}"), range(100))} == {200}
        server.fault.write_text("fail")
        answers = list(pool.map(lambda _: server.get(f"/v1/token/{PHONE}"), range(200)))
    assert {answer.status for answer in answers} == {503}
    assert server.failed_syncs() == 1, "the same sync is not tried again"


def test_a_slow_store_is_503_with_retry_after_within_the_deadline(on_bad_disk):
    server = on_bad_disk().start()
    server.get(f"/v1/token/{PHONE}")
    server.fault.write_text("slow 15000")
    start = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: server.get(f"/v1/token/{PHONE}/slow-{n}"), range(8)))
    assert time.monotonic() - start < 12, "they waited for the disk"
    for answer in answers:
        assert answer.status == 503 and int(answer.field("Retry-After")) >= 1, answer
    assert server.get("/ping").status == 200, "the loops do not wait for the disk"
    ready = server.admin_get("/readyz")
    assert ready.status == 503 and ready.json["checks"]["queue"] == {"ok": False, "reason": "commit_timeout"}
    server.fault.unlink()
    wait_until(lambda: server.get(f"/v1/token/{PHONE}").status == 200, 60, "tokens again")
    wait_until(lambda: server.admin_get("/readyz").status == 200, 60, "a green /readyz")
    # Whether the late ones are on record is open; that the same XID gives one answer from now on is not.
    assert server.get(f"/v1/token/{PHONE}/slow-0").text == server.get(f"/v1/token/{PHONE}/slow-0").text
    assert server.stop() == 0


def test_records_past_their_retention_are_gone(make_server):
    server = make_server(settings={"store.retention": "8s", "issuer.lifetime": "1s", "issuer.backdate": "0s"}).durable
    key = server.add_caller("auditor", "read,read:pii")
    with server:
        assert server.get(f"/v1/token/{PHONE}/short").status == 200
        assert server.admin_get("/v1/transactions/short", key).status == 200
        wait_until(lambda: server.admin_get("/v1/transactions/short", key).status == 404, 60, "the end of its retention")
        assert server.admin_get(f"/v1/transactions?phone_number={PHONE}", key).json["transactions"] == []
        assert server.get("/v1/token/15550000009/short").status == 200, "the XID is free again"
