# stores.py - part `stores`: jwtd over each store, and beside each database what inserts once a request on the same server.
import glob
import os
import re
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass
from statistics import quantiles

import clients
import machine
from servers import CUSTOMER_ID, HERE, BenchError, Jwtd, JwtdMemory, JwtdRocksdb, Tutorial

sys.path.insert(0, os.path.join(HERE, "..", "..", "tests", "servers"))
import mongodb  # pylint: disable=wrong-import-position
import postgresql  # pylint: disable=wrong-import-position
import server as database_servers  # pylint: disable=wrong-import-position

CONNECTIONS = (64, 256)
PGBENCH_CLIENTS = 64
PGBENCH_SAMPLE = 0.05  # of the transactions, whose times pgbench writes down
POSTGRESQL_SETTINGS = {"shared_buffers": "256MB", "max_wal_size": "4GB", "min_wal_size": "2GB"}
FILL_ROWS = 1_200_000  # of 1 KB: all buffers, and as much log as one round writes
RUN_SECONDS = 120

# jwtd's own columns and its two indexes; plain, without partitions.
TABLE = """
create table tokens (
  created_at timestamptz not null, recorded_at timestamptz not null, iat timestamptz not null, exp timestamptz not null, phone_number int8 not null,
  epoch int4 not null, issued int4 not null, xid text collate "C" primary key, iss text collate "C" not null, kid text collate "C" not null,
  token text collate "C" not null, events text collate "C" not null default '');
create index on tokens (phone_number, created_at);
"""
INSERT = """\\set phone random(15550000001, 15550001000)
insert into tokens (created_at, recorded_at, iat, exp, phone_number, epoch, issued, xid, iss, kid, token)
  values (now(), now(), now(), now() + interval '90 s', :phone, 1, 1, gen_random_uuid()::text, '{issuer}', '0123456789ab', repeat('t', {octets}));
"""


class JwtdOther(JwtdRocksdb):
    name, label = "jwtd-other", "RocksDB, the other jwtd"
    folder_name = "rocksdb-other"

    def __init__(self, site, binary):
        super().__init__(site)
        self.binary = binary

    def command(self):
        return [self.binary, *super().command()[1:]]


class OverDatabase:
    """Of a service: the database behind it is accounted for beside it."""

    def __init__(self, site, database):
        super().__init__(site)
        self.database = database

    def database_cpu_micros(self):
        return machine.family_cpu_micros(self.database.process.pid)


class JwtdPostgresql(OverDatabase, Jwtd):
    name, label = "jwtd-postgresql", "jwtd, PostgreSQL"

    def __init__(self, site, database):
        super().__init__(site, database)
        password = site.write("postgresql-password", database.password + "\n", 0o600)
        bare = database.url.replace(f":{database.password}@", "@")
        subprocess.run([site.jwtd, "store", "migrate", "--store", bare, "--password-file", password], check=True, capture_output=True,
                       timeout=RUN_SECONDS)

    def store_url(self):
        return self.database.url


class JwtdMongodb(OverDatabase, Jwtd):
    name, label = "jwtd-mongodb", "jwtd, MongoDB's protocol"

    def store_url(self):
        return re.sub(r"/\w+$", "/jwtd_bench", self.database.url)  # its indexes are not the tutorial's to pay for


class TutorialMongodb(OverDatabase, Tutorial):
    name, label = "tutorial-mongodb", "the tutorial's stack, PyMongo's `insert_one`"

    def environment(self):
        packages = glob.glob(f"{os.path.dirname(os.path.dirname(self.database.python))}/lib/python3*/site-packages")
        return dict(super().environment(), BENCH_MONGODB_URL=self.database.url, PYTHONPATH=packages[0])

    def count(self):
        return int(self.database.run("import pymongo, sys; print(pymongo.MongoClient(sys.argv[1]).jwt_db.tokens.count_documents({}))"))


