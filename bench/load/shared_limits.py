#!/usr/bin/python3
# shared_limits.py - what limits over several nodes cost: jwtd with memory: and no limits, its own, and those in a Redis, under one load of wrk.
#
# Prints a table; keeps nothing. Everything listens on loopback. It needs `wrk redis-tools` and build/release.
import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent.parent / "tests" / "servers"), str(HERE.parent.parent / "tests" / "e2e")]
import harness
import server

RATE = "1000000000 per second"  # never reached: what is measured is the asking
ONE = [{"name": "per-client", "key": "client", "rate": RATE}]
THREE = [*ONE, {"name": "per-phone", "key": "phone", "rate": f"{RATE}; 100000000 per day"}]


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def numbers(node):
    lines = [line for line in node.admin_get("/metrics").text.splitlines() if line.startswith("jwtd_limit_store_")]
    sums = {}
    for line in lines:
        name = re.match(r"\w+", line)[0]
        sums[name] = sums.get(name, 0) + float(line.rpartition(" ")[2])
    return sums


def load(node, connections, seconds):
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", HERE / "requests.lua", "http://{}:{}".format(*node.public)]
    return json.loads(re.search(r"OUTCOME (.*)", subprocess.run(command, check=True, capture_output=True, text=True).stdout)[1])


def measure(what, rules, redis, connections, seconds, links=None):
    with tempfile.TemporaryDirectory() as folder:
        settings = {"log.requests": "errors"}
        if links:
            password = pathlib.Path(folder) / "password"
            password.write_text(redis.password)
            settings |= {"limits.store": f"redis://127.0.0.1:{redis.port}", "limits.password_file": password, "limits.connections": links}
        with harness.Server(pathlib.Path(folder) / "node", limits=rules, settings=settings) as node:
            load(node, connections, 1)
            pids = node.process.pid, redis.process.pid
            before, cpu = numbers(node), [cpu_seconds(pid) for pid in pids]
            out = load(node, connections, seconds)
            used = [(cpu_seconds(pid) - start) * 1e6 / out["requests"] for pid, start in zip(pids, cpu)]
            delta = {name: value - before.get(name, 0) for name, value in numbers(node).items()}
    trips = delta.get("jwtd_limit_store_round_trips_total", 0)
    shared = delta["jwtd_limit_store_requests_total"] / trips if trips else 0
    micros = delta["jwtd_limit_store_round_trip_seconds_total"] * 1e6 / trips if trips else 0
    print(f"| {what} | {connections} | {out['requests'] / out['micros'] * 1e6:,.0f} | {out['p50'] / 1000:.2f} | {out['p99'] / 1000:.2f} | {used[0]:.1f} | "
          f"{used[1] if links else 0:.1f} | {shared:.1f} | {micros:.0f} | {delta.get('jwtd_limit_store_failures_total', 0):.0f} |", flush=True)
    assert out["errors"]["status"] == 0, out


def main():
    parser = argparse.ArgumentParser(description="What limits over several nodes cost.")
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--connections", default="64,1")
    options = parser.parse_args()
    print("| limits | connections | requests/s | p50 ms | p99 ms | jwtd CPU us | Redis CPU us | requests a round trip | round trip us | not decided |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    with tempfile.TemporaryDirectory() as folder, server.start("redis", folder) as redis:
        for connections in map(int, options.connections.split(",")):
            measure("none", [], redis, connections, options.seconds)
            measure("own, 3 rates", THREE, redis, connections, options.seconds)
            for links in (1, 2, 4):
                measure(f"Redis, 3 rates, {links} connections", THREE, redis, connections, options.seconds, links)
            measure("Redis, 1 rate, 2 connections", ONE, redis, connections, options.seconds, 2)


if __name__ == "__main__":
    main()
