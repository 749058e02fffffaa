"""A Redis of a test's own, or a Valkey: a password, a plain port and one for TLS with a certificate of a made authority; nothing on disk."""

import contextlib
import pathlib
import secrets
import shutil
import socket

import server
from authority import make_authority, make_certificate


class Redis(server.Server):
    name = "redis"

    def __init__(self, folder, binary, password=True, addresses=("127.0.0.1",)):
        super().__init__(folder)
        self.addresses = addresses
        self.password = secrets.token_hex(12) if password else ""
        self.tls_port = server.free_port()
        # Debian's redis-tools has the server as redis-check-rdb; it goes by the name that it is called by.
        self.binary = self.folder / pathlib.Path(binary).name.replace("check-rdb", "server")
        self.binary.symlink_to(binary)
        self.ca_file = make_authority(self.folder, "ca")
        make_certificate(self.folder, "ca", "server")
        self.settings = self.folder / "redis.conf"  # not the command line: `ps` would show the password

    def command(self):
        lines = {"bind": " ".join(self.addresses), "port": self.port, "tls-port": self.tls_port, "tls-cert-file": self.folder / "server.crt",
                 "tls-key-file": self.folder / "server.key", "tls-ca-cert-file": self.ca_file, "tls-auth-clients": "no", "dir": self.folder,
                 "save": '""', "appendonly": "no", "daemonize": "no", "enable-debug-command": "local"}
        if self.password:
            lines["requirepass"] = self.password
        self.settings.write_text("".join(f"{name} {value}\n" for name, value in lines.items()))
        return [self.binary, self.settings]

    def ready(self):
        with contextlib.suppress(OSError):
            return self.ask("PING") == b"+PONG"
        return False

    @property
    def url(self):
        return f"redis://{f':{self.password}@' if self.password else ''}127.0.0.1:{self.port}"

    @property
    def tls_url(self):
        return f"rediss://{f':{self.password}@' if self.password else ''}localhost:{self.tls_port}"

    def ask(self, *words):
        """The first line of the answer to one command."""
        return self.ask_all(words)[0]

    def ask_all(self, words):
        """Every line of the answer to one command that says how long it is; of others the first."""
        commands = [("AUTH", self.password)] if self.password else []
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            stream = connection.makefile("rwb")
            for command in [*commands, words]:
                stream.write(b"*%d\r\n" % len(command) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in (str(w).encode() for w in command)))
                stream.flush()
                lines = read_answer(stream)
            return lines

    def keys(self):
        return [line.decode() for line in self.ask_all(("KEYS", "*"))[1:] if not line.startswith(b"$")]

    def contents(self):
        """Everything that an operator can see: names, values, scripts' arguments."""
        return {key: self.ask_all(("GET", key))[-1].decode() for key in self.keys()}


def read_answer(stream):
    line = stream.readline().rstrip(b"\r\n")
    lines = [line]
    if line.startswith(b"*"):
        for _ in range(int(line[1:])):
            lines += read_answer(stream)
    elif line.startswith(b"$") and line != b"$-1":
        lines.append(stream.read(int(line[1:]) + 2)[:-2])
    return lines


def binary():
    for name in ("redis-server", "valkey-server", "redis-check-rdb"):
        if found := shutil.which(name):
            return found
    raise server.Unavailable("neither redis-server nor valkey-server is installed (apt-get install redis-tools)")


def start(folder, password=True, addresses=("127.0.0.1",)):
    server.program("setpriv", "util-linux")
    server.program("openssl", "openssl")
    made = Redis(folder, binary(), password, addresses)
    try:
        return made.start()
    except BaseException:
        made.close()
        raise