class Pgbench(OverDatabase):
    """A client that needs no service between: what it measures is one durable row a request."""

    name, label, sampled = "pgbench", "pgbench, a prepared insert of one row", False

    def __init__(self, site, database):
        self.site, self.database = site, database
        database.psql(TABLE)
        self.script = site.write("insert.sql", INSERT.format(issuer=CUSTOMER_ID, octets=len(site.sample_token())))
        self.log = os.path.join(site.scratch, "pgbench_log")

    def start(self):
        pass

    def stop(self):
        pass

    def cpu_micros(self):
        return 0

    def alive(self):
        return self.database.running()

    def last_words(self):
        return self.database.log_end()

    def count(self):
        return int(self.database.psql("select count(*) from tokens"))

    def run(self, disk, connections, seconds):
        command = [self.database.binaries / "pgbench", "-n", "-M", "prepared", "-c", str(connections), "-j", str(os.cpu_count()), "-T", str(seconds), "-l",
                   f"--log-prefix={self.log}", f"--sampling-rate={PGBENCH_SAMPLE}", "-f", self.script, self.database.url]
        return clients.measure(self, disk, [str(word) for word in command], seconds + 60, self.outcome)

    def outcome(self, text):
        """pgbench's own words in the form of outcome.lua's."""
        found = {name: re.search(pattern, text) for name, pattern in (
            ("requests", r"actually processed: (\d+)"), ("per_second", r"tps = ([0-9.]+)"), ("failed", r"failed transactions: (\d+)"))}
        if not all(found.values()):
            return None
        took = []
        for path in glob.glob(f"{self.log}.*"):
            with open(path, encoding="ascii") as file:
                took += [int(line.split()[2]) for line in file]
            os.unlink(path)
        cuts = quantiles(took, n=1000)
        requests = int(found["requests"][1])
        return {"requests": requests, "micros": requests / float(found["per_second"][1]) * 1e6, "errors": {"failed": int(found["failed"][1])},
                "p50": cuts[499], "p99": cuts[989], "p999": cuts[998], "max": max(took)}


@dataclass
class Database:
    """One kind of server, and who takes turns on it."""

    name: str
    start: callable  # (folder) -> a running server of tests/servers
    jwtd: type
    peer: type
    peer_connections: tuple
    peer_label: str
    goal: float  # times the peer


def start_postgresql(folder):
    """As after a while: its buffers have been used, and its log is written over. In a young one memory is cleared and log files are filled with zeros
    while it serves, by whoever comes first and writes most."""
    made = postgresql.start(folder, POSTGRESQL_SETTINGS)
    try:
        made.psql(f"create table fill (line text); insert into fill select repeat('x', 960) from generate_series(1, {FILL_ROWS}); drop table fill")
        made.psql("checkpoint", user="postgres")
    except BaseException:
        made.close()
        raise
    return made


def start_mongodb(folder):
    """The fastest of this protocol that is at hand; all of them sync each commit."""
    if mongodb.shutil.which("mongod"):
        return mongodb.start(folder)
    try:
        return mongodb.start_rust(folder)
    except database_servers.Unavailable:
        return mongodb.start(folder)


DATABASES = (
    Database("postgresql", start_postgresql, JwtdPostgresql, Pgbench, (PGBENCH_CLIENTS,), "pgbench", 3),
    Database("mongodb", start_mongodb, JwtdMongodb, TutorialMongodb, CONNECTIONS, "the tutorial's stack", 15),
)


def version(database):
    """What a page calls it."""
    if isinstance(database, postgresql.Postgresql):
        settings = [f"{name} {database.psql(f'show {name}')}" for name in ("synchronous_commit", "fsync", "ssl", *POSTGRESQL_SETTINGS)]
        return f"PostgreSQL {database.psql('show server_version')}: {', '.join(settings)}"
    program = str(database.command()[0])
    if isinstance(database, mongodb.Mongod):
        return f"{machine.output(program, '--version').splitlines()[0]}, majority and journaled"
    if isinstance(database, mongodb.SecantusRust):
        return f"SecantusDB, Rust server ({machine.output(program, '--version').splitlines()[0]}), --sync-on-commit"
    return f"SecantusDB, Python server ({mongodb.PACKAGES[0]}), --sync-on-commit"


