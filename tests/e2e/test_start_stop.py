"""What stops a start, with which words; and how it ends."""

import contextlib
import os
import socket
import subprocess
import tempfile
import threading
import time

import pytest

import harness
import wire
from harness import PHONE, jwtd, wait_until


def refused(server, *arguments, env=None):
    """Starts a server that must not start; returns what it said."""
    done = jwtd("serve", "--config", server.config, *arguments, env=env)
    assert done.returncode != 0, done
    assert "terminate called" not in done.stderr and "Traceback" not in done.stderr
    return done.stdout + done.stderr


def test_a_second_jwtd_on_the_same_directory_is_refused(make_server):
    first = make_server("first").durable
    with first:
        second = make_server("second", settings={"store.url": first.settings["store.url"]})
        said = refused(second)
        assert f"{first.folder}/db" in said and "another jwtd" in said
        assert first.get(f"/v1/token/{PHONE}").status == 200
    with second:
        assert second.get("/ping").status == 200


@pytest.mark.parametrize("name", ["listen.public", "listen.admin"])
def test_a_port_in_use_is_named(make_server, name):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = "127.0.0.1:{}".format(taken.getsockname()[1])
        said = refused(make_server(settings={name: address}))
        assert address in said and "in use" in said


def test_an_address_that_is_not_ours_is_named(make_server):
    assert "203.0.113.1:0" in refused(make_server(settings={"listen.public": "203.0.113.1:0", "tls.certificate": None}))


def test_a_missing_key_file_is_named(make_server):
    server = make_server()
    server.key_file.unlink()
    said = refused(server)
    assert str(server.key_file) in said and "No such file" in said


def test_an_unreadable_key_file_is_named(make_server):
    with tempfile.TemporaryDirectory() as folder:  # pytest's own cannot be reached by another user
        os.chmod(folder, 0o755)
        server = harness.Server(folder)
        server.key_file.chmod(0)
        as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []  # root may read everything
        if subprocess.run([*as_nobody, "test", "-x", harness.BINARY], check=False).returncode != 0:
            pytest.skip("another user than root cannot reach the binary")
        done = subprocess.run([*as_nobody, harness.BINARY, "serve", "--config", server.config], capture_output=True, text=True, timeout=60, check=False,
                              env=harness.clean_environment())
    assert done.returncode != 0
    said = done.stderr
    assert str(server.key_file) in said and "Permission denied" in said


@pytest.mark.parametrize("key,words", [("not base64!!", "base64"), ("c2hvcnQ=", "32"), ("", ""), ("A" * 43 + "-", "base64")])
def test_a_key_that_cannot_sign_is_told_and_never_printed(make_server, key, words):
    server = make_server()
    server.key_file.write_text(key)
    said = refused(server)
    assert str(server.key_file) in said and words in said
    assert not key or key not in said


def test_a_missing_store_folder_cannot_be_made_below_a_file(make_server):
    server = make_server(settings={"store.url": "rocksdb:///dev/null/db"})
    assert "/dev/null/db" in refused(server)


def test_an_unknown_key_is_told_with_line_and_neighbour(make_server):
    server = make_server()
    server.config.write_text(server.config.read_text() + '\n[log2]\n\n[issuer2]\n')
    said = refused(server)
    assert "log2" in said and "issuer2" in said, "all problems at once"
    server.settings["issuer.lifetme"] = "90s"
    server.write_config()
    said = refused(server)
    line = next(n for n, text in enumerate(server.config.read_text().splitlines(), 1) if "lifetme" in text)
    assert f"{server.config}:{line}" in said and "lifetime" in said


def test_all_problems_are_reported_at_once(make_server):
    server = make_server(settings={"issuer.lifetime": "soon", "listen.public": "nowhere", "log.level": "loud", "auth.mint": "maybe"})
    said = refused(server)
    for key in ("lifetime", "public", "level", "mint"):
        assert key in said, said


def test_a_missing_config_is_wrong_usage():
    done = jwtd("serve", "--config", "/no/such/file.toml")
    assert done.returncode == 2 and "/no/such/file.toml" in done.stderr


def nothing_is_left_behind(server):
    before = {p.name for p in server.folder.iterdir()}
    said = refused(server)
    assert {p.name for p in server.folder.iterdir()} == before
    return said


def test_nothing_is_left_behind_by_a_refused_start(make_server):
    server = make_server().durable
    server.key_file.write_text("not base64!!")
    nothing_is_left_behind(server)


@pytest.mark.parametrize("name", ["listen.public", "listen.admin"])
def test_nothing_is_left_behind_where_a_port_is_in_use(make_server, name):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = make_server(settings={name: "127.0.0.1:{}".format(taken.getsockname()[1])}).durable
        assert "in use" in nothing_is_left_behind(server)


def test_nothing_is_left_behind_where_the_password_of_the_limits_store_is_missing(make_server):
    settings = {"limits.store": "redis://127.0.0.1:1", "limits.password_file": "/nowhere/password"}
    server = make_server(settings=settings, limits=[{"name": "all", "key": "all", "rate": "1 per second", "burst": 5}]).durable
    assert "/nowhere/password" in nothing_is_left_behind(server)


def test_what_the_store_keeps_is_not_readable_to_everybody(make_server):
    server = make_server().durable
    folder = server.folder / "db"
    folder.mkdir()
    folder.chmod(0o755)  # as whoever makes it beforehand leaves it
    server.wrapper = ["sh", "-c", 'umask 022; exec "$0" "$@"']
    with server:
        assert server.get(f"/v1/token/{PHONE}").status == 200
        files = list(folder.iterdir())
        assert any(file.suffix == ".log" for file in files), files
        assert [file for file in files if file.stat().st_mode & 0o007] == []


