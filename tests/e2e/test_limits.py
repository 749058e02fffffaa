"""Rate limits as a client meets them."""

import re
import time

import pytest

from harness import PHONE, ROOT, ask_again, is_problem

ONE_A_SECOND = {"name": "per-client", "key": "client", "rate": "1 per second", "burst": 1}
ONE_AN_HOUR = {"name": "per-client", "key": "client", "rate": "1 per hour"}
SLOW = {"name": "per-client", "key": "client", "rate": "3 per hour"}
PAIRS = 20  # tries of a machine that stalls


def two_within_a_second(server):
    """The answers to two requests with less than a second from the first's start to the second's end."""
    for _ in range(PAIRS):
        start = time.monotonic()
        pair = server.get(f"/v1/token/{PHONE}"), server.get(f"/v1/token/{PHONE}")
        if time.monotonic() - start < 1:
            return pair
        time.sleep(1.05)  # then the next first one is allowed
    raise AssertionError("two requests never came within a second")


def test_the_second_request_within_a_second_is_429(make_server):
    with make_server(limits=[ONE_A_SECOND]) as server:
        first, refused = two_within_a_second(server)
        assert first.status == 200
        is_problem(refused, 429, "rate_limited")
        assert refused.field("Retry-After") == "1"
        assert re.fullmatch(r'"per-client";r=0(;t=\d+)?', refused.field("RateLimit"))
        assert re.fullmatch(r'"per-client";q=1;w=1', refused.field("RateLimit-Policy"))
        time.sleep(1.05)
        assert server.get(f"/v1/token/{PHONE}").status == 200


def test_remaining_permits_are_told_on_success(make_server):
    with make_server(limits=[SLOW]) as server:
        left = [re.search(r";r=(\d+)", server.get(f"/v1/token/{PHONE}").field("RateLimit")).group(1) for _ in range(3)]
        assert left == ["2", "1", "0"]
        refused = server.get(f"/v1/token/{PHONE}")
        assert refused.status == 429 and 1100 <= int(refused.field("Retry-After")) <= 1200


def test_a_refused_request_mints_nothing(make_server):
    server = make_server(limits=[SLOW])
    key = server.add_caller("reader", "read")
    with server:
        for n in range(6):
            server.get(f"/v1/token/{PHONE}/limited-{n}")
        assert [server.admin_get(f"/v1/transactions/limited-{n}", key).status for n in range(6)] == [200] * 3 + [404] * 3


def test_403_with_an_empty_body_by_setting(make_server):
    with make_server(limits=[ONE_AN_HOUR], settings={"limits.refusal_status": 403}) as server:
        server.get(f"/v1/token/{PHONE}")
        refused = server.get(f"/v1/token/{PHONE}")
        assert refused.status == 403 and refused.body == b""


def test_the_tutorials_configuration_gives_its_limit(make_server):
    import tomllib

    tutorial = tomllib.loads((ROOT / "conf" / "tutorial.toml").read_text())
    with make_server(limits=tutorial["limit"]) as server:
        assert [answer.status for answer in two_within_a_second(server)] == [200, 429]


def test_limits_by_phone_count_each_phone(make_server):
    with make_server(limits=[{"name": "per-phone", "key": "phone", "rate": "2 per hour"}]) as server:
        assert [server.get(f"/v1/token/{PHONE}").status for _ in range(3)] == [200, 200, 429]
        assert server.get(f"/v1/token/+{PHONE}").status == 429, "the same number in its other form"
        assert server.get("/v1/token/15550000001").status == 200


def test_a_limit_on_all_counts_everybody(make_server):
    with make_server(limits=[{"name": "whole", "key": "all", "rate": "2 per hour"}]) as server:
        assert [server.get(f"/v1/token/1555000000{n}").status for n in range(3)] == [200, 200, 429]


def test_several_rules_and_the_strictest_answers(make_server):
    rules = [{"name": "wide", "key": "client", "rate": "100 per hour"}, {"name": "narrow", "key": "phone", "rate": "1 per hour"}]
    with make_server(limits=rules) as server:
        server.get(f"/v1/token/{PHONE}")
        refused = server.get(f"/v1/token/{PHONE}")
        assert refused.status == 429 and refused.field("RateLimit").startswith('"narrow"')


