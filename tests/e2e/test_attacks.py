"""The attack collection (jwt_attacks) on the real binary: POST /v1/verify and /v1/introspect, at the collection's moment, under its key and issuer.

What it leaves to the verifier ("policy") is held against the table in docs/THREATS.md. libfaketime stops the wall clock at the moment a file names.
"""

import base64
import http.client
import json
import re
import time
import urllib.parse

import pytest

import harness
from clock import library
from harness import PHONE, VECTORS, Server, ask, jwtd

ISSUER = "cust-1"
GROUPS = {"JA-CTL": 7, "JA-CONF": 28, "JA-ENC": 50, "JA-CRIT": 19, "JA-TIME": 36}  # those with a token; JA-DOS has to be built
NOT_ON_RECORD = {"valid": False, "reason": "The token is not on record"}


def choices():
    """{"JA-CRIT-12": True, ...}: the rows of THREATS.md, "JA-CRIT-13 to 17" and "JA-TIME-08, 09" as the cases they stand for."""
    chosen = {}
    for group, numbers, verdict in re.findall(r"^\| (JA-[A-Z]+)-([\d, to]+):[^|]*\| (accepted|refused) \|", (harness.ROOT / "docs" / "THREATS.md").read_text(), re.MULTILINE):
        for part in numbers.split(","):
            first, _, last = part.strip().partition(" to ")
            chosen |= {f"{group}-{number:02}": verdict == "accepted" for number in range(int(first), int(last or first) + 1)}
    return chosen


def attacks():
    cases = []
    for group, count in GROUPS.items():
        lines = [json.loads(line) for line in (VECTORS / "jwt_attacks" / f"{group}.jsonl").read_text().splitlines() if line]
        assert len(lines) == count, group
        cases += lines
    return cases


def is_accepted(attack):
    """A case for another key than ours must be refused by ours as well."""
    if attack["key"] != "hs":
        return False
    return choices()[attack["id"]] if attack["expect"] == "policy" else attack["expect"] == "accept"


def attacked(folder, **settings):
    """A server with the collection's key and issuer whose wall clock stands at its moment."""
    if not (VECTORS / "INDEX.md").exists():
        pytest.skip(f"there are no vectors in {VECTORS}; JWTD_VECTORS says where they are")
    if library() is None:
        pytest.skip("no libfaketime: the package faketime")
    moments = {attack["now"] for attack in attacks()}
    assert len(moments) == 1
    server = Server(folder, settings={"issuer.customer_id": ISSUER, **settings})
    server.now = moments.pop()
    text = json.loads((VECTORS / "jwt_attacks" / "keys.json").read_text())["keys"]["hs"]["k"]
    server.key_file.write_text(base64.b64encode(base64.urlsafe_b64decode(text + "==")).decode() + "\n")
    server.env = {"LD_PRELOAD": str(library()), "FAKETIME": time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(server.now)), "TZ": "UTC", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    for name, scopes in {"backend": "verify", "support": "verify,verify:explain"}.items():
        server.add_caller(name, scopes)
    return server


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    with attacked(tmp_path_factory.mktemp("attacked")) as server:
        yield server


class Connection:
    """One for all the cases: a refused token must not cost the connection either."""

    def __init__(self, server):
        self.server = server
        self.connection = http.client.HTTPConnection(*server.admin, timeout=60)

    def verify(self, token, caller="backend"):
        return self.post("/v1/verify", caller, "application/json", json.dumps({"token": token}))

    def introspect(self, token):
        return self.post("/v1/introspect", "backend", "application/x-www-form-urlencoded", urllib.parse.urlencode({"token": token}))

    def post(self, path, caller, content_type, body):
        fields = {"Authorization": f"Bearer {self.server.caller_keys[caller]}", "Content-Type": content_type}
        return ask(self.connection, "POST", path, fields, body)


