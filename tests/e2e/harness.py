"""Starts the real jwtd on free ports and talks to it, with Python's own library only."""

import base64
import http.client
import json
import os
import pathlib
import signal
import socket
import ssl
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BINARY = pathlib.Path(os.environ.get("JWTD_BINARY", ROOT / "build" / "release" / "bin" / "jwtd"))
VECTORS = (ROOT / os.environ.get("JWTD_VECTORS", "../shared/vectors")).resolve()

CUSTOMER = "FFFFFFFF-EEEE-DDDD-1234-AB1234567890"
# TeleSign's documentation key without the characters outside base64 that its own libraries skip: 61 octets.
KEY_OCTETS = bytes.fromhex("11700c3cb11313cb13820e39caeb2e9a837a058b0156487ec9127973382c9c27a165a39895d3c9766161e8d797f24ba7676cd4d5859a530ff4c15eb17f")
KEY_TEXT = base64.b64encode(KEY_OCTETS).decode()
GOLDEN = (
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJGRkZGRkZGRi1FRUVFLUREREQtMTIzNC1BQjEyMzQ1Njc4OTAiLCJpYXQiOjE1MDAwMDAwMDAs"
    "ImV4cCI6MTUwMDAwMDA5MCwicGhuIjoiMTU1NTU1NTEyMzQiLCJ4aWQiOiIxMTExMTExMS0yMjIyLTQzMzMtODQ0NC01NTU1NTU1NTU1NTUifQ."
    "Vti5_Ft4QCI1I7WqNhMNjYe_Z4UGcweceqHFd9KNd8k"
)
PHONE = "15551234567"

START_SECONDS = 60  # generous: CI machines stall
STOP_SECONDS = 60


class Answer:
    """One HTTP answer, read whole."""

    def __init__(self, status, fields, body):
        self.status = status
        self.fields = fields  # case-insensitive, as http.client gives them
        self.body = body

    @property
    def text(self):
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body)

    def field(self, name):
        return self.fields.get(name)

    def __repr__(self):
        return f"<{self.status} {dict(self.fields)} {self.body[:300]!r}>"


def wait_until(condition, seconds, what):
    """The first true value of condition(); fails with `what` when there is none in time."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.01)


def jwtd(*arguments, stdin="", env=None, cwd=None, timeout=180):
    """Runs a verb to its end."""
    return subprocess.run([BINARY, *map(str, arguments)], input=stdin, text=True, capture_output=True, timeout=timeout, check=False, cwd=cwd,
                          env={**clean_environment(), **(env or {})})


def clean_environment():
    """Without the test run's own variables, which to jwtd would be names of no setting."""
    return {name: value for name, value in os.environ.items() if not name.startswith("JWTD_")}


def toml_value(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    return json.dumps(str(value)) if not isinstance(value, int) else str(value)


def to_toml(settings, limits):
    """{"listen.public": ...} as TOML sections, and one [[limit]] for each of `limits`."""
    sections = {}
    for name, value in settings.items():
        section, key = name.split(".", 1)
        if value is not None:
            sections.setdefault(section, []).append(f"{key} = {toml_value(value)}")
    lines = [line for section, keys in sections.items() for line in [f"[{section}]", *keys, ""]]
    for limit in limits:
        lines += ["[[limit]]", *[f"{key} = {toml_value(value)}" for key, value in limit.items()], ""]
    return "\n".join(lines)


def make_certificate(folder, name="tls", common_name="localhost", extra=()):
    """A self-signed P-256 pair made by openssl; returns (certificate, key)."""
    certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "30",
                    "-subj", f"/CN={common_name}", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                    "-keyout", key, "-out", certificate, *extra], check=True, capture_output=True)
    return certificate, key


