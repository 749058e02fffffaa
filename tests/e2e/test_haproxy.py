"""conf/haproxy.cfg by itself: which requests go to another node when one fails, and which do not. The nodes are stubs that fail as they are told."""

import contextlib
import http.client
import http.server
import os
import random
import socket
import ssl
import threading
import time

import pytest

import harness
import haproxy as servers_haproxy
import server as servers
from harness import PHONE, wait_until

NODE_PORT, CHECK_PORT = 8443, 8081  # as the file has them
LATE_SECONDS = 10  # far above the file's `timeout server`, whose clock stands still with a machine that does
NAMED = f"/v1/token/{PHONE}/order-1"
UNNAMED = f"/v1/token/{PHONE}"


class Node:
    """A TLS listener for requests and one for checks, on an address of its own."""

    def __init__(self, nodes, address, context):
        self.nodes, self.address, self.context = nodes, address, context
        self.connections = set()
        self.checks = self.listen(CHECK_PORT, Check)
        self.open()

    def listen(self, port, handler):
        made = http.server.ThreadingHTTPServer((self.address, port), type("Handler", (handler,), {"node": self}))
        made.daemon_threads = True
        made.socket = self.context.wrap_socket(made.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=made.serve_forever, daemon=True).start()
        return made

    def open(self):
        self.public = self.listen(NODE_PORT, Public)

    def refuse_connections(self):
        """Breaks the open ones, too. Checks stay green."""
        self.public.shutdown()
        self.public.server_close()
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def close(self):
        for one in (self.public, self.checks):
            with contextlib.suppress(OSError):
                one.shutdown()
                one.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Check(Handler):
    def do_GET(self):
        self.answer(200)


class Public(Handler):
    def setup(self):
        super().setup()
        self.node.connections.add(self.connection)

    def finish(self):
        self.node.connections.discard(self.connection)
        super().finish()

    def do_GET(self):
        if length := int(self.headers.get("content-length") or 0):
            self.rfile.read(length)
        failure = self.node.nodes.take(self.node.address)
        if failure == "close":  # as a node that is killed
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        if failure == "late":
            time.sleep(LATE_SECONDS)
        self.answer(503 if failure == "refuse" else 200)

    do_POST = do_GET


class Nodes:
    """Three of them; the first that gets a request does to it what was told, the others answer 200."""

    def __init__(self, context):
        self.lock = threading.Lock()
        self.failure, self.seen = None, []
        network = f"127.{random.randrange(16, 255)}.{random.randrange(256)}"  # nobody else's, so that the ports of the file are free
        self.all = [Node(self, f"{network}.{n}", context) for n in (1, 2, 3)]

    def take(self, address):
        with self.lock:
            self.seen.append(address)
            failure, self.failure = self.failure, None
            return failure

    def tell(self, failure):
        with self.lock:
            self.failure, self.seen = failure, []


@pytest.fixture(scope="module")
def setting(tmp_path_factory):
    """(nodes, haproxy, ask)"""
    folder = tmp_path_factory.mktemp("haproxy")
    skip = pytest.fail if os.environ.get("JWTD_REQUIRE_ALL") == "1" else pytest.skip
    if os.geteuid() != 0:
        skip("conf/haproxy.cfg has haproxy change its user and root, which takes root")
    certificate, key = harness.make_certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    client = ssl.create_default_context(cafile=str(certificate))
    nodes = Nodes(context)
    with contextlib.ExitStack() as stack:
        stack.callback(lambda: [node.close() for node in nodes.all])
        try:
            haproxy = stack.enter_context(servers_haproxy.start(folder / "haproxy", [node.address for node in nodes.all], certificate, key))
        except servers.Unavailable as why:
            skip(f"no haproxy: {why}")

        def ask(method, path, failure=None, body=None):
            """(status, how many nodes saw the request)"""
            wait_until(lambda: len(haproxy.up()) == len(nodes.all), 60, "nodes that are up: a check may have come late")
            nodes.tell(failure)
            connection = http.client.HTTPSConnection("localhost", haproxy.port, timeout=60, context=client)
            answer = harness.ask(connection, method, path, body=body)
            return answer, len(nodes.seen)

        assert ask("GET", UNNAMED)[0].status == 200
        yield nodes, ask


@pytest.mark.parametrize("failure", ["close", "late"])
def test_a_get_that_names_its_xid_is_sent_to_another_node(setting, failure):
    _, ask = setting
    answer, seen = ask("GET", NAMED, failure)
    assert (answer.status, seen) == (200, 2), answer


@pytest.mark.parametrize("failure, status", [("close", 502), ("late", 504)])
@pytest.mark.parametrize("method, path, body", [("GET", UNNAMED, None), ("POST", "/v1/callbacks/telesign", b"{}"), ("GET", f"{NAMED}/more", None), ("POST", NAMED, b"")])
def test_whatever_else_was_sent_is_not_sent_again(setting, method, path, body, failure, status):
    _, ask = setting
    answer, seen = ask(method, path, failure, body)
    assert (answer.status, seen) == (status, 1), answer
    assert answer.field("Content-Type") == "application/problem+json"


@pytest.mark.parametrize("path", [NAMED, UNNAMED])
def test_an_answer_is_never_tried_again(setting, path):
    _, ask = setting
    answer, seen = ask("GET", path, "refuse")
    assert (answer.status, seen) == (503, 1), answer


def test_what_reached_no_node_goes_to_another_whatever_it_is(setting):
    nodes, ask = setting
    away = nodes.all[0]
    away.refuse_connections()
    try:
        met = set()
        for _ in range(6):  # in turn: some of them would be for the node that is away
            for method, path, body in (("GET", NAMED, None), ("GET", UNNAMED, None), ("POST", "/v1/callbacks/telesign", b"{}")):
                answer, seen = ask(method, path, body=body)
                assert (answer.status, seen) == (200, 1), answer
                met.update(nodes.seen)
        assert met == {node.address for node in nodes.all[1:]}
    finally:
        away.open()
