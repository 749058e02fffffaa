"""jwtd store copy from the tutorial's own collection into every other store: what the tutorial recorded is looked up in the last one."""

import json
import time

import jwt

from harness import PHONE, jwtd
from test_mongodb import TUTORIAL_INSERT, jwtd_over, look_up

KEY = b"an example key of thirty-two octets or more"


def tutorial_token(xid, iat):
    claims = {"iss": "FFFFFFFF-EEEE-DDDD-1234-AB1234567890", "iat": iat, "exp": iat + 90, "phn": PHONE, "xid": xid}
    return jwt.encode(claims, KEY, algorithm="HS256")


def copy(source, target, state):
    done = jwtd("store", "copy", "--from", source, "--to", target, "--state", state, "-o", "json", timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_the_tutorials_rows_reach_every_store(mongodb, postgresql, make_server, tmp_path):
    now = int(time.time())
    tokens = {f"tutorial-{i}": tutorial_token(f"tutorial-{i}", now - i) for i in range(5)}
    for xid, token in tokens.items():
        mongodb.run(TUTORIAL_INSERT, xid, PHONE, token)
    assert jwtd("store", "migrate", "--store", postgresql.url).returncode == 0
    folder = tmp_path / "copied"
    source = mongodb.url
    for target in (f"rocksdb://{folder}", postgresql.url, "rocksdb://" + str(tmp_path / "last")):
        report = copy(source, target, tmp_path / "state.json")
        assert report["written"] >= len(tokens), report
        source = target
    with jwtd_over(make_server, "rocksdb://" + str(tmp_path / "last")) as server:
        for xid, token in tokens.items():
            found = look_up(server, xid)
            assert (found["token"], found["phone_number"]) == (token, PHONE)
