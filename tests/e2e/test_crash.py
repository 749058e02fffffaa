"""kill -9 under load: every token that a client got with 200 is on record afterwards, byte for byte.

The seed decides the load and the moments of death; JWTD_SEED=<number> repeats a run as far as threads allow.
"""

import random
import threading
import time

import faults
import harness

ROUNDS = 10
CLIENTS = 6
MAX_LOAD_SECONDS = 1.2
MIN_LOAD = 1000  # tokens, in all rounds
MAX_CHECKED_A_ROUND = 4000


def is_late(answer):
    """Nothing was promised: the commit took longer than base/limits.h has it wait, which is the disk's matter."""
    return answer.status == 503 and answer.json["code"] == "commit_timeout"


class Client(threading.Thread):
    """Asks until the server is gone; keeps (xid, phone, token) of every 200, and what was neither that nor the 503 of a disk that took too long."""

    def __init__(self, server, seed):
        super().__init__()
        self.server = server
        self.random = random.Random(seed)
        self.got = []
        self.odd = []

    def run(self):
        connection = self.server.connection()
        while True:
            phone = f"1555{self.random.randrange(10**7):07}"
            # Now and then a transaction again, as a phone does that did not hear the answer.
            again = self.got and self.random.random() < 0.1
            path = "/v1/token/{1}/{0}".format(*self.random.choice(self.got)) if again else f"/v1/token/{phone}"
            try:
                answer = harness.ask_again(connection, "GET", path)
            except (OSError, harness.http.client.HTTPException):
                return
            if answer.status != 200:
                if not is_late(answer):
                    self.odd.append(answer)
            else:
                self.got.append((answer.field("X-Transaction-Id"), harness.claims_of(answer.text)["phn"], answer.text))


def look_up(server, key, acknowledged):
    """What is not on record exactly as it was answered."""
    lost = []
    connection = harness.http.client.HTTPConnection(*server.admin, timeout=60)
    for xid, phone, token in acknowledged:
        found = harness.ask_again(connection, "GET", f"/v1/transactions/{xid}", {"Authorization": f"Bearer {key}"})
        # On a slow machine a transaction that is asked for again may be past half its token's life.
        tokens = [found.json["token"], *[one["token"] for one in found.json["earlier"]]] if found.status == 200 else []
        if token not in tokens or found.json["phone_number"] != phone:
            lost.append((xid, found))
    connection.close()
    return lost


def test_every_acknowledged_token_survives_kill_9(make_server):
    chance = faults.seeded("kill -9 loop")
    server = make_server().durable
    key = server.add_caller("auditor", "read,read:pii")
    everything = []
    for number in range(ROUNDS):
        server.start()
        clients = [Client(server, chance.random()) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        time.sleep(chance.uniform(0.05, MAX_LOAD_SECONDS))
        if number == ROUNDS - 1:
            harness.wait_until(lambda: len(everything) + sum(len(client.got) for client in clients) > MIN_LOAD, 120, "load enough to mean anything")
        server.kill()
        for client in clients:
            client.join()
        assert [answer for client in clients for answer in client.odd] == []
        acknowledged = [one for client in clients for one in client.got]
        # Those answered last are those at risk.
        at_risk = [one for client in clients for one in client.got[-MAX_CHECKED_A_ROUND // CLIENTS:]]
        everything += acknowledged
        server.start()
        lost = look_up(server, key, at_risk)
        assert lost == [], f"round {number}: {len(lost)} of {len(at_risk)} acknowledged tokens are not on record, the first: {lost[0]}"
        server.kill() if chance.random() < 0.5 else server.stop()
    server.start()
    sample = chance.sample(everything, min(len(everything), MAX_CHECKED_A_ROUND))
    assert look_up(server, key, sample) == [], "from an earlier round"
    assert len(everything) > MIN_LOAD
    print(f"NOTE kill -9 loop: {len(everything)} acknowledged tokens over {ROUNDS} deaths, none lost")
