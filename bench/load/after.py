# after.py - what comes after a token: callbacks, verification and introspection, each as a file of requests that prepared.lua sends.
import base64
import hashlib
import hmac
import http.client
import json
import os
import time
from dataclasses import dataclass

from servers import CUSTOMER_ID, PHONE, BenchError, b64url

CALLBACK_XIDS = 40_000        # transactions that callbacks are about: more callbacks than one measurement sends, for a repeated one is not written
CALLBACKS_PER_XID = 8         # different ones; the timelines stay short, as they are in life
TOKENS = 1000                 # good tokens, each asked about again and again: on record, so each costs a look-up


@dataclass
class Case:
    name: str
    label: str
    goal: float  # of nginx with the same requests
    admin: bool  # on the admin listener
    prepare: callable  # (site, server, path) -> path


def write(path, requests):
    """One file: for each request its length in eight digits, then its octets."""
    with open(path, "wb") as file:
        for request in requests:
            file.write(b"%08d" % len(request))
            file.write(request)
    return path


def post(path, body, fields):
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return head.encode() + f"Content-Length: {len(body)}\r\n\r\n".encode() + body


def mint(server, xids):
    """Tokens under these XIDs, by a few connections that wait for each other: the store commits them in batches."""
    connections = [http.client.HTTPConnection("127.0.0.1", server.port, timeout=30) for _ in range(64)]
    tokens = []
    for at in range(0, len(xids), len(connections)):
        pairs = list(zip(connections, xids[at:at + len(connections)]))
        for connection, xid in pairs:
            connection.request("GET", f"/v1/token/{PHONE}/{xid}")
        for connection, _ in pairs:
            answer = connection.getresponse()
            if answer.status != 200:
                raise BenchError(f"{server.name}: {answer.status} while preparing")
            tokens.append(answer.read().decode())
    for connection in connections:
        connection.close()
    return tokens


def callbacks(site, server, path):
    xids = [f"cb-{i}" for i in range(CALLBACK_XIDS)]
    mint(server, xids)
    sent = time.time()  # of now, as the provider's are: what comes late is looked at more closely

    def requests():
        for number in range(CALLBACKS_PER_XID):
            for xid in xids:
                status = {"code": 2400, "description": "Call in progress", "updated_on": time.strftime(f"%Y-%m-%dT%H:%M:%S.{number:06}Z", time.gmtime(sent))}
                body = json.dumps({"reference_id": hashlib.md5(xid.encode()).hexdigest().upper(), "sub_resource": "auto", "external_id": xid, "errors": [],
                                   "verify": {"code_state": "UNKNOWN", "code_entered": None}, "status": status}).encode()
                signature = base64.b64encode(hmac.digest(site.key, body, hashlib.sha256)).decode()
                yield post("/v1/callbacks/telesign", body, {"Content-Type": "application/json", "Authorization": f"TSA {CUSTOMER_ID}:{signature}"})

    return write(path, requests())


def checks(server, path, route, form, good):
    """Verification or introspection of good tokens, or of ones whose signature is wrong, which need no look-up."""
    tokens = mint(server, [f"v-{time.time_ns()}-{i}" for i in range(TOKENS)])
    if not good:
        tokens = [token.rpartition(".")[0] + "." + b64url(os.urandom(32)) for token in tokens]
    fields = {"Authorization": f"Bearer {server.caller_key}", "Content-Type": "application/x-www-form-urlencoded" if form else "application/json"}
    bodies = [f"token={token}".encode() if form else json.dumps({"token": token}).encode() for token in tokens]
    requests = [post(route, body, fields) for body in bodies]
    # The first verification by a caller is an event; it is not what is measured.
    connection = http.client.HTTPConnection("127.0.0.1", server.admin_port, timeout=30)
    for body in bodies:
        connection.request("POST", route, body, fields)
        answer = connection.getresponse()
        text = answer.read().decode()
        if answer.status != 200 or (("true" in text.split(",")[0]) != good):
            raise BenchError(f"{server.name} answers {answer.status} {text[:200]}")
    connection.close()
    return write(path, requests)


CASES = (
    Case("callbacks", "callbacks, durable", 0.5, False, callbacks),
    Case("verify-bad", "`POST /v1/verify`, wrong signature: no look-up", 0.8, True, lambda site, server, path: checks(server, path, "/v1/verify", False, False)),
    Case("verify", "`POST /v1/verify`, good and on record", 0.6, True, lambda site, server, path: checks(server, path, "/v1/verify", False, True)),
    Case("introspect-bad", "`POST /v1/introspect`, wrong signature: no look-up", 0.8, True, lambda site, server, path: checks(server, path, "/v1/introspect", True, False)),
    Case("introspect", "`POST /v1/introspect`, good and on record", 0.6, True, lambda site, server, path: checks(server, path, "/v1/introspect", True, True)),
)
