"""Limits over several nodes: real jwtd, a real Redis that is killed, hung, locked and read by a curious operator."""

import concurrent.futures
import itertools
import re

import pytest

import harness
from harness import PHONE, ask_again, is_problem, jwtd, wait_until

RULE = {"name": "per-client", "key": "client", "rate": "20 per hour"}
SECONDS = 60  # for the log line of a change: it is told at most once a second, and reconnecting pauses up to two
clients = itertools.count(1)


@pytest.fixture
def nodes(make_server, redis):
    """Makes nodes of one service over the file's Redis. They believe in X-Forwarded-For, so that each test has clients of its own."""
    names = itertools.count(1)

    def make(count=2, limits=(RULE,), start=True, **settings):
        made = [make_server(f"node-{next(names)}", limits=limits, settings={"limits.store": f"redis://127.0.0.1:{redis.port}",
                                                                          "limits.password_file": password_file(redis), "limits.timeout": "1s",
                                                                          "proxy.trusted": ["127.0.0.0/8"],
                                                                          **{name.replace("_", ".", 1): value for name, value in settings.items()}})
                for _ in range(count)]
        if start:
            for node in made:
                node.start()
            if redis.running() and not settings:  # a start waits for the store, but not for long
                for node in made:
                    node.wait_for_event("limit_store_up")
        return made

    yield make
    if not redis.running():
        redis.start()


def password_file(redis):
    path = redis.folder / "password"
    path.write_text(redis.password + "\n")
    path.chmod(0o600)
    return path


def new_client():
    number = next(clients)
    return f"203.0.{number // 250}.{number % 250 + 1}"


def mint(node, client, phone=PHONE):
    return node.request("GET", f"/v1/token/{phone}", {"X-Forwarded-For": client})


def count_allowed(node, client, asks):
    connection = node.connection()
    answers = [ask_again(connection, "GET", f"/v1/token/{PHONE}", {"X-Forwarded-For": client}) for _ in range(asks)]
    connection.close()
    assert {answer.status for answer in answers} <= {200, 429}
    return sum(answer.status == 200 for answer in answers)


def metric(node, name, **labels):
    wanted = [f'{key}="{value}"' for key, value in labels.items()]
    lines = [line for line in node.admin_get("/metrics").text.splitlines() if re.match(rf"{name}[{{ ]", line)]
    return sum(float(line.rpartition(" ")[2]) for line in lines if all(label in line for label in wanted))


def wait_for_last(node, event):
    """Until the latest word on the store is `event`."""
    def last():
        told = [line for line in node.lines() if line.get("event", "").startswith("limit_store_")]
        return told and told[-1]["event"] == event and told[-1]
    return wait_until(last, SECONDS, f"the last word on the limits' store is {event}")


def test_two_nodes_admit_one_budget(nodes):
    pair = nodes()
    client = new_client()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(lambda n: count_allowed(pair[n % 2], client, 10), range(8)))
    assert sum(counts) == 20
    refused = mint(pair[0], client)
    is_problem(refused, 429, "rate_limited")
    assert refused.field("RateLimit").startswith('"per-client";r=0') and 150 <= int(refused.field("Retry-After")) <= 180
    assert sum(metric(node, "jwtd_limit_store_requests_total") for node in pair) == 81
    assert sum(metric(node, "jwtd_limit_store_failures_total") + metric(node, "jwtd_limit_store_fallbacks_total") for node in pair) == 0
    wait_until(lambda: all(metric(node, "jwtd_limit_store_connections") == 2 for node in pair), SECONDS, "the second connection of each")


def test_nodes_that_are_started_again_go_on_with_the_budget(nodes):
    node, = nodes(1)
    client = new_client()
    assert count_allowed(node, client, 15) == 15
    node.stop()
    node.start()
    node.wait_for_event("limit_store_up")
    assert count_allowed(node, client, 15) == 5


