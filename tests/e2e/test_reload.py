"""SIGHUP: what is read again, and that nobody notices."""

import ssl
import threading
import time

import harness
from harness import PHONE, is_problem, make_certificate, wait_until


def served_subject(server):
    pem = ssl.get_server_certificate(server.public)
    import subprocess

    return subprocess.run(["openssl", "x509", "-noout", "-subject"], input=pem, text=True, capture_output=True, check=True).stdout


class Load:
    """Clients that ask without a pause, on kept and on fresh connections; collects what was not a 200."""

    def __init__(self, server, threads=4):
        self.server = server
        self.failures = []
        self.count = 0
        self.over = threading.Event()
        self.context = None
        if server.tls:
            self.context = ssl._create_unverified_context()  # the certificate changes on purpose
        self.threads = [threading.Thread(target=self.run, args=(n,)) for n in range(threads)]

    def connection(self):
        import http.client

        host, port = self.server.public
        if self.context:
            return http.client.HTTPSConnection(host, port, timeout=60, context=self.context)
        return http.client.HTTPConnection(host, port, timeout=60)

    def run(self, number):
        kept = self.connection()
        while not self.over.is_set():
            try:
                one = kept if number % 2 else self.connection()
                answer = harness.ask_again(one, "GET", f"/v1/token/{PHONE}")
                if answer.status != 200:
                    self.failures.append(repr(answer))
                if one is not kept:
                    one.close()
                self.count += 1
            except OSError as failure:
                self.failures.append(repr(failure))
                return
        kept.close()

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()


def test_a_new_certificate_counts_after_sighup_without_a_failed_request(make_server):
    with make_server(tls=True) as server:
        assert "localhost" in served_subject(server)
        with Load(server) as load:
            for n in range(1, 6):
                make_certificate(server.folder, "tls", f"generation-{n}")
                server.hang_up()
                server.wait_for_event("certificate_reloaded", n)
                wait_until(lambda n=n: f"generation-{n}" in served_subject(server), 30, "the new certificate")
            wait_until(lambda: load.count > 50 or load.failures, 60, "some load")
        assert load.failures == []


def test_an_open_connection_survives_a_reload(make_server):
    with make_server(tls=True) as server:
        connection = server.connection()
        assert harness.ask_again(connection, "GET", "/ping").status == 200
        make_certificate(server.folder, "tls", "another")
        server.hang_up()
        server.wait_for_event("certificate_reloaded")
        used = connection.sock
        assert harness.ask_again(connection, "GET", "/ping").status == 200
        assert connection.sock is used
        connection.close()


def test_a_bad_pair_keeps_the_old_one_and_says_why(make_server):
    with make_server(tls=True) as server:
        other, _ = make_certificate(server.folder, "other", "stranger")
        server.certificate.write_bytes(other.read_bytes())
        server.hang_up()
        (told, *_) = server.wait_for_event("certificate_kept")
        assert told["level"] in ("warn", "error")
        assert "is not the key of the certificate" in str(told) and str(server.key) in str(told)
        assert "localhost" in served_subject(server)


def test_a_missing_certificate_keeps_the_old_one(make_server):
    with make_server(tls=True) as server:
        server.certificate.unlink()
        server.hang_up()
        server.wait_for_event("certificate_kept")
        assert "localhost" in served_subject(server)


def test_a_new_caller_counts_after_sighup_and_a_removed_one_does_not(make_server):
    server = make_server()
    first = server.add_caller("first", "read")
    with server:
        path = f"/v1/transactions?phone_number={PHONE}"
        assert server.admin_get(path, first).status == 200
        second = server.add_caller("second", "read")
        harness.jwtd("caller", "remove", "first", "--config", server.config)
        server.hang_up()
        # The file is looked at by itself too, so the new key may have counted before the old one was removed.
        wait_until(lambda: server.admin_get(path, first).status == 401, 30, "the removed key does not count")
        is_problem(server.admin_get(path, first), 401, "caller_key_unknown")
        assert server.admin_get(path, second).status == 200


def test_a_broken_callers_file_keeps_the_old_callers(make_server):
    server = make_server()
    key = server.add_caller("first", "read")
    with server:
        harness.replace(server.callers_file, "this is = not [toml")
        server.hang_up()
        wait_until(lambda: [line for line in server.lines() if "callers" in line["event"] and line["level"] in ("warn", "error")], 30, "a line that says so")
        assert server.admin_get(f"/v1/transactions?phone_number={PHONE}", key).status == 200


def test_a_callers_file_that_goes_missing_keeps_the_old_callers_and_is_told_once(make_server):
    server = make_server()
    key = server.add_caller("first", "read")
    with server:
        path = f"/v1/transactions?phone_number={PHONE}"
        text = server.callers_file.read_text()
        server.callers_file.unlink()
        (told, *_) = server.wait_for_event("callers_kept")  # seen without a signal
        assert str(server.callers_file) in told["detail"] and "missing" in told["detail"], told
        time.sleep(3)  # two more looks at it
        assert len(server.events("callers_kept")) == 1 and not server.events("callers_reloaded")
        assert server.admin_get(path, key).status == 200
        server.callers_file.write_text("# nobody\n")
        wait_until(lambda: server.admin_get(path, key).status == 401, 30, "a file without callers counts")
        server.callers_file.write_text(text)
        wait_until(lambda: server.admin_get(path, key).status == 200, 30, "the callers are back")


def test_a_callers_file_that_never_was_is_nobody_and_may_come_later(make_server):
    with make_server() as server:
        assert not server.callers_file.exists()
        server.hang_up()
        server.wait_for_event("callers_reloaded")
        key = server.add_caller("first", "read")
        wait_until(lambda: server.admin_get(f"/v1/transactions?phone_number={PHONE}", key).status == 200, 30, "the new caller counts")


def test_the_log_file_is_opened_again(make_server):
    server = make_server()
    file = server.folder / "own.log"
    server.settings["log.file"] = file
    server.write_config()
    server.log = file
    with server:
        server.get("/ping")
        wait_until(lambda: "request" in file.read_text(), 30, "a request's line")
        moved = file.rename(server.folder / "own.log.1")
        server.hang_up()
        wait_until(file.exists, 30, "a fresh log file")
        server.log_start = 0
        server.get("/ping", X_Request_Id="after-rotation")
        wait_until(lambda: "after-rotation" in file.read_text(), 30, "the line in the fresh file")
        assert "after-rotation" not in moved.read_text()


def test_sighup_under_load_changes_nothing(make_server):
    with make_server() as server:
        with Load(server) as load:
            for _ in range(20):
                server.hang_up()
                time.sleep(0.02)
        assert load.failures == [] and server.alive()
