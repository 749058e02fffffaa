#!/usr/bin/python3
"""Simulates N nodes with group commit over databases whose commit times were measured: what 30 nodes would do that nobody has here.

    bench/simulate.py --nodes 3 --rate 100000              # requests a second over all nodes, as a Poisson process
    bench/simulate.py --connections 64                     # the next request when the answer is there, as wrk does
    bench/simulate.py --check                              # the model beside what was measured with one node
    bench/simulate.py --table                              # the rows of docs/SCALING.md

A node's loop serves one request after the other. Each of its committers takes what is queued, sends it as one batch, waits for the answer. A database works on two
batches at a time; a batch takes what it took alone (ALONE), or, beside another, what each of two took (BESIDE). Not in it: stalls of disks, lost packets, outages,
the growth of indexes, a processor that nodes, database and clients share (only --client-us, the load generator's own time).
"""

import argparse
import collections
import heapq
import random
import sys

# Microseconds of a commit by records in it. docs/adr/0006 (PostgreSQL 15, store_postgres_bench, 2 cores) and docs/adr/0007 (SecantusDB's Rust server,
# store_mongodb_bench): records / (records a second), for two at once twice that. MongoDB at two was measured with 64 only; others keep that ratio.
MEASURED = {
    "postgresql": ({1: 324, 16: 495, 64: 925, 256: 2989}, {1: 343, 16: 724, 64: 1463, 256: 3754}),
    "mongodb": ({1: 441, 16: 914, 64: 2065, 256: 7378}, {1: 772, 16: 1600, 64: 3616, 256: 12912}),
}
AT_ONCE = 2       # batches that a database works on
MAX_BATCH = 1024  # records, as in store/group_commit.cc
LOOP_US = 13.4    # of jwtd's CPU a token over PostgreSQL at 64 connections, docs/adr/0006
WARM_UP = 0.2     # part of the time that is not counted
NOISE = 0.2       # standard deviation of a commit's time, of its mean


def time_of(table, records):
    """Between two measured sizes a straight line; beyond the last one the last slope."""
    sizes = sorted(table)
    upper = next((n for n in range(1, len(sizes)) if records <= sizes[n]), len(sizes) - 1)
    low, high = sizes[upper - 1], sizes[upper]
    return table[low] + (table[high] - table[low]) * (records - low) / (high - low)


class Database:
    def __init__(self, kind, extra, chance):
        self.alone, self.beside = MEASURED[kind]
        self.extra = extra
        self.chance = chance
        self.free = [0.0] * AT_ONCE
        self.busy = 0.0
        self.batches = 0

    def commit(self, at, records):
        """When a batch that arrives at `at` is durable. Calls come in the order of their times."""
        begin = max(at, heapq.heappop(self.free))
        table = self.beside if self.free[0] > begin else self.alone
        takes = time_of(table, records) * 1e-6 * self.chance.gammavariate(1 / NOISE**2, NOISE**2)
        heapq.heappush(self.free, begin + takes)
        self.busy += takes
        self.batches += 1
        return begin + takes + self.extra


class Node:
    def __init__(self, committers):
        self.queue = collections.deque()  # (when the record is queued, when its request was made)
        self.idle = committers
        self.loop_free = 0.0


class Simulation:
    def __init__(self, options):
        self.options = options
        self.chance = random.Random(options.seed)
        self.nodes = [Node(options.committers) for _ in range(options.nodes)]
        self.databases = [Database(options.store, options.replica_ms / 1e3, self.chance) for _ in range(options.databases)]
        self.events = []  # (time, order, node, batch that is back or None)
        self.order = 0
        self.client_free = 0.0
        self.latencies, self.sizes = [], []
        self.from_time = options.seconds * WARM_UP

    def at(self, time, node, batch=None):
        self.order += 1
        heapq.heappush(self.events, (time, self.order, node, batch))

    def arrive(self, node, made):
        """A request of that moment; requests of one node come in order."""
        if self.options.client_us:
            self.client_free = max(made, self.client_free) + self.options.client_us * 1e-6
        node.loop_free = max(made, self.client_free, node.loop_free) + self.options.loop_us * 1e-6
        node.queue.append((node.loop_free, made))

    def begin(self):
        options = self.options
        for node in self.nodes:
            made = 0.0
            if options.connections:
                for _ in range(options.connections):
                    self.arrive(node, 0.0)
            else:
                while made < options.seconds:
                    made += self.chance.expovariate(options.rate / options.nodes)
                    self.arrive(node, made)
            for _ in range(options.committers):
                self.at(node.queue[0][0], node)

    def run(self):
        self.begin()
        while self.events and self.events[0][0] < self.options.seconds:
            now, _, node, batch = heapq.heappop(self.events)
            if batch is not None:
                self.hand_back(now, node, batch)
            self.take(now, node)
        return self

    def hand_back(self, now, node, batch):
        node.idle += 1
        if now >= self.from_time:
            self.sizes.append(len(batch))
            self.latencies += [now - made for _, made in batch]
        if self.options.connections:
            for _ in batch:
                self.arrive(node, now)

    def take(self, now, node):
        while node.idle and node.queue:
            if node.queue[0][0] > now:
                self.at(node.queue[0][0], node)
                return
            batch = []
            while node.queue and node.queue[0][0] <= now and len(batch) < MAX_BATCH:
                batch.append(node.queue.popleft())
            node.idle -= 1
            trip = self.options.round_trip_ms / 1e3
            self.at(self.commit(now + trip / 2, node, len(batch)) + trip / 2, node, batch)

    def commit(self, at, node, records):
        if not self.options.sharded:
            return self.databases[self.nodes.index(node) % len(self.databases)].commit(at, records)
        # A bulk write goes in parts to all shards and is done when the last part is.
        counts = [0] * len(self.databases)
        for _ in range(records):
            counts[self.chance.randrange(len(counts))] += 1
        return max(database.commit(at, count) for database, count in zip(self.databases, counts) if count)

    def result(self):
        seconds = self.options.seconds - self.from_time
        sorted_ms = sorted(1e3 * one for one in self.latencies) or [float("nan")]
        part = lambda share: sorted_ms[min(len(sorted_ms) - 1, int(share * len(sorted_ms)))]
        return {"rate": len(self.latencies) / seconds, "p50": part(0.5), "p99": part(0.99), "p999": part(0.999),
                "records": sum(self.sizes) / max(len(self.sizes), 1), "commits": sum(d.batches for d in self.databases) / self.options.seconds,
                "busy": sum(d.busy for d in self.databases) / self.options.seconds / AT_ONCE / len(self.databases)}


