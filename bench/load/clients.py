# clients.py - the load generators, and one measurement of one server: throughput, latency, CPU on both sides, flushes, a sample of tokens.
import glob
import json
import os
import random
import re
import subprocess
import threading
import time
from dataclasses import dataclass, field

import machine
from servers import HERE, BenchError, die_with_parent

SAMPLE_EVERY_SECONDS = 0.2
SETTLE_SECONDS = 6.0  # how long a server may go on with work that its requests left behind before the next measurement starts


@dataclass
class Measured:
    """One server under one load for one round. Micros are microseconds."""

    requests: int = 0
    per_second: float = 0.0
    p50: float = 0.0
    p99: float = 0.0
    p999: float = 0.0
    longest: float = 0.0
    server_cpu: float = 0.0   # micros a request, all processes and threads of the server, work left behind included
    database_cpu: float = 0.0  # micros a request, of a database that is a server of its own
    system_cpu: float = 0.0   # micros a request, whole machine without the client: kernel threads and interrupts too
    client_cpu: float = 0.0   # micros a request, the load generator
    cores_used: float = 0.0   # of the machine during the load; near the number of cores: nothing was idle
    steal: float = 0.0        # cores taken by the hypervisor meanwhile
    flushes: float | None = None   # of the disk, a second
    per_batch: float | None = None  # records a commit
    negotiated: str = ""
    samples: list = field(default_factory=list)  # (token, xid) that a client got meanwhile


def build_tools(folder):
    os.makedirs(folder, exist_ok=True)
    for name, libraries in (("paced", []), ("tls_connect", ["-lssl", "-lcrypto", "-lpthread"])):
        compile_tool(folder, name, [], libraries)


def compile_tool(folder, name, flags, libraries):
    source, target = os.path.join(HERE, f"{name}.cc"), os.path.join(folder, name)
    if os.path.exists(target) and os.path.getmtime(target) > os.path.getmtime(source) and not flags:
        return target
    done = subprocess.run(["g++", "-std=c++20", "-O2", *flags, source, "-o", target, *libraries], text=True, capture_output=True, timeout=300,
                          check=False)
    if done.returncode != 0:
        raise BenchError(f"{name}.cc does not compile:\n{done.stderr[-3000:]}")
    return target


def build_preload(folder, root, build):
    """Links against the libraries that `build` has: the store's own code writes what the store will read."""
    libraries = glob.glob(os.path.join(build, "src", "**", "libjwtd_*.a"), recursive=True)
    if not libraries:
        raise BenchError(f"no libraries in {build}: run script/build first")
    return compile_tool(folder, "preload", [f"-I{root}/src"],
                        ["-Wl,--start-group", *libraries, "-Wl,--end-group", "-lrocksdb", "-lcrypto", "-lpthread"])


class Sampler:
    """A client of its own that keeps some of the tokens it gets while the server is under load."""

    def __init__(self, server):
        self.server, self.samples, self.failure = server, [], None
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        try:
            while not self.ending.wait(SAMPLE_EVERY_SECONDS):
                self.samples.append(self.server.get(f"1666{random.randrange(10**7):07d}"))
        except (OSError, BenchError) as error:
            self.failure = error

    def __enter__(self):
        if self.server.sampled:
            self.thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        if self.server.sampled:
            self.thread.join(15)


def outcome_line(text):
    line = re.search(r"^OUTCOME (.*)$", text, re.M)
    return json.loads(line.group(1)) if line else None


