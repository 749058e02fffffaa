"""The token routes: what each answer is made of, and which XIDs and phones are understood."""

import concurrent.futures
import re
import time
import uuid

import pytest

from harness import CUSTOMER, PHONE, ask_again, claims_of, is_problem


def test_a_get_answers_with_the_bare_token_and_nothing_else(server):
    answer = server.get(f"/v1/token/{PHONE}")
    assert answer.status == 200
    assert re.fullmatch(rb"[\w-]+\.[\w-]+\.[\w-]+", answer.body)
    assert answer.field("Content-Type").split(";")[0] == "text/plain"
    assert answer.field("Allow") == "GET"
    assert answer.field("Cache-Control") == "no-store"
    assert answer.field("Content-Length") == str(len(answer.body))


def test_the_claims_stand_in_their_order_with_integer_times(server):
    before = int(time.time())
    answer = server.get(f"/v1/token/{PHONE}/order-of-claims")
    claims = claims_of(answer.text)
    assert list(claims) == ["iss", "iat", "exp", "phn", "xid"]
    assert claims["iss"] == CUSTOMER and claims["phn"] == PHONE and claims["xid"] == "order-of-claims"
    assert isinstance(claims["iat"], int) and isinstance(claims["exp"], int)
    assert before - 10 <= claims["iat"] <= int(time.time()) - 10
    assert claims["exp"] == claims["iat"] + 90


def test_a_made_xid_is_told_and_sorts_by_time(server):
    xids = []
    for _ in range(3):
        answer = server.get(f"/v1/token/{PHONE}")
        xids.append(answer.field("X-Transaction-Id"))
        assert claims_of(answer.text)["xid"] == xids[-1]
        assert uuid.UUID(xids[-1]).version == 7
        time.sleep(0.002)  # a version 7 UUID counts milliseconds
    assert xids == sorted(xids) and len(set(xids)) == 3


def test_a_given_xid_is_told_too(server):
    assert server.get(f"/v1/token/{PHONE}/mine-1").field("X-Transaction-Id") == "mine-1"


def test_head_answers_without_minting(make_server):
    server = make_server()
    key = server.add_caller("reader", "read")
    with server:
        answer = server.request("HEAD", f"/v1/token/{PHONE}/looked-at")
        assert answer.status == 200 and answer.body == b""
        assert answer.field("Content-Type").split(";")[0] == "text/plain" and answer.field("Allow") == "GET"
        is_problem(server.admin_get("/v1/transactions/looked-at", key), 404, "transaction_unknown")


def test_head_of_a_bad_phone_is_refused_as_get_would(server):
    assert server.request("HEAD", "/v1/token/none").status == 400


@pytest.mark.parametrize("path", [f"/v1/token/{PHONE}", f"/v1/token/{PHONE}/x", "/v1/tokens", "/ping"])
def test_options_is_204_with_allow(server, path):
    answer = server.request("OPTIONS", path)
    assert answer.status == 204 and answer.body == b""
    assert "OPTIONS" in answer.field("Allow") and answer.field("Content-Length") is None


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND"])
def test_other_methods_are_405_with_allow(server, method):
    answer = server.request(method, f"/v1/token/{PHONE}")
    is_problem(answer, 405, "method_not_allowed")
    assert set(answer.field("Allow").split(", ")) == {"GET", "HEAD", "OPTIONS"}


def test_get_of_the_post_route_is_405_with_allow(server):
    answer = server.get("/v1/tokens")
    is_problem(answer, 405, "method_not_allowed")
    assert set(answer.field("Allow").split(", ")) == {"POST", "OPTIONS"}


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/token", "/v1/token/", f"/v1/token/{PHONE}/", f"/v1/token/{PHONE}/x/", f"/v1/token/{PHONE}/x/y",
                                  "/v2/token/1", "/V1/token/15551234567", "/v1/transactions/x", "/metrics", "/livez", "/readyz"])
def test_an_unknown_path_is_404(server, path):
    is_problem(server.get(path), 404, "not_found")


# -- POST /v1/tokens ------------------------------------------------------------------------------------------------

JSON = {"Content-Type": "application/json"}


def test_a_post_answers_201_with_the_whole_transaction(server):
    answer = server.request("POST", "/v1/tokens", JSON, f'{{"phone_number":"+{PHONE}","xid":"posted-1"}}')
    assert answer.status == 201 and answer.field("Content-Type") == "application/json"
    assert answer.field("Cache-Control") == "no-store"
    made = answer.json
    assert set(made) == {"token", "xid", "phone_number", "issued_at", "expires_at"}
    claims = claims_of(made["token"])
    assert made["xid"] == claims["xid"] == "posted-1" and made["phone_number"] == claims["phn"] == PHONE
    assert made["issued_at"] == time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(claims["iat"]))
    assert made["expires_at"] == time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(claims["exp"]))


