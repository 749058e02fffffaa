"""The admin listener: health, metrics, transactions; what a caller sees with which scopes."""

import http.client
import time

import pytest

from harness import PHONE, Server, ask, claims_of, is_problem

OTHER_PHONE = "15550001111"


@pytest.fixture(scope="module")
def admin(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("admin"))
    server.add_caller("reader", "read")
    server.add_caller("auditor", "read,read:pii")
    server.add_caller("minter", "mint")
    with server:
        yield server


def full(server, path):
    return server.admin_get(path, server.caller_keys["auditor"])


def masked(server, path):
    return server.admin_get(path, server.caller_keys["reader"])


def test_livez(admin):
    assert admin.admin_get("/livez").status == 200


def test_readyz_shows_each_check(admin):
    answer = admin.admin_get("/readyz")
    assert answer.status == 200 and answer.field("Content-Type") == "application/json"
    checks = answer.json["checks"]
    assert len(checks) >= 3, "store, keys, draining"
    assert all(check["ok"] for check in checks.values())


def test_metrics_are_prometheus_text(admin):
    admin.get(f"/v1/token/{PHONE}/measured")
    answer = admin.admin_get("/metrics")
    assert answer.status == 200 and answer.field("Content-Type").startswith("text/plain")
    lines = answer.text.splitlines()
    assert any(line.startswith("# TYPE jwtd_") for line in lines)
    for line in lines:
        assert line.startswith("#") or len(line.rsplit(" ", 1)) == 2, line
    assert PHONE not in answer.text and "measured" not in answer.text


def test_metrics_count_what_was_minted(admin):
    def minted():
        lines = admin.admin_get("/metrics").text.splitlines()
        return next(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith('jwtd_tokens_total{outcome="inserted"}'))

    before = minted()
    for n in range(3):
        admin.get(f"/v1/token/{PHONE}/counted-{n}")
    assert minted() == before + 3


def test_the_public_routes_are_not_on_the_admin_listener(admin):
    assert admin.admin_get(f"/v1/token/{PHONE}").status == 404


# -- scopes ---------------------------------------------------------------------------------------------------------

ROUTES = ["/v1/transactions/any", f"/v1/transactions?phone_number={PHONE}"]


@pytest.mark.parametrize("path", ROUTES)
def test_without_a_key_401(admin, path):
    answer = admin.admin_get(path)
    is_problem(answer, 401, "caller_key_missing")
    assert answer.field("WWW-Authenticate").startswith("Bearer")


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("key", ["jwtd_" + "A" * 43, "nonsense", "jwtd_", "x" * 3000])
def test_an_unknown_key_401(admin, path, key):
    answer = admin.admin_get(path, key)
    is_problem(answer, 401, "caller_key_unknown")
    assert answer.field("WWW-Authenticate").startswith("Bearer")


@pytest.mark.parametrize("path", ROUTES)
def test_without_the_scope_read_403(admin, path):
    is_problem(admin.admin_get(path, admin.caller_keys["minter"]), 403, "scope_missing")


def test_another_scheme_than_bearer_does_not_count(admin):
    answer = ask(http.client.HTTPConnection(*admin.admin), "GET", ROUTES[0], {"Authorization": f"Basic {admin.caller_keys['auditor']}"})
    assert answer.status == 401


def test_the_scheme_has_no_case(admin):
    admin.get(f"/v1/token/{PHONE}/any")
    answer = ask(http.client.HTTPConnection(*admin.admin), "GET", ROUTES[0], {"Authorization": f"bEaReR {admin.caller_keys['auditor']}"})
    assert answer.status == 200


# -- one transaction ------------------------------------------------------------------------------------------------


def test_a_transaction_is_found_whole_with_read_pii(admin):
    token = admin.get(f"/v1/token/{PHONE}/found-1").text
    found = full(admin, "/v1/transactions/found-1").json
    assert found["xid"] == "found-1" and found["phone_number"] == PHONE and found["token"] == token
    assert found["token_state"] == "active" and found["issued"] == 1 and found["earlier"] == []
    assert found["iss"] == claims_of(token)["iss"]


def test_without_read_pii_numbers_are_masked_and_tokens_left_out(admin):
    token = admin.get(f"/v1/token/{PHONE}/found-2").text
    for path in ("/v1/transactions/found-2", f"/v1/transactions?phone_number={PHONE}"):
        answer = masked(admin, path)
        assert answer.status == 200
        assert PHONE not in answer.text and token not in answer.text and "eyJ" not in answer.text
    found = masked(admin, "/v1/transactions/found-2").json
    assert "token" not in found and found["phone_number"] == "*" * 7 + PHONE[-4:]