def refuses(answer, flag):
    """A verdict, or a problem with the request itself: an empty token, or one beyond every bound."""
    return answer.json[flag] is False if answer.status == 200 else answer.status in (400, 413)


def test_threats_md_has_every_choice_and_no_other(judge):
    assert choices().keys() == {attack["id"] for attack in attacks() if attack["expect"] == "policy"}


def test_the_clock_stands_where_the_collection_has_it(judge):
    claims = harness.claims_of(judge.get(f"/v1/token/{PHONE}/clock").text)
    assert (claims["iss"], claims["iat"]) == (ISSUER, judge.now - 10)


# None of them is on record, so the good ones fail there and nowhere before: every check that needs no store has passed.
@pytest.mark.parametrize("group", GROUPS)
def test_attacks(judge, group):
    ask_it = Connection(judge)
    for attack in attacks():
        if not attack["id"].startswith(group):
            continue
        named = f"{attack['id']} {attack['title']}"
        answer, introspected, explained = ask_it.verify(attack["token"]), ask_it.introspect(attack["token"]), ask_it.verify(attack["token"], "support")
        assert refuses(answer, "valid") and refuses(introspected, "active"), (named, answer, introspected)
        assert (answer.status == 200 and answer.json == NOT_ON_RECORD) == is_accepted(attack), (named, answer)
        if is_accepted(attack):
            checks = {check["check"]: check["passed"] for check in explained.json["checks"]}
            assert [name for name, passed in checks.items() if passed is not True] == ["on_record", "revoked", "consumed"], named
    assert judge.alive()


def test_tokens_built_to_exhaust_are_refused(judge):
    head = base64.urlsafe_b64encode(b'{"alg":"HS256"}').decode().rstrip("=")
    built = ["." * 8192, "." * (1 << 20), f"{head}.{'W' * 7000}.AAAA", (VECTORS / "latchset-jose/cve-2023-50967/cve-2023-50967.jwe").read_text()]
    for token in built:
        # A connection each: a body beyond the bound ends its own.
        assert refuses(Connection(judge).verify(token), "valid"), len(token)
        assert refuses(Connection(judge).introspect(token), "active"), len(token)
    assert judge.alive()


def test_what_is_accepted_is_valid_once_it_is_on_record(postgresql, tmp_path):
    """Written over a minted token in the database, since jwtd mints one form alone: the only thing that was missing above."""
    url_file = tmp_path / "store_url"
    url_file.write_text(postgresql.make_database("attacks") + "\n")
    url_file.chmod(0o600)
    server = attacked(tmp_path / "server", **{"store.url": None, "store.url_file": url_file})
    migrated = jwtd("store", "migrate", "--config", server.config)
    assert migrated.returncode == 0, migrated.stderr
    valid = 0
    with server:
        ask_it = Connection(server)
        for attack in attacks():
            claims = attack["token"].split(".")[1] if attack["token"].count(".") == 2 else ""
            try:
                xid = json.loads(base64.urlsafe_b64decode(claims + "=="))["xid"]
            except (ValueError, KeyError, TypeError):
                xid = "0123456789ABCDEF0123456789ABCDEF"
            if not isinstance(xid, str) or not re.fullmatch(r"[A-Za-z0-9-]{1,64}", xid) or "\0" in attack["token"]:
                continue
            assert server.get(f"/v1/token/{PHONE}/{xid}").status == 200
            quoted = attack["token"].replace("'", "''")
            postgresql.psql(f"UPDATE jwtd.transactions SET token = '{quoted}' WHERE xid = '{xid}'", database="attacks")
            answer, introspected = ask_it.verify(attack["token"]), ask_it.introspect(attack["token"])
            if is_accepted(attack):
                assert answer.json["valid"] is True and introspected.json["active"] is True, attack["id"]
                valid += 1
            else:
                assert refuses(answer, "valid") and refuses(introspected, "active"), attack["id"]
    assert valid == sum(is_accepted(attack) for attack in attacks())
