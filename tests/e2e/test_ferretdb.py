"""jwtd over FerretDB 1.24, the second opinion on MongoDB's protocol; skipped where Go is not at hand. The janitor's part is in store_mongodb_test."""

import pytest

import harness
import mongodb as servers_mongodb
import server as servers
from harness import PHONE, is_problem, wait_until
from test_mongodb import BACK_SECONDS, jwtd_over, look_up, rows_of


def test_minting_looking_up_and_using_up(ferretdb, make_server):
    with jwtd_over(make_server, ferretdb.url) as server:
        answer = server.get(f"/v1/token/{PHONE}/over-ferretdb")
        assert answer.status == 200
        assert server.get(f"/v1/token/{PHONE}/over-ferretdb").text == answer.text
        assert is_problem(server.get("/v1/token/15555550000/over-ferretdb"), 409, "xid_taken")
        made = server.get(f"/v1/token/{PHONE}")
        xids = {"over-ferretdb", made.field("X-Transaction-Id")}
        assert look_up(server, "over-ferretdb")["token"] == answer.text
        listed = server.admin_get(f"/v1/transactions?phone_number={PHONE}", server.reader).json
        assert {one["xid"] for one in listed["transactions"]} == xids
        verifier = server.add_caller("verifier", "verify")
        server.hang_up()
        consume = lambda: server.admin_request("POST", "/v1/transactions/over-ferretdb/consume", verifier)  # noqa: E731
        wait_until(lambda: consume().status == 200, 30, "the new caller counts")
        assert is_problem(server.get(f"/v1/token/{PHONE}/over-ferretdb"), 409, "transaction_closed")
        server.said("FerretDB 1", "let one jwtd alone use this database")
    [row] = rows_of(ferretdb, "over-ferretdb")
    assert (row["xid"], row["phone_number"], row["token"]) == ("over-ferretdb", PHONE, answer.text)


def test_what_was_answered_is_there_after_kill_9_of_the_server(ferretdb, make_server):
    with jwtd_over(make_server, ferretdb.url) as server:
        answers = {f"kept-{n}": server.get(f"/v1/token/{PHONE}/kept-{n}") for n in range(20)}
        assert {answer.status for answer in answers.values()} == {200}
        ferretdb.kill()
        wait_until(lambda: server.admin_get("/readyz").status == 503, BACK_SECONDS, "a red /readyz")
        refused = server.get(f"/v1/token/{PHONE}/while-away")
        assert is_problem(refused, 503, "store_unavailable") and refused.field("Retry-After")
        ferretdb.start()
        wait_until(lambda: server.admin_get("/readyz").status == 200, BACK_SECONDS, "a green /readyz")
        for xid, answer in answers.items():
            assert look_up(server, xid)["token"] == answer.text
        assert server.get(f"/v1/token/{PHONE}/after").status == 200
    assert harness.PHONE not in server.log_text()


def test_without_go_it_is_a_named_skip_whatever_is_wanted(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(servers.NotWanted, match="go is not on the PATH"):
        servers_mongodb.ferretdb()
