"""Real servers for tests: started on free ports over scratch folders, stopped, killed and started again on the same port and folder.

Each kind is a module beside this one, named like the kind, with

    def start(folder) -> Server     # raises Unavailable(reason) when the server cannot be had on this machine

Nothing here touches a server that it did not start. Every wait has a bound. A server ends with the process that started it, also when that one
is killed: start it on that process's main thread.
"""

import contextlib
import importlib
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

FOLDER = pathlib.Path(__file__).resolve().parent
KINDS = tuple(kind for kind in ("postgresql", "mongodb", "ferretdb", "redis") if (FOLDER / f"{kind}.py").exists())

START_SECONDS = 60  # generous: CI machines stall, and a database recovers after kill -9
STOP_SECONDS = 30


class Unavailable(Exception):
    """The server cannot be had here; the text says why, and what to install."""

    @property
    def reason(self):
        return str(self)


class NotWanted(Unavailable):
    """The same, and nobody is asked to have it: a skip even where all that can be had is wanted (JWTD_REQUIRE_ALL=1)."""


class Server:
    """A process, a port, a folder. Subclasses say how it is started, and when it is ready."""

    name = "server"
    stop_signal = signal.SIGTERM
    end_with_parent = "KILL"  # the signal that the process gets when this one dies
    user = None  # to run as, when this process is root; None: as this process

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log = self.folder / f"{self.name}.log"
        self.port = free_port()
        self.process = None

    # -- for subclasses -------------------------------------------------------------------------------------------------

    def command(self):
        """The command line that stays in the foreground."""
        raise NotImplementedError

    def ready(self):
        """Whether it serves."""
        return accepts(self.port)

    @property
    def url(self):
        """What store.url or limits.store takes."""
        raise NotImplementedError

    # -- life -----------------------------------------------------------------------------------------------------------

    def start(self):
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(as_user(self.user, self.command(), self.end_with_parent), cwd="/", stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, start_new_session=True)
        end = time.monotonic() + START_SECONDS
        while not self.ready():
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended with {self.process.returncode}:\n{self.log_end()}")
            if time.monotonic() > end:
                self.kill()
                raise RuntimeError(f"{self.name} does not serve within {START_SECONDS} s:\n{self.log_end()}")
            time.sleep(0.02)
        return self

    def stop(self):
        """An orderly end; a kill when it takes too long."""
        if not self.running():
            return
        self.process.send_signal(self.stop_signal)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self):
        """kill -9, of its children too."""
        if not self.running():
            return
        with contextlib.suppress(RuntimeError):
            stop_in_its_tracks(self.process.pid)  # it makes no more children
        children = children_of(self.process.pid)
        for pid in [self.process.pid, *children]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(STOP_SECONDS)
        # Until they are gone too: PostgreSQL does not start beside what is left of the one before.
        end = time.monotonic() + STOP_SECONDS
        while any(map(lives, children)) and time.monotonic() < end:
            time.sleep(0.005)

    def pause(self):
        """Stops it in its tracks: it answers nothing, and no connection breaks."""
        for pid in [self.process.pid, *children_of(self.process.pid)]:
            stop_in_its_tracks(pid)

    def resume(self):
        for pid in [*children_of(self.process.pid), self.process.pid]:
            os.kill(pid, signal.SIGCONT)

    def restart(self):
        """On the same port and folder, whether it runs, was stopped or was killed."""
        self.stop()
        return self.start()

    def running(self):
        return self.process is not None and self.process.poll() is None

    def close(self):
        """Ends it and removes its folder."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def log_end(self):
        return self.log.read_text(errors="replace")[-4000:] if self.log.exists() else ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def start(kind, folder):
    """A running server of a kind out of KINDS; raises Unavailable."""
    if str(FOLDER) not in sys.path:
        sys.path.insert(0, str(FOLDER))
    return importlib.import_module(kind).start(folder)


def start_for_programs(stack, kinds=KINDS):
    """(environment, {kind: Unavailable}) for test programs: JWTD_TEST_<KIND> is a URL, JWTD_TEST_<KIND>_MISSING says why there is none."""
    variables, missing = {"JWTD_TEST_SERVERS": str(FOLDER)}, {}
    for kind in kinds:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix=f"jwtd-{kind}-", ignore_cleanup_errors=True))
        try:
            variables[f"JWTD_TEST_{kind.upper()}"] = stack.enter_context(start(kind, folder)).url
        except Unavailable as why:
            missing[kind] = why
            variables[f"JWTD_TEST_{kind.upper()}_MISSING"] = why.reason
    return variables, missing


# -- for subclasses -----------------------------------------------------------------------------------------------------


def free_port():
    """A port of 127.0.0.1 that nobody gets by chance until it is listened on, nor while its server is away: outside of those that the kernel gives out."""
    given_out = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    highest = min(given_out, 32768)
    for _ in range(1000):
        port = random.randrange(10_000, highest) if highest > 11_000 else 0
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return probe.getsockname()[1]
    raise RuntimeError("no port of 127.0.0.1 is free")


def accepts(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def program(name, package, folders=()):
    """The path of a program, from PATH or from one of `folders`; raises Unavailable."""
    for folder in folders:
        if (pathlib.Path(folder) / name).exists():
            return str(pathlib.Path(folder) / name)
    found = shutil.which(name)
    if not found:
        raise Unavailable(f"{name} is not installed (apt-get install {package})")
    return found


def as_user(user, command, end_with_parent="KILL"):
    """`command` run by setpriv as `user` (None: whoever this is), with a signal for when this process dies."""
    change = ["--reuid", user, "--regid", user, "--init-groups"] if user and os.geteuid() == 0 else []
    return ["setpriv", *change, "--pdeathsig", end_with_parent, *map(str, command)]


def lives(pid):
    with contextlib.suppress(OSError):
        return state(f"/proc/{pid}/stat") not in ("Z", "X")
    return False


def state(stat):
    return pathlib.Path(stat).read_text().rpartition(")")[2].split()[0]


def stop_in_its_tracks(pid):
    """SIGSTOP, until every thread stands still: the signal alone leaves them time for a little more."""
    os.kill(pid, signal.SIGSTOP)
    end = time.monotonic() + STOP_SECONDS
    while time.monotonic() < end:
        with contextlib.suppress(OSError):  # a thread that has just ended
            if all(state(task / "stat") in ("T", "Z", "X") for task in pathlib.Path(f"/proc/{pid}/task").iterdir()):
                return
        time.sleep(0.001)
    raise RuntimeError(f"process {pid} does not stop")


def children_of(pid):
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[1]) == pid:
                found.append(int(stat.parent.name))
    return found
