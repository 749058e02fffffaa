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


def copy(source, target, state, *options):
    done = jwtd("store", "copy", "--from", source, "--to", target, "--state", state, "-o", "json", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_the_tutorials_rows_reach_every_store(mongodb, postgresql, make_server, tmp_path):
    now = int(time.time())
    tokens = {f"tutorial-{i}": tutorial_token(f"tutorial-{i}", now - i) for i in range(5)}
    for xid, token in tokens.items():
        mongodb.run(TUTORIAL_INSERT, xid, PHONE, token)
    password = tmp_path / "password"
    password.write_text(postgresql.password)
    password.chmod(0o600)
    there = postgresql.url.replace(":" + postgresql.password, "")
    assert jwtd("store", "migrate", "--store", there, "--password-file", password).returncode == 0
    first, last = (f"rocksdb://{tmp_path / name}" for name in ("first", "last"))
    for report in (copy(mongodb.url, first, tmp_path / "1"), copy(first, there, tmp_path / "2", "--to-password-file", password),
                   copy(there, last, tmp_path / "3", "--from-password-file", password)):
        assert report["written"] >= len(tokens), report
    with jwtd_over(make_server, last) as server:
        for xid, token in tokens.items():
            found = look_up(server, xid)
            assert (found["token"], found["phone_number"]) == (token, PHONE)
