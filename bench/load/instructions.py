#!/usr/bin/python3
# instructions.py - user instructions a durable token takes, of each jwtd named, by callgrind: what a busy machine's microseconds cannot tell apart.
#
# The difference between two runs of different length, so that start and end do not count. Not counted: the kernel's, and what callgrind's processor lacks
# (SHA extensions). From run to run the figure moves by half a percent, with how requests meet in batches.
import argparse
import concurrent.futures
import http.client
import os
import re
import shutil
import sys
import tempfile

sys.dont_write_bytecode = True
import servers

CONNECTIONS = 64
SHORT, LONG = 100, 300  # requests a connection


class Counted(servers.JwtdRocksdb):
    name, threads = "counted", 1

    def command(self):
        out = os.path.join(self.site.scratch, "callgrind.out")
        return ["valgrind", "--tool=callgrind", "--separate-threads=yes", f"--callgrind-out-file={out}", *super().command()]

    def add_caller(self):  # nobody looks anything up; and a binary of long ago knows other scopes
        self.site.write(os.path.basename(self.callers), "", 0o600)
        return "none"

    def counted(self):
        """Of all threads; after stop()."""
        total = 0
        for name in os.listdir(self.site.scratch):
            if name.startswith("callgrind.out"):
                with open(os.path.join(self.site.scratch, name), encoding="utf-8", errors="replace") as file:
                    total += sum(int(number) for number in re.findall(r"^(?:summary|totals): (\d+)", file.read(), re.M)[:1])
        return total


def ask(port, number, requests, given):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for n in range(requests):
        connection.request("GET", f"/v1/token/1555{(number * 1000 + n) % 10**7:07}" + (f"/given-{number}-{n}" if given else ""))
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise servers.BenchError(f"answered {answer.status}")


def run(binary, folder, requests, given):
    scratch = tempfile.mkdtemp(prefix=f"bench-scratch-{os.getpid()}-", dir=folder)
    try:
        server = Counted(servers.Site(scratch, binary, "ecdsa"))
        server.fresh()
        server.start()
        try:
            with concurrent.futures.ThreadPoolExecutor(CONNECTIONS) as clients:
                list(clients.map(lambda number: ask(server.port, number, requests, given), range(CONNECTIONS)))  # raises what any of them raised
        finally:
            server.stop()
        return server.counted()
    finally:
        shutil.rmtree(scratch)


def main():
    root = os.path.realpath(os.path.join(servers.HERE, "..", ".."))
    arguments = argparse.ArgumentParser(description="User instructions a durable token takes, by callgrind.")
    arguments.add_argument("jwtd", nargs="*", default=[os.path.join(root, "build", "release", "bin", "jwtd")])
    arguments.add_argument("--scratch", default=os.path.join(root, "build"))
    options = arguments.parse_args()
    if not shutil.which("valgrind"):
        sys.exit("instructions.py: needs valgrind (Debian: valgrind)")
    for given in (False, True):
        for binary in options.jwtd:
            short, long = (run(os.path.realpath(binary), options.scratch, requests, given) for requests in (SHORT, LONG))
            print(f"{'XIDs of the client' if given else 'XIDs made here':18}  {(long - short) / (CONNECTIONS * (LONG - SHORT)):8,.0f} instructions a token  {binary}", flush=True)


if __name__ == "__main__":
    main()