def test_a_post_without_an_xid_makes_one(server):
    made = server.request("POST", "/v1/tokens", JSON, f'{{"phone_number":"{PHONE}"}}').json
    assert uuid.UUID(made["xid"]).version == 7 and claims_of(made["token"])["xid"] == made["xid"]


def test_both_forms_share_one_transaction(server):
    got = server.get(f"/v1/token/{PHONE}/either-way").text
    assert server.request("POST", "/v1/tokens", JSON, f'{{"phone_number":"{PHONE}","xid":"either-way"}}').json["token"] == got


@pytest.mark.parametrize("body", ["", "{", "[]", "null", '"15551234567"', "{}", '{"phone_number":15551234567}', '{"xid":"a"}',
                                  '{"phone_number":"15551234567","xid":7}', '{"phone_number":"15551234567","xid":null}',
                                  '{"phone_number":"15551234567","phone_number":"15551234568"}', '{"phone_number":"15551234567","xxid":"a"}',
                                  '{"phone_number":"15551234567"} x', "[" * 5000, '{"phone_number":"1555\\u00001234"}', '{"phone_number":""}'])
def test_a_body_that_is_not_the_form_is_400(server, body):
    answer = server.request("POST", "/v1/tokens", JSON, body)
    assert answer.status == 400, answer
    assert answer.field("Content-Type") == "application/problem+json"


def test_a_body_that_is_not_json_by_its_own_word_is_415(server):
    body = f'{{"phone_number":"{PHONE}"}}'
    is_problem(server.request("POST", "/v1/tokens", {"Content-Type": "text/plain"}, body), 415, "media_type_unsupported")
    assert server.request("POST", "/v1/tokens", {"Content-Type": "application/json; charset=utf-8"}, body).status == 201


def test_a_chunked_body_is_read(server):
    pieces = [b'{"phone_number":', f'"{PHONE}"}}'.encode()]
    connection = server.connection()
    connection.request("POST", "/v1/tokens", body=iter(pieces), headers=JSON, encode_chunked=True)
    assert connection.getresponse().status == 201
    connection.close()


def test_a_large_body_is_413(server):
    is_problem(server.request("POST", "/v1/tokens", JSON, "x" * 100_000), 413, "body_too_large")


def test_who_sends_a_large_body_to_its_end_can_read_why_it_was_refused(server):
    """Most clients send all of a request before they read: closed with octets unread, the connection would be reset under the answer."""
    for _ in range(20):
        is_problem(server.request("POST", "/v1/tokens", JSON, "x" * 3_000_000), 413, "body_too_large")


# -- what is understood ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("written", [f"+{PHONE}", f"%2B{PHONE}", f"%2b{PHONE}", "%31" + PHONE[1:]])
def test_one_number_has_one_form(server, written):
    assert claims_of(server.get(f"/v1/token/{written}").text)["phn"] == PHONE


@pytest.mark.parametrize("written", ["123456", "1" * 16, "05551234567", "++15551234567", "1555123456a", "1555-123-4567", "%2015551234567", "+",
                                     "15551234567%0a", "15551234567%00", "1555%2F1234567", "%C0%AF15551234567", "%ff", "1555%", "1555%4", "1555%zz",
                                     "%D9%A1%D9%A2%D9%A3%D9%A4%D9%A5%D9%A6%D9%A7%D9%A8", "15551234567;a=b", "1555%252F1234567"])
def test_what_is_no_phone_number_is_400(server, written):
    is_problem(server.get(f"/v1/token/{written}"), 400, "phone_malformed")


@pytest.mark.parametrize("digits", ["1234567", "9" * 15])
def test_phone_numbers_of_7_to_15_digits_are_understood(server, digits):
    assert server.get(f"/v1/token/{digits}").status == 200


@pytest.mark.parametrize("xid", ["a", "A-Za-z0-9-._~", "x" * 100, "...", "a..b", "%41bc"])
def test_xids_of_unreserved_characters_are_understood(server, xid):
    assert server.get(f"/v1/token/{PHONE}/{xid}").status == 200


@pytest.mark.parametrize("xid", ["x" * 101, "a%20b", "a+b", "a:b", "a@b", "%22", "%00", "a%2Fb", "%2e", "%2e%2e", ".", "..", "%C3%A9", "a%", "a,b"])
def test_what_is_no_xid_is_400(server, xid):
    is_problem(server.get(f"/v1/token/{PHONE}/{xid}"), 400, "xid_malformed")


