# parts.py - the parts of a run, each a few rounds in which every server has its turn, one at a time, in an order that moves on.
import os
import shutil
import signal
import subprocess
import time
from collections import defaultdict

import after
import clients
import machine
import stores
from servers import CUSTOMER_ID, BenchError, JwtdFull, JwtdMemory, JwtdRocksdb, Nginx, NginxPerCore

WARM_UP_SECONDS = 1
TLS_SLOTS = 32    # connections in flight; more only queue
TLS_THREADS = 2   # one is not enough: a client works as hard as the server in a handshake
HALF_CONNECTIONS = 64
PRELOAD_RECORDS_PER_SECOND = 20_000  # what it is given at least, before it is stopped
QUIET_SECONDS = 180                  # for compaction after the preload


class Bench:
    """One run: what all parts share."""

    def __init__(self, options, site, tools, disk, say):
        self.options, self.site, self.tools, self.disk, self.say = options, site, tools, disk, say
        self.checked = 0   # tokens looked up after a kill -9
        self.probes = []   # (p50, p99) of fdatasync
        self.others = []   # cores that other programs took, each time while no server of ours was running

    def probe(self):
        self.probes.append(machine.fdatasync_micros(self.site.scratch))
        return self.probes[-1]

    def rounds(self, servers):
        """Every server in every round, alone on the machine; who starts moves on by one."""
        for number in range(self.options.rounds):
            shift = number % len(servers)
            for server in servers[shift:] + servers[:shift]:
                if hasattr(server, "fresh"):
                    server.fresh()
                self.others.append(machine.idle_share(0.5))
                server.start()
                if server.mints:
                    self.site.check_token(server.get()[0])
                try:
                    yield number, server
                finally:
                    server.stop()

    def check_on_record(self, server, samples):
        """Ends the server as a power cut would end it, starts it again, and looks up what clients were given."""
        server.stop(signal.SIGKILL)
        server.start()
        for token, xid in samples:
            if not server.on_record(token, xid):
                raise BenchError(f"{server.name}: a token that a client got with 200 is not on record after kill -9")
        self.checked += len(samples)

    def load(self, kinds):
        """Throughput over keep-alive connections: {(server, connections): [Measured]}."""
        results = defaultdict(list)
        for number, server in self.rounds([kind(self.site) for kind in kinds]):
            clients.wrk(server, self.disk, 64, WARM_UP_SECONDS)
            samples = []
            for connections in self.options.connections:
                measured = clients.wrk(server, self.disk, connections, self.options.seconds)
                results[server.name, connections].append(measured)
                samples += measured.samples
                self.say(f"round {number + 1}: {server.name:15} {connections:4} connections {measured.per_second:10,.0f}/s"
                         f"  p99 {measured.p99 / 1000:7.2f} ms  server {measured.server_cpu:6.2f} us  client {measured.client_cpu:5.2f} us  {measured.cores_used:.2f} cores busy")
            if isinstance(server, JwtdRocksdb):
                self.check_on_record(server, samples)
        return results

    def script_cost(self):
        """What requests.lua costs: nginx with it and without."""
        results = defaultdict(list)
        for _number, server in self.rounds([Nginx(self.site)]):
            for script in ("plain.lua", "requests.lua"):
                results[script].append(clients.wrk(server, self.disk, 64, min(3, self.options.seconds), script).per_second)
        return results

    def after(self, connections):
        """What comes after a token: {(server, case): [Measured]}. jwtd first in every round, for it makes the tokens that both are asked about."""
        results = defaultdict(list)
        for number in range(self.options.rounds):
            jwtd, nginx = JwtdRocksdb(self.site), Nginx(self.site)
            jwtd.fresh()
            self.others.append(machine.idle_share(0.5))
            files = {}
            jwtd.start()
            try:
                for case in after.CASES:
                    files[case.name] = case.prepare(self.site, jwtd, os.path.join(self.site.scratch, f"{case.name}.requests"))
                    self.measure_case(results, number, jwtd, case, connections, jwtd.admin_port if case.admin else jwtd.port, files[case.name])
                written = jwtd.callbacks()
                if written["duplicate"] > 0 or written["applied"] + written["seen"] < results[jwtd.name, "callbacks"][-1].requests:
                    raise BenchError(f"the callbacks were not all new: {written}")
            finally:
                jwtd.stop()
            nginx.start()
            try:
                for case in after.CASES:
                    self.measure_case(results, number, nginx, case, connections, nginx.port, files[case.name])
            finally:
                nginx.stop()
        return results

    def measure_case(self, results, number, server, case, connections, port, path):
        measured = clients.prepared(server, self.disk, connections, min(5, self.options.seconds), port, path)
        results[server.name, case.name].append(measured)
        self.say(f"round {number + 1}: {server.name:15} {case.name:15} {measured.per_second:10,.0f}/s  p99 {measured.p99 / 1000:7.2f} ms"
                 f"  server {measured.server_cpu:6.2f} us  client {measured.client_cpu:5.2f} us  {measured.cores_used:.2f} cores busy")

    def half(self, rate):
        """Latency at a fixed rate, beside what a single fdatasync takes on the same folder."""
        results = defaultdict(list)
        for number, server in self.rounds([Nginx(self.site), JwtdRocksdb(self.site)]):
            probe = self.probe()
            measured = clients.paced(self.tools, server, self.disk, HALF_CONNECTIONS, rate, self.options.seconds)
            results[server.name].append(measured)
            self.say(f"round {number + 1}: {server.name:15} at {rate:,.0f}/s  p50 {measured.p50 / 1000:.3f}  p99 {measured.p99 / 1000:.3f}"
                     f"  p99.9 {measured.p999 / 1000:.3f} ms  (one fdatasync: p50 {probe[0] / 1000:.3f}, p99 {probe[1] / 1000:.3f})")
        return results

    def new_tls(self):
        """A token over each new TLS connection."""
        results = defaultdict(list)
        servers = [kind(self.site, tls=True) for kind in (Nginx, NginxPerCore, JwtdMemory, JwtdRocksdb)]
        for number, server in self.rounds(servers):
            measured = clients.tls_connect(self.tools, server, self.disk, TLS_SLOTS, TLS_THREADS, self.options.seconds)
            results[server.name].append(measured)
            self.say(f"round {number + 1}: {server.name:15} new TLS connections {measured.per_second:8,.0f}/s  p99 {measured.p99 / 1000:.2f} ms"
                     f"  server {measured.server_cpu:6.1f} us  client {measured.client_cpu:6.1f} us")
        return results

    def stores(self):
        """jwtd over each of its stores, beside what inserts once a request on the same database: a stores.Stores with the results."""
        return stores.Stores(self, self.options.other).run()

    def stored(self):
        """Throughput with many transactions stored and with none."""
        full = JwtdFull(self.site)
        began = time.monotonic()
        self.preload(full.folder())
        self.say(f"preloaded {self.options.stored:,} transactions in {time.monotonic() - began:.0f} s, {folder_bytes(full.folder()) / 1e9:.2f} GB")
        full.start()
        wait_until_quiet(full)
        full.stop()
        results = defaultdict(list)
        for number, server in self.rounds([JwtdRocksdb(self.site), full]):
            clients.wrk(server, self.disk, 64, WARM_UP_SECONDS)
            for connections in [count for count in self.options.connections if count in (64, 256)] or self.options.connections:
                measured = clients.wrk(server, self.disk, connections, self.options.seconds)
                results[server.name, connections].append(measured)
                self.say(f"round {number + 1}: {server.name:15} {connections:4} connections {measured.per_second:10,.0f}/s"
                         f"  p99 {measured.p99 / 1000:7.2f} ms")
        shutil.rmtree(full.folder(), ignore_errors=True)
        return results

    def preload(self, folder):
        tool = clients.build_preload(self.tools, self.options.root, self.options.build)
        os.makedirs(folder, mode=0o700)
        clients.run_client([tool, folder, str(self.options.stored), self.site.key_file, CUSTOMER_ID],
                           60 + self.options.stored / PRELOAD_RECORDS_PER_SECOND)


def wait_until_quiet(server):
    end = time.monotonic() + QUIET_SECONDS
    last, quiet = server.cpu_micros(), 0
    while quiet < 5 and time.monotonic() < end:
        time.sleep(1)
        now = server.cpu_micros()
        quiet = quiet + 1 if now - last < 20_000 else 0
        last = now


def folder_bytes(folder):
    done = subprocess.run(["du", "-sb", folder], capture_output=True, text=True, timeout=60, check=True)
    return int(done.stdout.split()[0])