def test_a_rate_of_several_parts(make_server):
    with make_server(limits=[{"name": "both", "key": "client", "rate": "10/minute; 3 per 5 hours"}]) as server:
        assert [server.get(f"/v1/token/{PHONE}").status for _ in range(5)] == [200, 200, 200, 429, 429]


def test_other_routes_are_not_limited(make_server):
    with make_server(limits=[SLOW]) as server:
        assert {server.get("/ping").status for _ in range(20)} == {200}


def test_the_post_route_is_limited_with_the_get_route(make_server):
    with make_server(limits=[ONE_AN_HOUR]) as server:
        server.get(f"/v1/token/{PHONE}")
        fields = {"Content-Type": "application/json"}
        assert server.request("POST", "/v1/tokens", fields, f'{{"phone_number":"{PHONE}"}}').status == 429


# -- behind proxies -------------------------------------------------------------------------------------------------


def statuses(server, values, field="X-Forwarded-For"):
    return [server.request("GET", f"/v1/token/{PHONE}", {field: value}).status for value in values]


def test_forwarded_addresses_do_not_count_from_just_anybody(make_server):
    with make_server(limits=[SLOW]) as server:
        assert statuses(server, [f"10.0.0.{n}" for n in range(100)]).count(200) == 3


def test_forwarded_addresses_count_from_a_trusted_proxy(make_server):
    with make_server(limits=[SLOW], settings={"proxy.trusted": ["127.0.0.0/8"]}) as server:
        assert statuses(server, [f"203.0.113.{n}" for n in range(10)]) == [200] * 10
        assert statuses(server, ["198.51.100.7"] * 4) == [200] * 3 + [429]


def test_hops_count_from_the_right(make_server):
    with make_server(limits=[SLOW], settings={"proxy.trusted": ["127.0.0.0/8", "10.0.0.0/8"]}) as server:
        spoofed = [f"203.0.113.{n}, 198.51.100.7, 10.0.0.1" for n in range(4)]
        assert statuses(server, spoofed) == [200] * 3 + [429]


def test_ipv6_clients_count_by_their_network(make_server):
    with make_server(limits=[SLOW], settings={"proxy.trusted": ["127.0.0.0/8"]}) as server:
        assert statuses(server, [f"2001:db8:0:1::{n:x}" for n in range(4)]) == [200] * 3 + [429]
        assert statuses(server, ["2001:db8:0:2::1"]) == [200]


def test_forwarded_by_rfc_7239_by_setting(make_server):
    with make_server(limits=[SLOW], settings={"proxy.trusted": ["127.0.0.0/8"], "proxy.header": "forwarded"}) as server:
        assert statuses(server, ['for="[2001:db8::1]:4711"', "for=203.0.113.1", "for=203.0.113.2;proto=https"], "Forwarded") == [200] * 3
        assert statuses(server, ["for=203.0.113.9"] * 4, "Forwarded") == [200] * 3 + [429]
        assert statuses(server, [f"203.0.113.{n}" for n in range(20, 24)]).count(200) == 3, "the other field does not count"


@pytest.mark.parametrize("value", ["", "unknown", "_hidden", "999.1.1.1", ",,,", "x" * 500])
def test_a_forged_field_only_makes_limits_stricter(make_server, value):
    with make_server(limits=[SLOW], settings={"proxy.trusted": ["127.0.0.0/8"]}) as server:
        assert statuses(server, [value] * 4) == [200] * 3 + [429]


def test_a_full_table_lets_no_limited_client_through_as_new(make_server):
    with make_server(limits=[SLOW], settings={"proxy.trusted": ["127.0.0.0/8"], "limits.cells": 1024}) as server:
        limited = "198.51.100.7"
        statuses(server, [limited] * 3)
        connection = server.connection()
        for n in range(5000):
            ask_again(connection, "GET", f"/v1/token/{PHONE}", {"X-Forwarded-For": f"203.{n % 250}.{n // 250}.1"})
        connection.close()
        assert statuses(server, [limited]) == [429]
