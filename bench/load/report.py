# report.py - turns a run's measurements into one page of Markdown: machine, tables, goals met or not.
from statistics import median

import stores

GOAL_OF_NGINX = 0.75
GOAL_CPU = 1.5
GOAL_HALF_FDATASYNCS = 5
GOAL_TLS = 0.95
GOAL_STORED = 0.9
GOAL_OTHER = 0.97  # of another jwtd's RocksDB: what two cores can tell apart


def middle(measurements, name):
    values = [getattr(measured, name) for measured in measurements]
    return median(values) if values and None not in values else None


def ratio(measurements, others, name="per_second"):
    """The median of the rounds' own ratios: what both had in common in a round cancels out."""
    return median(getattr(a, name) / getattr(b, name) for a, b in zip(measurements, others))


def show(value, digits=2, unit=1.0):
    return "" if value is None else f"{value / unit:,.{digits}f}"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "|".join("---" if i == 0 else "--:" for i in range(len(head))) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


class Report:
    def __init__(self):
        self.sections, self.goals = [], []

    def goal(self, text, value, met, digits=2):
        self.goals.append([text, f"{value:.{digits}f}" if isinstance(value, float) else value, "**met**" if met else "not met"])

    def add(self, title, text):
        self.sections.append(f"## {title}\n\n{text}")

    def load(self, results, labels, connections):
        rows = []
        for count in connections:
            base = results.get(("nginx", count))
            for name, label in labels.items():
                measured = results.get((name, count))
                if not measured:
                    continue
                speeds = [one.per_second for one in measured]
                rows.append([label, str(count), show(middle(measured, "per_second"), 0), f"{min(speeds):,.0f} to {max(speeds):,.0f}",
                             show(ratio(measured, base)) if base else "", show(middle(measured, "p50"), 2, 1000), show(middle(measured, "p99"), 2, 1000),
                             show(middle(measured, "server_cpu")), show(ratio(measured, base, "server_cpu")) if base else "",
                             show(middle(measured, "system_cpu")), show(middle(measured, "client_cpu")), show(middle(measured, "cores_used")),
                             show(middle(measured, "flushes"), 0), show(middle(measured, "per_batch"), 1)])
        self.add("Tokens over keep-alive connections", table(
            ["server", "connections", "answers/s", "lowest to highest", "of nginx", "p50 ms", "p99 ms", "server CPU µs", "× nginx's", "machine CPU µs",
             "wrk CPU µs", "cores busy", "disk flushes/s", "records a commit"], rows))
        for count in connections:
            durable, base = results.get(("jwtd-rocksdb", count)), results.get(("nginx", count))
            if durable and base and count >= 64:
                share, cpu = ratio(durable, base), ratio(durable, base, "server_cpu")
                self.goal(f"durable, {count} connections: at least {GOAL_OF_NGINX} of nginx", share, share >= GOAL_OF_NGINX)
                self.goal(f"durable, {count} connections: at most {GOAL_CPU} × nginx's CPU a request", cpu, cpu <= GOAL_CPU)

    def script(self, results):
        share = median(a / b for a, b in zip(results["requests.lua"], results["plain.lua"]))
        self.add("What the load script costs", f"nginx with 1000 prepared requests from Lua answers {share:.3f} of what it answers without Lua "
                 f"({median(results['plain.lua']):,.0f}/s, 64 connections). It is the same script for every server.\n")

    def after(self, results, cases, connections):
        rows = []
        for case in cases:
            base = results["nginx", case.name]
            for name, label in (("nginx", "nginx `return 200`, the same requests"), ("jwtd-rocksdb", case.label)):
                measured = results[name, case.name]
                rows.append([label, show(middle(measured, "per_second"), 0), show(ratio(measured, base)), show(middle(measured, "p50"), 2, 1000),
                             show(middle(measured, "p99"), 2, 1000), show(middle(measured, "server_cpu")), show(middle(measured, "client_cpu")),
                             show(middle(measured, "cores_used")), show(middle(measured, "flushes"), 0)])
            share = ratio(results["jwtd-rocksdb", case.name], base)
            self.goal(f"{case.label}, {connections} connections: at least {case.goal} of nginx", share, share >= case.goal)
        self.add(f"After the token: {connections} keep-alive connections", table(
            ["server", "answers/s", "of nginx", "p50 ms", "p99 ms", "server CPU µs", "wrk CPU µs", "cores busy", "disk flushes/s"], rows))

    def stores(self, measured):
        """`measured`: a stores.Stores after its rounds."""
        results, rows = measured.results, []
        for kind in (stores.JwtdMemory, stores.JwtdRocksdb, stores.JwtdOther):
            rows += [self.store_row(results, kind, count, None) for count in stores.CONNECTIONS if (kind.name, count) in results]
        for database in stores.DATABASES:
            if database.name in measured.missing:
                continue
            for count in database.peer_connections:
                rows.append(self.store_row(results, database.peer, count, None))
            for count in stores.CONNECTIONS:
                base = results[database.peer.name, count if count in database.peer_connections else database.peer_connections[0]]
                rows.append(self.store_row(results, database.jwtd, count, base))
                share = ratio(results[database.jwtd.name, count], base)
                self.goal(f"{database.jwtd.label}, {count} connections: at least {database.goal} × {database.peer_label}", share, share >= database.goal)
        for count in stores.CONNECTIONS:
            if (stores.JwtdOther.name, count) in results:
                share = ratio(results[stores.JwtdRocksdb.name, count], results[stores.JwtdOther.name, count])
                self.goal(f"RocksDB, {count} connections: at least {GOAL_OTHER} of the other jwtd", share, share >= GOAL_OTHER)
        self.add("Each store, and what inserts once a request on the same server", table(
            ["service", "connections", "tokens/s", "lowest to highest", "× that", "p50 ms", "p99 ms", "service CPU µs", "database CPU µs", "machine CPU µs",
             "client CPU µs", "cores busy", "disk flushes/s", "records a commit"], rows) +
            f"\npgbench has {stores.PGBENCH_CLIENTS} clients in all rows; its times are of each {1 / stores.PGBENCH_SAMPLE:.0f}th transaction. All of them are durable but `memory:`.\n")

    @staticmethod
    def store_row(results, kind, count, base):
        measured = results[kind.name, count]
        speeds = [one.per_second for one in measured]
        return [kind.label, str(count), show(middle(measured, "per_second"), 0), f"{min(speeds):,.0f} to {max(speeds):,.0f}",
                show(ratio(measured, base), 1) if base else "", show(middle(measured, "p50"), 2, 1000), show(middle(measured, "p99"), 2, 1000),
                show(middle(measured, "server_cpu")), show(middle(measured, "database_cpu")), show(middle(measured, "system_cpu")),
                show(middle(measured, "client_cpu")), show(middle(measured, "cores_used")), show(middle(measured, "flushes"), 0),
                show(middle(measured, "per_batch"), 1)]

    def half(self, results, rate, probes):
        rows = [[name, show(middle(measured, "p50"), 3, 1000), show(middle(measured, "p99"), 3, 1000), show(middle(measured, "p999"), 3, 1000),
                 show(middle(measured, "longest"), 1, 1000), show(middle(measured, "server_cpu")), show(middle(measured, "flushes"), 0),
                 show(middle(measured, "per_batch"), 1)] for name, measured in results.items()]
        sync = median(probe[1] for probe in probes)
        self.add(f"At half load: {rate:,.0f} requests/s, paced, 64 connections", table(
            ["server", "p50 ms", "p99 ms", "p99.9 ms", "longest ms", "server CPU µs", "disk flushes/s", "records a commit"], rows) +
            f"\nLatency counts from the moment a request was due. One fdatasync of 4 KiB on the same folder, alone: p99 {sync / 1000:.3f} ms.\n")
        p99 = middle(results["jwtd-rocksdb"], "p99")
        self.goal(f"p99 at half load: at most {GOAL_HALF_FDATASYNCS} × fdatasync's p99", f"{p99 / sync:.2f} × ({p99 / 1000:.2f} ms)",
                  p99 <= GOAL_HALF_FDATASYNCS * sync)

    def tls(self, results, slots):
        base = results["nginx"]
        rows = [[name, show(middle(measured, "per_second"), 0), show(ratio(measured, base)), show(middle(measured, "p50"), 2, 1000),
                 show(middle(measured, "p99"), 2, 1000), show(middle(measured, "server_cpu"), 1), show(ratio(measured, base, "server_cpu")),
                 show(middle(measured, "client_cpu"), 1), show(middle(measured, "cores_used"))] for name, measured in results.items()]
        negotiated = {measured.negotiated for rounds in results.values() for measured in rounds}
        self.add(f"A new TLS connection for each token, {slots} in flight", table(
            ["server", "tokens/s", "of nginx (1 worker)", "p50 ms", "p99 ms", "server CPU µs", "× nginx's", "client CPU µs", "cores busy"], rows) +
            f"\nNegotiated by all: {'; '.join(sorted(negotiated))}. No resumption.\n")
        better = max(("nginx", "nginx-per-core"), key=lambda name: middle(results[name], "per_second"))
        share, cpu = ratio(results["jwtd-rocksdb"], results[better]), ratio(results["jwtd-rocksdb"], results[better], "server_cpu")
        self.goal(f"new TLS connection a token, durable: at least {GOAL_TLS} of the faster nginx ({better})", share, share >= GOAL_TLS)
        self.goal(f"the same by the server's CPU a connection: at most 1 / {GOAL_TLS} of that nginx", cpu, cpu <= 1 / GOAL_TLS)

    def stored(self, results, count):
        rows = []
        for connections in sorted({key[1] for key in results}):
            empty, full = results["jwtd-rocksdb", connections], results["jwtd-full", connections]
            share = ratio(full, empty)
            for name, measured, of in (("none", empty, 1.0), (f"{count:,}", full, share)):
                rows.append([name, str(connections), show(middle(measured, "per_second"), 0), show(of), show(middle(measured, "p50"), 2, 1000),
                             show(middle(measured, "p99"), 2, 1000), show(middle(measured, "server_cpu")), show(middle(measured, "per_batch"), 1)])
            self.goal(f"{count:,} stored, {connections} connections: at least {GOAL_STORED} of an empty store", share, share >= GOAL_STORED)
        self.add("With many transactions stored", table(
            ["stored", "connections", "tokens/s", "of empty", "p50 ms", "p99 ms", "server CPU µs", "records a commit"], rows))

    def page(self, about, notes):
        facts = "".join(f"- {name}: {value}\n" for name, value in about.items())
        warnings = "".join(f"> **Mind:** {note}\n\n" for note in notes)
        goals = "## Goals\n\n" + table(["goal", "measured", ""], self.goals) + "\n" if self.goals else ""
        return f"# Load, {about['date']}, {about['commit']}\n\n{facts}\n{warnings}{goals}" + "\n".join(self.sections)