def test_refusals_never_repeat_what_was_sent(server):
    answer = server.get("/v1/token/1555987zz/secret-xid")
    assert answer.status == 400
    assert b"1555987" not in answer.body and b"secret-xid" not in answer.body


# -- one XID --------------------------------------------------------------------------------------------------------


def test_the_same_xid_and_phone_get_the_same_token_back(server):
    first = server.get(f"/v1/token/{PHONE}/retry-1").text
    time.sleep(1.1)  # another second would be another iat
    assert server.get(f"/v1/token/{PHONE}/retry-1").text == first


def test_the_same_xid_with_another_phone_is_409_and_leaks_nothing(server):
    token = server.get(f"/v1/token/{PHONE}/taken-1").text
    answer = server.get("/v1/token/15557654321/taken-1")
    assert answer.status == 409 and answer.field("Content-Type") == "application/problem+json"
    for secret in (token, token.split(".")[2], PHONE, PHONE[-4:], "taken-1"):
        assert secret.encode() not in answer.body and secret not in str(answer.fields)
    assert server.get(f"/v1/token/{PHONE}/taken-1").text == token


def test_a_token_past_half_its_life_is_replaced_under_the_same_transaction(make_server):
    server = make_server(settings={"issuer.lifetime": "4s", "issuer.backdate": "0s"})
    key = server.add_caller("reader", "read,read:pii")
    with server:
        first = server.get(f"/v1/token/{PHONE}/aging").text
        time.sleep(3.1)
        second = server.get(f"/v1/token/{PHONE}/aging").text
        assert claims_of(second)["exp"] > claims_of(first)["exp"]
        found = server.admin_get("/v1/transactions/aging", key).json
        assert found["token"] == second and found["issued"] == 2
        assert [earlier["token"] for earlier in found["earlier"]] == [first]


def test_concurrent_requests_for_one_xid_agree_on_one_token(server):
    for turn in range(5):
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            tokens = set(pool.map(lambda _, t=turn: server.get(f"/v1/token/{PHONE}/race-{t}").text, range(48)))
        assert len(tokens) == 1


def test_concurrent_phones_for_one_xid_leave_one_winner(server):
    phones = [f"1555000{n:04}" for n in range(40)]
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda phone: server.get(f"/v1/token/{phone}/contested"), phones))
    assert sorted(answer.status for answer in answers) == [200] + [409] * 39


# -- around ---------------------------------------------------------------------------------------------------------


def test_ping_has_the_samples_shape(server):
    answer = server.get("/ping")
    assert answer.status == 200 and answer.field("Allow") == "GET"
    shown = answer.json
    assert list(shown) == ["pinged_on", "errors"] and shown["errors"] == [{"id": 0, "description": ""}]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}", shown["pinged_on"])


def test_a_well_formed_request_id_comes_back(server):
    assert server.get("/ping", X_Request_Id="abc-123_x.Y").field("X-Request-Id") == "abc-123_x.Y"


@pytest.mark.parametrize("theirs", ["a b", "x" * 200, "<script>", 'a"b'])
def test_a_malformed_request_id_is_replaced(server, theirs):
    ours = server.get("/ping", X_Request_Id=theirs).field("X-Request-Id")
    assert ours and ours != theirs


def test_a_connection_serves_many_requests(server):
    connection = server.connection()
    for n in range(50):
        assert ask_again(connection, "GET", f"/v1/token/{PHONE}/many-{n}").status == 200
    connection.close()


def test_hsts_is_not_sent_without_tls(server):
    assert server.get("/ping").field("Strict-Transport-Security") is None


def test_empty_errors_by_setting_are_empty_on_the_token_routes_only(make_server):
    with make_server(settings={"listen.empty_errors": True}) as server:
        refused = server.get("/v1/token/none")
        assert refused.status == 400 and refused.body == b""
        is_problem(server.get("/nowhere"), 404, "not_found")


@pytest.mark.parametrize("name", ["HS384", "HS512"])
def test_other_algorithms_by_setting(make_server, name):
    import jwt

    from harness import KEY_OCTETS

    server = make_server(settings={"issuer.algorithm": name})
    server.key_file.write_text("A" * 88)  # 66 octets: enough for HS512
    with server:
        token = server.get(f"/v1/token/{PHONE}").text
        assert jwt.get_unverified_header(token) == {"alg": name, "typ": "JWT"}
        jwt.decode(token, b"\0" * 66, algorithms=[name])
        with pytest.raises(jwt.InvalidSignatureError):
            jwt.decode(token, KEY_OCTETS, algorithms=[name])