class Server:
    """A folder with all that one jwtd needs, and the process in it. May be stopped, killed and started again."""

    def __init__(self, folder, tls=False, limits=(), settings=None, env=None):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.tls = tls
        self.env = env or {}
        self.wrapper = []  # a command that runs jwtd as its own process
        self.process = None
        self.public = self.admin = None
        self.log = self.folder / "jwtd.log"
        self.config = self.folder / "jwtd.toml"
        self.key_file = self.folder / "api_key"
        self.callers_file = self.folder / "callers.toml"
        self.limits = list(limits)
        self.settings = {
            "issuer.customer_id": CUSTOMER,
            "issuer.api_key_file": self.key_file,
            "listen.public": "127.0.0.1:0",
            "listen.admin": "127.0.0.1:0",
            "listen.admin_threads": 2,  # whatever the machine: nothing may depend on there being one
            "store.url": "memory:",
            "auth.callers_file": self.callers_file,
            "log.level": "info",
        }
        self.key_file.write_text(KEY_TEXT + "\n")
        self.key_file.chmod(0o600)
        if tls:
            self.certificate, self.key = make_certificate(self.folder)
            self.settings |= {"tls.certificate": self.certificate, "tls.key": self.key}
        self.settings |= settings or {}
        self.write_config()
        self.caller_keys = {}

    def write_config(self):
        self.config.write_text(to_toml(self.settings, self.limits))

    @property
    def durable(self):
        """Keeps its records in a folder of this server's own."""
        self.settings["store.url"] = f"rocksdb://{self.folder}/db"
        self.write_config()
        return self

    def add_caller(self, name, scope):
        made = jwtd("caller", "add", name, "--scope", scope, "--config", self.config)
        assert made.returncode == 0, made.stderr
        lines = made.stdout.splitlines()
        self.caller_keys[name] = next(line for line in lines if line.startswith("jwtd_"))
        return self.caller_keys[name]

    # -- life -------------------------------------------------------------------------------------------------------

    def start(self, *arguments):
        self.log_start = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([*self.wrapper, BINARY, "serve", "--config", self.config, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env={**clean_environment(), **self.env})
        listening = wait_until(self.listening, START_SECONDS, "the line `listening`")
        self.public = address(listening["public"])
        self.admin = address(listening["admin"])
        return self

    def listening(self):
        assert self.process.poll() is None, f"jwtd ended with {self.process.returncode}:\n{self.log.read_text(errors='replace')[-4000:]}"
        return next(iter(self.events("listening")), None)

    def stop(self, sig=signal.SIGTERM):
        """Asks it to end; returns the exit code."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(sig)
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"jwtd did not end within {STOP_SECONDS} s of signal {sig}") from None

    def kill(self):
        self.process.kill()
        self.process.wait()

    def alive(self):
        return self.process.poll() is None

    def hang_up(self):
        self.process.send_signal(signal.SIGHUP)

    def __enter__(self):
        return self.start()

    def __exit__(self, *failure):
        if self.process is not None and self.process.poll() is None:
            self.process.kill() if failure[0] else self.stop()

    # -- log --------------------------------------------------------------------------------------------------------

    def log_text(self):
        """What this process has logged so far."""
        with self.log.open("rb") as log:
            log.seek(self.log_start)
            return log.read().decode(errors="replace")

    def lines(self):
        """Every whole line of the log that is JSON."""
        return [json.loads(line) for line in self.log_text().split("\n")[:-1] if line.startswith("{")]

    def events(self, name):
        return [line for line in self.lines() if line.get("event") == name]

    def said(self, *words):
        """The log once it has all of `words`: lines are written behind the requests that they tell of."""
        return wait_until(lambda: (log := self.log_text()) and all(word in log for word in words) and log, 30, f"the words {words} in the log")

    def wait_for_event(self, name, count=1):
        return wait_until(lambda: self.events(name)[count - 1:], 30, f"{count} x the log line `{name}`")

    # -- requests ---------------------------------------------------------------------------------------------------

    def client_context(self):
        context = ssl.create_default_context(cafile=str(self.certificate))
        return context

    def connection(self, timeout=60):
        host, port = self.public
        if self.tls:
            return http.client.HTTPSConnection(host, port, timeout=timeout, context=self.client_context())
        return http.client.HTTPConnection(host, port, timeout=timeout)

    def request(self, method, path, fields=None, body=None):
        return ask(self.connection(), method, path, fields, body)

    def get(self, path, **fields):
        return self.request("GET", path, {name.replace("_", "-"): value for name, value in fields.items()})

    def admin_request(self, method, path, key=None, body=None, content_type="application/json"):
        fields = {"Authorization": f"Bearer {key}"} if key else {}
        if body is not None:
            fields["Content-Type"] = content_type
        return ask(http.client.HTTPConnection(*self.admin, timeout=60), method, path, fields, body)

    def admin_get(self, path, key=None):
        return self.admin_request("GET", path, key)

    def raw(self, timeout=60):
        """A TCP connection to the public listener, without TLS."""
        return socket.create_connection(self.public, timeout=timeout)


def replace(path, text):
    """At once: who looks at the file meanwhile never sees a part of it."""
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(text)
    fresh.chmod(path.stat().st_mode & 0o777)
    fresh.rename(path)


def ask(connection, method, path, fields=None, body=None):
    try:
        return ask_again(connection, method, path, fields, body)
    finally:
        connection.close()


def ask_again(connection, method, path, fields=None, body=None):
    """A request on a connection that stays open."""
    connection.request(method, path, body=body, headers=fields or {})
    response = connection.getresponse()
    return Answer(response.status, response.headers, response.read())


def address(text):
    host, port = text.rsplit(":", 1)
    return host.strip("[]"), int(port)


def claims_of(token):
    """Claims without a check, for tests whose subject is not the signature."""
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def is_problem(answer, status, code):
    """RFC 9457: asserts the form that every refusal has."""
    assert answer.status == status, answer
    assert answer.field("Content-Type") == "application/problem+json", answer
    problem = answer.json
    assert problem["status"] == status and problem["code"] == code, problem
    assert problem["type"] and problem["title"]
    assert problem["request_id"] == answer.field("X-Request-Id"), answer
    return True
