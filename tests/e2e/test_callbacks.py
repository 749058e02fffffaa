"""The provider's callbacks against the real binary: on record when answered, whatever happens to the process, the order, or the number of copies."""

import base64
import hashlib
import hmac
import itertools
import json
import threading
import time

import faults
import harness

KILLS = 5
SENDERS = 4
TRANSACTIONS = 40  # of each sender
MAX_LOAD_SECONDS = 1.0
MIN_REPORTS = 100  # fewer than SENDERS * TRANSACTIONS


def signed(body, key=harness.KEY_OCTETS):
    return base64.b64encode(hmac.new(key, body, hashlib.sha256).digest()).decode()


def report(reference, code, xid=None, second=0, **more):
    body = {"reference_id": reference, "sub_resource": "auto", "status": {"code": code, "description": "d", "updated_on": f"2016-10-21T14:05:{second:02}.000000Z"}, **more}
    if xid:
        body["external_id"] = xid
    return json.dumps(body).encode()


def fields_of(body, key=harness.KEY_OCTETS):
    return {"X-TS-Authorization": f"TSA {harness.CUSTOMER}:{signed(body, key)}", "Content-Type": "application/json"}


def send(server, body, fields=None):
    return server.request("POST", "/v1/callbacks/telesign", fields or fields_of(body), body)


def make(make_server, **settings):
    server = make_server(settings={name.replace("__", "."): value for name, value in settings.items()}).durable
    server.reader = server.add_caller("backend", "read,read:pii,callbacks,admin")
    return server.start()


def timeline(server, xid):
    return server.admin_get(f"/v1/transactions/{xid}", server.reader).json


def test_a_callback_ends_the_transaction(make_server):
    server = make(make_server)
    assert server.get(f"/v1/token/{harness.PHONE}/order-1").status == 200
    assert timeline(server, "order-1")["status"]["state"] == "none"
    assert send(server, report("R1", 2400, "order-1")).status == 200
    final = report("R1", 2401, second=5, unknown={"kept": [1, 2]})
    for _ in range(3):
        assert send(server, final).status == 200
    found = timeline(server, "order-1")
    assert found["status"] == found["status"] | {"state": "success", "code": 2401, "source": "callback", "updated_on": "2016-10-21T14:05:05.000000Z"}
    assert [event["type"] for event in found["events"]] == ["issued", "callback", "callback"]
    assert found["events"][2]["raw"].encode() == final
    status = server.admin_get("/v1/transactions/order-1/status", server.reader).json
    assert status["status"] == found["status"] and status["age_seconds"] >= 0
    server.stop()
    server.start()
    assert timeline(server, "order-1") == found
    metrics = server.admin_get("/metrics").text
    assert 'jwtd_callbacks_total{outcome="applied"}' in metrics


def test_every_order_with_repetitions_ends_the_same(make_server):
    server = make(make_server)
    reports = [(2400, 0), (2401, 5), (2402, 7), (2400, 9)]
    statuses = set()
    for number, order in enumerate(itertools.permutations(reports)):
        xid = f"order-{number}"
        server.get(f"/v1/token/{harness.PHONE}/{xid}")
        for code, second in [*order, order[number % 4]]:
            assert send(server, report(f"R{number}", code, xid, second)).status == 200
        status = timeline(server, xid)["status"]
        del status["known_at"]
        statuses.add(json.dumps(status))
    assert len(statuses) == 1 and '"success"' in statuses.pop()
    server.wait_for_event("status_contradicted")


def test_what_is_not_the_providers_is_refused_and_leaves_nothing(make_server):
    server = make(make_server)
    server.get(f"/v1/token/{harness.PHONE}/order-1")
    body = report("R1", 2401, "order-1")
    good = fields_of(body)
    assert harness.is_problem(send(server, body, {"Content-Type": "application/json"}), 401, "callback_unsigned")
    assert harness.is_problem(send(server, body, fields_of(body, b"k" * 61)), 401, "callback_signature_wrong")
    assert harness.is_problem(send(server, body[:-1], good), 401, "callback_signature_wrong")
    assert harness.is_problem(send(server, body.replace(b'": ', b'":'), good), 401, "callback_signature_wrong")
    other = {"X-TS-Authorization": f"TSA OTHER:{signed(body)}"}
    assert harness.is_problem(send(server, body, other), 401, "callback_signature_wrong")
    assert server.wait_for_event("callback_refused")[0]["detail"] == "the customer id in front of it is another one than issuer.customer_id"
    twice = b'{"external_id":"order-1","status":{"code":2401},"status":{"code":2402}}'
    assert harness.is_problem(send(server, twice), 400, "callback_malformed")
    assert harness.is_problem(send(server, b'{"external_id":"order-1","status":{"code":2401},"x":"\xff"}'), 400, "callback_malformed")
    large = b'{"x":"' + b"a" * 10_000_000 + b'"}'
    try:
        assert send(server, large).status == 413
    except OSError:
        pass  # the refusal came before all of it was sent
    assert [event["type"] for event in timeline(server, "order-1")["events"]] == ["issued"]
    assert server.admin_get("/v1/callbacks?unmatched=1", server.reader).json["callbacks"] == []


