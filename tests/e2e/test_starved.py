"""Too few descriptors, too little memory, a full disk, a log that nobody takes: jwtd goes on or ends with a sentence, and loses nothing."""

import concurrent.futures
import os
import pathlib
import resource
import shutil
import subprocess
import tempfile
import time
import types

import pytest

import faults
import harness
import server as servers
import wire
from harness import PHONE, wait_until
from test_crash import look_up


def cpu_seconds(server):
    with open(f"/proc/{server.process.pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def descriptors(server):
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


# -- descriptors ----------------------------------------------------------------------------------------------------


def test_without_descriptors_it_neither_spins_nor_loses_what_it_has(make_server):
    server = make_server().durable
    key = server.add_caller("auditor", "read,read:pii")
    server.start()
    connection = server.connection()
    assert harness.ask_again(connection, "GET", f"/v1/token/{PHONE}/before").status == 200
    limit = descriptors(server) + 8
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (limit, limit))
    crowd = []
    try:
        for _ in range(300):
            crowd.append(server.raw())
        before, start = cpu_seconds(server), time.monotonic()
        got = []
        while time.monotonic() < start + 2:
            answer = harness.ask_again(connection, "GET", f"/v1/token/{PHONE}")
            assert answer.status == 200
            got.append((answer.field("X-Transaction-Id"), PHONE, answer.text))
            time.sleep(0.05)
        used = (cpu_seconds(server) - before) / (time.monotonic() - start)
        assert used < 0.2, f"{used:.0%} of a core for nothing"
    finally:
        for one in crowd:
            one.close()
    connection.close()
    wait_until(lambda: server.get("/ping").status == 200, 30, "connections again")
    assert look_up(server, key, got) == []
    assert server.stop() == 0


def test_a_limit_too_low_for_the_settings_leaves_descriptors_to_the_store(make_server):
    server = make_server().durable
    server.start()
    server.stop()
    server.log_start = server.log.stat().st_size
    with server.log.open("ab") as log:
        server.process = subprocess.Popen(["prlimit", "--nofile=64:64", harness.BINARY, "serve", "--config", server.config], stdin=subprocess.DEVNULL,
                                          stdout=log, stderr=log, env=harness.clean_environment())
    listening = wait_until(server.listening, harness.START_SECONDS, "the line `listening`")
    server.public, server.admin = harness.address(listening["public"]), harness.address(listening["admin"])
    said = server.wait_for_event("connections_lowered")[0]
    assert said["max_connections"] == 28 and said["admin_max_connections"] == 4 and said["descriptors"] == 64
    crowd = [server.raw() for _ in range(100)]
    wait_until(lambda: descriptors(server) > 40, 30, "connections, up to their bound")
    time.sleep(0.3)
    assert descriptors(server) < 60, "the rest is for the store"
    for one in crowd:
        one.close()
    wait_until(lambda: server.get(f"/v1/token/{PHONE}").status == 200, 30, "tokens again")
    assert server.stop() == 0


def test_the_soft_limit_of_descriptors_is_raised(make_server):
    server = make_server(settings={"listen.max_connections": 400, "listen.admin_max_connections": 100, "listen.threads": 1, "listen.admin_threads": 2})
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 1515:
        pytest.skip("the hard limit is low")
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        server.start()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)[0] == 400 + 100 + 1000 + 3 * 5
    assert server.events("connections_lowered") == []


# -- memory ---------------------------------------------------------------------------------------------------------