HEAD = "| nodes | databases | asked for | tokens/s | p50 / p99 / p99.9 ms | records a batch | commits/s in all | databases busy |\n|--:|--:|--:|--:|--:|--:|--:|--:|"


def row(options):
    found = Simulation(options).run().result()
    asked = f"{options.connections} connections a node" if options.connections else f"{options.rate:,.0f}/s"
    return (f"| {options.nodes} | {options.databases}{' shards' if options.sharded else ''} | {asked} | {found['rate']:,.0f} | {found['p50']:.1f} / {found['p99']:.1f} / "
            f"{found['p999']:.1f} | {found['records']:.0f} | {found['commits']:,.0f} | {found['busy']:.0%} |")


# Measured with one node, one core pair for everything: docs/adr/0006 (PostgreSQL) and docs/adr/0007 (MongoDB). wrk costs 5 us a request (bench/results).
CHECKS = [("postgresql", 64, 39802), ("postgresql", 256, 53165), ("mongodb", 64, 22200), ("mongodb", 256, 31500)]


def check(options):
    print("| store | connections | measured tokens/s | simulated | of measured |\n|---|--:|--:|--:|--:|")
    for store, connections, measured in CHECKS:
        vars(options).update(store=store, connections=connections, nodes=1, databases=1, committers=1, round_trip_ms=0, replica_ms=0, client_us=5, sharded=False)
        rate = Simulation(options).run().result()["rate"]
        print(f"| {store} | {connections} | {measured:,} | {rate:,.0f} | {rate / measured:.2f} |")


# (store, nodes, databases, rate, sharded)
TABLE = [("postgresql", 1, 1, 20_000, False), ("postgresql", 1, 1, 50_000, False), ("postgresql", 3, 1, 50_000, False), ("postgresql", 3, 1, 100_000, False),
         ("postgresql", 30, 1, 50_000, False), ("postgresql", 30, 1, 100_000, False), ("postgresql", 30, 10, 700_000, False),
         ("postgresql", 30, 15, 1_000_000, False), ("mongodb", 3, 1, 20_000, False), ("mongodb", 30, 30, 700_000, True), ("mongodb", 30, 60, 1_000_000, True)]


def table(options):
    print(HEAD.replace("| nodes", "| store | nodes").replace("|--:", "|---|--:", 1))
    for store, nodes, databases, rate, sharded in TABLE:
        vars(options).update(store=store, nodes=nodes, databases=databases, rate=rate, sharded=sharded, connections=0)
        options.seconds = max(0.5, min(5, 3e5 / rate))
        print(f"| {store} {row(options)}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", choices=MEASURED, default="postgresql")
    parser.add_argument("--nodes", type=int, default=1)
    parser.add_argument("--databases", type=int, default=1, help="node n uses database n modulo this; with --sharded each batch goes to all")
    parser.add_argument("--sharded", action="store_true")
    parser.add_argument("--committers", type=int, default=1, help="batches that a node has in flight: a quarter of store.connections")
    parser.add_argument("--rate", type=float, default=10_000, help="requests a second over all nodes")
    parser.add_argument("--connections", type=int, default=0, help="of each node, instead of --rate: each asks again when it has its answer")
    parser.add_argument("--round-trip-ms", type=float, default=0.5, help="between node and database")
    parser.add_argument("--replica-ms", type=float, default=0, help="that a commit waits for its replica besides")
    parser.add_argument("--loop-us", type=float, default=LOOP_US)
    parser.add_argument("--client-us", type=float, default=0, help="of one load generator for all")
    parser.add_argument("--seconds", type=float, default=3, help="of simulated time")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    if min(options.nodes, options.databases, options.committers, options.seconds, options.rate) <= 0:
        parser.error("nodes, databases, committers, seconds and rate are above zero")
    if options.check:
        return check(options)
    if options.table:
        return table(options)
    print(HEAD)
    print(row(options))
    return None


if __name__ == "__main__":
    sys.exit(main())
