"""The whole flow with the sandbox in TeleSign's place, a provider that does not answer, and callbacks forwarded to a receiver of somebody else's making."""

import http.server
import importlib
import json
import socket
import subprocess
import sys
import threading
import time

import pytest

import harness
import test_callbacks as callbacks
import wanted
from faults import metric
from harness import jwtd, wait_until
from operator_url import OperatorUrl
from sandbox import CODE, post


@pytest.fixture(scope="module")
def webhooks(tmp_path_factory):
    """PyPI's `standardwebhooks`, in a folder of its own."""
    folder = tmp_path_factory.mktemp("venv")
    try:
        subprocess.run(["/usr/bin/python3", "-m", "venv", folder], check=True, capture_output=True, timeout=120)
        subprocess.run([folder / "bin" / "python", "-m", "pip", "install", "-q", "--disable-pip-version-check", "standardwebhooks"], check=True, capture_output=True,
                       timeout=300)
    except (OSError, subprocess.SubprocessError) as failure:
        wanted.missing(f"standardwebhooks cannot be had (PyPI, python3-venv): {failure}")
    packages = str(next(folder.glob("lib/python3*/site-packages")))
    sys.path.append(packages)
    yield importlib.import_module("standardwebhooks")
    sys.path.remove(packages)


class Receiver(OperatorUrl):
    """Takes only what somebody else's library finds good."""

    def __init__(self, webhook):
        self.webhook, self.bodies, self.ids, self.status, self.lock = webhook, [], [], 200, threading.Lock()
        super().__init__()

    def received(self, fields, body):
        self.webhook.verify(body, {name.lower(): value for name, value in fields.items()})  # raises when it is not ours
        with self.lock:
            if self.status == 200:
                self.ids.append(fields["webhook-id"])
                self.bodies.append(json.loads(body))  # last: who sees a body finds its id
            return self.status


def test_the_whole_flow(make_server, sandbox):
    provider = sandbox()
    server = make_server(settings={"telesign.url": provider.url, "telesign.cache": "0s"})
    reader = server.add_caller("backend", "read,read:pii,callbacks")
    server.start()
    token = server.get(f"/v1/token/{harness.PHONE}/flow-1").text
    begun = post(provider.url + "/v1/mobile/verification", jwt=token, phone_number=harness.PHONE)
    assert begun["xid"] == "flow-1" and begun["status"]["code"] == 2400
    asked = server.admin_get("/v1/transactions/flow-1/status?refresh=1", reader)
    assert asked.status == 200 and asked.json["status"]["state"] == "pending", asked
    ended = post(provider.url + "/v1/mobile/verification/finalize", initiate_id=begun["initiate_id"], verification_code=CODE)
    assert ended["status"]["code"] == 2401
    asked = server.admin_get("/v1/transactions/flow-1/status?refresh=1", reader)
    assert asked.status == 200 and asked.json["status"]["state"] == "success", asked


class SilentProvider:
    """Takes connections and never says a word."""

    def __init__(self):
        self.calls = []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1000)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        try:
            while True:
                self.calls.append(self.listener.accept()[0])
        except OSError:
            pass

    def close(self):
        self.listener.close()
        for call in self.calls:
            call.close()


@pytest.fixture
def silent():
    provider = SilentProvider()
    yield provider
    provider.close()


class Crowd:
    """Each asks for a fresh status of a transaction of its own, on a connection of its own."""

    def __init__(self, server, reader, size):
        for number in range(size):
            assert server.get(f"/v1/token/{harness.PHONE}/crowd-{number}").status == 200
        self.answers = []
        self.askers = [threading.Thread(target=self.ask, args=(server, reader, number)) for number in range(size)]
        for asker in self.askers:
            asker.start()

    def ask(self, server, reader, number):
        begun = time.monotonic()
        answer = server.admin_get(f"/v1/transactions/crowd-{number}/status?refresh=1", reader)
        self.answers.append((answer, time.monotonic() - begun, number))

    def join(self):
        for asker in self.askers:
            asker.join()
        assert len(self.answers) == len(self.askers), "somebody's connection was cut"
        for answer, _, number in self.answers:
            assert answer.json["last_known"]["xid"] == f"crowd-{number}", answer
        return self.answers