def run_client(command, timeout, read=outcome_line):
    """(outcome, the client's CPU micros); `read` finds the outcome in what the client prints, or None."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=die_with_parent) as client:
        before = os.times()
        try:
            out, err = client.communicate(timeout=timeout)
        except subprocess.TimeoutExpired as error:
            client.kill()
            raise BenchError(f"{command[0]} did not end") from error
        after = os.times()
    outcome = read(out)
    if client.returncode != 0 or not outcome:
        raise BenchError(f"{command[0]} failed:\n{out[-500:]}{err[-500:]}")
    cpu = (after.children_user + after.children_system - before.children_user - before.children_system) * 1e6
    return outcome, cpu


def settle(server):
    """Waits until the server has done what its requests left behind (flushes, compaction), so that it is charged for it."""
    end = time.monotonic() + SETTLE_SECONDS
    last = server.cpu_micros() + server.database_cpu_micros()
    while time.monotonic() < end:
        time.sleep(0.2)
        now = server.cpu_micros() + server.database_cpu_micros()
        if now - last <= machine.TICK_MICROS:
            return
        last = now


def measure(server, disk, command, timeout, read=outcome_line):
    commits = getattr(server, "commits", lambda: None)
    commits_before, flushes_before = commits(), disk.flushes()
    cpu_before, database_before = server.cpu_micros(), server.database_cpu_micros()
    system_before, began = machine.system_cpu_micros(), time.monotonic()
    with Sampler(server) as sampler:
        outcome, client_cpu = run_client(command, timeout, read)
    took = time.monotonic() - began
    flushes_after, commits_after, system_loaded = disk.flushes(), commits(), machine.system_cpu_micros()
    settle(server)
    cpu_after, database_after, system_after = server.cpu_micros(), server.database_cpu_micros(), machine.system_cpu_micros()
    if sampler.failure:
        raise BenchError(f"{server.name}: a sampled request failed under load: {sampler.failure}")
    if not server.alive():
        raise BenchError(f"{server.name} lost a process under load:\n{server.last_words()}")
    wrong = {name: count for name, count in outcome.get("errors", {}).items() if count}
    if outcome.get("unanswered"):
        wrong["unanswered"] = outcome["unanswered"]
    if wrong or not outcome["requests"]:
        raise BenchError(f"{server.name}: the load met errors {wrong} in {outcome['requests']} requests")

    answered = outcome.get("all_requests", outcome["requests"])  # CPU is spent on the warm-up too
    counted_seconds = outcome["micros"] / 1e6
    result = Measured(requests=outcome["requests"], per_second=outcome["requests"] / counted_seconds,
                      p50=outcome["p50"], p99=outcome["p99"], p999=outcome["p999"], longest=outcome["max"],
                      negotiated=outcome.get("negotiated", ""), samples=sampler.samples)
    result.server_cpu = (cpu_after - cpu_before) / answered
    result.database_cpu = (database_after - database_before) / answered
    result.client_cpu = client_cpu / answered
    result.system_cpu = (system_after[0] - system_before[0] - client_cpu) / answered
    result.cores_used = (system_loaded[0] - system_before[0]) / 1e6 / took
    result.steal = (system_loaded[1] - system_before[1]) / 1e6 / took
    if flushes_before is not None and flushes_after is not None:
        result.flushes = (flushes_after - flushes_before) / took
    if commits_before and commits_after and commits_after[0] > commits_before[0]:
        result.per_batch = (commits_after[1] - commits_before[1]) / (commits_after[0] - commits_before[0])
    return result


def wrk(server, disk, connections, seconds, script="requests.lua"):
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", os.path.join(HERE, script),
               f"http://127.0.0.1:{server.port}/v1/token/15555551234"]
    return measure(server, disk, command, seconds + 20)


def prepared(server, disk, connections, seconds, port, path):
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", os.path.join(HERE, "prepared.lua"), f"http://127.0.0.1:{port}/", "--", path]
    return measure(server, disk, command, seconds + 60)


def paced(tools, server, disk, connections, rate, seconds):
    command = [os.path.join(tools, "paced"), "127.0.0.1", str(server.port), str(connections), f"{rate:.0f}", str(seconds), "1"]
    return measure(server, disk, command, seconds + 20)


def tls_connect(tools, server, disk, slots, threads, seconds):
    command = [os.path.join(tools, "tls_connect"), "127.0.0.1", str(server.port), str(slots), str(threads), str(seconds), "0.5"]
    return measure(server, disk, command, seconds + 20)
