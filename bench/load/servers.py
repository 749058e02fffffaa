# servers.py - the servers under load: each is configured, started on a loopback port, asked whether it works, accounted for, and stopped.
import base64
import ctypes
import hashlib
import hmac
import http.client
import json
import os
import re
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import time

import machine

HERE = os.path.dirname(os.path.realpath(__file__))
CUSTOMER_ID = "FFFFFFFF-EEEE-DDDD-1234-AB1234567890"
PHONE = "15555551234"
START_SECONDS = 30  # ten million transactions have to be opened too
STOP_SECONDS = 30
LIBC = ctypes.CDLL(None)

# Mozilla's intermediate guideline; the client picks the same suite and group on both sides anyway.
TLS_CIPHERS = ("ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
               "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384")
TLS_CURVES = "X25519:prime256v1:secp384r1"


class BenchError(Exception):
    """The run cannot give an honest figure: it ends."""


def die_with_parent():
    LIBC.prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG: nothing stays behind, however the run ends. Not SIGKILL: nginx's workers would outlive it


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def b64url(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


class Site:
    """What all servers of one run share: scratch folder, API key, certificate, and one token as the constant answer's body."""

    def __init__(self, scratch, jwtd, certificate_kind):
        self.scratch, self.jwtd = scratch, jwtd
        self.key = secrets.token_bytes(64)
        self.key_file = self.write("api_key", base64.b64encode(self.key).decode() + "\n", 0o600)
        self.certificate, self.private_key = os.path.join(scratch, "tls.crt"), os.path.join(scratch, "tls.key")
        kind = ["-newkey", "rsa:2048"] if certificate_kind == "rsa" else ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        subprocess.run(["openssl", "req", "-x509", *kind, "-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout", self.private_key,
                        "-out", self.certificate], check=True, capture_output=True, timeout=60)

    def write(self, name, text, mode=0o644):
        path = os.path.join(self.scratch, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def sample_token(self):
        now = int(time.time()) - 10
        claims = {"iss": CUSTOMER_ID, "iat": now, "exp": now + 90, "phn": PHONE, "xid": "01936a2f-7e5b-7c3d-8a1b-0123456789ab"}
        text = b64url(b'{"alg":"HS256","typ":"JWT"}') + "." + b64url(json.dumps(claims, separators=(",", ":")).encode())
        return text + "." + b64url(hmac.digest(self.key, text.encode(), hashlib.sha256))

    def check_token(self, token):
        text, _, signature = token.rpartition(".")
        if not hmac.compare_digest(signature, b64url(hmac.digest(self.key, text.encode(), hashlib.sha256))):
            raise BenchError("a token's signature is wrong")


class Server:
    """One server. start(), then url() and process accounting, then stop()."""

    name = ""
    label = ""
    mints = True
    sampled = True  # a client of its own asks it for tokens while it is under load

    def __init__(self, site, tls=False):
        self.site, self.tls = site, tls
        self.process = None
        self.port = 0

    def command(self):
        raise NotImplementedError

    def environment(self):
        return dict(os.environ)

    def start(self):
        self.port = free_port()
        self.log = open(os.path.join(self.site.scratch, f"{self.name}.log"), "ab")  # pylint: disable=consider-using-with
        self.process = subprocess.Popen(self.command(), cwd=self.site.scratch, env=self.environment(), stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log, preexec_fn=die_with_parent)
        end = time.monotonic() + START_SECONDS
        while True:
            try:
                self.get()
                break
            except OSError as error:
                if self.process.poll() is not None or time.monotonic() > end:
                    self.stop()
                    raise BenchError(f"{self.name} does not answer ({error}); its last words:\n{self.last_words()}") from error
                time.sleep(0.02)
        time.sleep(0.3)  # gunicorn's second worker
        self.pids = machine.descendants(self.process.pid)

    def last_words(self):
        with open(self.log.name, encoding="utf-8", errors="replace") as file:
            return "\n".join(file.read().splitlines()[-15:])

    def get(self, phone=PHONE):
        """One token as a client gets it: (token, xid). Fails on anything but what the load generators count as right."""
        if self.tls:
            context = ssl._create_unverified_context()  # pylint: disable=protected-access
            connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=10, context=context)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", f"/v1/token/{phone}")
            answer = connection.getresponse()
            body = answer.read().decode()
            if answer.status != 200 or not answer.getheader("Content-Type", "").startswith("text/plain"):
                raise BenchError(f"{self.name} answers {answer.status} {answer.getheader('Content-Type')}: {body[:200]}")
            return body, answer.getheader("X-Transaction-Id")
        except http.client.HTTPException as error:
            raise OSError(str(error)) from error
        finally:
            connection.close()

    def cpu_micros(self):
        return machine.cpu_micros(self.pids)

    def database_cpu_micros(self):
        """Of a database server behind this one, which is not among its own processes."""
        return 0

    def alive(self):
        return self.process.poll() is None and machine.descendants(self.process.pid) == self.pids

    def stop(self, with_signal=signal.SIGTERM):
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(with_signal)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()
        self.process = None


class Nginx(Server):
    """The yardstick: a constant answer of a token's size from memory, one worker, every per-request cost that can be off is off."""

    name, label, mints = "nginx", "nginx `return 200`, 1 worker", False
    workers = 1

    def command(self):
        scratch = self.site.scratch
        ssl_lines = f"""
    ssl_certificate {self.site.certificate};
    ssl_certificate_key {self.site.private_key};
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_ciphers {TLS_CIPHERS};
    ssl_ecdh_curve {TLS_CURVES};
    ssl_prefer_server_ciphers off;""" if self.tls else ""
        temporary = "\n".join(f"  {name}_temp_path {scratch}/nginx_{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        path = self.site.write(f"{self.name}.conf", f"""
daemon off;
worker_processes {self.workers};
pid {scratch}/{self.name}.pid;
error_log {scratch}/{self.name}_error.log warn;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  default_type text/plain;
{temporary}
  server {{
    listen 127.0.0.1:{self.port}{' ssl' if self.tls else ''} reuseport;{ssl_lines}
    location / {{ return 200 "{self.site.sample_token()}"; }}
  }}
}}
""")
        return ["nginx", "-p", scratch, "-c", path]


class NginxPerCore(Nginx):
    name = "nginx-per-core"
    label = f"nginx `return 200`, {os.cpu_count()} workers"
    workers = os.cpu_count()


class Tutorial(Server):
    name, label = "tutorial", "tutorial's stack (Flask, Flask-Limiter, PyJWT, gunicorn × 2), no store"

    def command(self):
        return ["gunicorn", "--workers", "2", "--bind", f"127.0.0.1:{self.port}", "--chdir", HERE, "--log-level", "warning", "tutorial_app:app"]

    def environment(self):
        return dict(os.environ, BENCH_CUSTOMER_ID=CUSTOMER_ID, BENCH_API_KEY_FILE=self.site.key_file, PYTHONDONTWRITEBYTECODE="1")


class Jwtd(Server):
    """jwtd as it ships; only the line per request is off, as nginx's is."""

    threads = 0  # as shipped: one loop per core
    requests_log = "errors"

    def __init__(self, site, tls=False):
        super().__init__(site, tls)
        self.admin_port = 0
        self.caller_key = ""

    def store_url(self):
        return "memory:"

    def start(self):
        self.admin_port = free_port()
        self.callers = os.path.join(self.site.scratch, f"{self.name}-callers.toml")
        if not self.caller_key:
            if os.path.exists(self.callers):
                os.unlink(self.callers)  # of a former part of the run
            self.port = free_port()
            self.command()
            self.caller_key = self.add_caller()
        super().start()

    def add_caller(self):
        done = subprocess.run([self.site.jwtd, "caller", "add", "bench", "--scope", "read,read:pii,verify", "--config", self.config], text=True,
                              capture_output=True, timeout=20, check=False)
        keys = re.findall(r"jwtd_[A-Za-z0-9_-]{43}", done.stdout)
        if done.returncode != 0 or not keys:
            raise BenchError(f"jwtd caller add: {done.stdout}{done.stderr}")
        return keys[0]

    def command(self):
        tls = f'\n[tls]\ncertificate = "{self.site.certificate}"\nkey = "{self.site.private_key}"\n' if self.tls else ""
        threads = f"threads = {self.threads}\n" if self.threads else ""
        self.config = self.site.write(f"{self.name}.toml", f"""
[issuer]
customer_id = "{CUSTOMER_ID}"
api_key_file = "{self.site.key_file}"
[listen]
public = "127.0.0.1:{self.port}"
admin = "127.0.0.1:{self.admin_port}"
{threads}{tls}
[store]
url = "{self.store_url()}"
[auth]
callers_file = "{self.callers}"
[log]
requests = "{self.requests_log}"
""")
        return [self.site.jwtd, "serve", "--config", self.config]

    def admin(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=10)
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {self.caller_key}"})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def commits(self):
        """(batches, records) so far by jwtd's own count, or None when it does not tell."""
        status, text = self.admin("/metrics")
        found = {what: float(value) for what, value in re.findall(r"^\w*commit_(batches|records)_total(?:\{[^}]*\})? ([0-9.e+]+)$", text, re.M)}
        return (found["batches"], found["records"]) if status == 200 and len(found) == 2 else None

    def callbacks(self):
        """What became of callbacks so far, by outcome."""
        _, text = self.admin("/metrics")
        return {what: float(value) for what, value in re.findall(r'^jwtd_callbacks_total\{outcome="(\w+)"\} ([0-9.e+]+)$', text, re.M)}

    def on_record(self, token, xid):
        status, text = self.admin(f"/v1/transactions/{xid}")
        return status == 200 and token in text


class JwtdMemory(Jwtd):
    name, label = "jwtd-memory", "jwtd, `memory:`"


class JwtdRocksdb(Jwtd):
    name, label = "jwtd-rocksdb", "jwtd, RocksDB, fsync"
    folder_name = "rocksdb"

    def folder(self):
        return os.path.join(self.site.scratch, self.folder_name)

    def store_url(self):
        return f"rocksdb://{self.folder()}"

    def fresh(self):
        shutil.rmtree(self.folder(), ignore_errors=True)


class JwtdFull(JwtdRocksdb):
    name, label = "jwtd-full", "jwtd, RocksDB, fsync, many stored"
    folder_name = "rocksdb-full"

    def fresh(self):
        pass  # what preload wrote stays


BY_NAME = {kind.name: kind for kind in (Nginx, NginxPerCore, JwtdMemory, JwtdRocksdb, Tutorial)}
