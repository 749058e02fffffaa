"""A MongoDB-protocol server of a test's own: mongod where there is one, otherwise SecantusDB's Python server out of a virtual environment.

Both journal every write that asks for it, both are a replica set of one node. FerretDB 1.24 is a second opinion where Go is at hand: a standalone server
over SQLite, without TTL and without transactions, whose updates judge first and write later. The virtual environment also has PyMongo, for tests that meet jwtd's
collection as the tutorial's own service would: run(script) runs a program in it.
"""

import fcntl
import hashlib
import os
import pathlib
import secrets
import shutil
import subprocess

import server

FERRETDB = server.FOLDER / "ferretdb_program"
BUILD_SECONDS = 900  # of FerretDB and all that it needs, from nothing: a minute and a half on two cores
DATABASE = "jwt_db"
PACKAGES = ("SecantusDB==0.7.0b3", "pymongo==4.20.1")
INSTALL_SECONDS = 600
RUN_SECONDS = 60
RUST_SERVER = os.environ.get("SECANTUSD_RS", "/opt/secantus/bin/secantusd-rs")  # or on PATH; for benchmarks only


class Mongodb(server.Server):
    name = "mongodb"

    def __init__(self, folder, python):
        super().__init__(folder)
        self.python = python
        self.store = self.folder / "db"
        self.store.mkdir(exist_ok=True)

    @property
    def url(self):
        return f"mongodb://127.0.0.1:{self.port}/{DATABASE}"

    def run(self, script, *arguments):
        """What a Python program with PyMongo prints; its arguments are the URL and `arguments`."""
        done = subprocess.run([self.python, "-c", script, self.url, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=RUN_SECONDS, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"the PyMongo program ended with {done.returncode}: {done.stderr[-4000:]}")
        return done.stdout.strip()


class Secantus(Mongodb):
    def command(self):
        program = pathlib.Path(self.python).with_name("secantusd-py")
        return [program, "--host", "127.0.0.1", "--port", self.port, "--storage-path", self.store, "--sync-on-commit", "--log-level", "WARNING"]


class Guarded(Secantus):
    """Asks for SCRAM over TLS; `run` and `url` have what it takes."""

    USER = "jwtd"

    def __init__(self, folder, python, certificate, key):
        super().__init__(folder, python)
        self.certificate, self.key = certificate, key
        self.password = secrets.token_hex(12)
        self.guarded = False

    def command(self):
        options = ["--auth", "--tls-cert-file", self.certificate, "--tls-key-file", self.key] if self.guarded else []
        return [*super().command(), *options]

    def url_with(self, user):
        host = f"{'localhost' if self.guarded else '127.0.0.1'}:{self.port}"
        return f"mongodb://{user}{host}/{DATABASE}" + (f"?authSource=admin&tls=true&tlsCAFile={self.certificate}" if self.guarded else "")

    @property
    def url(self):
        return self.url_with(f"{self.USER}:{self.password}@" if self.guarded else "")

    @property
    def url_without_password(self):
        return self.url_with(f"{self.USER}@")

    def guard(self):
        self.run("""
import pymongo, sys
pymongo.MongoClient(sys.argv[1]).admin.command("createUser", sys.argv[2], pwd=sys.argv[3], roles=[{"role": "readWrite", "db": sys.argv[4]}])
""", self.USER, self.password, DATABASE)
        self.stop()
        self.guarded = True
        return self.start()


class SecantusRust(Mongodb):
    def command(self):
        return [rust_server(), "--host", "127.0.0.1", "--port", self.port, "--storage-path", self.store, "--sync-on-commit", "--log-level", "WARNING"]


class FerretDb(Mongodb):
    name = "ferretdb"

    def __init__(self, folder, python, program):
        super().__init__(folder, python)
        self.program = program

    def command(self):
        return [self.program, f"127.0.0.1:{self.port}", self.store]


class Mongod(Mongodb):
    """MongoDB's own. In none of the registries that the project builds from, so this is for machines that have it."""

    REPLICA_SET = "jwtd"
    initiated = False

    def command(self):
        return [shutil.which("mongod"), "--bind_ip", "127.0.0.1", "--port", self.port, "--dbpath", self.store, "--replSet", self.REPLICA_SET]

    def start(self):
        super().start()
        self.run("""
import pymongo, sys, time
client = pymongo.MongoClient(sys.argv[1], directConnection=True)
host = sys.argv[1].split("/")[2]
try:
    client.admin.command("replSetInitiate", {"_id": sys.argv[2], "members": [{"_id": 0, "host": host}]})
except pymongo.errors.OperationFailure as failure:
    if failure.code != 23:  # AlreadyInitialized
        raise
end = time.monotonic() + 50
while not client.admin.command("hello").get("isWritablePrimary") and time.monotonic() < end:
    time.sleep(0.05)
""", self.REPLICA_SET)
        return self


def rust_server():
    if os.access(RUST_SERVER, os.X_OK):
        return RUST_SERVER
    if found := shutil.which("secantusd-rs"):
        return found
    raise server.Unavailable("secantusd-rs is not built (cargo install secantus-mdb --version 0.5.3-beta.193 --locked --ignore-rust-version)")


def kept(name, source, make):
    """A folder in the user's cache that make(folder) fills, once for every `source`; its failures as they are."""
    caches = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    folder = caches / "jwtd" / f"{name}-{hashlib.sha256(source.encode()).hexdigest()[:12]}"
    done = folder / "jwtd-complete"
    if done.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{folder}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several test runs may want it at once
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            make(folder)
            done.touch()
    return folder


def run_quietly(command, seconds, **options):
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds, **options)


