"""Two real nodes over one PostgreSQL: a transaction is used up once, and every callback is forwarded once, by whichever node lives."""

import concurrent.futures
import json
import threading

import pytest
from harness import PHONE, is_problem, wait_until
from operator_url import OperatorUrl
from test_callbacks import report, send
from test_postgresql import database, node  # noqa: F401  pylint: disable=unused-import

SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
TAKEN_OVER_SECONDS = 25 + 10 + 85  # forward/forwarder.h: kForwardClaim, kForwardGrace; and pauses after refusals, and a slow machine


class Receiver(OperatorUrl):
    """Keeps the XID of every delivery, and may answer no more than so many of them for a while."""

    def __init__(self):
        self.xids, self.most, self.goes_on, self.lock = [], None, threading.Event(), threading.Lock()
        super().__init__()

    def received(self, fields, body):
        with self.lock:
            taken = self.most is None or self.most > 0
            if self.most:
                self.most -= 1
        if not taken:
            self.goes_on.wait(5)  # below base/limits.h's kForwardTimeout
            return 503
        self.xids.append(json.loads(body)["data"]["xid"])
        return 200


@pytest.fixture
def receiver():
    made = Receiver()
    yield made
    made.close()


def outbox(server):
    return server.admin_get("/v1/callbacks/outbox", server.operator).json["callbacks"]


def forwarding(node, receiver, tmp_path):  # noqa: F811
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    servers = [node(name, **{"callbacks.forward_to": receiver.url, "callbacks.forward_secret_file": secret}) for name in ("one", "two")]
    for server in servers:
        server.operator = server.add_caller("operator", "callbacks")
    wait_until(lambda: all(server.admin_get("/v1/callbacks/outbox", server.operator).status == 200 for server in servers), 30, "the new callers count")
    return servers


def tell_both(servers, name, count):
    """Makes transactions and has their callbacks come in, at all nodes at once; the XIDs."""
    xids = [f"{name}-{n}" for n in range(count)]

    def tell(n):
        assert servers[0].get(f"/v1/token/{PHONE}/{xids[n]}").status == 200
        assert send(servers[n % len(servers)], report(f"R-{xids[n]}", 2401, xids[n])).status == 200

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(tell, range(count)))
    return xids


def test_of_many_consumers_over_two_nodes_one_wins(node):  # noqa: F811
    servers = [node("one"), node("two")]
    keys = [server.add_caller("verifier", "verify") for server in servers]
    wait_until(lambda: all(server.admin_request("POST", "/v1/transactions/nobody/consume", key).status == 404 for server, key in zip(servers, keys)), 30,
               "the new callers count")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for n in range(15):
            xid = f"used-{n}"
            assert servers[n % 2].get(f"/v1/token/{PHONE}/{xid}").status == 200
            start = threading.Barrier(8)

            def consume(k, xid=xid, start=start):
                start.wait(60)
                return servers[k % 2].admin_request("POST", f"/v1/transactions/{xid}/consume", keys[k % 2])

            answers = list(pool.map(consume, range(8)))
            winners = [answer for answer in answers if answer.status == 200]
            assert len(winners) == 1, answers
            assert all(answer.status == 200 or is_problem(answer, 409, "transaction_consumed") for answer in answers)
            consumed = [event for event in servers[n % 2].admin_get(f"/v1/transactions/{xid}", servers[n % 2].reader).json["events"] if event["type"] == "consumed"]
            assert len(consumed) == 1


def test_in_calm_two_nodes_forward_every_callback_once(node, receiver, tmp_path):  # noqa: F811
    servers = forwarding(node, receiver, tmp_path)
    xids = tell_both(servers, "calm", 120)
    wait_until(lambda: set(receiver.xids) >= set(xids), 120, "every callback at the operator's URL")
    wait_until(lambda: outbox(servers[0]) == [], 60, "an empty outbox")
    assert sorted(receiver.xids) == sorted(xids), "twice"


def test_what_a_node_had_to_forward_when_it_was_killed_the_other_forwards(node, receiver, tmp_path):  # noqa: F811
    servers = forwarding(node, receiver, tmp_path)
    receiver.most = 10
    xids = tell_both(servers, "killed", 60)
    wait_until(lambda: len(receiver.xids) == 10, 60, "some deliveries")
    servers[0].kill()
    before = len(set(receiver.xids))
    receiver.most = None
    receiver.goes_on.set()
    wait_until(lambda: set(receiver.xids) >= set(xids), TAKEN_OVER_SECONDS, "the rest, by the other node")
    wait_until(lambda: outbox(servers[1]) == [], TAKEN_OVER_SECONDS, "an empty outbox")
    twice = len(receiver.xids) - len(set(receiver.xids))
    assert twice <= 16, "more than one turn's"
    print(f"NOTE two forwarders: {before} of {len(xids)} were delivered when one was killed, the other delivered the rest; {twice} came twice")
