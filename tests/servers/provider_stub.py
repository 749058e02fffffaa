#!/usr/bin/python3
"""provider_stub.py FOLDER CUSTOMER KEY - a provider that misbehaves as it is told, on loopback, for test programs.

Prints `http PORT https PORT` when it listens; FOLDER/ca.pem then trusts the https one. What becomes of a request stands in its XID: "slow",
"html", "redirect", "big", ... (see the functions below); others get a good answer, whose description says how often this XID was asked for.
Checks the signature of every request by itself. Ends when its input ends.
"""

import base64
import hashlib
import hmac
import http.server
import json
import pathlib
import ssl
import subprocess
import sys
import threading
import time

FOLDER, CUSTOMER, KEY = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
PREFIX = "/v1/mobile/verification/status/"
asked = {}
nonces = set()
lock = threading.Lock()


def signature_is_right(request):
    field = request.headers.get("authorization", "")
    if field.startswith("Basic "):
        return base64.b64decode(field[6:]).decode() == f"{CUSTOMER}:{KEY}"
    text = "\n".join(("GET", "", request.headers.get("date", ""), "x-ts-auth-method:" + request.headers.get("x-ts-auth-method", ""),
                      "x-ts-nonce:" + request.headers.get("x-ts-nonce", ""), request.path))
    digest = base64.b64encode(hmac.new(base64.b64decode(KEY), text.encode(), hashlib.sha256).digest()).decode()
    return field == f"TSA {CUSTOMER}:{digest}"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body, content_type="application/json", fields=()):
        octets = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(octets)))
        for name, value in fields:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(octets)

    def refuse(self, status, code):
        self.answer(status, {"reference_id": None, "errors": [{"code": code, "description": "as told"}], "status": {"code": 501, "description": "no"}})

    def do_GET(self):
        xid = self.path.removeprefix(PREFIX)
        nonce = self.headers.get("x-ts-nonce")
        with lock:
            count = asked[xid] = asked.get(xid, 0) + 1
            repeated = nonce is not None and nonce in nonces
            nonces.add(nonce)
        if not self.path.startswith(PREFIX):
            return self.answer(404, "no such path", "text/plain")
        if repeated:
            return self.refuse(401, -30012)
        if not signature_is_right(self):
            return self.refuse(401, -30006)
        special = getattr(self, "do_" + xid.replace("-", "_"), None)
        if special:
            return special(count)
        return self.good(xid, count)

    def good(self, xid, count):
        self.answer(200, {"reference_id": "A" * 32, "sub_resource": "app_verify", "errors": [], "external_id": xid, "verify": {"code_state": "UNKNOWN"},
                          "status": {"code": 2401, "description": str(count), "updated_on": "2016-10-21T14:05:36.181346Z"}})

    def do_slow(self, _):
        time.sleep(60)
        self.close_connection = True

    def do_drip(self, _):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(600):
            self.wfile.write(b"{")
            time.sleep(0.1)
        self.close_connection = True

    def do_html(self, _):
        self.answer(200, "<html><body>Service</body></html>", "text/html")

    def do_e500(self, _):
        self.answer(500, "<html>oops</html>", "text/html")

    def do_e503(self, _):
        self.refuse(503, -90001)

    def do_redirect(self, _):
        self.answer(302, "", "text/plain", [("Location", PREFIX + "after-redirect")])

    def do_big(self, _):
        try:
            self.answer(200, b" " * 10_000_000)
        except OSError:
            pass
        self.close_connection = True

    def do_large_head(self, _):
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        try:
            for _ in range(1000):
                self.wfile.write(b"x-filler: " + b"x" * 200 + b"\r\n")
        except OSError:
            pass
        self.close_connection = True

    def do_other(self, count):
        self.good("somebody-else", count)

    def do_nameless(self, count):
        self.answer(200, {"errors": [], "status": {"code": 2400, "description": str(count)}})

    def do_twice(self, _):
        self.answer(200, '{"errors":[],"status":{"code":2401},"status":{"code":2402}}')

    def do_empty(self, _):
        self.answer(200, "")

    def do_closed(self, _):
        self.close_connection = True

    def do_cut(self, _):
        self.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"status":{"code":2401}}')
        self.close_connection = True

    def do_garbage(self, _):
        self.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n")
        self.close_connection = True

    def do_clock_once(self, count):
        self.refuse(401, -30010) if count == 1 else self.good("clock-once", count)

    def do_nonce_once(self, count):
        self.refuse(401, -30012) if count == 1 else self.good("nonce-once", count)

    def do_clock_late(self, count):
        time.sleep(1.5)
        self.refuse(401, -30010) if count == 1 else self.good("clock-late", count)

    def do_later_429(self, _):
        self.answer(429, {"errors": [{"code": -40008}]}, fields=[("Retry-After", "30")])

    def do_later_503(self, _):
        self.answer(503, "", fields=[("Retry-After", "30")])

    def do_later_404(self, _):
        self.answer(404, {"errors": [{"code": -40004}]}, fields=[("Retry-After", "30")])

    def do_clock_always(self, count):
        self.refuse(401, -30010) if count < 3 else self.good("clock-always", count)

    def do_unknown(self, _):
        self.refuse(404, -10001)

    def do_expired(self, _):
        self.refuse(404, -10004)

    def do_suspended(self, _):
        self.refuse(401, -30001)

    def do_hard_cap(self, _):
        self.refuse(429, -40008)


def serve(context=None):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # clients that go away are what is tested
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def main():
    key, certificate = FOLDER / "ca.key", FOLDER / "ca.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=stub",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    print("http", serve(), "https", serve(context), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
