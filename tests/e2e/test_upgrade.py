"""A store of the former format: made by the jwtd of that time (tests/fixtures/make_store.py), opened by this one. F20 of the fault matrix."""

import json
import tarfile

import jwt
import pytest

from harness import CUSTOMER, KEY_OCTETS, ROOT, jwtd

FIXTURE = ROOT / "tests" / "fixtures" / "rocksdb-format-1.tar.xz"


@pytest.fixture(params=["closed", "killed"])
def former(request, tmp_path, make_server):
    with tarfile.open(FIXTURE) as archive:
        archive.extractall(tmp_path, [member for member in archive if member.name.startswith(request.param)])
    folder = tmp_path / request.param
    answered = json.loads((folder / "answered.json").read_text())
    # Kept for ever: the fixture gets older with every day.
    server = make_server(settings={"store.url": f"rocksdb://{folder}/store", "store.retention": "0s", "issuer.algorithm": answered["algorithm"]})
    server.add_caller("reader", "read,read:pii,verify,revoke")
    return server, folder / "store", answered


def transaction(server, xid):
    answer = server.admin_get(f"/v1/transactions/{xid}", server.caller_keys["reader"])
    assert answer.status == 200, answer
    return answer.json


def test_every_token_that_the_former_version_answered_is_there(former):
    server, store, answered = former
    assert (store / "FORMAT").read_text() == "jwtd store 1\n"
    with server:
        phones = {}
        for xid, made in answered["transactions"].items():
            shown = transaction(server, xid)
            assert [shown["phone_number"], shown["token"]] == [made["phone_number"], made["tokens"][-1]]
            assert [item["type"] for item in shown["events"]] == ["issued", *["reissued"] * (len(made["tokens"]) - 1), "expired"]
            claims = jwt.decode(shown["token"], KEY_OCTETS, algorithms=[answered["algorithm"]], options={"verify_exp": False}, issuer=CUSTOMER)
            assert claims["xid"] == xid
            phones.setdefault(made["phone_number"], set()).add(xid)
        for phone, xids in phones.items():
            page = server.admin_get(f"/v1/transactions?phone_number={phone}&limit=100", server.caller_keys["reader"]).json
            assert {one["xid"] for one in page["transactions"]} == xids
    assert (store / "FORMAT").read_text() == "jwtd store 2\n"
    checked = jwtd("store", "check", "--config", server.config, "--key", server.key_file)
    assert checked.returncode == 0, checked.stderr + checked.stdout


def test_it_takes_what_the_new_format_is_for(former):
    server, _, answered = former
    xid = next(iter(answered["transactions"]))
    with server:
        consumed = server.admin_request("POST", f"/v1/transactions/{xid}/consume", server.caller_keys["reader"])
        assert consumed.status == 200, consumed
        fresh = server.get("/v1/token/15555550100")
        assert fresh.status == 200
    with server:
        assert transaction(server, fresh.field("X-Transaction-Id"))["token"] == fresh.text
        for other, made in answered["transactions"].items():
            assert transaction(server, other)["token"] == made["tokens"][-1]