class Stores:
    """The part's rounds. {(server, connections): [Measured]} in `results`, {database: words} in `versions`, {database: why} in `missing`."""

    def __init__(self, bench, other):
        self.bench, self.other = bench, other
        self.results, self.versions, self.missing = defaultdict(list), {}, {}

    def run(self):
        turns = [self.embedded, *(lambda number, kind=kind: self.database(number, kind) for kind in DATABASES)]
        for number in range(self.bench.options.rounds):
            shift = number % len(turns)
            for turn in turns[shift:] + turns[:shift]:
                turn(number)
        return self

    def take(self, number, service, connections):
        options, disk = self.bench.options, self.bench.disk
        load = service.run if isinstance(service, Pgbench) else lambda *with_these: clients.wrk(service, *with_these)
        load(disk, connections[0], 1)  # to warm up
        samples = []
        for count in connections:
            measured = load(disk, count, options.seconds)
            self.results[service.name, count].append(measured)
            samples += measured.samples
            self.bench.say(f"round {number + 1}: {service.name:16} {count:4} connections {measured.per_second:10,.0f}/s"
                           f"  p99 {measured.p99 / 1000:7.2f} ms"
                           f"  service {measured.server_cpu:6.2f} us  database {measured.database_cpu:6.2f} us  client {measured.client_cpu:5.2f} us"
                           f"  {measured.per_batch or 1:.1f} a commit  {measured.cores_used:.2f} cores busy")
        return samples

    def embedded(self, number):
        """The stores without a server; and RocksDB in another jwtd, for what a change to this one costs it."""
        site = self.bench.site
        kinds = [JwtdMemory(site), JwtdRocksdb(site)] + ([JwtdOther(site, self.other)] if self.other else [])
        for service in kinds if number % 2 == 0 else kinds[::-1]:
            if hasattr(service, "fresh"):
                service.fresh()
            self.alone(number, service, CONNECTIONS)

    def alone(self, number, service, connections):
        self.bench.others.append(machine.idle_share(0.5))
        service.start()
        try:
            return self.take(number, service, connections)
        finally:
            service.stop()

    def database(self, number, kind):
        """jwtd and its peer in turns on one new server, which is killed with -9 in the end and asked for what clients got."""
        if kind.name in self.missing:
            return
        bench, folder = self.bench, os.path.join(self.bench.site.scratch, kind.name)
        try:
            running = kind.start(folder)
        except database_servers.Unavailable as why:
            self.missing[kind.name] = why.reason
            bench.say(f"{kind.name}: not measured: {why.reason}")
            return
        with running:
            self.check_disk(running)
            self.versions[kind.name] = version(running)
            jwtd, peer = kind.jwtd(bench.site, running), kind.peer(bench.site, running)
            samples = []
            for service in (jwtd, peer) if number % 2 == 0 else (peer, jwtd):
                got = self.alone(number, service, CONNECTIONS if service is jwtd else kind.peer_connections)
                samples += got if service is jwtd else []
            there = peer.count()
            if there < sum(self.results[peer.name, count][-1].requests for count in kind.peer_connections):
                raise BenchError(f"{peer.name} inserted fewer rows than it answered: {there}")
            running.kill()
            running.start()
            jwtd.start()
            try:
                if not all(jwtd.on_record(token, xid) for token, xid in samples):
                    raise BenchError(f"{jwtd.name}: a token that a client got with 200 is not on record after kill -9 of the database")
                bench.checked += len(samples)
            finally:
                jwtd.stop()

    def check_disk(self, running):
        if os.stat(running.folder).st_dev != os.stat(self.bench.site.scratch).st_dev:
            raise BenchError(f"{running.folder} is on another disk than {self.bench.site.scratch}: set TMPDIR")