def test_what_comes_too_early_is_placed_later(make_server):
    server = make(make_server)
    assert send(server, report("R1", 2401, second=5)).status == 200
    waiting = server.admin_get("/v1/callbacks?unmatched=1", server.reader).json["callbacks"]
    assert [one["reference_id"] for one in waiting] == ["R1"]
    server.get(f"/v1/token/{harness.PHONE}/order-1")
    server.stop()
    server.start()
    assert send(server, report("R1", 2400, "order-1")).status == 200
    assert timeline(server, "order-1")["status"]["state"] == "success"
    assert server.admin_get("/v1/callbacks?unmatched=1", server.reader).json["callbacks"] == []


def test_the_former_key_counts_during_a_change(make_server, tmp_path):
    former = tmp_path / "former_key"
    former.write_text(base64.b64encode(b"f" * 64).decode())
    server = make(make_server, issuer__previous_api_key_file=former)
    server.get(f"/v1/token/{harness.PHONE}/order-1")
    body = report("R1", 2401, "order-1")
    assert send(server, body, fields_of(body, b"f" * 64)).status == 200
    assert timeline(server, "order-1")["status"]["state"] == "success"


def test_callbacks_can_be_off(make_server):
    server = make(make_server, callbacks__enabled=False)
    assert send(server, report("R1", 2401)).status == 404


class Sender(threading.Thread):
    """Reports about its own transactions until the server is gone; keeps what was answered 200."""

    def __init__(self, server, name, round_number):
        super().__init__()
        self.server, self.name_, self.round = server, name, round_number
        self.answered, self.odd = [], []

    def run(self):
        connection = self.server.connection()
        try:
            for number in itertools.count():
                xid = f"{self.name_}-{number % TRANSACTIONS}"
                body = report(f"REF-{xid}", 2400 + number % 3, xid, number % 60, serial=f"{self.round}-{number}")
                answer = harness.ask_again(connection, "POST", "/v1/callbacks/telesign", fields_of(body), body)
                if answer.status == 200:
                    self.answered.append((xid, body))
                elif answer.status != 503:  # a timeline is full after so many
                    self.odd.append(answer)
        except (OSError, harness.http.client.HTTPException):
            return


def load_and_kill(server, *behind):
    """Sends callbacks from many connections, kills the database `behind` and the server, starts both, several times: what was answered 200 is in the timelines."""
    chance = faults.seeded("kill -9 under callbacks")
    for sender in range(SENDERS):
        for number in range(TRANSACTIONS):
            assert server.get(f"/v1/token/{harness.PHONE}/s{sender}-{number}").status == 200
    answered = {}
    for number in range(KILLS):
        senders = [Sender(server, f"s{i}", number) for i in range(SENDERS)]
        for sender in senders:
            sender.start()
        time.sleep(chance.uniform(0.1, MAX_LOAD_SECONDS))
        if number == 0:  # each about another transaction at first, so these are different reports
            harness.wait_until(lambda: sum(len(sender.answered) for sender in senders) > MIN_REPORTS, 120, "load enough to mean anything")
        for one in (*behind, server):
            one.kill()
        for sender in senders:
            sender.join()
            assert sender.odd == []
            for xid, body in sender.answered:
                told = json.loads(body)["status"]
                answered.setdefault(xid, set()).add((told["code"], told["updated_on"]))
        for one in (*behind, server):
            one.start()
    count = 0
    for xid, told in answered.items():
        kept = {(event["code"], event["updated_on"]) for event in timeline(server, xid)["events"] if event["type"] == "callback"}
        assert told <= kept, f"{xid}: {told - kept} were answered 200 and are gone"
        count += len(told)
    assert count > MIN_REPORTS
    # Each reference id was learnt with the first report that named it, whatever died when.
    for sender in range(SENDERS):
        xid = f"s{sender}-0"
        body = report(f"REF-{xid}", 2405, None, 59, serial="by its reference id")
        assert send(server, body).status == 200
        assert (2405, "2016-10-21T14:05:59.000000Z") in {(event.get("code"), event.get("updated_on")) for event in timeline(server, xid)["events"]}
    print(f"NOTE kill -9 under callbacks: {count} different reports answered over {KILLS} deaths, all in their timelines")