def lifetime(server):
    claims = harness.claims_of(server.get(f"/v1/token/{PHONE}").text)
    return claims["exp"] - claims["iat"]


def test_the_environment_counts_over_the_file_and_flags_over_both(make_server):
    server = make_server(settings={"issuer.lifetime": "60s"}).start()
    assert lifetime(server) == 60
    server.stop()
    server.env = {"JWTD_ISSUER_LIFETIME": "30s"}
    assert lifetime(server.start()) == 30
    server.stop()
    assert lifetime(server.start("--set", "issuer.lifetime=20s")) == 20


def test_a_misspelt_setting_in_the_environment_starts_nothing(make_server):
    server = make_server()
    done = harness.jwtd("serve", "--config", server.config, env={"JWTD_AUTH_MNT": "key"})
    assert done.returncode == 2 and "JWTD_AUTH_MNT" in done.stderr and "JWTD_AUTH_MINT" in done.stderr, done


# -- the end --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sig", ["SIGTERM", "SIGINT"])
def test_a_signal_ends_it_with_0(make_server, sig):
    import signal

    server = make_server().start()
    assert server.stop(getattr(signal, sig)) == 0


def test_an_idle_connection_does_not_hold_up_the_end(make_server):
    server = make_server().start()
    connection = server.connection()
    harness.ask_again(connection, "GET", "/ping")
    start = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - start < 7.5, "it was waited for: app/service.h, kDrainDeadline"
    connection.close()


def test_a_half_sent_request_does_not_hold_up_the_end_for_long(make_server):
    server = make_server().start()
    with server.raw() as waiting:
        half_sent(waiting)
        assert server.stop() == 0


def half_sent(connection):
    """Half a request that the server has: what came with it, in the same packet, is answered."""
    connection.sendall(b"GET /ping HTTP/1.1\r\nHost: a\r\n\r\nGET /ping HTTP/1.1\r\nHost: a\r\n")
    assert wire.read_reply(connection).status == 200


def test_readyz_is_red_while_it_drains(make_server):
    server = make_server().start()
    assert server.admin_get("/readyz").status == 200
    with server.raw() as waiting:
        half_sent(waiting)  # so it is waited for
        server.process.terminate()
        answer = wait_until(lambda: (lambda a: a if a.status == 503 else None)(server.admin_get("/readyz")), 30, "a red /readyz")
        assert answer.json["checks"]["draining"]["ok"] is False
        assert server.admin_get("/livez").status == 200
        waiting.sendall(b"\r\n")
        assert waiting.recv(4096).startswith(b"HTTP/1.1 200")
    assert server.stop() == 0


def accepts(address):
    with contextlib.suppress(OSError), socket.create_connection(address, timeout=60):
        return True
    return False


def test_no_new_connection_is_served_while_it_drains(make_server):
    server = make_server().start()
    with server.raw() as waiting:
        half_sent(waiting)
        server.process.terminate()
        wait_until(lambda: not accepts(server.public), 30, "an end of the accepting")
        assert server.alive(), "it still waits for the half request"
        waiting.sendall(b"\r\n")
        assert waiting.recv(4096).startswith(b"HTTP/1.1 200")
    assert server.stop() == 0


def test_an_idle_connection_that_ends_with_the_server_did_not_time_out(make_server):
    server = make_server().start()
    idle = server.connection()
    assert harness.ask_again(idle, "GET", "/ping").status == 200
    with server.raw() as waiting:
        half_sent(waiting)  # so there is time to ask
        server.process.terminate()
        assert idle.sock.recv(1) == b""
        numbers = server.admin_get("/metrics").text
        assert 'jwtd_connections_timed_out_total{listener="public"} 0\n' in numbers, [line for line in numbers.splitlines() if "timed_out" in line]
        waiting.sendall(b"\r\n")
        assert waiting.recv(4096).startswith(b"HTTP/1.1 200")
    assert server.stop() == 0


def test_sigterm_under_load_answers_what_was_accepted(make_server):
    server = make_server().durable.start()
    broken, good, stopped = [], [], threading.Event()

    def client():
        connection = server.connection()
        while True:
            try:
                answer = harness.ask_again(connection, "GET", f"/v1/token/{PHONE}")
                (good if answer.status == 200 else broken).append(answer)
                if answer.field("Connection") == "close":
                    return
            except (ConnectionError, OSError, harness.http.client.HTTPException) as failure:
                if not stopped.is_set():
                    broken.append(failure)
                elif isinstance(failure, harness.http.client.IncompleteRead):
                    broken.append(failure)  # half an answer is never right
                return

    clients = [threading.Thread(target=client) for _ in range(16)]
    for one in clients:
        one.start()
    wait_until(lambda: len(good) > 500, 60, "some load")
    stopped.set()
    assert server.stop() == 0
    for one in clients:
        one.join()
    assert broken == []
    assert server.events("stopped")[0]["all_answered"] is True


def test_records_are_there_after_an_orderly_restart(make_server):
    server = make_server().durable
    key = server.add_caller("auditor", "read,read:pii")
    with server:
        token = server.get(f"/v1/token/{PHONE}/kept").text
    with server:
        assert server.admin_get("/v1/transactions/kept", key).json["token"] == token
        assert server.get(f"/v1/token/{PHONE}/kept").text == token
        assert server.get("/v1/token/15550000000/kept").status == 409
