"""Whom jwtd calls with a certificate of a company's own authority: telesign.ca_file and callbacks.forward_ca_file, by real TLS, right and wrong."""

import http.client
import http.server
import ssl
import threading

import pytest

import faults
import harness
import test_callbacks as callbacks
from authority import make_authority, make_certificate
from harness import PHONE, is_problem, jwtd, wait_until
from provider import StubProvider

SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


@pytest.fixture(scope="module")
def authorities(tmp_path_factory):
    """A folder with the authority "ours", a certificate "peer" for localhost by it, and the authority "stranger"."""
    folder = tmp_path_factory.mktemp("authorities")
    make_authority(folder, "ours")
    make_authority(folder, "stranger")
    make_certificate(folder, "ours", "peer")
    return folder


def speaks_tls(server, folder):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "peer.crt", folder / "peer.key")
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.handle_error = lambda *_: None  # of a client that does not believe us
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


@pytest.fixture
def provider(authorities, tmp_path):
    """The port of a provider on loopback whose certificate is for localhost, by our own authority."""
    stub = StubProvider(tmp_path)

    class Relay(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            connection = http.client.HTTPConnection("127.0.0.1", stub.port, timeout=60)
            answer = harness.ask(connection, "GET", self.path, dict(self.headers.items()))
            self.send_response(answer.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_):
            pass

    relay = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Relay)
    yield speaks_tls(relay, authorities)
    relay.shutdown()
    stub.close()


@pytest.mark.parametrize("host, authority, believed", [("localhost", "ours", True), ("localhost", "stranger", False), ("localhost", None, False), ("127.0.0.1", "ours", False)])
def test_the_provider_is_believed_by_its_authority_alone(make_server, authorities, provider, host, authority, believed):
    server = make_server(settings={"telesign.url": f"https://{host}:{provider}", "telesign.ca_file": authority and authorities / f"{authority}.crt", "telesign.cache": "0s"})
    reader = server.add_caller("reader", "read")
    assert jwtd("check-config", server.config).returncode == 0
    server.start()
    assert server.get(f"/v1/token/{PHONE}/private").status == 200
    answer = server.admin_get("/v1/transactions/private/status?refresh=1", reader)
    if believed:
        assert answer.status == 200 and answer.json["status"]["state"] == "success", answer
    else:
        is_problem(answer, 503, "provider_unavailable")


@pytest.fixture
def receiver(authorities):
    """The operator's own URL, over TLS; .bodies is what it got."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.server.bodies.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.bodies = []
    listening.url = f"https://localhost:{speaks_tls(listening, authorities)}/hook"
    yield listening
    listening.shutdown()


def test_callbacks_go_on_to_whom_our_authority_vouches_for(make_server, authorities, receiver, tmp_path):
    secret, trusted = tmp_path / "secret", tmp_path / "ca.crt"
    secret.write_text(SECRET)
    secret.chmod(0o600)
    trusted.write_bytes((authorities / "stranger.crt").read_bytes())
    server = make_server(settings={"callbacks.forward_to": receiver.url, "callbacks.forward_secret_file": secret, "callbacks.forward_ca_file": trusted})
    server.start()
    assert server.get(f"/v1/token/{PHONE}/private").status == 200
    assert callbacks.send(server, callbacks.report("R", 2401, "private")).status == 200
    wait_until(lambda: faults.metric(server, "jwtd_forward_failed_total") >= 1, 60, "the first attempt")
    assert receiver.bodies == []
    trusted.write_bytes((authorities / "ours.crt").read_bytes())
    wait_until(lambda: receiver.bodies, 120, "the delivery once the file was replaced: it is read for each connection")
    wait_until(lambda: faults.metric(server, "jwtd_forward_delivered_total") == 1, 30, "the delivery counted")


def test_a_file_that_is_none_stops_the_start(make_server, authorities, tmp_path):
    for setting, path in (("telesign.ca_file", tmp_path / "nowhere"), ("callbacks.forward_ca_file", authorities / "peer.key")):
        server = make_server(name=setting, settings={setting: path})
        for verb in (["check-config"], ["serve", "--config"]):
            done = jwtd(*verb, server.config)
            assert done.returncode == 2 and f"{setting}: " in done.stderr and str(path) in done.stderr, done