def test_every_answered_callback_survives_kill_9(make_server):
    load_and_kill(make(make_server))


def test_erasing_leaves_counts(make_server, tmp_path):
    server = make(make_server)
    key_file = tmp_path / "key"
    key_file.write_text(server.reader)
    admin = ["--admin", "http://{}:{}".format(*server.admin), "--key-file", key_file]
    phone = "15557654321"
    for number in range(3):
        token = server.get(f"/v1/token/{phone}/erase-{number}")
        assert token.status == 200
    assert send(server, report("R1", 2401, "erase-1")).status == 200
    assert send(server, report("STRAY", 2401, phone_number=phone)).status == 200
    assert send(server, report("NOBODYS", 2401, phone_number="15550000000")).status == 200
    exported = harness.jwtd("transactions", "export", "--phone", phone, *admin)
    assert exported.returncode == 0, exported.stderr
    subject = json.loads(exported.stdout)
    assert subject["phone_number"] == phone and [one["xid"] for one in subject["transactions"]] == ["erase-2", "erase-1", "erase-0"]
    assert subject["transactions"][1]["status"]["state"] == "success" and subject["transactions"][1]["token"]
    assert [json.loads(one["raw"])["reference_id"] for one in subject["unmatched_callbacks"]] == ["STRAY"], "what an erasure removes, an export shows"
    number = tmp_path / "number"
    number.write_text(phone + "\n")
    for unlisted, stdin in ((["--phone-file", number], ""), (["--phone", "-"], phone), (["--phone-file", "-"], phone + "\n")):
        assert harness.jwtd("transactions", "export", *unlisted, *admin, stdin=stdin).stdout == exported.stdout, unlisted
    for wrong in ([], ["--phone", phone, "--phone-file", number], ["--phone-file", tmp_path / "none"], ["--phone", "-"]):
        refused = harness.jwtd("transactions", "erase", *wrong, *admin)
        assert refused.returncode == 2 and phone not in refused.stderr, wrong
    erased = harness.jwtd("transactions", "erase", "--phone", "-", *admin, stdin=phone + "\n")
    assert erased.returncode == 0 and json.loads(erased.stdout) == {"transactions": 3, "tokens": 3, "events": 1, "damaged": 0, "callbacks": 1}, erased
    assert [one["reference_id"] for one in server.admin_get("/v1/callbacks?unmatched=1", server.reader).json["callbacks"]] == ["NOBODYS"]
    assert harness.jwtd("transactions", "erase", "--phone", "x", *admin).returncode == 2
    assert json.loads(harness.jwtd("transactions", "export", "--phone", phone, *admin).stdout)["transactions"] == []
    gone = server.admin_get("/v1/transactions/erase-1", server.reader)
    assert gone.status == 404 and gone.json["erased"]["events"] == 1
    assert server.admin_get(f"/v1/transactions?phone_number={phone}", server.reader).json["transactions"] == []
    server.wait_for_event("erased")
    assert phone not in server.log_text()


def test_an_export_says_what_it_leaves_out(make_server, tmp_path):
    server = make(make_server, issuer__lifetime="1s", issuer__backdate="0s")
    key_file = tmp_path / "key"
    key_file.write_text(server.reader)
    phone = "15557654321"
    harness.wait_until(lambda: server.get(f"/v1/token/{phone}/many").status == 200 and timeline(server, "many")["issued"] > 105, 60, "more tokens than are shown")
    server.get(f"/v1/token/{phone}/one")
    issued = timeline(server, "many")["issued"]
    exported = harness.jwtd("transactions", "export", "--phone", phone, "--admin", "http://{}:{}".format(*server.admin), "--key-file", key_file)
    assert exported.returncode == 1 and "of 1 transactions only the newest 101 tokens are here" in exported.stderr
    subject = json.loads(exported.stdout)
    assert subject["left_out"] == [{"xid": "many", "tokens": issued - 101}]
    assert [len(one["earlier"]) for one in subject["transactions"] if one["xid"] == "many"] == [100]
