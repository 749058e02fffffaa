"""TLS as curl, openssl and Python see it."""

import http.client
import socket
import ssl
import subprocess

import pytest

from harness import PHONE, Server, ask, jwtd, make_certificate, wait_until


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("tls"), tls=True) as server:
        yield server


def s_client(server, *options, stdin="", timeout=60):
    done = subprocess.run(["openssl", "s_client", "-connect", "{}:{}".format(*server.public), "-CAfile", server.certificate, *options], input=stdin.encode(),
                          capture_output=True, timeout=timeout, check=False)
    return done.returncode, (done.stdout + done.stderr).decode(errors="replace")


def handshakes(server, *options):
    code, text = s_client(server, *options)
    return code == 0 and "Cipher is (NONE)" not in text and "alert" not in text


def curl(server, *options):
    host, port = server.public
    return subprocess.run(["curl", "-sS", "--cacert", server.certificate, *options, f"https://{host}:{port}/v1/token/{PHONE}"], capture_output=True,
                          text=True, timeout=60, check=False)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_curl_gets_a_token(secure, version):
    done = curl(secure, f"--tlsv{version}", "--tls-max", version, "-w", "\n%{http_code} %{ssl_verify_result}")
    assert done.returncode == 0, done.stderr
    token, result = done.stdout.split("\n")
    assert token.startswith("eyJ") and result == "200 0"


def test_a_client_that_offers_http2_gets_http11(secure):
    code, text = s_client(secure, "-alpn", "h2,http/1.1")
    assert code == 0 and "ALPN protocol: http/1.1" in text


@pytest.mark.parametrize("option", ["-tls1_2", "-tls1_3"])
def test_tls_12_and_13_are_spoken(secure, option):
    assert handshakes(secure, option)


@pytest.mark.parametrize("option", ["-tls1", "-tls1_1"])
def test_older_versions_are_refused_by_default(secure, option):
    assert not handshakes(secure, option, "-cipher", "ALL:@SECLEVEL=0")


