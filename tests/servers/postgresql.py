"""A PostgreSQL of a test's own: every setting that bears on durability as it ships, a plain role, password and TLS as on a real one."""

import os
import pathlib
import pwd
import re
import secrets
import shutil
import signal
import subprocess
import tempfile

import server

ROLE = "jwtd"  # no superuser; may make databases, so that tests can have their own
DATABASE = "jwtd"
RUN_SECONDS = 60


class Postgresql(server.Server):
    name = "postgresql"
    stop_signal = signal.SIGINT  # "fast": ends connections, writes everything
    end_with_parent = "QUIT"  # "immediate", and its children with it

    def __init__(self, folder, binaries, settings=None, networks=()):
        self.user = run_as()
        # PostgreSQL does not run as root, and its user cannot enter root's scratch folders.
        self.elsewhere = os.geteuid() == 0
        super().__init__(tempfile.mkdtemp(prefix="jwtd-postgresql-") if self.elsewhere else folder)
        if self.elsewhere:
            shutil.chown(self.folder, self.user)
        self.binaries = pathlib.Path(binaries)
        self.cluster = self.folder / "cluster"
        self.password = secrets.token_hex(12)
        self.settings = settings or {}
        self.networks = networks  # besides loopback, from where one may come; settings["listen_addresses"] has to allow it too
        self.make_cluster()

    def make_cluster(self):
        password_file = self.folder / "password"
        password_file.write_text(self.password + "\n")
        if self.elsewhere:
            shutil.chown(password_file, self.user)
        self.run(["initdb", "--no-sync", "--pgdata", self.cluster, "--username", "postgres", "--auth", "scram-sha-256",
                  "--pwfile", password_file, "--encoding", "UTF8", "--locale", "C"])
        with (self.cluster / "pg_hba.conf").open("a") as rules:
            rules.writelines(f"host all all {network} scram-sha-256\n" for network in self.networks)
        # A certificate for "localhost" only, so that sslmode=verify-full has something to refuse.
        self.certificate = self.cluster / "server.crt"
        self.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "30", "-subj", "/CN=localhost",
                  "-addext", "subjectAltName=DNS:localhost", "-keyout", self.cluster / "server.key", "-out", self.certificate])

    def run(self, command):
        """A program of PostgreSQL, or any other, as the server's user."""
        first = self.binaries / command[0]
        done = subprocess.run(server.as_user(self.user, [first if first.exists() else command[0], *command[1:]]), cwd="/", stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=RUN_SECONDS, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{command[0]} ended with {done.returncode}: {done.stderr}")
        return done.stdout

    def command(self):
        settings = {"listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": "", "max_connections": 100, "ssl": "on",
                    "log_line_prefix": "%m [%p] %u ", **self.settings}
        return [self.binaries / "postgres", "-D", self.cluster, *[word for name, value in settings.items() for word in ("-c", f"{name}={value}")]]

    def ready(self):
        return subprocess.run([self.binaries / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port), "-t", "5"], check=False,
                              timeout=RUN_SECONDS).returncode == 0

    def close(self):
        """In order first: one that is killed leaves its shared memory behind."""
        if self.running():
            self.stop()
        super().close()

    def make_role(self):
        self.psql(f"create role {ROLE} login createdb password '{self.password}'", user="postgres", database="postgres")
        self.psql(f"create database {DATABASE} owner {ROLE}", user="postgres", database="postgres")
        return self

    def url_of(self, database, host="127.0.0.1", user=ROLE):
        return f"postgresql://{user}:{self.password}@{host}:{self.port}/{database}"

    @property
    def url(self):
        return self.url_of(DATABASE)

    def make_database(self, name):
        """A new and empty database of the role's; its URL."""
        self.psql(f"create database {name}", database=DATABASE)
        return self.url_of(name)

    def psql(self, sql, user=ROLE, database=DATABASE):
        """What psql prints for a statement: a line a row, fields with | between."""
        done = subprocess.run([self.binaries / "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(self.port), "-U", user,
                               "-d", database, "-c", sql], env={**os.environ, "PGPASSWORD": self.password}, capture_output=True, text=True,
                              timeout=RUN_SECONDS, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"psql: {done.stderr}")
        return done.stdout.strip()


def run_as():
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def binaries():
    """The folder of the newest server programs on this machine."""
    debian = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(re.sub(r"\D", "", path.parts[-3]) or 0))
    return pathlib.Path(server.program("postgres", "postgresql", [path.parent for path in debian[-1:]])).resolve().parent


def start(folder, settings=None, networks=()):
    server.program("setpriv", "util-linux")
    server.program("openssl", "openssl")
    made = Postgresql(pathlib.Path(folder), binaries(), settings, networks)
    try:
        made.start()
        return made.make_role()
    except BaseException:
        made.close()
        raise
