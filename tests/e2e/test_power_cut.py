"""A power cut: every token that a client got with 200 is on record afterwards, byte for byte.

kill -9 alone cannot find a missing sync, for the kernel keeps the pages of a dead process. Here the store stands on an ext4 whose block device
keeps what was not flushed in nbdkit's memory only, as a drive does in its volatile cache; the death of nbdkit loses that for good. That the rig
can lose something is a test of its own.
"""

import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

import pytest

import faults
import harness
from test_crash import Client, look_up

ROUNDS = 3
CLIENTS = 4
LOAD_SECONDS = (1.0, 2.0)
MIN_LOAD = 100  # tokens before a cut
DISK_BYTES = 512 << 20  # sparse
COMMIT_SECONDS = 300  # ext4's own commit, 5 s by default, would write back what nobody has synced
TOOL_SECONDS = 60
TOOLS = ("nbdkit", "nbdfuse", "fusermount3", "mkfs.ext4", "losetup", "mount", "umount")
PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"

# Syncs are done for as long as the file named by SHIM_LIE is not there; from then on they only say so.
LYING_SYNC = r"""
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
static int lies(void) { return access(getenv("SHIM_LIE"), F_OK) == 0; }
int fsync(int fd) { return lies() ? 0 : (int)syscall(SYS_fsync, fd); }
int fdatasync(int fd) { return lies() ? 0 : (int)syscall(SYS_fdatasync, fd); }
"""