def test_all_rules_of_a_request_pass_or_none_is_charged(nodes):
    rules = [{"name": "by-phone", "key": "phone", "rate": "4 per hour"}, {"name": "by-client", "key": "client", "rate": "2 per minute; 9 per hour"}]
    one, other = nodes(limits=rules)
    client, phone = new_client(), f"1555{next(clients):07}"
    assert [mint(node, client, phone).status for node in (one, other, one, other)] == [200, 200, 429, 429]
    assert [mint(node, new_client(), phone).status for node in (one, other, one)] == [200, 200, 429], "the refused ones had cost the phone nothing"


def test_killed_each_rule_goes_its_way_and_service_resumes_by_itself(nodes, redis):
    opened, closed, local = (nodes(1, [{**RULE, "on_failure": mode}])[0] for mode in ("open", "closed", "local"))
    everybody = (opened, closed, local)
    client = new_client()
    assert [count_allowed(node, client, 10) for node in everybody] == [10, 10, 0]
    redis.kill()
    for node in everybody:
        event = wait_for_last(node, "limit_store_away")
        assert event["store"] == f"redis://127.0.0.1:{redis.port}/0" and event["level"] == "warn"
    assert count_allowed(opened, client, 50) == 50
    assert mint(opened, client).field("RateLimit") is None
    for _ in range(3):
        answer = mint(closed, client)
        is_problem(answer, 503, "limits_unavailable")
        assert answer.field("Retry-After") == "1" and answer.field("RateLimit") is None
    assert count_allowed(local, client, 50) == 20
    is_problem(mint(local, client), 429, "rate_limited")

    states = [node.admin_get("/readyz") for node in everybody]
    assert [state.status for state in states] == [200, 503, 200]
    assert all(state.json["checks"]["limits"] == {"ok": False, "reason": "limits_unavailable"} for state in states)
    for node, mode in zip(everybody, ("open", "closed", "local")):
        assert metric(node, "jwtd_limit_store_fallbacks_total", rule="per-client", mode=mode) >= 3
        wait_until(lambda node=node: metric(node, "jwtd_limit_store_connections") == 0, SECONDS, "the end of the second connection, too")

    redis.start()
    for node in everybody:
        wait_for_last(node, "limit_store_up")
        assert node.admin_get("/readyz").status == 200
    client = new_client()
    assert [count_allowed(node, client, 9) for node in everybody] == [9, 9, 2]


def test_a_hung_server_costs_one_time_out_and_then_nothing(nodes, redis):
    node, = nodes(1, [{**RULE, "rate": "1000 per hour"}])
    client = new_client()
    assert count_allowed(node, client, 5) == 5
    redis.pause()
    try:
        assert mint(node, client).status == 200
        wait_for_last(node, "limit_store_away")
        before = metric(node, "jwtd_limit_store_failures_total", cause="timeout")
        assert count_allowed(node, client, 200) == 200
        assert metric(node, "jwtd_limit_store_failures_total", cause="timeout") == before
        assert metric(node, "jwtd_limit_store_failures_total", cause="away") >= 200
    finally:
        redis.resume()
    wait_for_last(node, "limit_store_up")
    before = metric(node, "jwtd_limit_store_requests_total")
    assert count_allowed(node, client, 5) == 5
    assert metric(node, "jwtd_limit_store_requests_total") == before + 5


def test_a_node_starts_without_the_server_and_finds_it_later(nodes, redis):
    redis.kill()
    node, = nodes(1)
    assert node.wait_for_event("limit_store_away") and not node.events("limit_store_up")
    assert count_allowed(node, new_client(), 30) == 20
    redis.start()
    wait_for_last(node, "limit_store_up")
    assert count_allowed(node, new_client(), 30) == 20
    assert metric(node, "jwtd_limit_store_requests_total") == 30


def test_a_forgotten_script_is_no_failure(nodes, redis):
    node, = nodes(1)
    client = new_client()
    assert count_allowed(node, client, 10) == 10
    assert redis.ask("SCRIPT", "FLUSH") == b"+OK"
    assert count_allowed(node, client, 20) == 10
    assert metric(node, "jwtd_limit_store_failures_total") == 0


