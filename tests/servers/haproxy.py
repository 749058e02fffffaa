"""HAProxy over the repository's own conf/haproxy.cfg; only what that file leaves to each site is set here."""

import contextlib
import http.client
import pathlib
import re

import server

CONFIGURATION = server.FOLDER.parent.parent / "conf" / "haproxy.cfg"


class Haproxy(server.Server):
    name = "haproxy"

    def __init__(self, folder, binary, addresses, certificate, key, node_name="localhost"):
        super().__init__(folder)
        self.binary = binary
        pem = self.folder / "haproxy.pem"
        pem.touch(mode=0o600)
        pem.write_text(pathlib.Path(certificate).read_text() + pathlib.Path(key).read_text())
        self.watch_port = server.free_port()
        self.variables = {"JWTD_BIND": f"127.0.0.1:{self.port}", "JWTD_WATCH": f"127.0.0.1:{self.watch_port}", "JWTD_PEM": pem,
                          "JWTD_NODE_CA": certificate, "JWTD_NODE_NAME": node_name}
        self.variables |= {f"JWTD_NODE_{n}": address for n, address in enumerate(addresses, 1)}

    def command(self):
        return ["env", *[f"{name}={value}" for name, value in self.variables.items()], self.binary, "-db", "-f", CONFIGURATION]

    @property
    def url(self):
        return f"https://127.0.0.1:{self.port}"

    def up(self):
        """The servers that it sends requests to."""
        connection = http.client.HTTPConnection("127.0.0.1", self.watch_port, timeout=60)
        with contextlib.closing(connection):
            connection.request("GET", "/metrics")
            metrics = connection.getresponse().read().decode()
        return set(re.findall(r'^haproxy_server_status{proxy="nodes",server="(\w+)",state="UP"} 1$', metrics, re.MULTILINE))


def start(folder, addresses, certificate, key):
    server.program("setpriv", "util-linux")
    made = Haproxy(folder, server.program("haproxy", "haproxy", ["/usr/sbin"]), addresses, certificate, key)
    try:
        return made.start()
    except BaseException:
        made.close()
        raise