def tool(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=TOOL_SECONDS, check=False, env={**os.environ, "PATH": PATH})
    if done.returncode != 0:
        raise OSError(f"{command[0]} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout.strip()


class Disk:
    """An ext4 on a block device with a volatile write cache: file <- nbdkit (the cache) <- nbdfuse <- loop device."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="jwtd-power-"))  # short: a Unix socket's path has 107 characters
        self.platter, self.socket = self.folder / "platter.img", self.folder / "socket"
        self.device, self.mount = self.folder / "device", self.folder / "mount"
        self.nbdkit = self.nbdfuse = self.loop = None
        self.mount.mkdir()
        self.device.touch()

    def format(self):
        with self.platter.open("wb") as file:
            file.truncate(DISK_BYTES)
        tool("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", self.platter)

    def power_on(self):
        self.socket.unlink(missing_ok=True)
        self.nbdkit = self.spawn("nbdkit", "-f", "-U", self.socket, "--filter=cache", "file", self.platter, "cache=writeback")
        self.await_part(self.nbdkit, self.answers, "nbdkit's socket")
        self.nbdfuse = self.spawn("nbdfuse", self.device, "--unix", self.socket)
        self.await_part(self.nbdfuse, lambda: self.device.stat().st_size == DISK_BYTES, "nbdfuse's file")
        self.loop = tool("losetup", "--find", "--show", self.device)
        tool("mount", "-t", "ext4", "-o", f"commit={COMMIT_SECONDS}", self.loop, self.mount)

    def spawn(self, *command):
        with (self.folder / "tools.log").open("ab") as log:
            return subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, "PATH": PATH})

    def await_part(self, process, ready, what):
        end = time.monotonic() + TOOL_SECONDS
        while not ready():
            if process.poll() is not None or time.monotonic() > end:
                raise OSError(f"{what} is not there: {(self.folder / 'tools.log').read_text(errors='replace')[-500:]}")
            time.sleep(0.01)

    def answers(self):
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.socket)) == 0

    def lose_power(self):
        """What was not flushed is gone; nothing that happens above from now on reaches the platter."""
        self.nbdkit.kill()
        self.nbdkit.wait()

    def clear_away(self):
        """Takes down all that stands, whatever it is; returns what would not go. The platter stays."""
        left = []
        if self.nbdkit:
            self.lose_power()
        if os.path.ismount(self.mount):
            left += self.tried("umount", "-l", self.mount)
        if self.loop:
            left += self.tried("losetup", "-d", self.loop)
        if self.nbdfuse:
            self.nbdfuse.kill()
            self.nbdfuse.wait()
            # nbdfuse leaves its mount behind when it is killed; where it is gone already there is nothing to do.
            self.tried("fusermount3", "-u", "-z", self.device)
        self.nbdkit = self.nbdfuse = self.loop = None
        return left

    @staticmethod
    def tried(*command):
        try:
            tool(*command)
            return []
        except (OSError, subprocess.TimeoutExpired) as failure:
            return [str(failure)]


class Machine:
    """A jwtd whose store is on such a disk, and the clients that ask it."""

    def __init__(self, server, disk):
        self.server = server
        self.disk = disk
        server.settings["store.url"] = f"rocksdb://{disk.mount}/db"
        server.write_config()
        self.key = server.add_caller("auditor", "read,read:pii")

    def run_until_the_cut(self, chance):
        """Load until the power is cut; what was answered with 200."""
        clients = [Client(self.server, chance.random()) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        time.sleep(chance.uniform(*LOAD_SECONDS))
        harness.wait_until(lambda: sum(len(client.got) for client in clients) > MIN_LOAD, 120, "load enough to mean anything")
        odd = [answer for client in clients for answer in list(client.odd)]
        self.cut()
        for client in clients:
            client.join()
        # Between the disk's death and its own jwtd may say 503, which no real power cut leaves time for.
        odd += [answer for client in clients for answer in client.odd if answer.status != 503]
        assert odd == []
        return [one for client in clients for one in client.got]

    def cut(self):
        # The disk first: a jwtd that answers 200 without it is caught, and nothing is written back in between.
        self.disk.lose_power()
        self.server.kill()
        left = self.disk.clear_away()
        assert left == []

    def power_on(self):
        self.disk.power_on()
        self.server.start()


def reason_to_skip():
    if os.geteuid() != 0:
        return "not root: a power cut needs loop devices and mounts"
    missing = [name for name in TOOLS if not shutil.which(name, path=PATH)]
    if missing:
        return f"no {', '.join(missing)}: a power cut needs nbdkit, libnbd-bin, fuse3, e2fsprogs"
    return None


@pytest.fixture
def machine(make_server):
    """Off; its disk is formatted and known to work here."""
    if reason := reason_to_skip():
        pytest.skip(reason)
    server = make_server()
    disk = Disk()
    try:
        disk.format()
        try:
            disk.power_on()
        except (OSError, subprocess.TimeoutExpired) as failure:
            pytest.skip(f"loop devices or fuse cannot be used here: {failure}")
        assert disk.clear_away() == []
        disk.format()
        yield Machine(server, disk)
    finally:
        if server.process is not None and server.alive():
            server.kill()
        left = disk.clear_away()
        if not os.path.ismount(disk.mount) and not os.path.ismount(disk.device):
            shutil.rmtree(disk.folder)
        assert left == []


@pytest.fixture
def chance():
    return faults.seeded("power cut")


def test_every_acknowledged_token_survives_a_power_cut(machine, chance):
    everything = []
    machine.power_on()
    for number in range(ROUNDS):
        acknowledged = machine.run_until_the_cut(chance)
        everything += acknowledged
        machine.power_on()
        lost = look_up(machine.server, machine.key, acknowledged)
        assert lost == [], f"round {number}: {len(lost)} of {len(acknowledged)} acknowledged tokens are not on record, the first: {lost[0]}"
    assert look_up(machine.server, machine.key, chance.sample(everything, min(len(everything), 4000))) == [], "from an earlier round"
    print(f"NOTE power cut: {len(everything)} acknowledged tokens over {ROUNDS} cuts, none lost")


def test_the_rig_loses_tokens_whose_sync_was_a_lie(machine, chance, tmp_path):
    if not shutil.which("cc"):
        pytest.skip("no cc: the lying sync is built here")
    library, lie = tmp_path / "lying_sync.so", tmp_path / "lie"
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-Wall", "-D_GNU_SOURCE", "-x", "c", "-o", library, "-"], input=LYING_SYNC, text=True, check=True)
    server = machine.server
    server.env = {"LD_PRELOAD": str(library), "SHIM_LIE": str(lie)}
    machine.power_on()
    for n in range(50):
        assert server.get(f"/v1/token/{harness.PHONE}/honest-{n}").status == 200
    lie.touch()
    acknowledged = machine.run_until_the_cut(chance)
    server.env = {}
    machine.disk.power_on()
    try:
        server.start()
    except AssertionError:
        # A store that misses what it was told is on disk may refuse to open: no less a loss.
        assert "store" in server.log_text(), server.log_text()
        print(f"NOTE power cut without syncs: the store of {len(acknowledged)} acknowledged tokens does not open")
        return
    for n in range(50):
        assert server.admin_get(f"/v1/transactions/honest-{n}", machine.key).status == 200, "synced before the lie"
    lost = look_up(server, machine.key, acknowledged)
    assert lost != [], "nothing was lost without a sync: the rig cuts no power"
    print(f"NOTE power cut without syncs: {len(lost)} of {len(acknowledged)} acknowledged tokens lost, as must be")