def test_tls_11_by_setting_only_and_with_a_warning(make_server):
    with make_server(tls=True, settings={"tls.min_version": "1.1"}) as server:
        assert handshakes(server, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
        assert not handshakes(server, "-tls1", "-cipher", "ALL:@SECLEVEL=0")
        wait_until(lambda: any(line["level"] == "warn" and "1.1" in str(line) for line in server.lines()), 30, "the warning of TLS 1.1")


def test_tls_13_only_by_setting(make_server):
    with make_server(tls=True, settings={"tls.min_version": "1.3"}) as server:
        assert handshakes(server, "-tls1_3") and not handshakes(server, "-tls1_2")


@pytest.mark.parametrize("cipher", ["AES128-SHA", "ECDHE-ECDSA-AES128-SHA", "AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-CCM", "NULL-SHA256"])
def test_suites_outside_the_guideline_are_refused(secure, cipher):
    assert not handshakes(secure, "-tls1_2", "-cipher", f"{cipher}:@SECLEVEL=0")


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_sessions_are_resumed_with_openssl(secure, version, tmp_path):
    session = tmp_path / "session"
    request = f"GET /ping HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    host, port = secure.public
    common = ["openssl", "s_client", "-connect", f"{host}:{port}", "-CAfile", secure.certificate, version, "-ign_eof"]
    first = subprocess.run([*common, "-sess_out", session], input=request.encode(), capture_output=True, timeout=60, check=False).stdout.decode()
    assert "\nNew, TLSv1" in first and session.exists()
    second = subprocess.run([*common, "-sess_in", session], input=request.encode(), capture_output=True, timeout=60, check=False).stdout.decode()
    assert "\nReused, TLSv1" in second and "HTTP/1.1 200" in second


def exchange(server, context, session=None):
    with socket.create_connection(server.public, timeout=60) as plain:
        with context.wrap_socket(plain, server_hostname="localhost", session=session) as tls:
            tls.sendall(b"GET /ping HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            answer = b""
            while octets := tls.recv(4096):
                answer += octets
            assert answer.startswith(b"HTTP/1.1 200")
            return tls.session, tls.session_reused


def test_sessions_are_resumed_across_all_threads(make_server):
    with make_server(tls=True, settings={"listen.threads": 4}) as server:
        context = server.client_context()
        session, _ = exchange(server, context)
        for _ in range(20):  # SO_REUSEPORT spreads them over the loops
            session, reused = exchange(server, context, session)
            assert reused


def test_sessions_are_resumed_after_a_reload(make_server):
    with make_server(tls=True) as server:
        context = server.client_context()
        session, _ = exchange(server, context)
        server.hang_up()
        server.wait_for_event("certificate_reloaded")
        assert exchange(server, context, session)[1]


def test_closing_says_goodbye_first(secure):
    with socket.create_connection(secure.public, timeout=60) as plain:
        tls = secure.client_context().wrap_socket(plain, server_hostname="localhost", suppress_ragged_eofs=False)
        tls.sendall(b"GET /ping HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        while tls.recv(4096):
            pass  # an end without close_notify raises SSLEOFError


def test_renegotiation_is_refused(secure):
    # Its input stays open: at the end of that it would leave before it has heard the refusal.
    command = ["openssl", "s_client", "-connect", "{}:{}".format(*secure.public), "-CAfile", secure.certificate, "-tls1_2"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as client:
        client.stdin.write(b"R\n")
        client.stdin.flush()
        text = client.stdout.read().decode(errors="replace")  # until it gives up
        code = client.wait(60)
    assert "RENEGOTIATING" in text and ("no renegotiation" in text or "handshake failure" in text or code != 0)
    assert handshakes(secure, "-tls1_2")


def test_hsts_is_sent_on_every_answer(secure):
    for path in (f"/v1/token/{PHONE}", "/nowhere", "/v1/token/none"):
        age = secure.get(path).field("Strict-Transport-Security")
        assert age and int(age.split("max-age=")[1].split(";")[0]) >= 63072000


def test_plain_http_on_the_tls_port_gets_no_token(secure):
    with secure.raw() as plain:
        plain.sendall(f"GET /v1/token/{PHONE} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        try:
            answer = plain.recv(4096)
        except ConnectionResetError:
            answer = b""
    assert b"eyJ" not in answer and not answer.startswith(b"HTTP/1.1 2")
    assert secure.get("/ping").status == 200


def test_half_a_handshake_harms_nobody(secure):
    waiting = [secure.raw() for _ in range(50)]
    for one in waiting[:25]:
        one.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
    assert secure.get(f"/v1/token/{PHONE}").status == 200
    for one in waiting:
        one.close()
    assert secure.get(f"/v1/token/{PHONE}").status == 200


def test_garbage_instead_of_a_handshake_harms_nobody(secure):
    for _ in range(20):
        with secure.raw() as plain:
            plain.sendall(b"\x16\x03\x01" + b"\xff" * 600)
    assert secure.get(f"/v1/token/{PHONE}").status == 200


def test_the_admin_listener_on_loopback_stays_plain(secure):
    assert secure.admin_get("/livez").status == 200


def test_a_client_that_does_not_know_the_certificate_refuses_us(secure):
    with pytest.raises(ssl.SSLCertVerificationError):
        ask(http.client.HTTPSConnection(*secure.public, context=ssl.create_default_context()), "GET", "/ping")


def test_an_rsa_certificate_works_too(make_server):
    server = make_server(tls=True)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-noenc", "-days", "30", "-subj", "/CN=rsa", "-addext",
                    "subjectAltName=IP:127.0.0.1", "-keyout", server.key, "-out", server.certificate], check=True, capture_output=True)
    with server:
        assert server.get("/ping").status == 200
        assert handshakes(server, "-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256")


def test_a_pair_that_cannot_be_used_is_told_at_start(make_server):
    server = make_server(tls=True)
    other, _ = make_certificate(server.folder, "other")
    server.certificate.write_bytes(other.read_bytes())
    done = jwtd("serve", "--config", server.config)
    assert done.returncode != 0 and str(server.key) in done.stderr and "is not the key of the certificate" in done.stderr