def test_without_memory_it_ends_with_a_sentence_and_nothing_is_lost(make_server):
    server = make_server().durable
    key = server.add_caller("auditor", "read,read:pii")
    server.start()
    got, _ = faults.ask_for_tokens(server, 20)
    with open(f"/proc/{server.process.pid}/statm", encoding="ascii") as statm:
        used = int(statm.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.prlimit(server.process.pid, resource.RLIMIT_AS, (used, used))
    crowd = []
    try:
        for _ in range(3000):
            one = server.raw()
            one.sendall(b"GET /ping HTTP/1.1\r\nHost: a\r\nX-Long: " + b"x" * 12000)  # a head that is kept
            crowd.append(one)
    except OSError:
        pass
    try:
        more = faults.ask_for_tokens(server, 50)[0]
    except OSError:
        more = []
    for one in crowd:
        one.close()
    # Or it had enough.
    if wait_until(lambda: server.process.poll() is not None and "ended" or answers(server) and "answers", 30, "an end or an answer") == "ended":
        assert server.process.returncode == 1 and "out of memory" in server.log.read_text()
    else:
        server.kill()
    server.start()
    assert look_up(server, key, got + more) == []


def test_an_allocation_that_fails_ends_it_cleanly_or_fails_one_request(make_server, tmp_path_factory):
    library = faults.build("failing_malloc", tmp_path_factory.mktemp("shim"))
    endings = set()
    for number, smallest in enumerate((0, 100, 1000, 10_000)[: faults.rounds(4)]):
        server = make_server(f"server-{number}", tls=number % 2 == 1).durable
        server.fault = server.folder / "fault"
        key = server.add_caller("auditor", "read,read:pii")
        server.env = {"LD_PRELOAD": str(library), "SHIM_FAULT": str(server.fault)}
        server.start()
        got, refused = faults.ask_for_tokens(server, 20)
        assert refused == []
        server.fault.write_text(f"{211 + number} {smallest}")
        more, refused = faults.ask_for_tokens(server, 400)
        assert {answer.status for answer in refused} <= {503}
        if len(more) + len(refused) == 400:
            server.kill()
            endings.add("went on")
        else:
            try:
                assert server.process.wait(10) == 1 and "out of memory" in server.log.read_text()
                endings.add("ended")
            except subprocess.TimeoutExpired:  # OpenSSL gave up one connection
                server.kill()
                endings.add("closed a connection")
        server.env = {}
        server.start()
        assert look_up(server, key, got + more) == []
        server.stop()
    assert "ended" in endings


# -- frozen ---------------------------------------------------------------------------------------------------------


def test_after_a_freeze_late_connections_are_closed_and_new_ones_served(make_server):
    server = make_server().durable
    key = server.add_caller("auditor", "read,read:pii")
    server.start()
    got, _ = faults.ask_for_tokens(server, 5)
    half, waiting, idle = server.raw(), server.raw(), server.connection()
    assert harness.ask_again(idle, "GET", "/ping").status == 200
    half.sendall(b"GET /ping HTTP/1.1\r\nHost: a\r\n\r\nGET /ping HTTP/1.1\r\nHo")
    assert wire.read_reply(half).status == 200, "so it has the half that came with it"
    servers.stop_in_its_tracks(server.process.pid)
    waiting.sendall(f"GET /v1/token/{PHONE}/frozen HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    time.sleep(10.5)  # above kHeadTimeout
    server.process.send_signal(18)  # SIGCONT
    assert waiting.recv(4096).startswith(b"HTTP/1.1 200"), "it arrived whole"
    assert half.recv(4096).startswith(b"HTTP/1.1 408")
    assert harness.ask_again(idle, "GET", "/ping").status == 200
    assert server.get(f"/v1/token/{PHONE}").status == 200
    assert server.events("clock_jumped") == [], "both clocks went on"
    assert look_up(server, key, got) == []
    assert server.stop() == 0


# -- a small container ----------------------------------------------------------------------------------------------

CONTAINER_MEMORY = 48 << 20
CONTAINER_CPU_MILLIS = 20  # of each 100: a fifth of a core


@pytest.fixture
def container():
    """Processes in cgroups with little memory and CPU: join(PID), and pressed() for whether they ran into the memory's limit."""
    if os.geteuid() != 0:
        pytest.skip("not root: cgroups")
    root = pathlib.Path("/sys/fs/cgroup")
    name = f"jwtd-test-{os.getpid()}"
    if (root / "cgroup.controllers").exists():  # version 2
        folders = [root / name]
        limits = {"memory.max": CONTAINER_MEMORY, "cpu.max": f"{CONTAINER_CPU_MILLIS * 1000} 100000"}
        pressure = "memory.events"
    else:
        folders = [root / "memory" / name, root / "cpu" / name]
        limits = {"memory.limit_in_bytes": CONTAINER_MEMORY, "cpu.cfs_quota_us": CONTAINER_CPU_MILLIS * 1000}
        pressure = "memory.failcnt"
    made = []
    try:
        for folder in folders:
            folder.mkdir()
            made.append(folder)
        for file, limit in limits.items():
            next(folder / file for folder in folders if (folder / file).exists()).write_text(str(limit))
    except (OSError, StopIteration):
        for folder in made:
            folder.rmdir()
        pytest.skip("no cgroups that may be made")

    def join(pid):
        for folder in folders:
            (folder / "cgroup.procs").write_text(str(pid))

    def pressed():
        words = (folders[0] / pressure).read_text().split()
        return int(words[words.index("max") + 1] if "max" in words else words[0]) > 0

    yield types.SimpleNamespace(join=join, pressed=pressed)
    for folder in folders:
        harness.wait_until(lambda folder=folder: (folder / "cgroup.procs").read_text() == "", 30, "the container's end")
        folder.rmdir()


def test_in_a_small_container_it_serves_and_loses_nothing(make_server, container, tmp_path):
    server = make_server().durable
    key = server.add_caller("auditor", "read,read:pii")
    server.start()
    container.join(server.process.pid)
    acknowledged, refused = [], []
    for turn in range(3):
        # A neighbour whose file takes the container's page cache: what jwtd wants has to be won back from it.
        neighbour = subprocess.Popen(["dd", "if=/dev/zero", f"of={tmp_path}/neighbour", "bs=1M", f"count={2 * CONTAINER_MEMORY >> 20}"], stderr=subprocess.DEVNULL)
        container.join(neighbour.pid)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for some, none in pool.map(lambda n, turn=turn: faults.ask_for_tokens(server, 500, f"{turn}-{n}-"), range(8)):
                acknowledged += some
                refused += none
        assert neighbour.wait(60) == 0
    assert container.pressed()
    assert server.process.poll() is None
    assert {answer.status for answer in refused} <= {503}, "throttled for longer than a commit may take, at worst"
    assert acknowledged
    wait_until(lambda: server.admin_get("/readyz").status == 200, 30, "a green /readyz")
    print(f"NOTE container of {CONTAINER_MEMORY >> 20} MiB: {len(acknowledged)} tokens, {len(refused)} refused")
    server.kill()
    server.start()
    assert look_up(server, key, acknowledged[:500] + acknowledged[-1500:]) == []
    server.kill()


# -- a full disk ----------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk():
    """96 MiB, of which a file `filler` takes what is left."""
    if os.geteuid() != 0 or not shutil.which("mkfs.ext4", path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
        pytest.skip("not root, or no mkfs.ext4")
    folder = tempfile.mkdtemp(prefix="jwtd-small-")
    image, mount = f"{folder}/image", f"{folder}/mount"
    os.mkdir(mount)
    with open(image, "wb") as file:
        file.truncate(96 << 20)
    subprocess.run(["/sbin/mkfs.ext4", "-q", "-F", image], check=True)
    if subprocess.run(["mount", "-o", "loop", image, mount], capture_output=True, check=False).returncode != 0:
        shutil.rmtree(folder)
        pytest.skip("no loop devices here")
    yield mount
    subprocess.run(["umount", "-l", mount], check=True)
    shutil.rmtree(folder)


def fill(mount, leave=0):
    with open(f"{mount}/filler", "ab", buffering=0) as file:
        for size in (1 << 20, 4096, 512):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue
        file.truncate(file.tell() - leave)


def test_a_full_disk_is_503_and_room_is_enough_to_go_on(make_server, small_disk):
    server = make_server(settings={"store.url": f"rocksdb://{small_disk}/db"})
    key = server.add_caller("auditor", "read,read:pii")
    fill(small_disk, leave=1 << 20)  # no room for the log's space in advance, so that the end comes soon
    server.start()
    acknowledged = []
    for number in range(faults.rounds(2)):
        if number > 0:
            fill(small_disk)
        refused = []

        def press(_):
            return faults.ask_for_tokens(server, 500)

        end = time.monotonic() + 120
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            while not refused and time.monotonic() < end:
                for some, none in pool.map(press, range(8)):
                    acknowledged += some
                    refused += none
        assert {answer.status for answer in refused} == {503}
        assert all(int(answer.field("Retry-After")) >= 1 for answer in refused)
        assert server.admin_get("/readyz").status == 503
        assert server.get("/ping").status == 200
        os.unlink(f"{small_disk}/filler")
        wait_until(lambda: server.admin_get("/readyz").status == 200, 30, "ready again")
        assert server.get(f"/v1/token/{PHONE}").status == 200
        print(f"NOTE full disk, round {number}: {len(acknowledged)} tokens so far, {len(refused)} refused")
    server.kill()
    server.start()
    assert look_up(server, key, acknowledged[:1000] + acknowledged[-2000:]) == []


# -- the log --------------------------------------------------------------------------------------------------------


def test_a_full_log_disk_costs_lines_and_no_request(make_server):
    if os.geteuid() != 0:
        pytest.skip("not root: a small tmpfs")
    folder = tempfile.mkdtemp(prefix="jwtd-log-")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], check=True)
    try:
        server = make_server().durable
        server.start()  # its addresses stand in the log, so that goes elsewhere later
        server.stop()
        port = servers.free_port()
        server.settings |= {"log.file": f"{folder}/jwtd.log", "listen.public": f"127.0.0.1:{port}", "listen.admin": f"127.0.0.1:{servers.free_port()}"}
        server.write_config()
        server.process = subprocess.Popen([harness.BINARY, "serve", "--config", server.config], env=harness.clean_environment(), stderr=subprocess.DEVNULL)
        server.public, server.admin = ("127.0.0.1", port), harness.address(server.settings["listen.admin"])
        wait_until(lambda: answers(server), 30, "an answer")
        got, refused = faults.ask_for_tokens(server, 1500)
        assert len(got) == 1500 and refused == []
        wait_until(lambda: faults.metric(server, "jwtd_log_lines_dropped_total") > 0, 30, "lost lines are counted")
        os.truncate(f"{folder}/jwtd.log", 0)
        server.get("/ping")
        wait_until(lambda: "log_lines_dropped" in open(f"{folder}/jwtd.log", encoding="utf-8").read(), 30, "they are told once there is room")
        assert server.stop() == 0
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
        os.rmdir(folder)


def test_a_closed_log_pipe_costs_lines_and_no_request(make_server):
    server = make_server().durable
    server.settings |= {"listen.public": f"127.0.0.1:{servers.free_port()}", "listen.admin": f"127.0.0.1:{servers.free_port()}"}
    server.write_config()
    reading, writing = os.pipe()
    server.process = subprocess.Popen([harness.BINARY, "serve", "--config", server.config], env=harness.clean_environment(), stdout=writing, stderr=writing)
    os.close(writing)
    server.public, server.admin = harness.address(server.settings["listen.public"]), harness.address(server.settings["listen.admin"])
    wait_until(lambda: answers(server), 30, "an answer")
    os.close(reading)
    got, refused = faults.ask_for_tokens(server, 200)
    assert len(got) == 200 and refused == []
    wait_until(lambda: faults.metric(server, "jwtd_log_lines_dropped_total") > 0, 30, "lost lines are counted")
    assert server.stop() == 0


def answers(server):
    try:
        return server.get("/ping").status == 200
    except (OSError, harness.http.client.HTTPException):
        return False