def test_a_silent_provider_holds_up_nobody_else(make_server, silent):
    server = make_server(settings={"telesign.url": silent.url, "telesign.timeout": "5s"})
    reader = server.add_caller("backend", "read,verify")
    server.start()
    token = server.get(f"/v1/token/{harness.PHONE}/other").text
    crowd = Crowd(server, reader, 270)  # more than the admin listener takes connections
    wait_until(lambda: len(silent.calls) >= 16, 5, "as many questions as there are at once")
    for method, path, body in (("POST", "/v1/verify", json.dumps({"token": token})), ("GET", "/readyz", None), ("GET", "/v1/transactions/other", None)):
        begun = time.monotonic()
        assert server.admin_request(method, path, reader, body).status == 200, path
        assert time.monotonic() - begun < 4, path  # less than one time-out, which it would wait for
    answers = crowd.join()
    assert {(answer.status, answer.json["code"]) for answer, _, _ in answers} == {(504, "provider_timeout"), (503, "provider_unavailable"), (503, "provider_busy")}
    assert max(took for _, took, _ in answers) < 7.5 + 5, "1.5 times telesign.timeout, and what a slow machine needs; it was 65"
    assert len(silent.calls) <= 16 + 2, "it was left alone after the third time-out"
    rested = next(answer for answer, _, _ in answers if answer.json["code"] == "provider_unavailable")
    assert 1 <= int(rested.field("Retry-After")) <= 5, rested
    assert server.stop() == 0


def test_a_stop_does_not_wait_for_the_provider(make_server, silent):
    server = make_server(settings={"telesign.url": silent.url, "telesign.timeout": "30s"})
    reader = server.add_caller("backend", "read")
    server.start()
    crowd = Crowd(server, reader, 16)
    wait_until(lambda: len(silent.calls) == 16, 10, "all questions under way")
    begun = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - begun < 8
    assert {(answer.status, answer.json["code"]) for answer, _, _ in crowd.join()} == {(503, "provider_unavailable")}


def test_a_provider_that_wants_to_be_left_alone_is(make_server):
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(429)
            self.send_header("Retry-After", "3600")
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as provider:
        threading.Thread(target=provider.serve_forever, daemon=True).start()
        server = make_server(settings={"telesign.url": f"http://127.0.0.1:{provider.server_address[1]}"})
        reader = server.add_caller("backend", "read")
        server.start()
        for xid in ("rest-1", "rest-2", "rest-1"):
            server.get(f"/v1/token/{harness.PHONE}/{xid}")
            answer = server.admin_get(f"/v1/transactions/{xid}/status?refresh=1", reader)
            assert harness.is_problem(answer, 503, "provider_unavailable") and answer.json["last_known"]["xid"] == xid
            assert 50 <= int(answer.field("Retry-After")) <= 60, answer
        assert len(asked) == 1
        assert 'jwtd_provider_refused_total{reason="rest"}' in server.admin_get("/metrics").text
        provider.shutdown()


def test_a_callback_reaches_the_operators_url(make_server, sandbox, webhooks, tmp_path):
    secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
    receiver = Receiver(webhooks.Webhook(secret))
    (tmp_path / "secret").write_text(secret)
    server = make_server(settings={"callbacks.forward_to": receiver.url, "callbacks.forward_secret_file": str(tmp_path / "secret")})
    key = server.add_caller("operator", "read,callbacks")
    server.start()
    host, port = server.public
    provider = sandbox("--callback-url", f"http://{host}:{port}/v1/callbacks/telesign")
    begun = post(provider.url + "/v1/mobile/verification", jwt=server.get(f"/v1/token/{harness.PHONE}/flow-2").text, phone_number=harness.PHONE)
    receiver.status = 500
    post(provider.url + "/v1/mobile/verification/finalize", initiate_id=begun["initiate_id"], verification_code=CODE)
    provider.said("callback 2401 for flow-2: answered 200")
    for kind in ("duplicate", "forged", "unsigned", "other_customer"):
        post(provider.url + "/sandbox/callbacks", xid="flow-2", kind=kind)
    provider.said("callback other_customer for flow-2: answered 401")
    events = server.admin_get("/v1/transactions/flow-2", key).json["events"]
    assert [event["type"] for event in events].count("callback") == 1

    (tmp_path / "caller").write_text(key)
    admin_host, admin_port = server.admin
    listed = jwtd("callbacks", "list", "--admin", f"http://{admin_host}:{admin_port}", "--key-file", tmp_path / "caller")
    assert listed.returncode == 0 and "flow-2" in listed.stdout, listed
    assert jwtd("callbacks", "replay", "--admin", f"http://{admin_host}:{admin_port}", "--key-file", tmp_path / "caller").stdout == "replayed 0\n"
    receiver.status = 200
    wait_until(lambda: receiver.bodies, 120, "the delivery after a refusal")
    assert receiver.bodies[0]["data"]["state"] == "success" and receiver.bodies[0]["data"]["xid"] == "flow-2"
    assert receiver.bodies[0]["data"]["callback"]["external_id"] == "flow-2"