def last_words(failure):
    return (getattr(failure, "stderr", None) or str(failure)).strip().split("\n")[-1]


def python_with_pymongo():
    """The Python of a virtual environment with PACKAGES, made once and kept."""
    def make(folder):
        run_quietly(["/usr/bin/python3", "-m", "venv", folder], INSTALL_SECONDS)
        run_quietly([folder / "bin" / "python", "-m", "pip", "install", "-q", "--disable-pip-version-check", *PACKAGES], INSTALL_SECONDS)

    try:
        return kept("mongodb", "\n".join(PACKAGES), make) / "bin" / "python"
    except (OSError, subprocess.SubprocessError) as failure:
        raise server.Unavailable(f"neither mongod nor SecantusDB can be had (PyPI, python3-venv): {last_words(failure)}") from failure


def ferretdb():
    """The program of FERRETDB, built once and kept."""
    go = shutil.which("go")
    if not go:
        raise server.NotWanted("go is not on the PATH")

    def make(folder):
        shutil.copytree(FERRETDB, folder)
        run_quietly([go, "build", "-mod=mod", "-o", "ferretdb", "."], BUILD_SECONDS, cwd=folder)  # -mod=mod: its sums come from Go's own database

    try:
        return kept("ferretdb", "".join(file.read_text() for file in sorted(FERRETDB.iterdir())), make) / "ferretdb"
    except (OSError, subprocess.SubprocessError) as failure:
        raise server.Unavailable(f"FerretDB cannot be built (Go 1.22, the Go module proxy): {last_words(failure)}") from failure


def started(made):
    try:
        return made.start()
    except BaseException:
        made.close()
        raise


def start(folder):
    server.program("setpriv", "util-linux")
    kind = Mongod if shutil.which("mongod") else Secantus
    return started(kind(folder, python_with_pymongo()))


def start_ferretdb(folder):
    server.program("setpriv", "util-linux")
    return started(FerretDb(folder, python_with_pymongo(), ferretdb()))


def start_guarded(folder, certificate, key):
    """SecantusDB with a certificate and a user; also where there is a mongod, whose way of making users this does not know."""
    server.program("setpriv", "util-linux")
    made = started(Guarded(folder, python_with_pymongo(), certificate, key))
    try:
        return made.guard()
    except BaseException:
        made.close()
        raise


def start_rust(folder):
    """SecantusDB's Rust server, for benchmarks; raises Unavailable where it was not built."""
    server.program("setpriv", "util-linux")
    rust_server()
    return started(SecantusRust(folder, python_with_pymongo()))