def test_an_unknown_xid_is_404(admin):
    is_problem(full(admin, "/v1/transactions/never-seen"), 404, "transaction_unknown")


def test_a_malformed_xid_is_400(admin):
    is_problem(full(admin, "/v1/transactions/a%20b"), 400, "xid_malformed")


def test_answers_are_not_to_be_cached(admin):
    admin.get(f"/v1/token/{PHONE}/found-3")
    assert full(admin, "/v1/transactions/found-3").field("Cache-Control") == "no-store"


# -- a phone's transactions -----------------------------------------------------------------------------------------


def mint_in_order(server, phone, count):
    xids = []
    for _ in range(count):
        xids.append(server.get(f"/v1/token/{phone}").field("X-Transaction-Id"))
        time.sleep(0.002)  # the order is that of milliseconds
    return xids


def all_pages(server, phone, limit):
    cursor, xids, pages = None, [], 0
    while pages < 100:
        page = full(server, f"/v1/transactions?phone_number={phone}&limit={limit}" + (f"&cursor={cursor}" if cursor else "")).json
        xids += [one["xid"] for one in page["transactions"]]
        pages += 1
        cursor = page["next"]
        if not cursor:
            return xids, pages
    raise AssertionError("the pages do not end")


def test_a_phones_transactions_come_newest_first_in_pages(admin):
    made = mint_in_order(admin, OTHER_PHONE, 23)
    xids, pages = all_pages(admin, OTHER_PHONE, 5)
    assert xids == made[::-1] and pages == 5


def test_a_page_taken_while_records_arrive_misses_and_repeats_nothing(admin):
    phone = "15550002222"
    made = mint_in_order(admin, phone, 10)
    first = full(admin, f"/v1/transactions?phone_number={phone}&limit=4").json
    for _ in range(5):
        admin.get(f"/v1/token/{phone}")
    rest, cursor = [], first["next"]
    while cursor:
        page = full(admin, f"/v1/transactions?phone_number={phone}&limit=4&cursor={cursor}").json
        rest += [one["xid"] for one in page["transactions"]]
        cursor = page["next"]
    assert [one["xid"] for one in first["transactions"]] + rest == made[::-1]


def test_the_number_may_be_written_with_a_plus(admin):
    admin.get("/v1/token/15550003333/plus-1")
    for written in ("15550003333", "+15550003333", "%2B15550003333"):
        assert [one["xid"] for one in full(admin, f"/v1/transactions?phone_number={written}").json["transactions"]] == ["plus-1"]


def test_a_phone_without_transactions_has_an_empty_page(admin):
    page = full(admin, "/v1/transactions?phone_number=15559999999").json
    assert page["transactions"] == [] and page["next"] is None


@pytest.mark.parametrize("query", ["", "?phone_number=", "?phone_number=abc", f"?phone_number={PHONE}&limit=0", f"?phone_number={PHONE}&limit=101",
                                   f"?phone_number={PHONE}&limit=x", f"?phone_number={PHONE}&cursor=made-up", f"?phone_number={PHONE}&lmit=5",
                                   f"?phone_number={PHONE}&phone_number={PHONE}", "?phone_number=%zz"])
def test_a_question_that_is_not_understood_is_400(admin, query):
    answer = full(admin, "/v1/transactions" + query)
    assert answer.status == 400 and answer.field("Content-Type") == "application/problem+json", answer


# -- minting with a key ---------------------------------------------------------------------------------------------


def test_minting_needs_a_key_where_the_setting_says_so(make_server):
    server = make_server(settings={"auth.mint": "key"})
    minter, reader = server.add_caller("minter", "mint"), server.add_caller("reader", "read,read:pii")
    with server:
        path = f"/v1/token/{PHONE}/keyed-1"
        is_problem(server.get(path), 401, "caller_key_missing")
        is_problem(server.get(path, Authorization=f"Bearer {reader}"), 403, "scope_missing")
        is_problem(server.admin_get("/v1/transactions/keyed-1", reader), 404, "transaction_unknown")
        assert server.get(path, Authorization=f"Bearer {minter}").status == 200
        body, fields = f'{{"phone_number":"{PHONE}"}}', {"Content-Type": "application/json"}
        assert server.request("POST", "/v1/tokens", fields, body).status == 401
        assert server.request("POST", "/v1/tokens", fields | {"Authorization": f"Bearer {minter}"}, body).status == 201
        assert server.get("/ping").status == 200


def test_who_has_no_key_learns_nothing_about_the_number(make_server):
    with make_server(settings={"auth.mint": "key"}) as server:
        assert server.get("/v1/token/nonsense").status == server.get(f"/v1/token/{PHONE}").status == 401