def test_nothing_is_lost_when_jwtd_dies_between_receiving_and_forwarding(make_server, webhooks, tmp_path):
    secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
    receiver = Receiver(webhooks.Webhook(secret))
    receiver.status = 503
    (tmp_path / "secret").write_text(secret)
    server = make_server(settings={"callbacks.forward_to": receiver.url, "callbacks.forward_secret_file": str(tmp_path / "secret")}).durable
    key = server.add_caller("operator", "read,read:pii,callbacks")
    server.start()
    answered = set()
    for death in range(4):
        for number in range(10):
            xid = f"died-{death}-{number}"
            assert server.get(f"/v1/token/{harness.PHONE}/{xid}").status == 200
            if callbacks.send(server, callbacks.report(f"R-{death}-{number}", 2401, xid)).status == 200:
                answered.add(xid)
        if death == 2:  # the next time it lives long enough to deliver some before it dies
            receiver.status = 200
            wait_until(lambda: receiver.bodies, 120, "a delivery")
        server.kill()
        server.start()
    assert len(answered) == 40
    wait_until(lambda: {body["data"]["xid"] for body in receiver.bodies} >= answered, 240, "every answered callback at the operator's URL")
    by_id = {}
    for number, body in zip(receiver.ids, receiver.bodies):
        by_id.setdefault(number, []).append(body)
    assert len(by_id) == len(answered), "a repeated delivery has the id of the first"
    wait_until(lambda: server.admin_get("/v1/callbacks/outbox", key).json["callbacks"] == [], 60, "an empty outbox")


def test_a_url_that_is_away_is_left_alone(make_server, webhooks, tmp_path):
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # 24 octets, the least that Standard Webhooks allows
    receiver = Receiver(webhooks.Webhook(secret))
    receiver.status = 503
    (tmp_path / "secret").write_text(secret)
    server = make_server(settings={"callbacks.forward_to": receiver.url, "callbacks.forward_secret_file": str(tmp_path / "secret")})
    key = server.add_caller("operator", "callbacks")
    server.start()
    xids = [f"away-{n}" for n in range(50)]
    for xid in xids:
        assert server.get(f"/v1/token/{harness.PHONE}/{xid}").status == 200
        assert callbacks.send(server, callbacks.report(f"R-{xid}", 2401, xid)).status == 200
        wait_until(lambda: metric(server, "jwtd_forward_failed_total") > 0, 30, "an attempt")
    wait_until(lambda: metric(server, "jwtd_forward_resting") == 1 and metric(server, "jwtd_forward_waiting") == 50, 30, "all wait")
    assert metric(server, "jwtd_forward_failed_total") < 25, "rests of 1, 2, 4 and more seconds have one probe each"
    assert server.admin_get("/v1/callbacks/outbox", key).json["callbacks"][-1]["attempts"] == 0
    receiver.status = 200
    wait_until(lambda: {body["data"]["xid"] for body in receiver.bodies} == set(xids), 120, "every callback at the operator's URL")
    wait_until(lambda: metric(server, "jwtd_forward_resting") == 0, 30, "the end of the rest")
    server.said("the receiver answers again")


def test_the_sandbox_is_for_loopback_alone(tmp_path):
    (tmp_path / "key").write_text(harness.KEY_TEXT)
    done = jwtd("sandbox", "--listen", "0.0.0.0:0", "--api-key-file", tmp_path / "key", "--customer-id", "C")
    assert done.returncode == 2 and "loopback" in done.stderr
