"""A short soak: memory and descriptors stay where they were, whatever connections come and go. JWTD_FAULT_ROUNDS: rounds of 5,000 requests."""

import concurrent.futures
import contextlib
import os

import faults
import harness
from harness import PHONE

CLIENTS = 8
REQUESTS = 5_000
WARM_UP = 4  # rounds until caches, pools and the first memtable have their size
GROWTH_OCTETS = 256  # a request: the store's memtables hold what was minted, about 150 octets each, until they are full


def resident_kib(server):
    with open(f"/proc/{server.process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def open_files(server):
    """What each descriptor stands for."""
    for number in os.listdir(folder := f"/proc/{server.process.pid}/fd"):
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            yield os.readlink(f"{folder}/{number}")


def descriptors(server):
    return len(list(open_files(server)))


def sockets(server):
    return sum(name.startswith("socket:") for name in open_files(server))


def test_memory_and_descriptors_stay_flat(make_server):
    server = make_server(tls=True, settings={"log.requests": "none"}).durable
    key = server.add_caller("auditor", "read,read:pii")
    server.start()
    listening = sockets(server)

    def client(number):
        connection = server.connection()
        for n in range(REQUESTS // CLIENTS):
            answer = harness.ask_again(connection, "GET", f"/v1/token/1555{number}{n % 1000:06}")
            assert answer.status == 200
            if n % 50 == 0:
                assert server.admin_get("/v1/transactions/" + answer.field("X-Transaction-Id"), key).status == 200
                assert server.get("/v1/token/not-a-phone").status == 400  # a connection of its own, closed by us
                with server.raw() as cut:
                    cut.sendall(b"\x16\x03\x01")  # a handshake that never comes
            if n % 200 == 0:
                connection.close()
                connection = server.connection()
        connection.close()

    sizes = []
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        for _ in range(WARM_UP + faults.rounds(4)):
            list(pool.map(client, range(CLIENTS)))
            harness.wait_until(lambda: sockets(server) <= listening, 60, "the server's end of every connection")
            sizes.append((resident_kib(server), descriptors(server)))
    print(f"NOTE soak: {len(sizes) * REQUESTS} requests; resident KiB {[size for size, _ in sizes]}, descriptors {[count for _, count in sizes]}")
    settled = sizes[WARM_UP - 1:]
    assert settled[-1][0] - settled[0][0] < (len(settled) - 1) * REQUESTS * GROWTH_OCTETS / 1024, sizes
    assert abs(settled[-1][1] - settled[0][1]) <= 5, sizes
    assert server.get(f"/v1/token/{PHONE}").status == 200
    assert server.stop() == 0
