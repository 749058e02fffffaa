"""`jwtd sandbox` as a process, and what an app does with the provider that it plays."""

import json
import re
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import harness

CODE = "12345"  # what every call says


class Sandbox:
    """Runs with the harness's key until end(): .url, and said() for what it printed into .out."""

    def __init__(self, folder, *arguments):
        key = folder / "sandbox_key"
        key.write_text(harness.KEY_TEXT)
        key.chmod(0o600)
        self.out = folder / "sandbox.out"
        with self.out.open("wb") as file:
            self.process = subprocess.Popen([harness.BINARY, "sandbox", "--listen", "127.0.0.1:0", "--api-key-file", key, "--customer-id", harness.CUSTOMER,
                                             "--code", CODE, *arguments], stdout=file, stderr=subprocess.STDOUT, env=harness.clean_environment())
        self.url = harness.wait_until(lambda: re.search(r"http://127\.0\.0\.1:\d+", self.out.read_text()), 60, "the sandbox's address").group()

    def said(self, what):
        return harness.wait_until(lambda: what in self.out.read_text(), 60, what)

    def end(self):
        self.process.terminate()
        assert self.process.wait(60) == 0


def post(url, **form):
    try:
        with urllib.request.urlopen(url, urllib.parse.urlencode(form).encode(), timeout=60) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError as refused:
        return json.loads(refused.read())
