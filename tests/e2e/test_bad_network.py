"""A network that loses packets and clients that vanish: a token may be on record that nobody received, never the other way round."""

import os
import random
import shutil
import socket
import struct
import subprocess
import threading
import time

import pytest

import faults
import harness
from harness import PHONE, wait_until
from test_crash import Client, look_up

LOSS_PERCENT = 30
SECONDS = 5
CLIENTS = 16


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def lossy_network():
    """(namespace, address): a network namespace whose packets get lost, once lose() is called, in both directions."""
    if os.geteuid() != 0 or not shutil.which("ip") or not shutil.which("nft"):
        pytest.skip("not root, or no ip and nft: the packages iproute2 and nftables")
    number = os.getpid() % 250 + 1
    name, here, there = f"jwtd-{number}", f"jwtd{number}a", f"jwtd{number}b"
    address = f"198.18.{number}.2"  # RFC 2544: for benchmarks, routed nowhere
    if run("ip", "netns", "add", name).returncode != 0:
        pytest.skip("no network namespaces here")
    try:
        for command in (["ip", "link", "add", here, "type", "veth", "peer", "name", there, "netns", name],
                        ["ip", "addr", "add", f"198.18.{number}.1/24", "dev", here], ["ip", "link", "set", here, "up"],
                        ["ip", "-n", name, "addr", "add", f"{address}/24", "dev", there], ["ip", "-n", name, "link", "set", there, "up"],
                        ["ip", "-n", name, "link", "set", "lo", "up"]):
            done = run(*command)
            if done.returncode != 0:
                pytest.skip(f"{' '.join(command)}: {done.stderr.strip()}")
        yield name, address
    finally:
        run("ip", "link", "del", here)
        run("ip", "netns", "del", name)


def lose(namespace, port):
    """From now on packets from and to the port get lost."""
    rule = f"numgen random mod 100 < {LOSS_PERCENT} drop"
    rules = (f"table inet loss {{\nchain in {{ type filter hook input priority 0; tcp dport {port} {rule}; }}\n"
             f"chain out {{ type filter hook output priority 0; tcp sport {port} {rule}; }}\n}}\n")
    done = subprocess.run(["ip", "netns", "exec", namespace, "nft", "-f", "-"], input=rules, text=True, capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"nft: {done.stderr.strip()[:200]}")


def vanish(server, stop, sent):
    """Asks and resets the connection, at once or a moment later, over and over."""
    chance = random.Random(len(sent))
    while not stop.is_set():
        xid = f"vanished-{chance.randrange(2**40):x}"
        try:
            with socket.create_connection(server.public, timeout=2) as asking:
                asking.sendall(f"GET /v1/token/{PHONE}/{xid} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
                time.sleep(chance.choice((0, 0, 0.0005, 0.002, 0.05)))
                asking.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close() sends RST
            sent.append(xid)
        except OSError:
            continue


def test_what_was_received_is_on_record_though_packets_get_lost_and_clients_vanish(make_server, lossy_network):
    namespace, address = lossy_network
    server = make_server(settings={"listen.public": f"{address}:0"}).durable
    key = server.add_caller("auditor", "read,read:pii")
    server.wrapper = ["ip", "netns", "exec", namespace]
    server.start()
    lose(namespace, server.public[1])
    stop, vanished = threading.Event(), []
    ghosts = [threading.Thread(target=vanish, args=(server, stop, vanished)) for _ in range(4)]
    clients = [Client(server, n) for n in range(CLIENTS)]
    for one in [*ghosts, *clients]:
        one.start()
    time.sleep(SECONDS * faults.rounds(1))
    wait_until(lambda: sum(len(client.got) for client in clients) > 20 and len(vanished) > 20, 120, "load enough to mean anything")
    stop.set()
    subprocess.run(["ip", "netns", "exec", namespace, "nft", "flush", "ruleset"], check=True)  # or nobody would hear of the end
    server.kill()
    for one in [*ghosts, *clients]:
        one.join(120)
        assert not one.is_alive()
    assert [answer for client in clients for answer in client.odd] == []
    got = [one for client in clients for one in client.got]
    server.wrapper = []
    server.settings["listen.public"] = "127.0.0.1:0"
    server.write_config()
    server.start()
    assert look_up(server, key, got) == []
    stored = sum(server.admin_get(f"/v1/transactions/{xid}", key).status == 200 for xid in vanished[:200])
    print(f"NOTE bad network: {len(got)} tokens received through {LOSS_PERCENT} % loss, all on record; of {len(vanished[:200])} that were asked for and "
          f"reset, {stored} are on record")
    assert len(got) > 20 and stored > 0
    assert server.stop() == 0