def test_over_tls_only_a_known_authority_and_the_right_name_will_do(nodes, redis, tmp_path):
    import redis as kind  # tests/servers/redis.py

    stranger = kind.make_authority(tmp_path, "stranger")
    url = f"rediss://localhost:{redis.tls_port}"
    right, = nodes(1, limits_store=url, limits_ca_file=redis.ca_file)
    assert right.wait_for_event("limit_store_up")[0]["store"] == url + "/0"
    client = new_client()
    assert count_allowed(right, client, 30) == 20
    assert metric(right, "jwtd_limit_store_requests_total") == 30
    for wrong in ({"limits_ca_file": stranger}, {}, {"limits_store": f"rediss://127.0.0.1:{redis.tls_port}", "limits_ca_file": redis.ca_file}):
        node, = nodes(1, **{"limits_store": url, **wrong})
        assert node.wait_for_event("limit_store_away")[0]["detail"].startswith("TLS: "), node.log_text()
        assert metric(node, "jwtd_limit_store_requests_total") == 0
        node.stop()
    without, = nodes(1, limits_store=url, limits_ca_file=tmp_path / "missing.pem", start=False)
    refused = jwtd("serve", "--config", without.config)
    assert refused.returncode == 2 and "limits.ca_file: " in refused.stderr and "missing.pem" in refused.stderr, refused.stderr


def test_a_wrong_password_is_named_and_never_shown(nodes, redis, tmp_path):
    secret = tmp_path / "wrong"
    secret.write_text("pa55word\n")
    node, = nodes(1, limits_password_file=secret)
    assert node.wait_for_event("limit_store_away")[0]["detail"] == "password: WRONGPASS"
    none, = nodes(1, limits_password_file=None)
    assert none.wait_for_event("limit_store_away")[0]["detail"] == "script: NOAUTH"
    assert "pa55word" not in node.log_text()


def test_neither_phones_nor_addresses_nor_passwords_are_anywhere(nodes, redis):
    url_file = redis.folder / "url"
    url_file.write_text(redis.url + "\n")
    rules = [{"name": "c", "key": "client", "rate": "5 per hour"}, {"name": "p", "key": "phone", "rate": "5 per hour"}]
    node, = nodes(1, rules, limits_store=None, limits_password_file=None, limits_store_url_file=url_file)
    node.wait_for_event("limit_store_up")
    client, phone = new_client(), "15557654321"
    before = set(redis.keys())
    assert [mint(node, client, phone).status for _ in range(6)] == [200] * 5 + [429]
    redis.kill()
    wait_for_last(node, "limit_store_away")
    mint(node, client, phone)
    redis.start()
    wait_for_last(node, "limit_store_up")
    before &= set(redis.keys())
    assert mint(node, client, phone).status == 200
    new = {key: value for key, value in redis.contents().items() if key not in before and not key.endswith(":probe")}
    assert len(new) == 2
    for key, value in new.items():
        assert re.fullmatch(r"jwtd:\{limit\}:[cp]:[0-9a-f]{16}", key) and re.fullmatch(r"\d{19}", value)
    seen = node.log_text() + node.admin_get("/metrics").text + node.admin_get("/readyz").text
    for private in (phone, client, redis.password, harness.KEY_TEXT):
        assert private not in seen


def test_the_command_line_takes_no_password_and_the_configuration_shows_none(nodes):
    node, = nodes(1, start=False)
    refused = jwtd("check-config", node.config, "--set", "limits.store=redis://:pa55word@cache")
    assert refused.returncode == 2 and "list of processes" in refused.stderr and "pa55word" not in refused.stdout + refused.stderr
    warned = jwtd("check-config", node.config, env={"JWTD_LIMITS_STORE": "redis://:pa55word@cache"})
    assert warned.returncode == 0 and "limits.password_file" in warned.stdout + warned.stderr and "pa55word" not in warned.stdout + warned.stderr
