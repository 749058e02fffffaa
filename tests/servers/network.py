"""A network of a test's own: a namespace with a switch in it, one namespace a node, cables that can be pulled. The machine's own network is not touched.

Whoever uses it enters the switch's namespace, with all that he starts from then on:

    with network.Network(("node1", "node2")) as made:   # raises server.Unavailable
        program = [*made.inside("node1"), "jwtd", ...]
        made.pull("node1"); made.plug("node1")
"""

import ctypes
import os
import shutil
import subprocess

import server

HUB = "10.77.0.1"  # these addresses exist in the namespaces only
NODES_FROM = 11
NETWORK = "10.77.0.0/24"
CLONE_NEWNET = 0x40000000
RUN_SECONDS = 60


class Network:
    def __init__(self, names):
        self.hub = f"jwtd-{os.getpid()}-hub"
        self.spaces = {name: f"jwtd-{os.getpid()}-{name}" for name in names}
        self.addresses = {name: f"10.77.0.{NODES_FROM + n}" for n, name in enumerate(names)}
        self.before = None

    def __enter__(self):
        if os.geteuid() != 0 or not shutil.which("ip"):
            raise server.Unavailable("network namespaces need root and ip (apt-get install iproute2)")
        try:
            self.make()
            self.before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            enter(f"/run/netns/{self.hub}")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.before is not None:
            setns(self.before)
            os.close(self.before)
            self.before = None
        for space in [*self.spaces.values(), self.hub]:
            ip("netns", "del", space, check=False)  # its cables go with it

    def make(self):
        ip("netns", "add", self.hub)
        for words in (("link", "set", "lo", "up"), ("link", "add", "switch", "type", "bridge"), ("addr", "add", f"{HUB}/24", "dev", "switch"),
                      ("link", "set", "switch", "up")):
            ip("-n", self.hub, *words)
        for name, space in self.spaces.items():
            ip("netns", "add", space)
            ip("-n", self.hub, "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", space)
            ip("-n", self.hub, "link", "set", name, "master", "switch", "up")
            ip("-n", space, "addr", "add", f"{self.addresses[name]}/24", "dev", "eth0")
            ip("-n", space, "link", "set", "eth0", "up")
            ip("-n", space, "link", "set", "lo", "up")

    def inside(self, name):
        """What a command begins with to run as a process of that node."""
        return ["ip", "netns", "exec", self.spaces[name]]

    def pull(self, name):
        """Its packets go nowhere, and no connection breaks."""
        ip("-n", self.hub, "link", "set", name, "down")

    def plug(self, name):
        ip("-n", self.hub, "link", "set", name, "up")


def ip(*words, check=True):
    done = subprocess.run(["ip", *words], capture_output=True, text=True, timeout=RUN_SECONDS, check=False)
    if check and done.returncode != 0:
        raise server.Unavailable(f"ip {' '.join(words)}: {done.stderr.strip()}")


def enter(path):
    space = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        setns(space)
    finally:
        os.close(space)


def setns(space):
    """This thread, and what it starts, sees another network from now on. (os.setns comes with Python 3.12.)"""
    if ctypes.CDLL(None, use_errno=True).setns(space, CLONE_NEWNET) != 0:
        raise server.Unavailable(f"setns: {os.strerror(ctypes.get_errno())}")
