"""The wall clock jumps; libfaketime turns it in the running process, and leaves the monotonic clock alone."""

import time

import pytest

import faults
import harness
from harness import PHONE, wait_until

HOUR, DAY = 3600, 86400


@pytest.fixture
def with_clock(make_server, clock):
    """A durable server, and set_clock(SECONDS) for how far its wall clock is from the true one."""
    server = make_server(limits=[{"name": "per-phone", "key": "phone", "rate": "1 per hour", "burst": 1}]).durable
    server.env = clock.environment
    server.set_clock = clock.set
    return server


def seconds_to_2038():
    return 2**31 - 2 - int(time.time())


JUMPS = [("back an hour", lambda: -HOUR), ("forward a day", lambda: DAY), ("to the end of 32 bits", seconds_to_2038), ("past it", lambda: seconds_to_2038() + DAY),
         ("to 1970", lambda: 5 * DAY - int(time.time())), ("true again", lambda: 0)]


def test_a_clock_that_jumps_spoils_no_token_and_no_limit(with_clock):
    server = with_clock
    key = server.add_caller("auditor", "read,read:pii")
    server.start()
    xids, tokens = set(), []
    phones = (f"1555{n:07}" for n in range(10**7))
    for number, (name, ahead) in enumerate(JUMPS):
        tired = next(phones)
        assert server.get(f"/v1/token/{tired}").status == 200
        server.set_clock(ahead())
        assert server.get(f"/v1/token/{tired}").status == 429, f"{name}: the limit goes by another clock"
        for _ in range(5):
            phone = next(phones)
            answer = server.get(f"/v1/token/{phone}")
            assert answer.status == 200, name
            claims = harness.claims_of(answer.text)
            assert claims["exp"] == claims["iat"] + 90, name
            assert abs(claims["iat"] + 10 - (time.time() + ahead())) < 300, name  # the smallest jump is an hour
            assert claims["xid"] not in xids, name
            xids.add(claims["xid"])
            tokens.append((claims["xid"], phone, answer.text))
        wait_until(lambda n=number: len(server.events("clock_jumped")) > n, 30, f"the warning of the jump {name}")
    assert faults.metric(server, "jwtd_clock_jumps_total") == len(JUMPS)
    assert server.admin_get("/readyz").status == 200
    for xid, phone, token in tokens:
        found = server.admin_get(f"/v1/transactions/{xid}", key)
        if harness.claims_of(token)["iat"] < 30 * DAY:
            assert found.status == 404, "those of 1970 are past their retention by the true clock"
        else:
            assert found.json["token"] == token
    assert server.stop() == 0


def test_a_retry_under_a_clock_that_went_back_gets_a_token_that_counts_now(with_clock):
    server = with_clock
    server.limits = []
    server.write_config()
    server.start()
    server.set_clock(DAY)
    ahead = server.get(f"/v1/token/{PHONE}/retried").text
    server.set_clock(0)
    now = harness.claims_of(server.get(f"/v1/token/{PHONE}/retried").text)
    assert now["iat"] <= time.time() < now["exp"] <= time.time() + 90
    assert harness.claims_of(ahead)["xid"] == now["xid"]


def test_a_leap_second_repeats_no_xid_and_hides_no_token(with_clock):
    """Linux inserts one by setting the clock back by a second: the same second comes twice."""
    server = with_clock
    server.limits = []
    server.write_config()
    key = server.add_caller("auditor", "read,read:pii")
    server.start()
    minted = {}
    for ahead in (0, -1):  # two of them within a second would be a jump (kClockJump)
        server.set_clock(ahead)
        for _ in range(30):
            answer = server.get(f"/v1/token/{PHONE}")
            claims = harness.claims_of(answer.text)
            assert claims["exp"] == claims["iat"] + 90
            minted[claims["xid"]] = answer.text
    assert len(minted) == 60
    listed, cursor = {}, ""
    while cursor is not None:
        page = server.admin_get(f"/v1/transactions?phone_number={PHONE}&limit=7{cursor and '&cursor=' + cursor}", key).json
        listed.update({one["xid"]: one["token"] for one in page["transactions"]})
        cursor = page["next"]
    assert listed == minted
    assert server.events("clock_jumped") == []
